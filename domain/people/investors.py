"""A person as an investor: what they looked at, saved and let show, with what is known of the homes."""

from typing import Any

from domain.brokerage.rulebook import House
from domain.investors import investor
from domain.people.person import Person
from domain.scoring.policy import FactValue

UNKNOWN = "unknown"


def timeline_of(person: Person) -> str | None:
    """Return when they want to buy: the newest word of a signal, a lead form or a conversation's analysis.

    In the words of whichever told it; None where none did.
    """
    stated = person.interest.timeline
    told = [(stated.at_ms, stated.event, stated.word)] if stated else []
    told += [(one.at_ms, one.event, one.timeline) for one in person.forms.values() if one.timeline]
    told += [
        (one.found.at_ms, one.found.event, one.found.analysis.timeline)
        for one in person.conversations.values()
        if one.found and one.found.analysis.timeline not in (None, UNKNOWN)
    ]
    return max(told)[2] if told else None


def facts_of(person: Person, house: House) -> dict[str, FactValue]:
    """Return the named facts that policies speak of, with `investor_value` and its `currency` where it is known."""
    known = investor.facts_of(person.interest, person.homes, house, timeline_of(person))
    return known | investor.value_facts(person.interest, person.homes, house)


def investor_type(person: Person, house: House) -> str:
    """Return what kind of investor this is, in the policy's words."""
    return investor.investor_type(investor.facts_of(person.interest, person.homes, house), house)


def profile_of(person: Person, house: House) -> dict[str, Any]:
    """Return what a broker wants to know of an investor; see `domain.investors.investor.profile_of`."""
    return investor.profile_of(person.interest, person.homes, house, timeline_of(person))
