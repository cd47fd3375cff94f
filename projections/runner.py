"""Feeds facts to one read model, page by page, each exactly once."""

import gc
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from domain.brokerage.rulebook import House
from domain.people.events import SubjectsLinked
from domain.people.links import LINK_FACTS, ends, people_of, standing
from domain.shared.fact import Recorded
from projections.projection import Effects, Projection
from projections.storage import Key, Page, Storage, Unreadable, Unwritable, Writes
from projections.timeline import RULE_FACTS, Timeline

S = TypeVar("S")
SMALLEST_PAGE, LARGEST_PAGE = 1, 5_000
MOST_CACHED = 50_000


class _Poison(Exception):
    """The fold fails on one fact. A storage that fails is something else: the page is tried again."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Rewritten(Exception):
    """The page before was written again, without a fact: what was folded onto it is void."""


@dataclass(slots=True)
class _Entry(Generic[S]):
    """The state of a key while a page is folded, and the rules that held at its last fact; none before the first."""

    key: Key
    state: S
    house: House | None = None


_Opened = dict[Key, _Entry[S]]
_Plan = list[_Entry[S]] | _Poison
"""The states that a fact concerns, or why they cannot be told."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A page that is being written while the next one is folded."""

    after: int
    page: Page
    done: Future[None]


