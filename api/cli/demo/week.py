"""The week: everybody's diary in the order of arrival, with repeats, contradictions and broken items among it."""

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from api.cli.demo.broken import broken_items
from api.cli.demo.diary import Diary, Item
from api.cli.demo.stays import last_year
from api.cli.demo.stories import nth_of, story_of

REPEAT_EVERY, CONTRADICT_EVERY = 41, 397
"""Of so many items one comes again as it was, and one with other content under the same id."""
PEOPLE_PER_ROUND = 100

# fmt: off
PATHS = {
    "tours.milestone_reached.v1":         ("/api/tours/{}/milestone",            "session_id"),
    "tours.completed.v1":                 ("/api/tours/{}/complete",             "session_id"),
    "properties.saved.v1":                ("/api/properties/{}/save",            "property_id"),
    "leads.form_submitted.v1":            ("/api/leads",                         None),
    "conversations.milestone_reached.v1": ("/api/conversations/track-event",     None),
    "conversations.completed.v1":         ("/api/conversations/{}/complete",     "session_id"),
    "viewings.requested.v1":              ("/api/properties/{}/book-viewing",    "property_id"),
    "appraisals.requested.v1":            ("/api/appraisals",                    None),
    "appraisals.milestone_reached.v1":    ("/api/appraisals/{}/milestone",       "appraisal_id"),
    "investors.signal_observed.v1":       ("/api/investors/{}/signals",          "person_id"),
    "investors.milestone_reached.v1":     ("/api/investors/{}/milestones",       "person_id"),
    "rentals.searched.v1":                ("/api/rentals/searches",              None),
    "rentals.booking_initiated.v1":       ("/api/rentals/bookings",              None),
    "rentals.booking_confirmed.v1":       ("/api/rentals/bookings/{}/confirm",   "booking_id"),
    "rentals.booking_cancelled.v1":       ("/api/rentals/bookings/{}/cancel",    "booking_id"),
    "rentals.stay_completed.v1":          ("/api/rentals/bookings/{}/complete",  "booking_id"),
    "rentals.review_left.v1":             ("/api/rentals/bookings/{}/review",    "booking_id"),
    "rentals.referral_made.v1":           ("/api/rentals/referrals",             None),
    "rentals.hosting_started.v1":         ("/api/rentals/hosts",                 None),
    "ads.conversion_asked.v1":            ("/api/conversions/track-event",       None),
}
"""Kind → its own path, and the field that the path names."""
# fmt: on
PURCHASE = "/api/conversions/track-purchase"


def week(people: int, seed: int, anchor: datetime) -> list[Item]:
    """Return the items of the week before `anchor`, in the order they arrive.

    The same arguments give the same items; more people add to those that fewer have.
    """
    items = [item for number in range(1, people + 1) for item in _life(number, seed, anchor)]
    items += broken_items(seed, anchor, max(1, people // PEOPLE_PER_ROUND))
    return sorted(items, key=lambda item: item.arrives_at)


def year_before(seed: int, anchor: datetime) -> list[Item]:
    """Return the bookings of the year before the week, as they are handed over in one go."""
    return [replace(item, alone=False) for guest in last_year(seed, anchor) for item in guest.items]


def _life(number: int, seed: int, anchor: datetime) -> list[Item]:
    story = story_of(number)
    diary = Diary(number, seed, anchor, story.__name__, nth=nth_of(number))
    story(diary)
    items = list(diary.items)
    for nth, item in enumerate(diary.items):
        turn = number * 100 + nth
        if item.body["kind"] == "viewings.requested.v1":
            continue  # what becomes of its slot is the story
        if turn % REPEAT_EVERY == 0:
            items.append(replace(item, arrives_at=_later(item, seconds=20), expected="duplicate"))
        elif turn % CONTRADICT_EVERY == 0:
            items.append(_contradiction(item))
    return items


def _contradiction(item: Item) -> Item:
    """Return another item under the same id: a producer that counts its ids wrongly."""
    body = deepcopy(item.body) | {"page_url": f"{item.body['page_url']}?again"}
    return replace(item, arrives_at=_later(item, seconds=40), body=body, expected="conflict")


def _later(item: Item, seconds: float) -> datetime:
    return item.arrives_at + timedelta(seconds=seconds)


def own_path(item: Item) -> tuple[str, dict[str, Any]]:
    """Return the path and the body, fields side by side, of an item that is posted alone."""
    path, named = PATHS[item.body["kind"]]
    payload = dict(item.body["payload"])
    person = dict(item.body.get("person", {}))
    if payload.get("event_name") == "Purchase":
        path = PURCHASE
    part = (person if named == "person_id" else payload).pop(named) if named else ""
    utm = {f"utm_{name}": value for name, value in item.body.get("utm", {}).items()}
    beside = {name: value for name, value in item.body.items() if name not in ("kind", "payload", "utm", "person")}
    return path.format(part), {**beside, **({"person": person} if person else {}), **utm, **_priced(payload)}


def _priced(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a form's prices as sites tell them: a range in currency units."""
    if "price_min_minor" not in payload or "signal" in payload:
        return payload
    low, high = payload.pop("price_min_minor") // 100, payload.pop("price_max_minor") // 100
    return {**payload, "price_range": {"min": low, "max": high, "currency": payload.pop("currency")}}
