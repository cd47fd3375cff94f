"""One person, folded from all their touchpoints: what they did on every platform, and what they allow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.appraisals import appraisal
from domain.appraisals.appraisal import Appraisal
from domain.brokerage.rulebook import House
from domain.conversations import conversation
from domain.conversations.conversation import Conversation
from domain.investors import interest
from domain.investors.interest import Interest
from domain.leads import form
from domain.leads.form import LeadForm
from domain.messaging.threads import of_the_customer
from domain.people import consent, contact
from domain.people.consent import Consents
from domain.people.contact import Contact
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.people.hints import STRONG
from domain.properties import homes
from domain.properties.homes import Homes
from domain.rentals import customer
from domain.rentals.customer import Customer
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Recorded, Touchpoint
from domain.tours import session as tour
from domain.tours.events import TourEnded, TourTouchpoint
from domain.tours.session import TourSession
from domain.viewings import viewing
from domain.viewings.viewing import Viewings

Platform = Literal["tours", "conversations", "rentals", "viewings", "saves", "appraisals"]

PLATFORMS: Mapping[str, Platform] = {
    "tours": "tours",
    "conversations": "conversations",
    "messaging": "conversations",
    "rentals": "rentals",
    "viewings": "viewings",
    "appraisals": "appraisals",
}
"""First word of a fact's kind → the platform it was met on; a save counts as one of its own."""
SAVED = "properties.saved.v1"


@dataclass(frozen=True, slots=True)
class Campaign:
    """The campaign words of the last link that was followed, and when (unix ms)."""

    at_ms: int
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Person:
    """A person. Times in unix milliseconds; maps go from the producer's id of a thing to what is known of it."""

    contact: Contact = field(default_factory=Contact)
    consents: Consents = field(default_factory=Consents)
    touchpoints: int = 0
    first_ms: int = 0
    last_ms: int = 0
    platforms: Mapping[str, int] = field(default_factory=dict)  # platform → last touched
    verified: bool = False  # some producer vouches for them: not all came with a browser's public key
    campaign: Campaign | None = None
    homes: Homes = field(default_factory=dict)
    tours: Mapping[str, TourSession] = field(default_factory=dict)
    conversations: Mapping[str, Conversation] = field(default_factory=dict)
    appraisals: Mapping[str, Appraisal] = field(default_factory=dict)
    rentals: Customer = field(default_factory=Customer)
    viewings: Viewings = field(default_factory=Viewings)
    interest: Interest = field(default_factory=Interest)
    forms: Mapping[str, LeadForm] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether the person left an identifier of a human with somebody who vouches for it."""
        return any(kind in self.contact.vouched for kind in STRONG)


def evolve(person: Person, recorded: Recorded, house: House) -> Person:
    """Take one more fact of the person into account."""
    fact = recorded.fact
    if not of_the_customer(fact):
        return person
    if isinstance(fact, Touchpoint):
        person = _seen(person, fact)
    if platform := platform_of(fact.kind):
        at = max(person.platforms.get(platform, 0), millis(fact.occurred_at))
        person = changed(person, platforms={**person.platforms, platform: at})
    match fact:
        case TourTouchpoint() | TourEnded():
            before = person.tours.get(fact.session_id, TourSession())
            session = tour.evolve(before, recorded, house.revision)
            return changed(person, tours={**person.tours, fact.session_id: session})
        case _ if type(fact) in form.HANDLES:
            return changed(person, forms=form.evolve(person.forms, recorded, house))
        case _ if type(fact) in conversation.HANDLES:
            return changed(person, conversations=conversation.evolve(person.conversations, recorded, house))
        case _ if type(fact) in appraisal.HANDLES:
            return changed(person, appraisals=appraisal.evolve(person.appraisals, recorded, house))
        case _ if type(fact) in customer.HANDLES:
            return changed(person, rentals=customer.evolve(person.rentals, recorded, house))
        case _ if type(fact) in viewing.HANDLES:
            return changed(person, viewings=viewing.evolve(person.viewings, recorded, house))
        case _ if type(fact) in interest.HANDLES:
            return changed(person, interest=interest.evolve(person.interest, recorded, house))
        case ConsentGiven() | ConsentWithdrawn():
            return changed(person, consents=consent.evolve(person.consents, fact))
        case _:
            return person


def platform_of(kind: str) -> Platform | None:
    """Return the platform that a fact of this kind was met on, None for one that is on none."""
    return "saves" if kind == SAVED else PLATFORMS.get(kind.partition(".")[0])


def earlier_sessions(person: Person, session_id: str) -> int:
    """Return how many other tours of the same property the person took."""
    home = person.tours[session_id].property_id
    return sum(one.property_id == home for key, one in person.tours.items() if key != session_id) if home else 0


def sessions_before(person: Person, session_id: str) -> int:
    """Return how many tours of the same property the person had begun before this one."""
    own = person.tours[session_id]
    if not own.property_id:
        return 0
    return sum(
        one.property_id == own.property_id and (one.first_ms, key) < (own.first_ms, session_id)
        for key, one in person.tours.items()
    )


def _seen(person: Person, fact: Touchpoint) -> Person:
    at = millis(fact.occurred_at)
    return changed(
        person,
        contact=contact.evolve(person.contact, fact),
        touchpoints=person.touchpoints + 1,
        first_ms=min(person.first_ms, at) if person.first_ms else at,
        last_ms=max(person.last_ms, at),
        verified=person.verified or not fact.unverified,
        campaign=_campaign(person.campaign, fact, at),
        homes=homes.evolve(person.homes, fact),
    )


def _campaign(before: Campaign | None, fact: Touchpoint, at_ms: int) -> Campaign | None:
    words = tuple(sorted((fact.utm.model_dump(exclude_none=True) if fact.utm else {}).items()))
    if not words or (before is not None and (before.at_ms, before.words) >= (at_ms, words)):
        return before
    return Campaign(at_ms, words)
