"""Which conversions a fact causes: the policy's rows, applied to what is known of the person."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID, uuid5

from domain.brokerage.rulebook import House
from domain.leads import form
from domain.leads.events import LeadFormSubmitted
from domain.people import consent, contact
from domain.people.consent import Consents
from domain.people.contact import Contact
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.properties.events import PropertySaved
from domain.scoring.policy import ConversionRow, FactValue, Trigger, first_rows
from domain.shared.clock import millis
from domain.shared.fact import BrowserEvent, Origin, Recorded, Touchpoint
from domain.tours import session as tour
from domain.tours.events import TourEnded, TourTouchpoint
from domain.tours.session import TourSession

CONVERSIONS = UUID("6f0c3c52-5b0e-5a86-9d3e-2a4d0c6a7b11")
"""Namespace of conversion ids."""

TOO_OLD_S = 7 * 86_400
"""Meta refuses web events older than this, in seconds."""

Withheld = Literal["no_consent", "no_match_key", "too_old", "before_policy", "test_traffic", "no_dataset"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """One thing to tell one dataset, decided once; `event_id` and `at_ms` are the same on every attempt."""

    id: UUID
    brokerage_id: UUID
    dataset_id: str
    slot: str
    subject: str  # what the slot is filled once for
    person_id: UUID
    subject_id: UUID
    event_name: str
    event_id: str
    at_ms: int
    action_source: str
    value: float | None
    currency: str
    region: str  # the brokerage's, for phone numbers without a country code
    category: str
    custom: Mapping[str, FactValue]
    cause_id: UUID
    correlation_id: UUID | None
    position: int
    policy: str
    why: str
    withheld: Withheld | None
    contact: Contact


@dataclass(frozen=True, slots=True)
class Memory:
    """What deciding needs to remember of a person. Closed sessions leave only their ids behind."""

    contact: Contact = field(default_factory=Contact)
    consents: Consents = field(default_factory=Consents)
    open_tours: Mapping[str, TourSession] = field(default_factory=dict)
    closed_tours: frozenset[str] = frozenset()
    first_tour_of: Mapping[str, str] = field(default_factory=dict)  # property → its first session
    filled: frozenset[str] = frozenset()  # slots of open sessions, and of person and property


@dataclass(frozen=True, slots=True)
class Occasion:
    """A trigger of the policy with everything its rows may ask about."""

    trigger: Trigger
    facts: Mapping[str, FactValue]
    session_id: str | None = None
    property_id: str | None = None
    origin: Origin = "website"
    test: bool = False


def decide(memory: Memory, recorded: Recorded, house: House, person_id: UUID) -> tuple[Memory, list[Conversion]]:
    """Return what is remembered after this fact, and the conversions it causes, withheld ones included."""
    fact = recorded.fact
    if isinstance(fact, ConsentGiven | ConsentWithdrawn):
        memory = replace(memory, consents=consent.evolve(memory.consents, fact))
    if isinstance(fact, Touchpoint):
        memory = replace(memory, contact=contact.evolve(memory.contact, fact))
    match fact:
        case TourTouchpoint() | TourEnded():
            return _tour(memory, recorded, fact, house, person_id)
        case LeadFormSubmitted():
            return _fill(memory, recorded, house, person_id, [_lead_occasion(fact, recorded, house)])
        case PropertySaved():
            return _fill(memory, recorded, house, person_id, [_save_occasion(fact)])
        case _:
            return memory, []


def _tour(
    memory: Memory, recorded: Recorded, fact: TourTouchpoint | TourEnded, house: House, person_id: UUID
) -> tuple[Memory, list[Conversion]]:
    if fact.session_id in memory.closed_tours:
        return memory, []  # a late touchpoint: it re-scores the session, nothing is sent again
    before = memory.open_tours.get(fact.session_id, TourSession())
    after = tour.evolve(before, recorded, house.revision)
    first = dict(memory.first_tour_of)
    if after.property_id:
        first.setdefault(after.property_id, fact.session_id)
    memory = replace(memory, open_tours={**memory.open_tours, fact.session_id: after}, first_tour_of=first)
    again = first.get(after.property_id, fact.session_id) != fact.session_id
    memory, conversions = _fill(memory, recorded, house, person_id, _tour_occasions(after, house, again))
    return (_close(memory, fact.session_id) if after.closed_by else memory), conversions


def _tour_occasions(session: TourSession, house: House, again: bool) -> list[Occasion]:
    facts = dict(tour.facts_of(session))
    if again:
        facts["multiple_visits"] = True
    progress = Occasion(
        "tour_progress", facts, session.session_id, session.property_id, session.origin, session.test
    )  # fmt: skip
    if not session.closed_by:
        return [progress]
    scored = tour.score_of(session, house)
    outcome = {**facts, "quality": scored.quality, "engagement_score": scored.score}
    return [progress, replace(progress, trigger="tour_closed", facts=outcome)]


def _lead_occasion(fact: LeadFormSubmitted, recorded: Recorded, house: House) -> Occasion:
    scored = form.score_of(fact, str(recorded.stream_id), house.policy)
    facts = {
        **form.facts_of(fact),
        "form_score": scored.score,
        "quality": scored.quality,
        "conversion_probability": form.conversion_probability(scored),
    }
    return Occasion("lead_form", facts, property_id=fact.property_id, origin=fact.origin, test=fact.test)


def _save_occasion(fact: PropertySaved) -> Occasion:
    facts: dict[str, FactValue] = {"saved_from": fact.saved_from}
    return Occasion("property_saved", facts, property_id=fact.property_id, origin=fact.origin, test=fact.test)


def _close(memory: Memory, session_id: str) -> Memory:
    mark = f"|session|{session_id}"
    return replace(
        memory,
        open_tours={key: one for key, one in memory.open_tours.items() if key != session_id},
        closed_tours=memory.closed_tours | {session_id},
        filled=frozenset(slot for slot in memory.filled if not slot.endswith(mark)),
    )


def _fill(
    memory: Memory, recorded: Recorded, house: House, person_id: UUID, occasions: list[Occasion]
) -> tuple[Memory, list[Conversion]]:
    """Fill every slot that this fact's occasions reach and nothing filled before.

    The browser's event id goes to the first conversion of the browser's event name: two with one id would be one
    to Meta.
    """
    conversions: list[Conversion] = []
    browser = recorded.fact.browser_event if isinstance(recorded.fact, Touchpoint) else None
    for occasion in occasions:
        for row in first_rows(house.policy, occasion.trigger, occasion.facts):
            subject = _once_per(row, occasion, recorded, person_id)
            slot = f"{row.slot}|{subject}"
            if slot not in memory.filled:
                memory = replace(memory, filled=memory.filled | {slot})
                same = browser if browser and browser.name == row.event_name else None
                browser = None if same else browser
                conversions += _for_datasets(memory, row, occasion, recorded, house, person_id, subject, same)
    return memory, conversions


def _once_per(row: ConversionRow, occasion: Occasion, recorded: Recorded, person_id: UUID) -> str:
    match row.once_per:
        case "session":
            return f"session|{occasion.session_id}"
        case "person_and_property":
            return f"person|{person_id}|property|{occasion.property_id}"
        case "touchpoint":
            return f"touchpoint|{recorded.stream_id}"


def _for_datasets(
    memory: Memory, row: ConversionRow, occasion: Occasion, recorded: Recorded, house: House,
    person_id: UUID, subject: str, browser: BrowserEvent | None,
) -> list[Conversion]:  # fmt: skip
    datasets = house.datasets_of(house.policy)
    withheld = "test_traffic" if occasion.test else withhold(memory, recorded, house)
    known = {**occasion.facts, "milestone": row.slot.partition(":")[2] or None}
    custom = {name: known[name] for name in row.extra if known.get(name) is not None}
    if occasion.property_id:
        custom["property_id"] = occasion.property_id
    return [
        _conversion(memory, row, occasion, recorded, house, person_id, subject, dataset, custom, known, browser,
                    withheld if dataset else withheld or "no_dataset")
        for dataset in datasets or [""]
    ]  # fmt: skip


def _conversion(
    memory: Memory, row: ConversionRow, occasion: Occasion, recorded: Recorded, house: House, person_id: UUID,
    subject: str, dataset: str, custom: Mapping[str, FactValue], facts: Mapping[str, FactValue],
    browser: BrowserEvent | None, withheld: Withheld | None,
) -> Conversion:  # fmt: skip
    name = "|".join((str(recorded.brokerage_id), dataset, row.slot, subject))
    conversion_id = uuid5(CONVERSIONS, name)
    return Conversion(
        id=conversion_id,
        brokerage_id=recorded.brokerage_id,
        dataset_id=dataset,
        slot=row.slot,
        subject=subject,
        person_id=person_id,
        subject_id=recorded.subject_id or person_id,
        event_name=row.event_name,
        event_id=browser.id if browser else str(conversion_id),
        at_ms=millis(recorded.fact.occurred_at),
        action_source=occasion.origin,
        value=row.value.of(facts) if row.value else None,
        currency=house.currency,
        region=house.region,
        category=row.category,
        custom=custom,
        cause_id=recorded.stream_id,
        correlation_id=recorded.correlation_id,
        position=recorded.position,
        policy=house.policy.label,
        why=row.why,
        withheld=withheld,
        contact=memory.contact,
    )


def withhold(memory: Memory, recorded: Recorded, house: House) -> Withheld | None:
    """Return why nothing may be sent for this fact, None where it may."""
    fact = recorded.fact
    age_s = (recorded.recorded_at - fact.occurred_at).total_seconds()
    if not memory.consents.allows("meta_tracking", ask_first=house.ask_first):
        return "no_consent"
    if fact.occurred_at.timestamp() < house.policy.effective_from_s:
        return "before_policy"
    if age_s > TOO_OLD_S:
        return "too_old"
    return None if memory.contact.matchable else "no_match_key"
