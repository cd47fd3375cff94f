"""Believable tours as the log stores them: sealed states of about 350 bytes, sessions interleaved."""

import os
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, islice
from uuid import UUID, uuid4

from adapters.postgres.mapper import Envelope, SealingMapper, StoredFact
from domain.people.hints import PersonHints
from domain.shared.changed import changed
from domain.shared.fact import Touchpoint
from domain.tours.events import TourActed, TourCompleted, TourRoomVisited, TourStarted

ROOMS = ("living room", "kitchen", "master bedroom", "bathroom", "balcony", "bedroom 2", "terrace", "hall")
AT_ONCE = 50
"""Sessions that are open at the same time."""
FINGERPRINT = bytes(16)


def tours(brokerage_id: UUID, seed: int = 7) -> Iterator[StoredFact]:
    """Yield facts without end: ten to a session, many sessions at a time, each of a person of its own."""
    chance, key, mapper, numbers = random.Random(seed), os.urandom(32), SealingMapper(), count(1)  # noqa: S311
    began = datetime.now(UTC) - timedelta(days=7)
    opened: list[tuple[UUID, Iterator[Touchpoint]]] = []
    while True:
        while len(opened) < AT_ONCE:
            number = next(numbers)
            opened.append((uuid4(), _session(number, began + timedelta(seconds=number), chance)))
        subject, session = opened[chance.randrange(AT_ONCE)]
        fact = next(session, None)
        if fact is None:
            opened = [one for one in opened if one[0] != subject]
            continue
        yield mapper.to_stored_event(
            Envelope(uuid4(), 1, fact, brokerage_id, subject, correlation_id=uuid4(), key=key, fingerprint=FINGERPRINT)
        )


def batches(brokerage_id: UUID, size: int) -> Iterator[list[StoredFact]]:
    """Return batches without end, of facts that were never stored: known states under new ids."""
    known = _templates(brokerage_id)
    starts = count(step=size)
    return (renewed([known[nth % len(known)] for nth in range(start, start + size)]) for start in starts)


@cache
def _templates(brokerage_id: UUID) -> list[StoredFact]:
    return list(islice(tours(brokerage_id), 1_000))


def renewed(facts: Sequence[StoredFact]) -> list[StoredFact]:
    """Return facts with new ids."""
    return [changed(fact, originator_id=uuid4()) for fact in facts]


def _session(number: int, at: datetime, chance: random.Random) -> Iterator[Touchpoint]:
    common = {
        "session_id": f"session-{number}", "property_id": f"villa-{number % 40}", "tour_kind": "virtual_3d",
        "rooms_available": len(ROOMS), "hints": PersonHints(fbp=f"fb.1.1700000000000.{number}"), "hint_kinds": ("fbp",),
    }  # fmt: skip
    yield TourStarted.model_validate({**common, "occurred_at": at})
    for room in (*chance.sample(ROOMS, 5), "kitchen"):
        dwell_s = chance.randint(5, 90)
        at += timedelta(seconds=dwell_s)
        yield TourRoomVisited.model_validate({**common, "occurred_at": at, "room": room, "dwell_s": dwell_s})
    for action in ("zoom", "share"):
        at += timedelta(seconds=4)
        yield TourActed.model_validate({**common, "occurred_at": at, "action": action, "room": "kitchen"})
    yield TourCompleted.model_validate({**common, "occurred_at": at})
