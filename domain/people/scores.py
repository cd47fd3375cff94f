"""What a person's touchpoints score: each thing for itself, and all of them together."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.appraisals import appraisal
from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.leads import form
from domain.people import saves
from domain.people.person import Person
from domain.rentals import customer
from domain.scoring.policy import FactValue, Score
from domain.tours import session as tour

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of one thing: which platform, which id, and when it was last touched (unix ms)."""

    about: str
    key: str
    last_ms: int
    score: Score


def scores_of(person: Person, house: House) -> list[Scored]:
    """Return the score of every tour, conversation, form, appraisal and save of a person."""
    return [
        *tour_scores(person, house), *conversation_scores(person, house), *form_scores(person, house),
        *appraisal_scores(person, house), *save_scores(person, house),
    ]  # fmt: skip


def tour_scores(person: Person, house: House) -> Iterable[Scored]:
    """Return the score of every tour."""
    return [Scored("tours", key, one.last_ms, tour.score_of(one, house)) for key, one in person.tours.items()]


def conversation_scores(person: Person, house: House) -> Iterable[Scored]:
    """Return the score of every conversation that has one."""
    return [
        Scored("conversations", key, one.last_ms, scored)
        for key, one in person.conversations.items()
        if (scored := conversation.score_of(one, house)) is not None
    ]


def form_scores(person: Person, house: House) -> Iterable[Scored]:
    """Return the score of every lead form."""
    return [Scored("lead_forms", key, one.at_ms, form.score_of(one, house)) for key, one in person.forms.items()]


def appraisal_scores(person: Person, house: House) -> Iterable[Scored]:
    """Return how likely the owner lists each home that was appraised."""
    return [
        Scored("appraisals", key, one.last_ms, scored)
        for key, one in person.appraisals.items()
        if (scored := appraisal.score_of(one, house)) is not None
    ]


def save_scores(person: Person, house: House) -> Iterable[Scored]:
    """Return the score of every property saved."""
    saved = person.interest.saved
    return [Scored("saves", home, one.at_ms, saves.score_of(person, home, house)) for home, one in saved.items()]


def best_of(scores: Iterable[Scored]) -> Scored | None:
    """Return the highest score; among equals the name decides, so that order of arrival does not."""
    return max(scores, key=lambda one: (one.score.score, one.key), default=None)


def intent(person: Person, house: House, at_ms: int) -> float | None:
    """Return the intent 0–10 at a moment: the best scores of the policy's window, weighted; None before any.

    Only what is over counts: a tour closed, a conversation analysed. A platform without a score in the window drops
    out and the others share its weight; one alone is capped.
    """
    rules = house.policy.intent
    since = at_ms - rules.window_days * DAY_MS
    scored = {
        "tours": [one for one in tour_scores(person, house) if person.tours[one.key].closed_by],
        "conversations": [one for one in conversation_scores(person, house) if person.conversations[one.key].closed_by],
    }
    best: dict[str, float | None] = {
        name: max((one.score.score for one in scores if since < one.last_ms), default=None)
        for name, scores in scored.items()
    }
    touched = person.platforms.get("rentals", 0) > since
    best["rentals"] = customer.rental_score(person.rentals, house, len(person.platforms), at_ms) if touched else None
    known = {name: value for name, value in best.items() if value is not None and rules.weights.get(name)}
    weight = sum(rules.weights[name] for name in known)
    if not weight:
        return None
    found = sum(rules.weights[name] * value for name, value in known.items()) / weight / 10
    return round(min(found, rules.alone_at_most) if len(known) == 1 else found, 4)


def person_facts(before: Person, after: Person, house: House, at_ms: int) -> dict[str, FactValue]:
    """Return what the multipliers and every conversion ask of a person: platforms, intent, predicted value.

    Platforms count the fact itself. Intent is what was known before it: a hot tour must not multiply its own value.
    """
    platforms = len(after.platforms)
    return {
        "platforms": platforms,
        "intent": intent(before, house, at_ms),
        "predicted_ltv": customer.predicted_ltv(after.rentals, house, platforms, at_ms),
    }
