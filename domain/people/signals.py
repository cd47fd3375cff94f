"""What is shown beside a person's scores, and what the table of next actions asks; none of it earns points."""

from domain.appraisals import appraisal
from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.people.person import Person, earlier_sessions
from domain.people.scores import DAY_MS, tour_scores
from domain.people.standing import every_score
from domain.scoring.policy import FactValue
from domain.tours import session as tour
from domain.viewings import viewing


def tour_signals(person: Person, session_id: str) -> dict[str, FactValue]:
    """Return what else a tour tells, from it and from the person's other touchpoints."""
    session = person.tours[session_id]
    facts = tour.facts_of(session, earlier_sessions(person, session_id))
    return {
        "actions_per_minute": facts["actions_per_minute"],
        "interaction_burst": facts["interaction_burst"],
        "more_than_half": facts["more_than_half"],
        "return_session": any(
            other.property_id == session.property_id and other.first_ms < session.first_ms
            for other in person.tours.values()
        ),
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
    tours, all_scores = tour_scores(person, house), every_score(person, house)
    asked = [conversation.facts_of(one, house)["price_asked"] for one in person.conversations.values()]
    return {
        "viewing_wanted": viewing.wanted(person.viewings),
        "outcome_missing": viewing.outcome_missing(person.viewings),
        "seller_likelihood": appraisal.best_likelihood(person.appraisals, house),
        "hot_tour": any(one.score.quality == "hot" for one in tours),
        "contacted": bool(person.conversations) or viewing.count(person.viewings) > 0,
        "price_asked": sum(count for count in asked if isinstance(count, int)),
        "was_hot": any(one.score.quality == "hot" for one in all_scores),
        "silent_days": (at_ms - person.last_ms) // DAY_MS,
    }


def _viewing_asked(person: Person, home: str) -> bool:
    return viewing.asked_for(person.viewings, home)


def _talked_about(person: Person, home: str) -> bool:
    return any(home and one.property_id == home for one in person.conversations.values())
