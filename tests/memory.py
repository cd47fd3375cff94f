"""A Storage in memory: keeps states as the JSON that Postgres would hold, pages as asked, refuses NUL."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from domain.people.links import LINK_FACTS
from domain.shared.fact import Fact, Recorded
from domain.shared.outbox import OutboxMessage
from projections.projection import Projection
from projections.runner import Runner
from projections.storage import Key, LostLeadership, Page, Unreadable, Unwritable, Writes
from projections.timeline import RULE_FACTS, Timeline

S = TypeVar("S")
Entry = Recorded | Unreadable


class Late(Executor):
    """Does what it was given only when the result is asked for: the slowest writer there can be."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return _Asked(lambda: fn(*args, **kwargs))


class _Asked(Future[Any]):
    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work

    def result(self, timeout: float | None = None) -> Any:
        return self._work()


@dataclass
class MemoryStorage(Generic[S]):
    """One build of one projection over a log that may still grow."""

    projection: Projection[S]
    log: Sequence[Entry]
    page_size: int = 5_000
    emit_from: int | None = 0
    position: int = 0
    stored: dict[Key, bytes] = field(default_factory=dict)
    rows: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    decided: dict[tuple[UUID, str], tuple[Any, ...]] = field(default_factory=dict)
    messages: dict[UUID, OutboxMessage] = field(default_factory=dict)
    aliases: dict[tuple[UUID, UUID], UUID] = field(default_factory=dict)
    set_aside: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._codec: TypeAdapter[S] = TypeAdapter(type(self.projection.initial))
        links = LINK_FACTS if self.projection.by_person else ()
        self._kinds = (*self.projection.handles, *RULE_FACTS, *links)

    def runner(self, behind: Executor | None = None) -> Runner[S]:
        """Return a runner that goes on where this build is, as a process that just started."""
        timeline = Timeline()
        timeline.learn(entry for entry in self.log if isinstance(entry, Recorded))
        return Runner(self.projection, self, timeline, self.position, behind)

    def run(self, *, restart: bool = False) -> "MemoryStorage[S]":
        """Fold everything there is; `restart` begins every page in a new process."""
        runner = self.runner()
        while runner.step():
            runner = self.runner() if restart else runner
        return self

    def run_behind(self) -> "MemoryStorage[S]":
        """Fold everything there is, writing as late as possible: a page is written when somebody has to know."""
        runner = self.runner(Late())
        while runner.step():
            pass
        return self

    def all_states(self) -> dict[Key, S]:
        return {key: self._codec.validate_json(state) for key, state in self.stored.items()}

    def outcome(self) -> tuple[Any, ...]:
        """Return everything that came of the log, to be compared."""
        return self.all_states(), self.rows, self.decided, self.messages, self.aliases, self.set_aside

    def page(self, after: int, limit: int) -> Page:
        later = [entry for entry in self.log if entry.position > after]
        handled = [entry for entry in later if isinstance(entry, Unreadable) or isinstance(entry.fact, self._kinds)]
        facts = handled[: min(limit, self.page_size)]
        if not later:
            return Page((), after)
        return Page(facts, facts[-1].position if len(facts) < len(handled) else later[-1].position)

    def states(self, keys: Sequence[Key]) -> Mapping[Key, S]:
        return {key: self._codec.validate_json(self.stored[key]) for key in keys if key in self.stored}

    def people(self, subjects: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], UUID]:
        return {one: self.aliases[one] for one in subjects if one in self.aliases}

    def cluster(self, brokerage_id: UUID, person_id: UUID) -> list[UUID]:
        return [one for (house, one), person in self.aliases.items() if (house, person) == (brokerage_id, person_id)]

    def history(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        return self._of(brokerage_id, subjects, before, self.projection.handles)

    def links(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        return self._of(brokerage_id, subjects, before, LINK_FACTS)

    def _of(
        self, brokerage_id: UUID, subjects: Sequence[UUID], before: int, kinds: tuple[type[Fact], ...]
    ) -> list[Recorded]:
        return [
            entry
            for entry in self.log
            if isinstance(entry, Recorded)
            and isinstance(entry.fact, kinds)
            and (entry.brokerage_id, entry.subject_id in subjects) == (brokerage_id, True)
            and entry.position < before
            and entry.position not in self.set_aside
        ]

    def commit(self, after: int, to: int, writes: Writes[S]) -> None:
        if self.position != after:
            raise LostLeadership(f"at {self.position}, not {after}")
        if any("\x00" in str(value) for row in writes.rows.values() for value in row):
            raise Unwritable("text with NUL")
        for key in writes.gone:
            self.stored.pop(key, None)
            self.rows.pop(key, None)
        self.stored |= {key: self._codec.dump_json(state) for key, state in writes.states.items()}
        self.rows |= writes.rows
        for house, one in writes.decided:
            self.decided.setdefault((house, one.id), one.values)
        for message in writes.messages:
            self.messages.setdefault(message.id, message)
        for own, person in writes.aliases.items():
            if own[1] == person:
                self.aliases.pop(own, None)
            else:
                self.aliases[own] = person
        self.set_aside |= {aside.position: aside.error for aside in writes.set_aside}
        self.position = to
