"""Which conversions a fact causes: the policy's rows, applied to what is known of the person."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID, uuid5

from domain.ads import match_quality
from domain.ads.direct import Content, ConversionAsked
from domain.ads.occasion import Moment, Occasion
from domain.ads.occasions import occasions_of
from domain.ads.routes import MESSAGING_NAMES, Route, routes
from domain.brokerage.events import DatasetConnected
from domain.brokerage.rulebook import House
from domain.leads import form
from domain.people import person as people
from domain.people.contact import Contact
from domain.people.person import Person
from domain.people.scores import person_facts
from domain.people.viewing_scores import conversion_probability
from domain.properties import homes
from domain.properties.listing import Listing
from domain.scoring.policy import ConversionRow, FactValue, first_rows, multiplier
from domain.scoring.vocabulary import GENERAL
from domain.shared.clock import millis
from domain.shared.fact import BrowserEvent, Channel, Recorded

CONVERSIONS = UUID("6f0c3c52-5b0e-5a86-9d3e-2a4d0c6a7b11")
"""Namespace of conversion ids."""

TOO_OLD_S = 7 * 86_400
"""Meta refuses events older than this, in seconds."""

TOO_OLD_IN_STORE_S = 62 * 86_400
"""The same, of what happened face to face."""

Withheld = Literal[
    "no_consent", "no_match_key", "too_old", "before_policy", "test_traffic", "no_dataset", "no_value", "told_by_pixel",
]  # fmt: skip
PLACE = re.compile(r"\{(\w+)\}")
LONGEST_NAME = 50


@dataclass(frozen=True, slots=True)
class Conversion:
    """One thing to tell one dataset, decided once; `event_id` and `at_ms` are the same on every attempt.

    `value` is in currency units: `base_value` times `multiplier`. `match_quality` 0–10 is our estimate of how well
    Meta can match it; `best_missing` the one field that would help most.
    """

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
    channel: Channel | None
    business: Mapping[str, str]
    value: float | None
    base_value: float | None
    multiplier: float
    currency: str
    region: str  # the brokerage's, for phone numbers without a country code
    category: str
    custom: Mapping[str, FactValue]
    order_id: str | None
    contents: tuple[Content, ...]
    home: str | None
    listing: Listing | None
    dataset: DatasetConnected | None
    cause_id: UUID
    correlation_id: UUID | None
    position: int
    policy: str
    why: str
    withheld: Withheld | None
    contact: Contact
    match_quality: float
    best_missing: str | None
    source: str
    attribution: Mapping[str, str]
    preferences: Mapping[str, float | tuple[str, ...]]  # price_min, price_max in currency units, neighborhoods
    opt_out: bool  # may be attributed, not used to choose whom to show ads

    @property
    def expires_ms(self) -> int:
        """When Meta would refuse it for its age, in unix milliseconds."""
        return self.at_ms + 1000 * too_old_s(self.action_source)


@dataclass(frozen=True, slots=True)
class Memory:
    """What deciding needs to remember of a person, and the slots that are filled."""

    person: Person = field(default_factory=Person)
    filled: frozenset[str] = frozenset()


def decide(memory: Memory, recorded: Recorded, house: House, person_id: UUID) -> tuple[Memory, list[Conversion]]:
    """Return what is remembered after this fact, and the conversions it causes, withheld ones included.

    The browser's event id goes to the first conversion of the browser's event name: two with one id would be one
    to Meta.
    """
    after = people.evolve(memory.person, recorded, house)
    moment = Moment(memory.person, after, recorded, house)
    filled, conversions = memory.filled, []
    browser = getattr(recorded.fact, "browser_event", None)  # of a touchpoint, or of a decision that took it over
    for occasion in occasions_of(moment):
        known = Known(moment, occasion)
        for row in first_rows(house.policy, occasion.trigger, known):
            slot = slot_of(row, occasion)
            subject = _once_per(row, occasion, recorded, person_id)
            if f"{slot}|{subject}" in filled:
                continue
            filled = filled | {f"{slot}|{subject}"}
            filling = _Filling(moment, occasion, row, slot, subject, person_id, known)
            same = browser if browser and browser.name == filling.event_name else None
            browser = None if same else browser
            conversions += filling.conversions(same)
    return Memory(after, filled), conversions


def slot_of(row: ConversionRow, occasion: Occasion) -> str:
    """Return the name of the slot that a row fills, with what stands in braces filled in."""
    known = {**occasion.facts, "milestone": occasion.milestone}
    return PLACE.sub(lambda found: str(known.get(found[1])), row.slot)


def _once_per(row: ConversionRow, occasion: Occasion, recorded: Recorded, person_id: UUID) -> str:
    match row.once_per:
        case "person":
            return f"person|{person_id}"
        case "person_and_property":
            return f"person|{person_id}|property|{occasion.home}"
        case "touchpoint":
            return f"touchpoint|{recorded.stream_id}"
        case kind:
            return f"{kind}|{occasion.ids.get(kind)}" if kind in occasion.ids else f"touchpoint|{recorded.stream_id}"


class Known(dict[str, FactValue]):
    """The named facts of an occasion; those of the person and the property are looked up when a row first asks."""

    def __init__(self, moment: Moment, occasion: Occasion) -> None:
        super().__init__(occasion.facts)
        self._moment, self._occasion = moment, occasion
        self._everything: dict[str, FactValue] | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a fact, None where nobody knows it."""
        if name in GENERAL and name not in self:
            return self.everything.get(name, default)
        return super().get(name, default)

    @property
    def everything(self) -> dict[str, FactValue]:
        """The facts of the occasion, its property and the person."""
        if self._everything is None:
            moment = self._moment
            at_ms = millis(moment.recorded.fact.occurred_at)
            self._everything = {
                **homes.facts_of(moment.after.homes, self._occasion.home, moment.house),
                **person_facts(moment.before, moment.after, moment.house, at_ms),
                "conversion_probability": conversion_probability(moment.after, moment.house),
                **self._occasion.facts,
            }
        return self._everything


