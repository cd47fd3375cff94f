"""Every person with their best score, its reasons, and what they allow."""

from typing import Any

from domain.brokerage.rulebook import House
from domain.leads.events import LeadFormSubmitted
from domain.people import profile
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.people.profile import Profile
from domain.properties.events import PropertySaved
from domain.shared.clock import moment
from domain.shared.fact import Recorded
from projections.projection import Column, Projection
from projections.tour_sessions import TOUR_SESSIONS

# fmt: off
COLUMNS = (
    Column("known", "bool"),             Column("hint_kinds", "jsonb"),      Column("touchpoints", "int4"),
    Column("first_at", "timestamptz"),   Column("last_at", "timestamptz"),   Column("score", "int4"),
    Column("quality", "text"),           Column("policy", "text"),           Column("reasons", "jsonb"),
    Column("tours", "int4"),             Column("forms", "int4"),            Column("saved", "jsonb"),
    Column("consents", "jsonb"),
)
# fmt: on


def _evolve(person: Profile, recorded: Recorded, house: House, _key: str) -> Profile:
    return profile.evolve(person, recorded, house)


def _row(person: Profile, house: House) -> tuple[Any, ...]:
    best = person.best
    return (
        person.known, sorted(person.contact.kinds), person.touchpoints,
        moment(person.first_ms), moment(person.last_ms), best.score if best else 0,
        best.quality if best else "cold", best.policy if best else house.policy.label,
        [reason.model_dump(mode="json") for reason in best.reasons] if best else [],
        len(person.tours), len(person.form_scores), sorted(person.saved),
        {purpose: allowed for purpose, (_, allowed) in sorted(person.consents.said.items())},
    )  # fmt: skip


PEOPLE: Projection[Profile] = Projection(
    name="people",
    version=1,
    handles=(*TOUR_SESSIONS.handles, PropertySaved, LeadFormSubmitted, ConsentGiven, ConsentWithdrawn),
    key="person",
    initial=Profile(),
    columns=COLUMNS,
    row=_row,
    evolve=_evolve,
)
