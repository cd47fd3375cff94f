"""What a runner needs of the place where it keeps a read model: pages of facts in, rows and a position out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from domain.shared.fact import Recorded
from domain.shared.outbox import OutboxMessage
from projections.projection import Decided

S = TypeVar("S")
Key = tuple[UUID, str]
"""A brokerage and a key within it."""


class Unwritable(Exception):
    """The storage refuses a value of this page (not the connection): find the fact and set it aside."""


class LostLeadership(Exception):
    """Somebody else moved the position, or retired the build: drop everything and stand by."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A fact that could not be decoded, or folded; `kind` as it is stored."""

    position: int
    brokerage_id: UUID
    error: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Facts after a position, and how far the log was looked through for them."""

    facts: Sequence[Recorded | Unreadable]
    to: int


@dataclass(slots=True)
class Writes(Generic[S]):
    """What one page changes; written together with the position, or not at all.

    `aliases` are (brokerage, subject) → person for subjects that joined or left somebody: a subject that is its own
    person again has no alias any more.
    """

    states: dict[Key, S] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)
    rows: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    decided: list[tuple[UUID, Decided]] = field(default_factory=list)
    messages: list[OutboxMessage] = field(default_factory=list)
    aliases: dict[tuple[UUID, UUID], UUID] = field(default_factory=dict)
    set_aside: list[Unreadable] = field(default_factory=list)


class Storage(Protocol[S]):
    """Where a build of a projection keeps its rows and its position; `commit` may be called from another thread."""

    emit_from: int | None

    def page(self, after: int, limit: int) -> Page:
        """Return up to `limit` handled facts after a position, in order."""

    def states(self, keys: Sequence[Key]) -> Mapping[Key, S]:
        """Return the stored states of those keys that have one."""

    def people(self, subjects: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], UUID]:
        """Return the person of those (brokerage, subject) that joined one."""

    def cluster(self, brokerage_id: UUID, person_id: UUID) -> Sequence[UUID]:
        """Return the subjects linked into a person, itself not included."""

    def history(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> Sequence[Recorded]:
        """Return the handled facts of some subjects before a position, in order, but those set aside."""

    def links(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> Sequence[Recorded]:
        """Return what linked or parted some subjects before a position, in order, but what was set aside."""

    def commit(self, after: int, to: int, writes: Writes[S]) -> None:
        """Write it all and move the position from `after` to `to`, in one transaction.

        Raises Unwritable for a bad value, LostLeadership when the position is not at `after` any more.
        """
