"""How likely a viewing leads to a deal: its own facts, and what else the person did."""

from dataclasses import dataclass

from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.leads import form
from domain.people.person import Person
from domain.people.scores import Scored, best_of, conversation_scores, form_scores, tour_scores
from domain.scoring.policy import FactValue, Score, label, score
from domain.viewings import viewing
from domain.viewings.viewing import HOUR_MS, Viewing, earlier_viewings

LEAST_QUALITY = 1
"""Lead quality is told from 1 to 10."""
Evidence = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A viewing as its policy sees it: the probability of a deal (percent) as a score, and what follows from it.

    `once_completed` is the probability that holds when the person has come; `quality` the lead's, 1 to 10.
    """

    score: Score
    once_completed: int
    quality: int
    timeline: str
    facts: dict[str, FactValue]


def judge(person: Person, viewing_id: str, house: House) -> Judged:
    """Score one of the person's viewings by the policy that held when it was booked."""
    own = person.viewings.booked[viewing_id]
    policy = house.policy_of(own.revision)
    facts, evidence = _facts(person, own, house)
    scored = score(policy, "viewings", facts, evidence)
    known: dict[str, FactValue] = {"conversion_probability": scored.score}
    return Judged(
        score=scored,
        once_completed=score(policy, "completed_viewings", known).score,
        quality=max(LEAST_QUALITY, score(policy, "viewing_leads", known).score),
        timeline=label(policy, "viewing_timeline", known),
        facts=facts,
    )


def viewing_scores(person: Person, house: House) -> list[Scored]:
    """Return the score of every viewing that was booked."""
    return [
        Scored("viewings", key, one.booked.at_ms, judge(person, key, house).score)
        for key, one in person.viewings.booked.items()
        if one.booked is not None
    ]


def conversion_probability(person: Person, house: House) -> int | None:
    """Return the chance in percent that a person buys: the highest that a viewing or a lead form of theirs tells.

    None where neither tells anything.
    """
    judged = [
        (found.once_completed if one.status == "completed" else found.score.score)
        for key, one in person.viewings.booked.items()
        if one.booked is not None and (found := judge(person, key, house))
    ]
    asked = [form.conversion_probability(one.score) for one in form_scores(person, house)]
    return max((*judged, *asked), default=None)


def _facts(person: Person, own: Viewing, house: House) -> tuple[dict[str, FactValue], Evidence]:
    """Return the named facts of a viewing, and the log entries behind each."""
    facts, evidence = viewing.facts_of(own, house), viewing.evidence_of(own)
    earlier = earlier_viewings(person.viewings, own.viewing_id)
    facts["repeat_viewing"] = bool(earlier)
    evidence["repeat_viewing"] = tuple(one.booked.event for one in earlier if one.booked)
    hot = _hot_tours(person, own.property_id, house)
    facts["hot_tour"], evidence["hot_tour"] = bool(hot), _reasons(hot)
    talk = best_of(conversation_scores(person, house))
    facts["conversation_score"] = talk.score.score if talk else None
    evidence["conversation_score"] = _reasons([talk] if talk else [])
    evidence["asked_financing"] = financing_evidence(person)
    facts["asked_financing"] = bool(evidence["asked_financing"])
    since = person.first_ms or None  # first interest: the person's first touchpoint of any kind
    facts["interest_hours"] = (own.booked.at_ms - since) / HOUR_MS if own.booked and since else None
    evidence["interest_hours"] = evidence["party_size"]
    return facts, evidence


def _hot_tours(person: Person, home: str, house: House) -> list[Scored]:
    return [
        one
        for one in tour_scores(person, house)
        if person.tours[one.key].property_id == home and one.score.quality == "hot"
    ]


def financing_evidence(person: Person) -> tuple[str, ...]:
    """Return the log entries by which the person asked about financing, in any conversation."""
    asked = [conversation.evidence_of(one)["asked_financing"] for _, one in sorted(person.conversations.items())]
    return tuple(dict.fromkeys(event for events in asked for event in events))


def _reasons(scored: list[Scored]) -> tuple[str, ...]:
    """Return the log entries that these scores were given for."""
    return tuple(dict.fromkeys(event for one in scored for reason in one.score.reasons for event in reason.events))
