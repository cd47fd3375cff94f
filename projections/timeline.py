"""The rulebook at every place in the log, so that a fold asks what held then, not now."""

from bisect import bisect_right
from collections.abc import Iterable

from domain.brokerage import rulebook
from domain.brokerage.events import BrokerageRegistered, ChannelConnected, DatasetConnected, PolicyActivated
from domain.brokerage.rulebook import Rulebook
from domain.rentals.events import RentalValueModelFitted
from domain.shared.fact import Fact, Recorded

RULE_FACTS: tuple[type[Fact], ...] = (
    BrokerageRegistered, DatasetConnected, ChannelConnected, PolicyActivated, RentalValueModelFitted,
)  # fmt: skip


class Timeline:
    """Rulebooks by position; facts are learned in order of position, learning one twice changes nothing."""

    def __init__(self) -> None:
        self._positions: list[int] = [0]
        self._rulebooks: list[Rulebook] = [Rulebook()]
        self._refused: dict[int, Exception] = {}

    def learn(self, facts: Iterable[Recorded]) -> None:
        """Take facts about brokerages in; others and known ones are passed over."""
        for recorded in facts:
            if isinstance(recorded.fact, RULE_FACTS) and recorded.position > self._positions[-1]:
                self._positions.append(recorded.position)
                self._rulebooks.append(self._after(self._rulebooks[-1], recorded))

    def refused(self, position: int) -> Exception | None:
        """Return why the rule at this position could not be taken in: everything goes on by the rules before it."""
        return self._refused.get(position)

    def _after(self, before: Rulebook, recorded: Recorded) -> Rulebook:
        try:
            return rulebook.evolve(before, recorded)
        except Exception as error:  # one brokerage's rule must not stop the others
            self._refused[recorded.position] = error
            return before

    def at(self, position: int) -> Rulebook:
        """Return what held when the fact at this position was recorded, itself included."""
        if position >= self._positions[-1]:
            return self._rulebooks[-1]
        return self._rulebooks[bisect_right(self._positions, position) - 1]
