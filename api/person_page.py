"""A person as the API shows them: every score with its reasons, what they are worth, and what to do next."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from adapters.postgres.keyring import KeyRing
from api import show
from api.errors import unavailable
from domain.appraisals import appraisal
from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.leads import form
from domain.people import investors
from domain.people.contact import Held
from domain.people.person import Person, sessions_before
from domain.people.scores import Scored, conversation_scores, person_facts, scores_of
from domain.people.signals import action_facts, tour_signals
from domain.people.viewing_scores import judge, viewing_scores
from domain.rentals import profile
from domain.rentals.customer import NOBODY
from domain.scoring.policy import FactValue, Policy, multiplier, next_action
from domain.shared.clock import moment
from domain.tours.session import facts_of, milestones_of

PERSON: TypeAdapter[Person] = TypeAdapter(Person)
REACHED_BY = ("name", "first_name", "last_name", "phone", "email")
"""What a list tells of how somebody is called and reached; all that is known stands on their own page."""


def read_person(state: bytes) -> Person:
    """Return the folded state of a row of the read model. Raises Refusal 503 while it is built for this release."""
    try:
        return PERSON.validate_json(state)
    except ValidationError:
        raise unavailable("the read model of people is being built for this release") from None


def listed(rows: Iterable[Mapping[str, Any]], keyring: KeyRing) -> list[dict[str, Any]]:
    """Return people as a list shows them: how to reach them in place of the folded state."""
    people, owners, held = [], [], []
    for row in rows:
        people.append({**{name: value for name, value in row.items() if name != "state"}, "contact": {}})
        newest = from_json(row["state"]).get("contact", {}).get("newest", {})
        for kind in (one for one in REACHED_BY if one in newest):
            owners.append((len(people) - 1, kind))
            held.append(Held(**newest[kind]))
    for (place, kind), value in zip(owners, keyring.open_all([one.sealed for one in held]), strict=True):
        people[place]["contact"][kind] = show.hint(kind, value)
    return people


def page(person: Person, house: House, now_ms: int) -> dict[str, Any]:
    """Return what is known of a person at a moment (unix ms); scores, intent 0–10, multipliers, the next action."""
    scored, known = scores_of(person, house), person_facts(person, person, house, now_ms)
    return {
        "platforms": [{"platform": name, "last_at": moment(at)} for name, at in sorted(person.platforms.items())],
        "intent": known["intent"],
        "predicted_ltv": known["predicted_ltv"],
        "multiplier": multiplier(house.policy, known),
        "multipliers": _multipliers(known, house.policy),
        "next_action": advice(person, house, now_ms),
        "tours": [_tour(person, one, house) for one in scored if one.about == "tours"],
        "conversations": [_conversation(person, one, house) for one in conversation_scores(person, house)],
        "lead_forms": [_lead_form(person, one, house) for one in scored if one.about == "lead_forms"],
        "viewings": [_viewing(person, one, house) for one in viewing_scores(person, house)],
        "saves": [{"property_id": one.key, **one.score.model_dump()} for one in scored if one.about == "saves"],
        "appraisals": [appraisal.shown(one, house) for one in person.appraisals.values()],
        "seller_likelihood": appraisal.best_likelihood(person.appraisals, house),
        "rentals": _rentals(person, house, now_ms),
        "investor": investors.profile_of(person, house),
    }


def _rentals(person: Person, house: House, now_ms: int) -> dict[str, Any] | None:
    """Return a person as a rental customer, None for one who had nothing to do with rentals."""
    if person.rentals == NOBODY:
        return None
    return profile.profile_of(person.rentals, house, len(person.platforms), now_ms)


def advice(person: Person, house: House, now_ms: int) -> dict[str, str] | None:
    """Return what an agent should `do` next for a person at a moment (unix ms), and `why`; None where no row says."""
    action = next_action(house.policy, action_facts(person, house, now_ms))
    return action.model_dump(include={"do", "why"}) if action else None


def highest_sent(conversions: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the highest value that Meta accepted of a person, with its currency and conversion; None before any."""
    sent = [one for one in conversions if one["outcome"] == "accepted" and one["value"] is not None]
    best = max(sent, key=lambda one: (one["value"], str(one["id"])), default=None)
    return {"value": best["value"], "currency": best["currency"], "conversion_id": best["id"]} if best else None


