"""A trigger of the policy with everything its rows may ask about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.brokerage.rulebook import House
from domain.people.person import Person
from domain.scoring.policy import FactValue, OncePer, Trigger
from domain.shared.fact import Channel, Origin, Recorded, Touchpoint


class Moment(NamedTuple):
    """One fact of a person: who they were before it, who they are after it, and the rules that hold."""

    before: Person
    after: Person
    recorded: Recorded
    house: House


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a policy's row may be about: a trigger, the named facts, and the ids a slot may be filled once for.

    `ids` maps kinds of `OncePer` to ids; person, person and property, and touchpoint are known without. `home` is the
    property it is about. `unverified`: all that speaks for it came from a browser with a public key.
    """

    trigger: Trigger
    facts: Mapping[str, FactValue]
    ids: Mapping[OncePer, str] = field(default_factory=dict)
    home: str | None = None
    origin: Origin = "website"
    channel: Channel | None = None
    test: bool = False
    unverified: bool = False
    milestone: str | None = None


def occasion(
    trigger: Trigger, fact: Touchpoint, facts: Mapping[str, FactValue], ids: Mapping[OncePer, str] | None = None,
    home: str | None = None, milestone: str | None = None,
) -> Occasion:  # fmt: skip
    """Return the occasion of a touchpoint, with where it happened as the touchpoint says."""
    return Occasion(
        trigger, facts, ids or {}, home, fact.origin, fact.channel, fact.test, bool(fact.unverified), milestone
    )  # fmt: skip
