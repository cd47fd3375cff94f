"""Simulate a policy over a brokerage's history: what would have been sent, against what was. Nothing is changed."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from application.clock import Clock, utc_now
from application.ports.outbox import Entry, Leased, Records, Settled
from application.ports.simulations import Past, Progress, Simulations, Superseded, Wanted, Window
from domain.scoring.comparison import Comparison, Counted
from domain.scoring.lint import lint
from domain.scoring.policy import Policy

TELL_EVERY_S = 1.0
"""How often progress is told."""
LOOK_AGAIN_S = 1.0
"""How soon a worker looks again at a simulation that is going on, or that has to wait for another."""

Tell = Callable[[Progress], None]


def simulate(
    past: Past, policy: Policy, window: Window, tell: Tell, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """Fold the past under a policy and return the result as JSON shows it; `tell` hears of progress once a second.

    A conversion that several people's pasts decide (they share an order, say) is the one that came first.
    """
    comparison, watch = Comparison(), _Watch(past.facts(), tell, clock)
    would: dict[UUID, tuple[int, datetime, Counted]] = {}
    facts = set_aside = 0
    for part in past.parts():
        facts, set_aside = facts + part.facts, set_aside + part.set_aside
        for one in part.would:
            would[one[2].id] = min(one, would.get(one[2].id, one), key=lambda decided: decided[0])
        for person in part.people:
            comparison.person(*person)
        watch.at(facts)
    for _, recorded_at, counted in would.values():
        if window.holds(recorded_at):
            comparison.would(counted)
    for counted in past.decided():
        comparison.was(counted)
    watch.over(facts)
    return {
        "policy": policy.label, "in_force": past.in_force, "since": window.since, "until": window.until,
        "position": past.position, "facts": facts, "set_aside": set_aside, "seconds": watch.seconds(),
        **comparison.document(), "never_fired": past.never_fired(),
        "findings": [asdict(finding) for finding in lint(policy)],
    }  # fmt: skip


class _Watch:
    """Tells how far it is, not too often."""

    def __init__(self, target: int, tell: Tell, clock: Callable[[], float]) -> None:
        self._target, self._tell, self._clock = target, tell, clock
        self._began = self._told = clock()
        tell(Progress(0, target, 0, None))

    def at(self, facts: int) -> None:
        """Say how many facts are folded."""
        if self._clock() - self._told >= TELL_EVERY_S:
            self.over(facts)

    def over(self, facts: int) -> None:
        """Say it whenever it was said last."""
        self._told = self._clock()
        rate = facts / max(self._told - self._began, 1e-6)
        left = max(self._target - facts, 0) / rate if rate else None
        self._tell(Progress(facts, self._target, round(rate, 1), None if left is None else round(left, 1)))

    def seconds(self) -> float:
        """Return how long it took until it was last said."""
        return round(self._told - self._began, 3)


def carry_out(
    simulations: Simulations,
    open_past: Callable[[Wanted], Past],
    simulation_id: UUID,
    away: tuple[type[Exception], ...] = (),
) -> Literal["done", "failed", "not_ours"]:
    """Carry out a simulation that somebody asked for, and keep its result, or why there is none.

    What `away` says, that a store cannot be reached now, is raised: a later run may be luckier.
    """
    begun = simulations.begin(simulation_id)
    if begun is None:
        return "not_ours"
    wanted, run = begun
    try:
        result = simulate(
            open_past(wanted), wanted.policy, wanted.window,
            lambda progress: simulations.beat(simulation_id, run, progress),
        )  # fmt: skip
        simulations.finish(simulation_id, run, result)
    except Superseded:
        return "not_ours"
    except away:
        raise
    except Exception as error:  # whatever it is, whoever asked has to hear of it
        simulations.fail(simulation_id, run, f"{type(error).__name__}: {error}"[:2000])
        return "failed"
    return "done"


class Runs(Protocol):
    """The runs of simulations, in processes of their own."""

    def is_over(self, simulation_id: UUID) -> bool:
        """Tell whether a simulation has its result, or failed, or is gone."""

    def start(self, simulation_id: UUID) -> None:
        """Let it be carried out beside this process, unless it is being carried out, or this process is busy."""


@dataclass(frozen=True, slots=True)
class SimulatePolicy:
    """The use case behind the message `simulate_policy`: it sees to the run and holds nobody up.

    The message waits until the simulation is over, so that a run whose worker was lost is started anew.
    """

    runs: Runs
    records: Records
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Start the run where none is at work, and settle the message. Raises LeaseLost."""
        simulation_id = UUID(message.payload["simulation_id"])
        if self.runs.is_over(simulation_id):
            self.records.record(Entry([Settled(message, "done")]))
            return
        self.runs.start(simulation_id)
        later = self.clock() + timedelta(seconds=LOOK_AGAIN_S)
        self.records.record(Entry([Settled(message, "waiting", later)]))
