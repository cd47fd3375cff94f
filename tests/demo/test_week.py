"""The demo's week: the same every time, with every case in it, right where it should be and wrong where it should."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.analyser.builtin import BuiltinAnalyser
from adapters.meta.user_data import phone_e164_digits
from api.cli.demo.broken import MISTAKES
from api.cli.demo.cast import NOTATIONS, Buyer
from api.cli.demo.diary import WEEK, Item
from api.cli.demo.ground import SINCE
from api.cli.demo.stays import GUESTS
from api.cli.demo.stories import SHARES, story_of
from api.cli.demo.week import PATHS, PURCHASE, own_path, week, year_before
from api.flat import Flat, flatten
from application.parse_touchpoint import Sender, parse
from application.ports.touchpoints import Observed, Problem
from domain.brokerage.rulebook import DEFAULTS
from domain.catalogue import TOUCHPOINTS
from domain.conversations.analysis import Transcript
from domain.conversations.transcript import turns_of
from domain.lifetime_value.fitted import MIN_CUSTOMERS, MIN_REPEATERS
from domain.tours.events import TourTouchpoint
from domain.tours.session import TourSession, evolve, score_of
from tests.cast import Told, recorded

ANCHOR = datetime(2026, 11, 20, 18, tzinfo=UTC)
SENDER = Sender(UUID(int=1), "demo", UUID(int=2))
OWN = {
    "tours.milestone_reached.v1": ("session_id", 3),
    "tours.completed.v1": ("session_id", 3),
    "properties.saved.v1": ("property_id", 3),
    "leads.form_submitted.v1": ("", 0),
    "conversations.completed.v1": ("session_id", 3),
    "viewings.requested.v1": ("property_id", 3),
    "appraisals.milestone_reached.v1": ("appraisal_id", 3),
    "rentals.booking_confirmed.v1": ("booking_id", 4),
    "rentals.booking_cancelled.v1": ("booking_id", 4),
    "rentals.stay_completed.v1": ("booking_id", 4),
    "rentals.review_left.v1": ("booking_id", 4),
}
"""Kind → the field that its own path names, and where in the path."""


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return week(200, 7, ANCHOR)


def read(item: Item) -> Observed | tuple[Problem, ...]:
    """Return what the API makes of an item, by the way it is posted; paths with spellings of their own are theirs."""
    if not item.alone or item.body["kind"] not in OWN:
        return parse(item.body, SENDER, ANCHOR)
    path, body = own_path(item)
    name, place = OWN[item.body["kind"]]
    flat = flatten(body, Flat(item.body["kind"], {name: path.split("/")[place]} if name else {}), None)
    if isinstance(flat, Problem):
        return (flat,)
    refused = parse(flat, SENDER, ANCHOR)
    if isinstance(refused, Observed):
        return refused
    return tuple(Problem(one.field.removeprefix("payload."), one.message) for one in refused)


def test_the_same_seed_and_moment_give_the_same_week(items: list[Item]) -> None:
    assert week(200, 7, ANCHOR) == items
    assert week(200, 8, ANCHOR) != items


def test_ids_are_new_at_another_moment(items: list[Item]) -> None:
    other = {str(item.body.get("id")) for item in week(20, 7, ANCHOR + timedelta(seconds=1))}
    assert not (other - {"None"}) & {str(item.body.get("id")) for item in items}


def test_more_people_add_to_the_week_of_fewer() -> None:
    fewer = [item for item in week(30, 7, ANCHOR) if item.story != "broken"]
    names = {item.body["id"] for item in fewer}
    assert [item for item in week(60, 7, ANCHOR) if item.body.get("id") in names] == fewer


def test_sound_items_are_taken(items: list[Item]) -> None:
    refused = {str(item.body["id"]): read(item) for item in items if item.broken is None}
    assert {name: said for name, said in refused.items() if not isinstance(said, Observed)} == {}


def test_broken_items_are_refused_naming_the_field(items: list[Item]) -> None:
    for item in (item for item in items if item.broken):
        said = read(item)
        assert isinstance(said, tuple), item
        assert said[0].field == item.broken, said


def test_every_mistake_is_made(items: list[Item]) -> None:
    made = Counter(item.broken for item in items if item.broken)
    assert made == Counter(mistake.field for mistake in MISTAKES for _ in range(2))


def test_items_come_in_the_order_of_arrival(items: list[Item]) -> None:
    arrivals = [item.arrives_at for item in items]
    assert arrivals == sorted(arrivals)


def test_a_repeat_follows_what_it_repeats(items: list[Item]) -> None:
    first: dict[str, Item] = {}
    for item in items:
        name = str(item.body.get("id"))
        match item.expected:
            case "accepted":
                assert name not in first
                first[name] = item
            case "duplicate":
                assert first[name].body == item.body
            case "conflict":
                assert first[name].body != item.body
            case "taken":
                assert name not in first
    assert {"accepted", "duplicate", "conflict", "rejected", "taken"} == {item.expected for item in items}


def test_the_week_is_the_week_before_but_for_late_items(items: list[Item]) -> None:
    for item in items:
        if item.broken is None and item.story != "was_offline":
            at = datetime.fromisoformat(item.body["occurred_at"])
            assert ANCHOR - WEEK - timedelta(days=0.2) <= at <= ANCHOR


def test_late_items_are_older_than_meta_takes_and_older_than_the_policy(items: list[Item]) -> None:
    late = [datetime.fromisoformat(item.body["occurred_at"]) for item in items if item.story == "was_offline"]
    ages = [ANCHOR - at for at in late]
    assert min(ages) > timedelta(days=7)
    assert {age > SINCE for age in ages} == {True, False}


def test_every_story_is_lived_in_its_share() -> None:
    lived = Counter(story_of(number) for number in range(1, 101))
    assert lived == dict(SHARES)


def test_every_kind_of_touchpoint_is_posted_and_every_kind_of_tour(items: list[Item]) -> None:
    of_a_funnel = {"funnels.step_completed.v1"}  # none is defined here
    assert {item.body["kind"] for item in items if item.broken is None} == set(TOUCHPOINTS) - of_a_funnel
    kinds = {payload(item).get("tour_kind") for item in items}
    assert {"virtual_3d", "realsee", "video"} <= kinds


def test_every_path_of_its_own_is_used(items: list[Item]) -> None:
    used = Counter(template_of(own_path(item)[0]) for item in items if item.alone)
    assert set(used) == {path.format("…") for path, _ in PATHS.values()} | {PURCHASE}


def test_some_tours_are_never_closed(items: list[Item]) -> None:
    begun = {payload(item)["session_id"] for item in items if item.body["kind"] == "tours.started.v1" and sound(item)}
    closed = {payload(item)["session_id"] for item in items if item.body["kind"] == "tours.completed.v1"}
    assert 10 < len(begun - closed) < len(begun) / 2


def test_a_visitor_becomes_known_by_a_form_from_the_same_browser(items: list[Item]) -> None:
    unknown = {item.body["person"]["fbp"] for item in items if item.story == "came_from_an_ad" and not known(item)}
    forms = [item for item in items if item.story == "came_from_an_ad" and "leads" in item.body["kind"]]
    assert forms
    assert all(known(item) and item.body["person"]["fbp"] in unknown for item in forms)
    assert all("fbclid" in item.body["person"] and item.body["utm"]["source"] == "facebook" for item in forms)


def test_tours_come_out_hot_warm_and_cold(items: list[Item]) -> None:
    sessions: dict[str, TourSession] = {}
    for nth, item in enumerate(item for item in items if sound(item)):
        observed = read(item)
        assert isinstance(observed, Observed)
        if isinstance(observed.fact, TourTouchpoint):
            name = observed.fact.session_id
            told = recorded(Told(observed.fact), nth + 1)
            sessions[name] = evolve(sessions.get(name, TourSession()), told)
    outcomes = Counter(score_of(session, DEFAULTS).quality for session in sessions.values())
    assert all(outcomes[quality] > len(sessions) / 20 for quality in ("hot", "warm", "cold")), outcomes


def test_some_tell_nothing_of_themselves(items: list[Item]) -> None:
    silent = [item for item in items if item.story == "left_no_trace"]
    assert silent
    assert not any(item.body.get("person") for item in silent)


def test_tours_follow_a_withdrawal(items: list[Item]) -> None:
    withdrawn: set[str] = set()
    after = 0
    for item in items:
        if item.body["kind"] == "people.consent_withdrawn.v1":
            withdrawn.add(item.body["person"]["fbp"])
        elif item.body["kind"] == "tours.completed.v1" and item.body.get("person", {}).get("fbp") in withdrawn:
            after += 1
    assert after >= len(withdrawn) > 0


def test_test_traffic_says_so(items: list[Item]) -> None:
    assert all(item.body["test"] is True for item in items if item.story == "tested_the_site")
    assert not any(item.body.get("test") for item in items if item.story != "tested_the_site")


def test_the_pixel_shares_its_event_with_forms_and_some_are_sent_twice(items: list[Item]) -> None:
    shared = [item.body["browser_event"]["id"] for item in items if "browser_event" in item.body and sound(item)]
    counts = Counter(shared)
    assert 1 in counts.values()
    assert 2 in counts.values()


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_notation_of_a_phone_is_the_same_phone(notation: str) -> None:
    assert phone_e164_digits(Buyer("Mona", "m@example.com", "1001234567").phone(notation), "EG") == "201001234567"


def test_nobody_shares_an_address_or_a_phone(items: list[Item]) -> None:
    owners: dict[str, set[str]] = {}
    for item in items:
        person = item.body.get("person", {})
        if item.broken is None and {"person_id", "phone"} <= person.keys():
            owners.setdefault(str(phone_e164_digits(person["phone"], "EG")), set()).add(person["person_id"])
    assert owners
    assert all(len(people) == 1 for people in owners.values())


def test_conversations_are_told_with_an_analysis_or_in_three_languages(items: list[Item]) -> None:
    told = [payload(item) for item in items if item.body["kind"] == "conversations.completed.v1" and sound(item)]
    assert {one["conversation_kind"] for one in told} == {"voice", "avatar", "web_chat", "text_thread"}
    assert all(("analysis" in one) != ("transcript" in one) for one in told)
    read = [BuiltinAnalyser().analyse(turns_of(Transcript.model_validate(one["transcript"]))).analysis
            for one in told if "transcript" in one]  # fmt: skip
    asked = {(one.asked_about_price, one.asked_about_financing) for one in read}
    assert {(True, True), (False, False)} <= asked
    assert {one.buying_intent for one in read} >= {"high", "low"}


def test_what_was_written_on_whatsapp_names_the_click_and_the_channel(items: list[Item]) -> None:
    written = [item.body for item in items if item.story == "wrote_on_whatsapp"]
    assert written
    assert all(one["channel"] == "whatsapp" and one["person"]["ctwa_clid"] for one in written)
    assert all(one["origin"] == "business_messaging" for one in written)


def test_no_two_viewings_share_a_slot_but_the_one_that_is_refused(items: list[Item]) -> None:
    held: set[tuple[str, str]] = set()
    for item in items:
        if item.body["kind"] == "viewings.requested.v1":
            slot = (payload(item)["broker_id"], payload(item)["starts_at"])
            assert (slot in held) == (item.expected == "taken"), item
            if "cancel" not in item.then:
                held.add(slot)
    steps = {step.partition(":")[0] for item in items for step in item.then}
    assert steps == {"confirm", "complete", "no-show", "cancel", "follow-up"}


def test_viewings_of_today_are_near_enough_to_be_over(items: list[Item]) -> None:
    """A slot is booked until a quarter of an hour after it began, and over from a quarter of an hour before."""
    for item in items:
        if {"complete", "no-show"} & set(item.then):
            starts_at = datetime.fromisoformat(payload(item)["starts_at"])
            assert abs(starts_at - ANCHOR) <= timedelta(minutes=10)


def test_enough_guests_of_the_year_before_for_a_value_model() -> None:
    past = year_before(7, ANCHOR)
    assert {str(item.body["kind"]) for item in past} == {"rentals.booking_confirmed.v1"}
    assert all(isinstance(read(item), Observed) and not item.alone for item in past)
    booked = Counter(item.body["person"]["person_id"] for item in past)
    assert len(booked) == GUESTS >= MIN_CUSTOMERS
    assert sum(count > 1 for count in booked.values()) >= MIN_REPEATERS
    assert max(datetime.fromisoformat(item.body["occurred_at"]) for item in past) < ANCHOR - WEEK


def test_some_of_this_weeks_guests_were_here_before(items: list[Item]) -> None:
    before = {item.body["person"]["email"].casefold() for item in year_before(7, ANCHOR)}
    now = {item.body["person"]["email"].casefold() for item in items if item.story == "rented_a_home"}
    assert now & before
    assert now - before


def template_of(path: str) -> str:
    """Return a path with what it names left out, as the table of paths has it."""
    known = {template.format("…"): template.split("{}") for template, _ in PATHS.values()}
    for name, parts in known.items():
        if len(parts) == 2 and path.startswith(parts[0]) and path.endswith(parts[1]):
            return name
    return path


def payload(item: Item) -> dict[str, Any]:
    return dict(item.body["payload"])


def sound(item: Item) -> bool:
    return item.expected == "accepted" and item.broken is None


def known(item: Item) -> bool:
    return bool({"email", "phone", "person_id"} & set(item.body["person"]))
