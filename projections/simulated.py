"""Folds some people's whole past under another policy: in memory, by the runner of the live read models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from domain.ads import conversions
from domain.ads.conversions import Conversion, Memory
from domain.brokerage.rulebook import House, Rulebook
from domain.people.links import LINK_FACTS, ends
from domain.people.scores import Scored, best_of, scores_of
from domain.scoring.comparison import Counted, Standing
from domain.scoring.fired import noted
from domain.scoring.policy import Policy
from domain.shared.clock import moment
from domain.shared.fact import Fact, Recorded
from projections.people import HANDLES
from projections.projection import Decided, Effects, Projection
from projections.runner import Runner
from projections.storage import Key, Page, Unreadable, Writes
from projections.timeline import Timeline

READ: tuple[type[Fact], ...] = (*HANDLES, *LINK_FACTS)
"""The facts that a simulation reads, beside those about rules."""


class Would(NamedTuple):
    """A conversion that the candidate decides, with the place in the log of its cause, and when that was recorded."""

    position: int
    recorded_at: datetime
    counted: Counted


def _react(memory: Memory, recorded: Recorded, house: House, key: str) -> tuple[Memory, Effects]:
    after, decided = conversions.decide(memory, recorded, house, UUID(key))
    return after, ([Decided(str(one.id), (one.why, _would(one, recorded))) for one in decided], ())


def _would(one: Conversion, recorded: Recorded) -> Would:
    counted = Counted(
        one.id, one.event_name, moment(one.at_ms), one.value, one.currency, one.match_quality, one.withheld
    )  # fmt: skip
    return Would(one.position, recorded.recorded_at, counted)


SIMULATED: Projection[Memory] = Projection(
    name="simulated",
    version=1,
    handles=HANDLES,
    key="person",
    initial=Memory(),
    columns=(),
    row=lambda _memory, house: (house,),
    react=_react,
)
"""The reaction that decides conversions, without messages; a row is the rules that held at a person's last fact."""


class CandidateTimeline(Timeline):
    """The rules of one brokerage as they were, but for the policy: it is the candidate from the beginning.

    What happened before the brokerage's first policy was in force earns no conversion, under the candidate either.
    """

    def __init__(self, rules: Iterable[Recorded], brokerage_id: UUID, candidate: Policy) -> None:
        super().__init__()
        self.learn(rules)
        lived = [one.house(brokerage_id) for one in self._rulebooks]
        since = [one.effective_from_s for one in lived[-1].earlier.values()]
        always = candidate.model_copy(update={"effective_from_s": min(since)}) if since else candidate
        self.policy, self.fired = noted(always)
        everywhere = dict.fromkeys(range(lived[-1].revision + 1), self.policy)
        houses = [replace(house, policy=self.policy, earlier=everywhere) for house in lived]
        self._rulebooks = [Rulebook({brokerage_id: house}) for house in houses]
        self._lived = {id(house): one for house, one in zip(houses, lived, strict=True)}

    def as_it_was(self, house: House) -> House:
        """Return the rules that held in truth where these would have."""
        return self._lived[id(house)]


@dataclass(frozen=True, slots=True)
class Folded:
    """What came of some people's past. `people` are (person, standing as it is, standing under the candidate)."""

    would: Sequence[Would]
    people: Sequence[tuple[str, Standing, Standing]]
    set_aside: int


def fold(facts: Sequence[Recorded | Unreadable], timeline: CandidateTimeline) -> Folded:
    """Fold all there is of some people, in order of position; of all they were ever linked to as well."""
    storage = _InMemory(facts)
    if facts:
        Runner(SIMULATED, storage, timeline, 0).take(Page(facts, facts[-1].position))
    would = []
    for why, one in storage.decided.values():
        timeline.fired.fired(why)
        would.append(one)
    people = [_standings(key[1], storage.kept[key], house, timeline) for key, (house,) in storage.rows.items()]
    return Folded(would, people, len(storage.set_aside))


def _standings(
    person: str, memory: Memory, house: House, timeline: CandidateTimeline
) -> tuple[str, Standing, Standing]:
    before, after = (best_of(scores_of(memory.person, one)) for one in (timeline.as_it_was(house), house))
    return person, _standing(before), _standing(after)


def _standing(best: Scored | None) -> Standing:
    return Standing.of(best.about, best.score) if best else Standing()


class _InMemory:
    """The Storage of some people's past; it forgets everything with them."""

    emit_from: int | None = None  # nothing leaves the house

    def __init__(self, facts: Sequence[Recorded | Unreadable]) -> None:
        self._facts = facts
        self._aliases: dict[tuple[UUID, UUID], UUID] = {}
        self.kept: dict[Key, Memory] = {}
        self.rows: dict[Key, tuple[Any, ...]] = {}
        self.decided: dict[str, tuple[str, Would]] = {}
        self.set_aside: set[int] = set()

    def page(self, after: int, limit: int) -> Page:
        """Return nothing: pages are handed to the runner."""
        return Page((), after)

    def states(self, keys: Sequence[Key]) -> Mapping[Key, Memory]:
        """Return the states of those keys that have one."""
        return {key: self.kept[key] for key in keys if key in self.kept}

    def people(self, subjects: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], UUID]:
        """Return the person of those (brokerage, subject) that joined one."""
        return {one: self._aliases[one] for one in subjects if one in self._aliases}

    def cluster(self, brokerage_id: UUID, person_id: UUID) -> list[UUID]:
        """Return the subjects linked into a person."""
        return [one for (house, one), person in self._aliases.items() if (house, person) == (brokerage_id, person_id)]

    def history(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        """Return the facts of some subjects before a position, in order, but those set aside."""
        return [one for one in self._of(subjects, before) if not isinstance(one.fact, LINK_FACTS)]

    def links(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        """Return what linked or parted some subjects before a position, in order, but what was set aside."""
        return [one for one in self._of(subjects, before) if isinstance(one.fact, LINK_FACTS)]

    def _of(self, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        wanted = self._by_subject.keys() & set(subjects)
        found = [one for subject in wanted for one in self._by_subject[subject]]
        return sorted(
            (one for one in found if one.position < before and one.position not in self.set_aside),
            key=lambda one: one.position,
        )

    @cached_property
    def _by_subject(self) -> Mapping[UUID, list[Recorded]]:
        found: dict[UUID, list[Recorded]] = {}
        for one in self._facts:
            if isinstance(one, Recorded) and one.subject_id is not None:
                found.setdefault(one.subject_id, []).append(one)
        return found

    def commit(self, after: int, to: int, writes: Writes[Memory]) -> None:
        """Keep it all."""
        for key in writes.gone:
            self.kept.pop(key, None)
            self.rows.pop(key, None)
        self.kept |= writes.states
        self.rows |= writes.rows
        for _, one in writes.decided:
            self.decided.setdefault(one.id, (one.values[0], one.values[1]))
        for own, person in writes.aliases.items():
            if own[1] == person:
                self._aliases.pop(own, None)
            else:
                self._aliases[own] = person
        self.set_aside |= {aside.position for aside in writes.set_aside}


def groups_of(links: Iterable[Recorded]) -> list[frozenset[UUID]]:
    """Return the subjects that were ever linked, those of one group together: none ever hung together with another's.

    What was parted again stays in one group: the past of both has to be folded in one order.
    """
    group: dict[UUID, set[UUID]] = {}
    for link in links:
        joined: set[UUID] = set()
        for subject in ends(link.fact):
            joined |= group.get(subject, {subject})
        group |= dict.fromkeys(joined, joined)
    return [frozenset(one) for one in {id(one): one for one in group.values()}.values()]