@dataclass(frozen=True, slots=True)
class _Filling:
    """A slot about to be filled: by which row, on which occasion."""

    moment: Moment
    occasion: Occasion
    row: ConversionRow
    slot: str
    subject: str
    person_id: UUID
    general: "Known"

    @property
    def event_name(self) -> str:
        told = self.occasion.facts.get(self.row.event_name_from) if self.row.event_name_from else None
        return str(told)[:LONGEST_NAME] if told else self.row.event_name

    @property
    def messaging_name(self) -> str | None:
        """What it is called in a chat: the policy's word for it, unless its own was told and Meta allows that one."""
        told = self.row.event_name_from is not None and self.event_name in MESSAGING_NAMES
        return self.event_name if told else self.row.messaging_name

    def conversions(self, browser: BrowserEvent | None) -> list[Conversion]:
        """Return one conversion per dataset that it goes to; one without where there is none."""
        moment, names = self.moment, (self.event_name, self.messaging_name)
        found = routes(self.occasion, names, moment.after.contact, moment.house)
        known = self._facts()
        return [self._conversion(route, known, browser) for route in found]

    def _facts(self) -> dict[str, FactValue]:
        """Return everything that the row may ask for its value and its fields."""
        return {
            **self.general.everything,
            "user_id": str(self.person_id),
            "customer_id": str(self.person_id),
            "milestone": self.occasion.milestone or self.slot.partition(":")[2] or None,
        }

    def _conversion(self, route: Route, known: Mapping[str, FactValue], browser: BrowserEvent | None) -> Conversion:
        recorded, house, row, occasion = self.moment.recorded, self.moment.house, self.row, self.occasion
        dataset_id = route.dataset.dataset_id if route.dataset else ""
        name = "|".join((str(recorded.brokerage_id), dataset_id, self.slot, self.subject))
        conversion_id = uuid5(CONVERSIONS, name)
        contact, asked = (
            self.moment.after.contact,
            recorded.fact if isinstance(recorded.fact, ConversionAsked) else None,
        )
        base, times = (
            (row.value.of(known) if row.value else None),
            (1 if row.exact else multiplier(house.policy, known)),
        )
        quality = match_quality.estimate(contact.kinds, channel=_channel(route))
        home = self.moment.after.homes.get(occasion.home) if occasion.home else None
        conversion = Conversion(
            id=conversion_id,
            brokerage_id=recorded.brokerage_id,
            dataset_id=dataset_id,
            slot=self.slot,
            subject=self.subject,
            person_id=self.person_id,
            subject_id=recorded.subject_id or self.person_id,
            event_name=route.event_name,
            event_id=browser.id if browser else str(conversion_id),
            at_ms=millis(recorded.fact.occurred_at),
            action_source=route.action_source,
            channel=route.channel,
            business=route.business,
            value=_value(base, times, occasion, house),
            base_value=base,
            multiplier=times,
            currency=_currency(row, known, house),
            region=house.region,
            category=row.category,
            custom=self._custom(known, asked),
            order_id=asked.order_id if asked else None,
            contents=asked.contents if asked else (),
            home=occasion.home,
            listing=home.listing if home else None,
            dataset=route.dataset,
            cause_id=recorded.stream_id,
            correlation_id=recorded.correlation_id,
            position=recorded.position,
            policy=house.policy.label,
            why=row.why,
            withheld=None,
            contact=contact,
            match_quality=quality.score,
            best_missing=quality.best_missing,
            source=_source(recorded, asked),
            attribution=_attribution(self.moment.after, asked),
            preferences=form.preferences(self.moment.after.forms),
            opt_out=not self.moment.after.consents.allows("profiling", ask_first=False),
        )
        return replace(conversion, withheld=withhold(conversion, self.moment, occasion, asked))

    def _custom(self, known: Mapping[str, FactValue], asked: ConversionAsked | None) -> dict[str, FactValue]:
        """Return the fields sent along: the row's, the person's predictions, and what the producer gave."""
        wanted = (*self.row.extra, "predicted_ltv", "conversion_probability")
        custom: dict[str, FactValue] = {**asked.custom} if asked else {}
        custom |= {name: value for name in wanted if (value := known.get(name)) is not None}
        custom |= self.row.also
        if self.occasion.home:
            custom["property_id"] = self.occasion.home
        return custom


