"""A person as an investor: what they looked at, saved and let show, with what is known of the homes."""

from typing import Any

from domain.brokerage.rulebook import House
from domain.investors import investor
from domain.investors.interest import Interest, Money
from domain.people.person import Person
from domain.scoring.policy import FactValue
from domain.shared.changed import changed

UNKNOWN = "unknown"


def interest_of(person: Person) -> Interest:
    """Return what a person let show, with the newest budget stated anywhere.

    A signal's, the most that a lead form asks for, or what a conversation's analysis found.
    """
    told = [person.interest.budget] if person.interest.budget else []
    told += [
        Money(one.at_ms, one.event, None, one.price_max_minor, one.currency)
        for one in person.forms.values()
        if one.price_max_minor is not None
    ]
    told += [
        Money(one.found.at_ms, one.found.event, None, one.found.analysis.budget_max_minor, one.found.analysis.currency)
        for one in person.conversations.values()
        if one.found and one.found.analysis.budget_max_minor is not None
    ]
    newest = max(told, key=lambda one: (one.at_ms, one.event), default=None)
    return changed(person.interest, budget=newest)


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
    interest = interest_of(person)
    known = investor.facts_of(interest, person.homes, house, timeline_of(person))
    return known | investor.value_facts(interest, person.homes, house)


def investor_type(person: Person, house: House) -> str:
    """Return what kind of investor this is, in the policy's words."""
    return investor.investor_type(investor.facts_of(person.interest, person.homes, house), house)


def profile_of(person: Person, house: House) -> dict[str, Any]:
    """Return what a broker wants to know of an investor; see `domain.investors.investor.profile_of`."""
    return investor.profile_of(interest_of(person), person.homes, house, timeline_of(person))
