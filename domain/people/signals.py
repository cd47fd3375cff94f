"""What is shown beside a person's scores, and what the table of next actions asks; none of it earns points."""

from domain.appraisals import appraisal
from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.people.person import Person, sessions_before
from domain.people.scores import DAY_MS
from domain.people.standing import every_score
from domain.scoring.policy import FactValue
from domain.tours import session as tour
from domain.viewings import viewing


def tour_signals(person: Person, session_id: str) -> dict[str, FactValue]:
    """Return what else a tour tells, from it and from the person's other touchpoints."""
    session = person.tours[session_id]
    facts = tour.facts_of(session)
    return {
        "actions_per_minute": facts["actions_per_minute"],
        "interaction_burst": facts["interaction_burst"],
        "more_than_half": facts["more_than_half"],
        "return_session": sessions_before(person, session_id) > 0,
        "saved_the_property": session.property_id in person.interest.saved,
        "shared_the_tour": bool(facts["shares"]) or "shared_tour" in session.milestones,
        "asked_for_a_viewing": _viewing_asked(person, session.property_id),
        "asked_the_assistant": _talked_about(person, session.property_id),
    }


def action_facts(person: Person, house: House, at_ms: int) -> dict[str, FactValue]:
    """Return the named facts that the table of next actions asks, at a moment (unix ms).

    `viewing_wanted`, `outcome_missing`, `hot_tour`, `contacted` (anybody spoke with them, or met them), `was_hot`:
    yes or no; `price_asked` counts; `seller_likelihood` 0–100; `silent_days` since the last touchpoint.
    """
    hot = {one.about for one in every_score(person, house) if one.score.quality == "hot"}
    asked = [conversation.facts_of(one, house)["price_asked"] for one in person.conversations.values()]
    return {
        "viewing_wanted": viewing.wanted(person.viewings) or _wanted_in_talks(person),
        "outcome_missing": viewing.outcome_missing(person.viewings),
        "seller_likelihood": appraisal.best_likelihood(person.appraisals, house),
        "hot_tour": "tours" in hot,
        "contacted": bool(person.conversations) or viewing.count(person.viewings) > 0,
        "price_asked": sum(count for count in asked if isinstance(count, int)),
        "was_hot": bool(hot),
        "silent_days": (at_ms - person.last_ms) // DAY_MS,
    }


def _viewing_asked(person: Person, home: str) -> bool:
    return viewing.asked_for(person.viewings, home) or any(
        home and one.property_id == home and conversation.asked_for_viewing(one)
        for one in person.conversations.values()
    )


def _wanted_in_talks(person: Person) -> bool:
    """Tell whether the person asked for a viewing in a conversation, and none was booked since that one began.

    A conversation about a property asks for a viewing of it; any will do where nobody knows what it was about.
    """
    return any(
        conversation.asked_for_viewing(one)
        and not viewing.booked_since(person.viewings, one.first_ms, one.property_id or None)
        for one in person.conversations.values()
    )


def _talked_about(person: Person, home: str) -> bool:
    return any(home and one.property_id == home for one in person.conversations.values())
