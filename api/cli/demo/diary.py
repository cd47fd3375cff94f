"""What one person does in the week, written down the way the producers' systems would post it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

from api.cli.demo.cast import NOTATIONS, Buyer, browser, buyer, click_id
from api.cli.demo.homes import HOMES, Home, TourKind

Expected = Literal["accepted", "duplicate", "conflict", "rejected", "taken"]
"""What should become of an item; `taken`: a wish for a viewing that is recorded, though its slot is another's."""
Body = dict[str, Any]

WEEK = timedelta(days=6.8)
"""Less than seven days, so that everything is still young enough for Meta when the last of it was posted."""
LONGEST_VISIT = timedelta(hours=1)
CAIRO = timedelta(hours=2)
AWAKE = range(9, 24)
"""Hours of Cairo in which people look at homes."""
SITE = "https://nile-homes.example/homes"


@dataclass(frozen=True, slots=True)
class Item:
    """One touchpoint on its way: the general body, when it arrives, what should become of it.

    `alone` goes to the kind's own path, the others travel in batches. `broken` names the field that is wrong. `then`
    are the steps that follow a booked viewing, as paths call them.
    """

    arrives_at: datetime
    body: Body
    alone: bool = False
    story: str = ""
    expected: Expected = "accepted"
    broken: str | None = None
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """How thoroughly somebody looks: ranges of rooms, seconds in each, rooms seen again, things done."""

    rooms: tuple[int, int]
    dwell_s: tuple[float, float]
    again: tuple[int, int]
    actions: tuple[int, int]


GLANCE = Look(rooms=(1, 2), dwell_s=(3, 18), again=(0, 0), actions=(0, 1))
BROWSE = Look(rooms=(3, 4), dwell_s=(70, 115), again=(0, 1), actions=(1, 4))
STUDY = Look(rooms=(4, 9), dwell_s=(45, 115), again=(0, 2), actions=(3, 9))

