"""Where a conversion goes: which dataset, said to have happened where, under which name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.ads.occasion import Occasion
from domain.brokerage.events import DatasetConnected
from domain.brokerage.rulebook import House
from domain.people.contact import Contact
from domain.shared.fact import Channel

MESSAGING_NAMES = frozenset({
    "Purchase", "LeadSubmitted", "InitiateCheckout", "AddToCart", "ViewContent", "OrderCreated", "OrderShipped",
    "OrderDelivered", "OrderCanceled", "OrderReturned", "CartAbandoned", "QualifiedLead", "RatingProvided",
    "ReviewProvided",
})  # fmt: skip
"""The only names Meta allows of a business messaging event. Source: Meta, *Conversions API for business messaging*."""


@dataclass(frozen=True, slots=True)
class _Needs:
    """What Meta demands of a channel's events: the kind of hint that names the person, the id of our side."""

    hint: str
    ours: str


# fmt: off
CHANNELS: Mapping[Channel, _Needs] = {
    "whatsapp":  _Needs("ctwa_clid", "whatsapp_business_account_id"),
    "messenger": _Needs("psid",      "page_id"),
    "instagram": _Needs("igsid",     "instagram_business_account_id"),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Route:
    """One way to one dataset, None where the brokerage has none for it. `business` holds our side's ids."""

    dataset: DatasetConnected | None
    action_source: str
    event_name: str
    channel: Channel | None = None
    business: Mapping[str, str] = field(default_factory=dict)


def routes(occasion: Occasion, names: tuple[str, str | None], contact: Contact, house: House) -> list[Route]:
    """Return the ways of a conversion; one without a dataset where there is none.

    `names` are the event's name and the one to be used in chats. What was earned in a chat is a business messaging
    event where Meta can be given everything it demands; else it is told to the website's dataset as a `chat`.
    """
    name, messaging_name = names
    match occasion.origin:
        case "business_messaging":
            found = list(_messaging(occasion, messaging_name or name, contact, house))
            return found or _to(house.datasets_for("website"), "chat", name)
        case "system_generated":
            return _to(house.datasets_for("crm") or house.datasets_for("website"), occasion.origin, name)
        case "physical_store":
            return _to(house.datasets_for("offline") or house.datasets_for("website"), occasion.origin, name)
        case origin:
            return _to(house.datasets_for("website"), origin, name)


def _messaging(occasion: Occasion, name: str, contact: Contact, house: House) -> Iterable[Route]:
    needs = CHANNELS.get(occasion.channel) if occasion.channel else None
    if needs is None or name not in MESSAGING_NAMES or needs.hint not in contact.kinds:
        return
    for dataset in house.datasets_for("messaging"):
        if ours := getattr(dataset, needs.ours):
            yield Route(dataset, "business_messaging", name, occasion.channel, {needs.ours: ours})


def _to(datasets: list[DatasetConnected], action_source: str, name: str) -> list[Route]:
    return [Route(dataset, action_source, name) for dataset in datasets or (None,)]
