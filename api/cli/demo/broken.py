"""Items that producers get wrong, each with the field that the refusal has to name."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from api.cli.demo.diary import GLANCE, WEEK, Diary, Item

NEVER = object()


@dataclass(frozen=True, slots=True)
class Mistake:
    """A change to a sound item of `kind`: the place in its body, and what stands there instead."""

    kind: str
    place: tuple[str, ...]
    value: Any
    alone: bool = False

    @property
    def field(self) -> str:
        """The field as a refusal names it; an item posted alone has its fields side by side."""
        return ".".join(self.place[1:] if self.alone and self.place[0] == "payload" else self.place)


# fmt: off
MISTAKES = (
    Mistake("tours.room_visited.v1",      ("payload", "dwell_s"),   -4.0),
    Mistake("tours.started.v1",           ("kind",),                "tours.teleported.v1"),
    Mistake("tours.completed.v1",         ("kind",),                "tours.ended.v1"),       # ours to decide
    Mistake("tours.started.v1",           ("occurred_at",),         1_763_640_000_000),      # milliseconds
    Mistake("tours.room_visited.v1",      ("occurred_at",),         "2099-01-01T00:00:00Z"),
    Mistake("tours.started.v1",           ("occurred_at",),         "2026-01-01T12:00:00"),  # of which country?
    Mistake("tours.milestone_reached.v1", ("payload", "milestone"), "rooftop_party", alone=True),
    Mistake("tours.room_visited.v1",      ("payload", "room"),      "kit\x00chen"),
    Mistake("tours.started.v1",           ("id",),                  NEVER),
    Mistake("tours.started.v1",           ("person", "email"),      20_100_123),
)
# fmt: on


def broken_items(seed: int, anchor: datetime, rounds: int) -> list[Item]:
    """Return every mistake `rounds` times, spread over the week."""
    step = WEEK / (rounds * len(MISTAKES) + 1)
    return [
        _broken(mistake, seed, anchor, f"{turn}.{nth}", anchor - WEEK + step * (turn * len(MISTAKES) + nth + 1))
        for turn in range(rounds)
        for nth, mistake in enumerate(MISTAKES)
    ]


def _broken(mistake: Mistake, seed: int, anchor: datetime, name: str, at: datetime) -> Item:
    diary = Diary(0, seed, anchor, "broken")
    home = diary.home()
    diary.tour(at, home, GLANCE)
    session = diary.items[0].body["payload"]["session_id"]
    diary.note("tours.milestone_reached.v1", at, {
        "session_id": session, "property_id": home.id, "milestone": "bedroom_focused",
    })  # fmt: skip
    sound = next(item for item in diary.items if item.body["kind"] == mistake.kind)
    body = deepcopy(sound.body) | {"id": f"broken-{sound.body['id']}-{name}"}
    *path, last = mistake.place
    part = body
    for step in path:
        part = part[step]
    if mistake.value is NEVER:
        del part[last]
    else:
        part[last] = mistake.value
    return Item(at + timedelta(seconds=1), body, mistake.alone, "broken", "rejected", mistake.field)
