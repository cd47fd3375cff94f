"""What delivering conversions needs: a queue of them, the people's word, the keys, and the platform."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from application.ports.outbox import Circuit, Lane, Leased, Notes, Records
from domain.ads.events import Outcome
from domain.shared.personal import Sealed

MOST_PER_REQUEST = 1000
"""Events that one request may carry. Source: Meta, *Using the Conversions API*."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a dataset, and what a whole request to it says beside its events.

    `test_event_code` is None unless a setting allows it: Meta counts test events as live. `partner_agent` is the same
    for all events of a request.
    """

    token: str = field(repr=False)
    app_secret: str | None = field(default=None, repr=False)
    test_event_code: str | None = None
    partner_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that the platform should take; `fields` names the user data in it, never values."""

    event: Mapping[str, Any]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Why an event must not be sent; `mendable` where somebody could correct it and send it again."""

    reason: str
    mendable: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one request; all None where no answer came. `wait_s` is the platform's own hint."""

    status: int | None = None
    code: int | None = None
    subcode: int | None = None
    message: str | None = None
    trace_id: str | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """All events of the request were received."""

    answer: Answer
    received: int


class NotAccepted(Exception):
    """The request did not do it; the kind of this says what to do next."""

    outcome: ClassVar[Outcome]

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}, code {answer.code}, subcode {answer.subcode}")
        self.answer = answer


class Transient(NotAccepted):
    """The platform has a moment of weakness: the same again, soon."""

    outcome = "transient"


class Throttled(NotAccepted):
    """Too many calls: nothing more to this dataset before `answer.wait_s`."""

    outcome = "throttled"


class Parked(NotAccepted):
    """The token is dead or may not write here: everything waits until that is mended."""

    outcome = "parked"


class Rejected(NotAccepted):
    """The request is refused as it is. `blames_event` where the refusal is surely about an event in it."""

    outcome = "rejected"

    def __init__(self, answer: Answer, *, blames_event: bool = True) -> None:
        super().__init__(answer)
        self.blames_event = blames_event


class Unanswered(NotAccepted):
    """Nobody knows whether the events were received: the same again, under the same ids."""

    outcome = "unknown"


class ConversionSink(Protocol):
    """The platform that conversions are told to. It counts an id once, however often it is sent."""

    version: str

    def draft(self, payload: Mapping[str, Any], opened: Mapping[str, Any], now: datetime) -> Draft | Unsendable:
        """Return the event of a message, or why it would be refused. `opened` maps kind of hint → what held it."""

    def send(self, dataset_id: str, credentials: Credentials, events: Sequence[Mapping[str, Any]]) -> Accepted:
        """Send up to MOST_PER_REQUEST events. Raises one of the kinds of NotAccepted."""


class ConversionQueue(Records, Notes, Protocol):
    """The waiting conversions of every lane, each in one worker's hands at most."""

    def lease(self, lane: Lane, limit: int) -> list[Leased]:
        """Take due messages, committed before any effect."""


class Circuits(Protocol):
    """Which lanes are held, and why."""

    def circuit(self, lane: Lane) -> Circuit | None:
        """Return what holds a lane now, None where nothing does."""

    def take_probe(self, circuit: Circuit, next_at: datetime) -> list[Leased] | None:
        """Take one parked message to try the lane with, and put off the next probe until `next_at`.

        Returns an empty list where nothing is parked, None where no probe is due: one worker probes at a time.
        """

    def hold_back(self, circuit: Circuit) -> None:
        """Let what is due in a throttled lane wait until the circuit says."""


class Words(Protocol):
    """What people say about being told of to advertisers, as of now."""

    def forbidden(self, brokerage_id: UUID, subjects: Iterable[UUID]) -> tuple[set[UUID], set[UUID]]:
        """Return (subjects whose person withdrew consent, subjects with a word that is not yet read)."""


class Keys(Protocol):
    """The way back to what is personal."""

    def open_all(self, values: Iterable[Sealed]) -> list[Any]:
        """Return the plain values in order, ERASED where a key is gone."""


class Safe(Protocol):
    """Where credentials are kept."""

    def credentials(self, lane: Lane) -> Credentials | None:
        """Return what opens a lane's dataset, None where no token was stored."""