ACTIONS: dict[TourKind, tuple[str, ...]] = {
    "virtual_3d": (*("zoom", "measure", "hotspot", "floor_plan") * 3, "zoom", "share", "download"),
    "realsee": (*("zoom", "measure", "floor_plan") * 4, "share"),
    "video": (*("zoom",) * 5, "share"),
}
ALONE = {
    "tours.milestone_reached.v1": 1.0, "leads.form_submitted.v1": 0.6, "properties.saved.v1": 0.5,
    "tours.completed.v1": 0.1, "conversations.milestone_reached.v1": 1.0, "conversations.completed.v1": 0.6,
    "viewings.requested.v1": 1.0, "appraisals.requested.v1": 1.0, "appraisals.milestone_reached.v1": 1.0,
    "ads.conversion_asked.v1": 1.0, "investors.signal_observed.v1": 0.4, "investors.milestone_reached.v1": 1.0,
    "rentals.searched.v1": 0.5, "rentals.booking_initiated.v1": 1.0, "rentals.booking_confirmed.v1": 1.0,
    "rentals.booking_cancelled.v1": 1.0, "rentals.stay_completed.v1": 1.0, "rentals.review_left.v1": 1.0,
    "rentals.referral_made.v1": 1.0, "rentals.hosting_started.v1": 1.0,
}  # fmt: skip
"""Share of a kind that goes to its own path; the others always travel in batches."""
PAST = "guests"
"""Story of those who stayed in the year before: their bookings are handed over in one go, before the week."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time in a broker's calendar."""

    broker_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class Diary:
    """One person's week. `tells` are the hints that their touchpoints carry; stories change them as they go."""

    number: int
    seed: int
    anchor: datetime
    story: str
    rng: Random = field(init=False)
    buyer: Buyer = field(init=False)
    tells: dict[str, str] = field(init=False)
    beside: Body = field(default_factory=dict)  # further fields of the envelope, such as `utm` or `test`
    late_until: datetime | None = None  # their touchpoints arrive only then
    nth: int = 0  # of those who live the same story, counted from 0
    items: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.seed}|{self.number}")  # noqa: S311 - a story, no secret
        self.buyer = buyer(self.rng, self.number)
        self.tells = browser(self.rng, self.anchor - WEEK)

    def visits(self, count: int) -> list[datetime]:
        """Return moments of the week, in order, at least an hour apart, while Cairo is awake."""
        room = WEEK - LONGEST_VISIT * (count + 1)
        offsets = sorted(self._awake(room) for _ in range(count))
        return [self.anchor - WEEK + offset + LONGEST_VISIT * nth for nth, offset in enumerate(offsets)]

    def home(self) -> Home:
        """Return a home that takes their fancy."""
        return self.rng.choice(HOMES)

    def introduce(self, *kinds: str) -> None:
        """From here on their touchpoints tell who they are: any of email, phone, person_id, name."""
        phone = self.buyer.phone(self.rng.choice(NOTATIONS))
        known = {"email": self.buyer.email, "phone": phone, "person_id": f"crm-{self.number}", "name": self.buyer.name}
        self.tells = {**self.tells, **{kind: known[kind] for kind in kinds}}

    def take_other_device(self) -> None:
        """Go on in another browser, where nobody is logged in."""
        self.tells = browser(self.rng, self.anchor - WEEK)

    def follow_ad(self) -> None:
        """Arrive by an advertisement: a click id and campaign words."""
        self.tells = {**self.tells, "fbclid": click_id(self.rng)}
        campaign = self.rng.choice(("autumn-villas", "north-coast-2027", "first-home"))
        self.beside = {**self.beside, "utm": {"source": "facebook", "medium": "paid_social", "campaign": campaign}}

    def tour(self, at: datetime, home: Home, look: Look, *, closes: bool = True) -> datetime:
        """Look around a home; return when it was over. One that is not closed just stops."""
        began, about = at, {"session_id": f"tour-{self._name()}", "property_id": home.id}
        self.note("tours.started.v1", at, {**about, "tour_kind": home.tour_kind, "rooms_available": len(home.rooms)})
        path = list(self._path(home, look))
        acting = [self.rng.randrange(len(path)) for _ in range(self.rng.randint(*look.actions))]
        for nth, room in enumerate(path):
            left = at + timedelta(seconds=round(self.rng.uniform(*look.dwell_s), 1))
            self._act(at, left, about, room, home, acting.count(nth))
            self.note("tours.room_visited.v1", left, {
                **about, "room": room, "dwell_s": (left - at).total_seconds(), "entered_at": _text(at),
                "left_at": _text(left),
            })  # fmt: skip
            at = left
        if closes:
            times = {"started_at": _text(began), "ended_at": _text(at)}
            self.note("tours.completed.v1", at, {**about, **times, "finished": look is not GLANCE})
        return at

    def save(self, at: datetime, home: Home) -> None:
        """Put a home on their list."""
        place = self.rng.choice(("listing", "tour", "comparison"))
        self.note("properties.saved.v1", at, {"property_id": home.id, "saved_from": place}, listing=home.listing)

    def view(self, at: datetime, home: Home, viewed_from: str = "search") -> None:
        """Open a home's page."""
        self.note(
            "properties.viewed.v1", at, {"property_id": home.id, "viewed_from": viewed_from}, listing=home.listing
        )

    def form(self, at: datetime, home: Home | None, **beside: Any) -> None:
        """Ask to be called: name and phone, mostly an e-mail address, and some of what they are looking for."""
        told = self.tells
        self.introduce("name", "phone", *(("email",) if self.rng.random() < 0.85 else ()))
        payload: Body = {"form_id": "call-me-back"}
        if home is not None:
            payload |= {"property_id": home.id, "location": home.location}
        if home is not None and self.rng.random() < 0.6:
            payload["property_type"] = home.property_type
        if self.rng.random() < 0.5:
            middle = (home or self.home()).price
            payload |= {"price_min_minor": _round(middle * 0.85) * 100, "price_max_minor": _round(middle * 1.1) * 100}
            payload["currency"] = "EGP"
        if self.rng.random() < 0.8:
            payload["timeline"] = self.rng.choice(("now", "within_3_months", "within_a_year", "just_looking"))
        self.note("leads.form_submitted.v1", at, payload, **beside)
        self.tells = {**told, "email": self.tells["email"]} if "email" in self.tells else told

    def consent(self, at: datetime, *, allows: bool, source: str = "cookie_banner") -> None:
        """Allow or forbid to be told about to Meta."""
        kind = "people.consent_given.v1" if allows else "people.consent_withdrawn.v1"
        self.note(kind, at, {"purpose": "meta_tracking", "source": source, "text_version": "2026-09"})

    def note(self, kind: str, at: datetime, payload: Body, **beside: Any) -> None:
        """Write down one touchpoint."""
        body: Body = {"id": self._name(), "kind": kind, "occurred_at": _text(at), "person": dict(self.tells)}
        page = payload.get("property_id")
        body |= {"page_url": f"{SITE}/{page}" if page else SITE, **self.beside, **beside, "payload": payload}
        arrives = self.late_until + (at - self.anchor) * 1e-6 if self.late_until else at + timedelta(seconds=1)
        alone = self.rng.random() < ALONE.get(kind, 0.0)
        self.items.append(Item(arrives, {name: value for name, value in body.items() if value}, alone, self.story))

    def ask_viewing(
        self, at: datetime, home: Home, slot: Slot, *then: str, expected: Expected = "accepted", **payload: Any
    ) -> None:
        """Ask to see a home in a broker's slot, at the end of the week; `then` are the steps that follow at once."""
        times = {"starts_at": _text(slot.starts_at), "ends_at": _text(slot.ends_at), "broker_id": slot.broker_id}
        self.note("viewings.requested.v1", at, {"property_id": home.id, **times, **payload}, listing=home.listing)
        arrives = self.anchor + timedelta(seconds=self.number)
        self.items[-1] = replace(self.items[-1], arrives_at=arrives, expected=expected, then=then)

    def _act(self, at: datetime, left: datetime, about: Body, room: str, home: Home, times: int) -> None:
        for nth in range(times):
            when = at + (left - at) * (nth + 1) / (times + 1)
            action = self.rng.choice(ACTIONS[home.tour_kind])
            self.note("tours.acted.v1", when, {**about, "action": action, "room": room})
            if action == "share" and home.tour_kind == "realsee":
                self.note("tours.milestone_reached.v1", when, {**about, "milestone": "shared_tour"})

    def _path(self, home: Home, look: Look) -> Iterator[str]:
        count = min(self.rng.randint(*look.rooms), len(home.rooms))
        seen = home.rooms[:count]
        yield from seen
        yield from self.rng.sample(seen, min(self.rng.randint(*look.again), count))

    def _awake(self, room: timedelta) -> timedelta:
        """Return an offset into the week; at night people sleep, so another is drawn."""
        while True:
            offset = room * self.rng.random()
            if (self.anchor - WEEK + offset + CAIRO).hour in AWAKE:
                return offset

    def _name(self) -> str:
        return f"{self.seed}-{self.anchor:%y%m%d%H%M%S}-{self.number}-{len(self.items)}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _round(price: float) -> int:
    """Return a price as people say it, in steps of fifty thousand."""
    return round(price / 50_000) * 50_000
