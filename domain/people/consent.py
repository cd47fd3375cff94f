"""What a person allows, folded from consents and withdrawals in any order."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.people.events import ConsentGiven, ConsentWithdrawn, Purpose
from domain.shared.clock import millis


@dataclass(frozen=True, slots=True)
class Consents:
    """The latest word per purpose: (when in unix milliseconds, allowed)."""

    said: Mapping[str, tuple[int, bool]] = field(default_factory=dict)

    def allows(self, purpose: Purpose, *, ask_first: bool) -> bool:
        """Tell whether a purpose is allowed; without a word from the person the brokerage's default holds."""
        latest = self.said.get(purpose)
        return latest[1] if latest else not ask_first


def evolve(consents: Consents, fact: ConsentGiven | ConsentWithdrawn) -> Consents:
    """Take one more word into account: the latest holds, and at the same moment a withdrawal wins."""
    word = (millis(fact.occurred_at), isinstance(fact, ConsentGiven))
    before = consents.said.get(fact.purpose)
    if before is not None and (before[0], not before[1]) >= (word[0], not word[1]):
        return consents
    return Consents({**consents.said, fact.purpose: word})