def _value(base: float | None, times: float, occasion: Occasion, house: House) -> float | None:
    """Return what it is worth; what came from a browser with a public key is worth no more than the policy allows."""
    if base is None:
        return None
    most = house.policy.unverified_at_most if occasion.unverified else None
    return round(base * times if most is None else min(base * times, most), 2)


def _currency(row: ConversionRow, known: Mapping[str, FactValue], house: House) -> str:
    """Return the currency of a value: a price's own, or what the occasion says, else the brokerage's."""
    of_price = row.value is not None and row.value.base in homes.PRICED
    return str(known.get("price_currency" if of_price else "currency") or house.currency)


def _channel(route: Route) -> str:
    """Return the word by which match quality tells what Meta can be given: the chat's channel, else the place."""
    return route.channel or ("crm" if route.action_source == "system_generated" else route.action_source)


def _source(recorded: Recorded, asked: ConversionAsked | None) -> str:
    if asked is not None:
        return asked.source
    return recorded.fact.kind.partition(".")[0]


def _attribution(person: Person, asked: ConversionAsked | None) -> dict[str, str]:
    words = dict(person.campaign.words) if person.campaign else {}
    told = asked.attribution.model_dump(exclude_none=True) if asked and asked.attribution else {}
    return words | told


def too_old_s(action_source: str) -> int:
    """Return the age in seconds from which Meta refuses an event."""
    return TOO_OLD_IN_STORE_S if action_source == "physical_store" else TOO_OLD_S


def withhold(
    conversion: Conversion, moment: Moment, occasion: Occasion, asked: ConversionAsked | None
) -> Withheld | None:
    """Return why this may not be sent, None where it may."""
    recorded, house, person = moment.recorded, moment.house, moment.after
    age_s = (recorded.recorded_at - recorded.fact.occurred_at).total_seconds()
    reasons: Sequence[tuple[Withheld, bool]] = (
        ("test_traffic", occasion.test),
        ("told_by_pixel", asked is not None and asked.source == "pixel"),
        ("no_consent", not person.consents.allows("meta_tracking", ask_first=house.ask_first)),
        ("before_policy", recorded.fact.occurred_at.timestamp() < house.policy.effective_from_s),
        ("too_old", age_s > too_old_s(conversion.action_source)),
        ("no_match_key", not person.contact.matchable or conversion.match_quality == 0),
        ("no_value", conversion.event_name == "Purchase" and conversion.value is None),
        ("no_dataset", conversion.dataset is None),
    )
    return next((reason for reason, holds in reasons if holds), None)
