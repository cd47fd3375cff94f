"""A brokerage's past in memory, cut into parts as the log's is, beside the live read model of conversions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from application.ports.simulations import Part, Window
from application.simulate_policy import simulate
from domain.people.links import LINK_FACTS
from domain.scoring.comparison import Counted
from domain.scoring.policy import Policy
from domain.shared.fact import Recorded
from projections.conversions import CONVERSIONS
from projections.projection import Decisions
from projections.simulated import READ, CandidateTimeline, fold, groups_of
from tests.cast import NILE_HOMES
from tests.memory import MemoryStorage


def decided_rows(live: MemoryStorage[Any], brokerage_id: UUID = NILE_HOMES) -> list[dict[str, Any]]:
    """Return what the live read model decided for a brokerage, by the names of its columns."""
    assert isinstance(CONVERSIONS.decisions, Decisions)
    names = [column.name for column in CONVERSIONS.decisions.columns]
    return [
        {"id": UUID(one), **dict(zip(names, values, strict=True))}
        for (house, one), values in live.decided.items()
        if house == brokerage_id
    ]


@dataclass
class MemoryPast:
    """The Past of one brokerage; every subject, or group of linked ones, is a part of its own."""

    log: Sequence[Recorded]
    candidate: Policy
    window: Window = field(default_factory=Window)
    brokerage_id: UUID = NILE_HOMES

    def __post_init__(self) -> None:
        self.own = [one for one in self.log if one.brokerage_id == self.brokerage_id]
        if self.window.until:
            self.own = [one for one in self.own if one.recorded_at <= self.window.until]
        self.position = self.own[-1].position if self.own else 0
        self.timeline = CandidateTimeline(self.own, self.brokerage_id, self.candidate)
        self.live = MemoryStorage(CONVERSIONS, self.log).run()

    @property
    def in_force(self) -> str:
        return self.timeline.as_it_was(self.timeline.at(self.position).house(self.brokerage_id)).policy.label

    def facts(self) -> int:
        return sum(isinstance(one.fact, READ) and one.subject_id is not None for one in self.own)

    def parts(self) -> Iterator[Part]:
        groups = groups_of(one for one in self.own if isinstance(one.fact, LINK_FACTS))
        linked = {subject for group in groups for subject in group}
        alone = sorted({one.subject_id for one in self.own if one.subject_id and one.subject_id not in linked})
        for subjects in [*groups, *({one} for one in alone)]:
            facts = [one for one in self.own if one.subject_id in subjects and isinstance(one.fact, READ)]
            folded = fold(facts, self.timeline)
            yield Part(len(facts), folded.would, folded.people, folded.set_aside)

    def decided(self) -> Iterator[Counted]:
        for one in decided_rows(self.live, self.brokerage_id):
            if one["position"] <= self.position and self.window.holds(one["recorded_at"]):
                yield Counted(
                    one["id"], one["event_name"], one["occurred_at"], one["value"], one["currency"],
                    one["match_quality"], one["withheld"],
                )  # fmt: skip

    def never_fired(self) -> list[str]:
        return self.timeline.fired.never()


def result_of(past: MemoryPast) -> dict[str, Any]:
    """Return the result of a simulation over it."""
    return simulate(past, past.candidate, past.window, lambda _progress: None)
