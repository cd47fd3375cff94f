"""The reaction that decides conversions: each a row for the eye and, unless withheld, a message for Meta."""

from typing import Any
from uuid import UUID

from domain.ads import conversions
from domain.ads.conversions import Conversion, Memory
from domain.brokerage.rulebook import House
from domain.shared.clock import moment
from domain.shared.fact import Recorded
from domain.shared.outbox import OutboxMessage
from projections.people import PEOPLE
from projections.projection import Column, Decided, Decisions, Effects, Projection

# fmt: off
COLUMNS = (
    Column("person_id", "uuid"),      Column("subject_id", "uuid"),       Column("dataset_id", "text"),
    Column("slot", "text"),           Column("once_per", "text"),         Column("event_name", "text"),
    Column("event_id", "text"),       Column("occurred_at", "timestamptz"), Column("recorded_at", "timestamptz"),
    Column("action_source", "text"),  Column("value", "numeric"),         Column("currency", "text"),
    Column("category", "text"),       Column("custom", "jsonb"),          Column("cause_id", "uuid"),
    Column("position", "int8"),       Column("policy", "text"),           Column("why", "text"),
    Column("withheld", "text"),       Column("match_keys", "jsonb"),      Column("match_quality", "float8"),
    Column("best_missing", "text"),   Column("base_value", "numeric"),    Column("multiplier", "float8"),
    Column("channel", "text"),        Column("source", "text"),           Column("attribution", "jsonb"),
    Column("property_id", "text"),    Column("order_id", "text"),         Column("expires_at", "timestamptz"),
)
# fmt: on


def _react(memory: Memory, recorded: Recorded, house: House, key: str) -> tuple[Memory, Effects]:
    after, decided = conversions.decide(memory, recorded, house, UUID(key))
    rows = [Decided(str(one.id), _values(one, recorded)) for one in decided]
    return after, (rows, [_message(one, recorded) for one in decided if one.withheld is None])


def _values(one: Conversion, recorded: Recorded) -> tuple[Any, ...]:
    return (
        one.person_id, one.subject_id, one.dataset_id,
        one.slot, one.subject, one.event_name,
        one.event_id, moment(one.at_ms), recorded.recorded_at,
        one.action_source, one.value, one.currency,
        one.category, dict(one.custom), one.cause_id,
        one.position, one.policy, one.why,
        one.withheld, sorted(one.contact.kinds), one.match_quality,
        one.best_missing, one.base_value, one.multiplier,
        one.channel, one.source, dict(one.attribution),
        one.home, one.order_id, moment(one.expires_ms),
    )  # fmt: skip


def _message(one: Conversion, recorded: Recorded) -> OutboxMessage:
    return OutboxMessage(
        id=one.id,
        brokerage_id=one.brokerage_id,
        kind="conversion",
        due_at=recorded.recorded_at,
        payload=payload_of(one),
        cause_id=one.cause_id,
        position=one.position,
        correlation_id=one.correlation_id,
        also_unique=f"{one.dataset_id}|{one.event_name}|{one.event_id}",
        batch_by=one.dataset_id,
        expires_at=moment(one.expires_ms),
    )


def payload_of(one: Conversion) -> dict[str, Any]:
    """Return what the worker needs to tell Meta; personal values stay sealed."""
    told = {
        "dataset_id": one.dataset_id,
        "event_name": one.event_name,
        "event_id": one.event_id,
        "region": one.region,
        "event_time": one.at_ms // 1000,
        "action_source": one.action_source,
        "value": one.value,
        "currency": one.currency,
        "content_category": one.category,
        "custom": dict(one.custom) | ({"order_id": one.order_id} if one.order_id else {}) | _contents(one),
        "person_id": str(one.person_id),
        "subject_id": str(one.subject_id),
        "touchpoint_id": str(one.cause_id),
        "messaging_channel": one.channel,
        "business": dict(one.business),
        "at_most_once": one.channel is not None,
        "listing": _listing(one),
        "preferences": dict(one.preferences),
        "opt_out": one.opt_out,
        **_of_dataset(one),
        "contact": {
            kind: {
                "at_ms": held.at_ms,
                "token": held.token,
                "stream_id": held.stream_id,
                "version": held.version,
                "field": held.field,
            }
            for kind, held in sorted(one.contact.newest.items())
        },
    }
    return {name: value for name, value in told.items() if value not in (None, {}, False)} | {"value": one.value}


def _contents(one: Conversion) -> dict[str, Any]:
    """Return the things it is about in Meta's words, prices in currency units."""
    if not one.contents:
        return {}
    told = [content.model_dump(exclude_none=True, exclude={"item_price_minor"}) for content in one.contents]
    for content, item in zip(one.contents, told, strict=True):
        if content.item_price_minor is not None:
            item["item_price"] = content.item_price_minor / 100
    return {"contents": told, "content_ids": [content.id for content in one.contents]}


def _listing(one: Conversion) -> dict[str, Any]:
    """Return what is known of the property, money in currency units."""
    if one.home is None:
        return {}
    told = one.listing.model_dump(exclude_none=True) if one.listing else {}
    renamed = {"area": "neighborhood", "price_minor": "price"}
    known = {renamed.get(name, name): value for name, value in told.items() if name != "commission_minor"}
    if "price" in known:
        known["price"] = known["price"] / 100
        known.setdefault("currency", one.currency)
    return {"property_id": one.home} | known


def _of_dataset(one: Conversion) -> dict[str, Any]:
    """Return what the dataset's connection adds to each of its events."""
    dataset = one.dataset
    if dataset is None:
        return {}
    crm = one.custom.get("crm") or dataset.crm_name or "CRM"
    return {
        "fb_login_id": dataset.fb_login_id,
        "partner_agent": dataset.partner_agent,
        "data_processing": dataset.data_processing.model_dump() if dataset.data_processing else None,
        "crm": {"lead_event_source": crm} if one.action_source == "system_generated" else None,
    }


CONVERSIONS: Projection[Memory] = Projection(
    name="conversions",
    version=2,
    handles=PEOPLE.handles,
    key="person",
    initial=Memory(),
    columns=(),
    row=lambda _memory, _house: (),
    react=_react,
    decisions=Decisions("conversions", COLUMNS),
)
