"""Every person with their best score, its reasons, and what they allow."""

from typing import Any

from domain.ads.occasions import OF
from domain.appraisals import appraisal
from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.investors import interest
from domain.leads import form
from domain.messaging.events import FROM_CUSTOMERS
from domain.people import investors
from domain.people import person as people
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.people.person import Person
from domain.people.scores import best_of, person_facts
from domain.people.standing import every_score
from domain.rentals import customer
from domain.scoring.policy import multiplier
from domain.shared.clock import moment
from domain.shared.fact import Fact, Recorded
from domain.viewings import viewing
from projections.projection import Column, Projection
from projections.tour_sessions import TOUR_SESSIONS

FOLDED: frozenset[type[Fact]] = frozenset({
    *TOUR_SESSIONS.handles, *form.HANDLES, *conversation.HANDLES, *appraisal.HANDLES, *customer.HANDLES,
    *viewing.HANDLES, *interest.HANDLES, *OF, *FROM_CUSTOMERS, ConsentGiven, ConsentWithdrawn,
})  # fmt: skip
HANDLES: tuple[type[Fact], ...] = tuple(sorted(FOLDED, key=lambda fact: str(fact.model_fields["kind"].default)))
"""Everything that is folded into a person, and everything that may cause a conversion."""

# fmt: off
COLUMNS = (
    Column("known", "bool"),             Column("hint_kinds", "jsonb"),      Column("touchpoints", "int4"),
    Column("first_at", "timestamptz"),   Column("last_at", "timestamptz"),   Column("score", "int4"),
    Column("quality", "text"),           Column("policy", "text"),           Column("reasons", "jsonb"),
    Column("best", "text"),              Column("intent", "float8"),         Column("multiplier", "float8"),
    Column("platforms", "jsonb"),        Column("tours", "int4"),            Column("forms", "int4"),
    Column("conversations", "int4"),     Column("appraisals", "int4"),       Column("viewings", "int4"),
    Column("bookings", "int4"),          Column("saved", "jsonb"),           Column("segment", "text"),
    Column("predicted_ltv", "float8"),   Column("investor_type", "text"),    Column("seller_likelihood", "int4"),
    Column("verified", "bool"),          Column("consents", "jsonb"),
)
# fmt: on


def _evolve(person: Person, recorded: Recorded, house: House, _key: str) -> Person:
    return people.evolve(person, recorded, house)


def _row(person: Person, house: House) -> tuple[Any, ...]:
    best, at = best_of(every_score(person, house)), person.last_ms
    score = best.score if best else None
    known = person_facts(person, person, house, at)
    return (
        person.known, sorted(person.contact.kinds), person.touchpoints,
        moment(person.first_ms), moment(at), score.score if score else 0,
        score.quality if score else "cold", score.policy if score else house.policy.label,
        [reason.model_dump(mode="json") for reason in score.reasons] if score else [],
        best.about if best else None, known["intent"], multiplier(house.policy, known),
        sorted(person.platforms), len(person.tours), len(person.forms),
        len(person.conversations), len(person.appraisals), viewing.count(person.viewings),
        customer.bookings(person.rentals), sorted(person.interest.saved), customer.segment(person.rentals, house),
        known["predicted_ltv"],
        investors.investor_type(person, house), appraisal.best_likelihood(person.appraisals, house),
        person.verified, {purpose: allowed for purpose, (_, allowed) in sorted(person.consents.said.items())},
    )  # fmt: skip


PEOPLE: Projection[Person] = Projection(
    name="people",
    version=2,
    handles=HANDLES,
    key="person",
    initial=Person(),
    columns=COLUMNS,
    row=_row,
    evolve=_evolve,
)