def scored_events(scores: Iterable[Scored]) -> Mapping[str, list[dict[str, Any]]]:
    """Return, by log entry, the rules that counted it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in scores:
        for reason in one.score.reasons:
            rule = {"of": one.key, "about": one.about, "rule": reason.rule, "points": reason.points, "why": reason.why}
            for event in reason.events:
                found.setdefault(event, []).append({**rule, "policy": one.score.policy})
    return found


def _multipliers(facts: Mapping[str, FactValue], policy: Policy) -> list[dict[str, Any]]:
    firsts = (next((row for row in table if row.holds(facts)), None) for table in policy.multipliers.tables)
    return [
        {"fact": row.fact, "value": facts[row.fact], "times": row.times, "why": row.why} for row in firsts if row
    ]  # fmt: skip


def _conversation(person: Person, scored: Scored, house: House) -> dict[str, Any]:
    state = person.conversations[scored.key]
    running = conversation.lead_score_of(state, house)
    return {
        "session_id": scored.key, "conversation_kind": state.conversation_kind,
        "property_id": state.property_id or None, "channel": state.channel,
        "status": conversation.status_of(state), "closed_by": state.closed_by, "late": state.late,
        "topics": conversation.topics_of(state),
        "qualification": conversation.qualification(state, scored.score),
        "milestones": conversation.milestones_of(state, house), "rating": state.rating,
        "analysed_by": state.found.event if state.found else None,
        "analysis": state.found.analysis.model_dump(exclude_defaults=True) if state.found else None,
        "specialist": state.specialist or (state.found.analysis.specialist if state.found else None),
        "lead_score": running.model_dump() if running else None, **scored.score.model_dump(),
    }  # fmt: skip


def _viewing(person: Person, scored: Scored, house: House) -> dict[str, Any]:
    own, judged = person.viewings.booked[scored.key], judge(person, scored.key, house)
    return {
        "viewing_id": scored.key, "property_id": own.property_id, "broker_id": own.broker_id, "status": own.status,
        "starts_at": moment(own.starts_ms), "conversion_probability": judged.score.score, "timeline": judged.timeline,
        "lead_quality": judged.quality, "reasons": [one.model_dump() for one in judged.score.reasons],
        "policy": judged.score.policy,
    }  # fmt: skip


def _lead_form(person: Person, scored: Scored, house: House) -> dict[str, Any]:
    return {
        "event_id": scored.key, "conversion_probability": form.conversion_probability(scored.score),
        "estimated_value": form.facts_of(person.forms[scored.key], house)["estimated_value"],
        **scored.score.model_dump(),
    }  # fmt: skip


def _tour(person: Person, scored: Scored, house: House) -> dict[str, Any]:
    session = person.tours[scored.key]
    facts = facts_of(session, sessions_before(person, scored.key))
    shown = ("total_time_s", "rooms_available", "completion_rate", "actions")
    return {
        "session_id": scored.key, "property_id": session.property_id or None, "tour_kind": session.tour_kind,
        "started_at": moment(session.first_ms), "last_at": moment(session.last_ms), "finished": session.finished,
        "rooms": {room: {"visits": visits, "dwell_s": ms / 1000} for room, (visits, ms) in session.rooms.items()},
        **{name: facts[name] for name in shown}, "closed_by": session.closed_by, "late": session.late,
        "milestones": milestones_of(session, house, facts),
        "signals": tour_signals(person, scored.key), **scored.score.model_dump(),
    }  # fmt: skip