class Runner(Generic[S]):
    """One build of one projection. Not thread-safe; one active runner per build.

    With `behind`, an executor of one thread, a page is written while the next one is folded: `position` is then
    how far was folded, and `settle` waits until all of it is written.
    """

    def __init__(
        self, projection: Projection[S], storage: Storage[S], timeline: Timeline, position: int,
        behind: Executor | None = None,
    ) -> None:  # fmt: skip
        self.projection = projection
        self.position = position
        self._storage = storage
        self._timeline = timeline
        self._behind = behind
        self._pending: _Pending | None = None
        self._states: OrderedDict[Key, S] = OrderedDict()
        self._people: OrderedDict[tuple[UUID, UUID], UUID] = OrderedDict()
        self._limit = 256

    def step(self, up_to: int | None = None) -> int:
        """Fold one page; return how far the position moved, 0 when there was nothing new and all is written."""
        with uncollected():
            return self._step(up_to)

    def take(self, page: Page) -> None:
        """Fold a page that somebody else has read: the handled facts after `position`, as far as it goes."""
        with uncollected():
            if page.to > self.position:
                self._take_page(page)

    def settle(self) -> None:
        """Wait until every page that was folded is written. Raises what its commit raised."""
        with suppress(_Rewritten):
            self._settle()

    def abandon(self) -> None:
        """Let the page that is being written end, whatever comes of it, and fold no more."""
        pending, self._pending = self._pending, None
        if pending is not None:
            wait([pending.done])

    def _step(self, up_to: int | None) -> int:
        after = self.position
        page = self._storage.page(after, self._limit)
        if up_to is not None and page.to > up_to:
            page = Page([fact for fact in page.facts if fact.position <= up_to], up_to)
        if page.to <= after:
            self.settle()
            return 0
        self._take_page(page)
        busy = len(page.facts) >= self._limit
        self._limit = min(LARGEST_PAGE, self._limit * 2) if busy else max(SMALLEST_PAGE, self._limit // 2, 64)
        return self.position - after

    def _take_page(self, page: Page) -> None:
        self._timeline.learn(fact for fact in page.facts if isinstance(fact, Recorded))
        if self._behind is None:
            self._apply(self.position, page)
        else:
            self._apply_behind(self.position, page, self._behind)

    def _apply(self, after: int, page: Page) -> None:
        """Write a page; one that the storage refuses is halved until the fact is found, which is set aside."""
        try:
            writes = self._fold(page.facts)
            self._storage.commit(after, page.to, writes)
        except Unwritable as refusal:
            self.forget()
            if len(page.facts) <= 1:
                self._storage.commit(after, page.to, Writes(set_aside=[_aside(page.facts[0], refusal)]))
                self.position = page.to
                return
            middle = page.facts[: len(page.facts) // 2]
            self._apply(after, Page(middle, middle[-1].position))
            self._apply(middle[-1].position, Page(page.facts[len(middle) :], page.to))
        except BaseException:
            self.forget()
            raise
        else:
            self._moved(page.to)

    def _apply_behind(self, after: int, page: Page, behind: Executor) -> None:
        """Fold a page while the one before is written, then hand it over; a bad one is done over, here and now."""
        try:
            try:
                writes = self._fold(page.facts)
                self._settle()
            except _Rewritten:
                writes = self._fold(page.facts)
        except Unwritable:
            self.settle()
            self._apply(after, page)
        except BaseException:
            self.forget()
            raise
        else:
            done = behind.submit(self._storage.commit, after, page.to, writes)
            self._pending = _Pending(after, page, done)
            self._moved(page.to)

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            pending.done.result()
        except Unwritable as refusal:
            self.forget()  # it remembers what was not written
            self._apply(pending.after, pending.page)
            raise _Rewritten from refusal

    def _moved(self, to: int) -> None:
        self.position = to
        if max(len(self._states), len(self._people)) > MOST_CACHED:
            self.settle()  # what is dropped here has to be found in the storage
            for cache in (self._states, self._people):
                while len(cache) > MOST_CACHED // 2:
                    cache.popitem(last=False)

    def forget(self) -> None:
        """Drop everything remembered from before: the storage is the truth."""
        self._states.clear()
        self._people.clear()

    def _fold(self, facts: Sequence[Recorded | Unreadable]) -> Writes[S]:
        writes: Writes[S] = Writes()
        opened: _Opened[S] = {}
        for fact, planned in zip(facts, self._plan(facts, opened), strict=True):
            if isinstance(fact, Unreadable):
                writes.set_aside.append(fact)
                continue
            try:
                self._take(fact, planned, opened, writes)
            except _Poison as poison:  # it must not stop the others
                writes.set_aside.append(_aside(fact, poison.error))
        return self._close(opened, writes)

    def _take(self, recorded: Recorded, planned: "_Plan[S]", opened: "_Opened[S]", writes: Writes[S]) -> None:
        refused = self._timeline.refused(recorded.position)
        if refused is not None:
            raise _Poison(refused)
        if isinstance(planned, _Poison):
            raise planned
        if self.projection.by_person and isinstance(recorded.fact, LINK_FACTS):
            self._relink(recorded, opened, writes)
            return
        entries = [self._entry(key, opened) for key in self._keys(recorded)] if writes.aliases else planned
        if not entries:
            return
        house = self._timeline.at(recorded.position).house(recorded.brokerage_id)
        folded, effects = self._folded(entries, recorded, house)
        for entry in entries:
            entry.state, entry.house = folded[entry.key], house
        emits = self._storage.emit_from is not None and recorded.position > self._storage.emit_from
        for decided, messages in effects:
            writes.decided += [(recorded.brokerage_id, one) for one in decided]
            if emits:
                writes.messages += messages

    def _folded(
        self, entries: Sequence[_Entry[S]], recorded: Recorded, house: House
    ) -> tuple[dict[Key, S], list[Effects]]:
        """Fold one fact into all that it concerns, or, where one of them cannot bear it, into none."""
        folded = {entry.key: entry.state for entry in entries}
        effects = []
        for entry in entries:
            try:
                folded[entry.key], caused = self.projection.step(folded[entry.key], recorded, house, entry.key[1])
            except Exception as error:
                raise _Poison(error) from error
            effects.append(caused)
        return folded, effects

    def _close(self, opened: "_Opened[S]", writes: Writes[S]) -> Writes[S]:
        """Remember the states that changed, and describe them; a state that has no row is unwritable."""
        row = self.projection.row
        for key, entry in opened.items():
            if entry.house is not None:
                self._states[key] = writes.states[key] = entry.state
                self._states.move_to_end(key)
                try:
                    writes.rows[key] = row(entry.state, entry.house)
                except Exception as error:
                    raise Unwritable(f"{type(error).__name__}: {error}") from error
        writes.gone -= writes.states.keys()
        return writes

    def _entry(self, key: Key, opened: "_Opened[S]") -> "_Entry[S]":
        entry = opened.get(key)
        if entry is None:
            entry = opened[key] = _Entry(key, self._states.get(key, self.projection.initial))
        return entry

    def _keys(self, recorded: Recorded) -> list[Key]:
        if type(recorded.fact) in RULE_FACTS:
            return []
        if callable(self.projection.key):
            return [(recorded.brokerage_id, key) for key in self.projection.key(recorded)]
        if recorded.subject_id is None:
            return []
        return [(recorded.brokerage_id, str(self._person(recorded.brokerage_id, recorded.subject_id)))]

    def _person(self, brokerage_id: UUID, subject_id: UUID) -> UUID:
        return self._people.get((brokerage_id, subject_id), subject_id)

    def _relink(self, recorded: Recorded, opened: "_Opened[S]", writes: Writes[S]) -> None:
        """Make two people one, or one two, as if they had always been so: refold them, and emit nothing."""
        brokerage_id = recorded.brokerage_id
        people = {self._person(brokerage_id, subject) for subject in ends(recorded.fact)}
        if (len(people) == 1) == isinstance(recorded.fact, SubjectsLinked):
            return  # they are so already
        self._settle()  # what is asked below has to be written
        before = {one: person for person in people for one in {person, *self._cluster(brokerage_id, person, writes)}}
        now = people_of(standing([*self._links(recorded, list(before), writes), recorded]), before)
        moved = {subject for subject, person in now.items() if person != before[subject]}
        for subject in moved:
            self._people[brokerage_id, subject] = writes.aliases[brokerage_id, subject] = now[subject]
        for person in sorted({of[subject] for subject in moved for of in (before, now)}):
            key = (brokerage_id, str(person))
            self._states.pop(key, None)
            opened.pop(key, None)
            writes.gone.add(key)
            subjects = [subject for subject, of in now.items() if of == person]
            state, house = self._refold(recorded, subjects, str(person), writes)
            if house is not None:
                opened[key] = _Entry(key, state, house)

    def _links(self, recorded: Recorded, subjects: Sequence[UUID], writes: Writes[S]) -> list[Recorded]:
        aside = {one.position for one in writes.set_aside}
        known = self._storage.links(recorded.brokerage_id, subjects, recorded.position)
        return [link for link in known if link.position not in aside]

    def _refold(
        self, link: Recorded, subjects: Sequence[UUID], person: str, writes: Writes[S]
    ) -> tuple[S, House | None]:
        """Fold the whole past of some subjects as one person's; no house where they have no past.

        What was set aside when its turn came stays so, and what only this person cannot bear joins it.
        """
        state, last = self.projection.initial, None
        aside = {one.position for one in writes.set_aside}
        for past in self._storage.history(link.brokerage_id, subjects, link.position) if subjects else ():
            if past.position in aside:
                continue
            house = self._timeline.at(past.position).house(link.brokerage_id)
            try:
                state, _ = self.projection.step(state, past, house, person)
                last = house
            except Exception as error:
                writes.set_aside.append(_aside(past, error))
        return state, last

    def _cluster(self, brokerage_id: UUID, person: UUID, writes: Writes[S]) -> set[UUID]:
        stored = {
            subject
            for subject in self._storage.cluster(brokerage_id, person)
            if writes.aliases.get((brokerage_id, subject), person) == person
        }
        new = {subject for (house, subject), into in writes.aliases.items() if house == brokerage_id and into == person}
        return stored | new

    def _plan(self, facts: Sequence[Recorded | Unreadable], opened: "_Opened[S]") -> list["_Plan[S]"]:
        """Return the states that each fact concerns; what memory lacks of them is loaded in one query each."""
        if self.projection.by_person:
            subjects = {(fact.brokerage_id, one) for fact in facts for one in _subjects(fact)} - self._people.keys()
            if subjects:
                self._people.update({key: key[1] for key in subjects})
                self._people.update(self._storage.people(list(subjects)))
        plan = [self._planned(fact, opened) if isinstance(fact, Recorded) else [] for fact in facts]
        unknown = [key for key in opened if key not in self._states]
        if unknown:
            self._states.update(stored := self._storage.states(unknown))
            for key, state in stored.items():
                opened[key].state = state
        return plan

    def _planned(self, recorded: Recorded, opened: "_Opened[S]") -> "_Plan[S]":
        try:
            return [self._entry(key, opened) for key in self._keys(recorded)]
        except Exception as error:
            return _Poison(error)


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave the garbage collector out of a page, or of a whole rebuild.

    All facts of a page live to its end, and so do the states of a rebuild: walking them costs as much as folding.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _subjects(recorded: Recorded | Unreadable) -> tuple[UUID, ...]:
    if isinstance(recorded, Unreadable):
        return ()
    own = (recorded.subject_id,) if recorded.subject_id else ()
    return (*own, *ends(recorded.fact))


def _aside(fact: Recorded | Unreadable, error: Exception) -> Unreadable:
    if isinstance(fact, Unreadable):
        return fact
    return Unreadable(fact.position, fact.brokerage_id, f"{type(error).__name__}: {error}"[:2000], fact.fact.kind)
