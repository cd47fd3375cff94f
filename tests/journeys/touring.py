"""Touchpoints of people touring homes, talking about them and saving them, for load and for stories."""

from datetime import UTC, datetime, timedelta
from typing import Any

ROOMS = ("living room", "kitchen", "master bedroom", "bathroom", "balcony", "غرفة نوم")
LISTING = {"price_minor": 1_000_000_000, "currency": "EGP", "property_type": "villa", "area": "Zamalek"}
"""A home of ten million pounds."""
WORDS = (
    ("customer", "How much is it? I want to buy right now."),
    ("assistant", "Ten million."),
    ("customer", "Can I see it? Do you have a payment plan?"),
    ("assistant", "We do."),
    ("customer", "Great, call me on 01001234567."),
)
"""What the built-in analyser reads a hot conversation from."""
Told = dict[str, Any]


def tour(
    session: str, person: Told, *, started: datetime | None = None, rooms: int = 6, home: str | None = None
) -> list[Told]:
    """Return a tour of `rooms` rooms, two minutes each, with a share, opened and closed: hot."""
    at = started or datetime.now(UTC) - timedelta(minutes=30)
    base = {"session_id": session, "property_id": home or home_of(session)}

    def touchpoint(nth: int, kind: str, **payload: Any) -> Told:
        return told(f"{session}/{nth}", kind, at + timedelta(seconds=nth), person, **base, **payload)

    visits = [
        touchpoint(nth, "tours.room_visited.v1", room=ROOMS[nth % len(ROOMS)], dwell_s=121.5)
        for nth in range(1, rooms + 1)
    ]
    return [
        touchpoint(0, "tours.started.v1", tour_kind="virtual_3d", rooms_available=6),
        *visits,
        touchpoint(rooms + 1, "tours.acted.v1", action="share"),
        touchpoint(rooms + 2, "tours.completed.v1"),
    ]


def talk(session: str, person: Told, at: datetime, *, home: str | None = None) -> list[Told]:
    """Return a conversation of which the words are handed over: hot, once it is read."""
    about = {"session_id": session, "conversation_kind": "voice", "property_id": home or home_of(session)}
    words = {"turns": [{"by": by, "text": text} for by, text in WORDS]}
    return [
        told(f"{session}/0", "conversations.started.v1", at, person, **about),
        told(
            f"{session}/1", "conversations.completed.v1", at + timedelta(minutes=2), person, **about,
            transcript=words, duration_s=120,
        ),
    ]  # fmt: skip


def view(name: str, person: Told, at: datetime, home: str) -> Told:
    """Return a look at a home's page, which tells its price."""
    return {**told(name, "properties.viewed.v1", at, person, property_id=home), "listing": LISTING}


def save(name: str, person: Told, at: datetime, home: str) -> Told:
    """Return a home put on the list, out of a comparison."""
    saved = told(name, "properties.saved.v1", at, person, property_id=home, saved_from="comparison")
    return {**saved, "listing": LISTING}


def told(name: str, kind: str, at: datetime, person: Told, **payload: Any) -> Told:
    """Return one touchpoint in the general shape."""
    return {
        "id": name, "kind": kind, "occurred_at": at.isoformat(), "person": person,
        "page_url": "https://homes.example/tour?from=ad", "payload": payload,
    }  # fmt: skip


def home_of(session: str) -> str:
    """Return one of forty homes, the same for the same session."""
    return f"villa-{sum(map(ord, session)) % 40}"


def visitor(nth: int) -> Told:
    """Return the hints of an anonymous visitor whom Meta could find."""
    return {
        "fbp": f"fb.1.1700000000000.{nth}", "ip": f"41.33.{nth // 250 % 250}.{nth % 250 + 1}",
        "user_agent": "Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile",
    }  # fmt: skip
