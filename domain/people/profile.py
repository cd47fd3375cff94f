"""One person, folded from all their touchpoints: what they did, what it scored, what they allow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.brokerage.rulebook import House
from domain.leads import form
from domain.leads.events import LeadFormSubmitted
from domain.people import consent, contact
from domain.people.consent import Consents
from domain.people.contact import Contact
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.people.hints import STRONG
from domain.properties.events import PropertySaved
from domain.scoring.policy import FactValue, Score
from domain.shared.clock import millis
from domain.shared.fact import Recorded, Touchpoint
from domain.tours import session as tour
from domain.tours.events import TourEnded, TourTouchpoint
from domain.tours.session import TourSession


@dataclass(frozen=True, slots=True)
class Profile:
    """A person. Times in unix milliseconds; `tours` and `forms` map session or log entry to what it scored."""

    contact: Contact = field(default_factory=Contact)
    consents: Consents = field(default_factory=Consents)
    touchpoints: int = 0
    first_ms: int = 0
    last_ms: int = 0
    tours: Mapping[str, TourSession] = field(default_factory=dict)
    tour_scores: Mapping[str, Score] = field(default_factory=dict)
    form_scores: Mapping[str, Score] = field(default_factory=dict)
    saved: frozenset[str] = frozenset()

    @property
    def known(self) -> bool:
        """Whether the person left an identifier of a human, not only of a browser."""
        return any(kind in self.contact.newest for kind in STRONG)

    @property
    def best(self) -> Score | None:
        """The highest of the scores; the person's quality and reasons are its. Among equals the name decides."""
        scores = (*self.tour_scores.items(), *self.form_scores.items())
        return max(((one.score, name, one) for name, one in scores), default=(0, "", None), key=lambda of: of[:2])[2]


def evolve(profile: Profile, recorded: Recorded, house: House) -> Profile:
    """Take one more fact of the person into account."""
    fact = recorded.fact
    if isinstance(fact, Touchpoint):
        profile = _seen(profile, fact)
    match fact:
        case TourTouchpoint() | TourEnded():
            session = tour.evolve(profile.tours.get(fact.session_id, TourSession()), recorded, house.revision)
            scored = tour.score_of(session, house)
            return replace(
                profile,
                tours={**profile.tours, fact.session_id: session},
                tour_scores={**profile.tour_scores, fact.session_id: scored},
            )
        case LeadFormSubmitted():
            scored = form.score_of(fact, str(recorded.stream_id), house.policy)
            return replace(profile, form_scores={**profile.form_scores, str(recorded.stream_id): scored})
        case PropertySaved():
            return replace(profile, saved=profile.saved | {fact.property_id})
        case ConsentGiven() | ConsentWithdrawn():
            return replace(profile, consents=consent.evolve(profile.consents, fact))
        case _:
            return profile


def tour_signals(profile: Profile, session_id: str) -> dict[str, FactValue]:
    """Return what else a tour tells, from it and from the person's other touchpoints; none of it earns points."""
    session = profile.tours[session_id]
    facts = tour.facts_of(session)
    return {
        "actions_per_minute": facts["actions_per_minute"],
        "interaction_burst": facts["interaction_burst"],
        "more_than_half": facts["more_than_half"],
        "return_session": any(
            other.property_id == session.property_id and other.first_ms < session.first_ms
            for other in profile.tours.values()
        ),
        "saved_the_property": session.property_id in profile.saved,
        "shared_the_tour": bool(facts.get("shared_tour")),
    }


def _seen(profile: Profile, fact: Touchpoint) -> Profile:
    at = millis(fact.occurred_at)
    return replace(
        profile,
        contact=contact.evolve(profile.contact, fact),
        touchpoints=profile.touchpoints + 1,
        first_ms=min(profile.first_ms, at) if profile.first_ms else at,
        last_ms=max(profile.last_ms, at),
    )
