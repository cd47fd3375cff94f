"""What became of each conversion: every request that named it, what Meta said, what an operator corrected."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from domain.ads.events import ConversionCorrected, ConversionsSent, Outcome, Plain
from domain.brokerage.rulebook import House
from domain.shared.clock import millis, moment
from domain.shared.fact import Recorded
from projections.projection import Column, Projection

FINAL: frozenset[Outcome] = frozenset({"accepted", "rejected", "withheld"})
MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, or one decision not to make it. `at_ms` in unix milliseconds."""

    event: str
    at_ms: int
    outcome: Outcome
    status: int | None
    code: int | None
    subcode: int | None
    message: str | None
    fbtrace_id: str | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Corrections:
    """What was finally sent instead of what had been decided; None and empty stand for no change.

    `custom` maps a name → its value, None where it is no longer sent. `by` and `at_ms` are the newest word's.
    """

    event_name: str | None = None
    value: float | None = None
    currency: str | None = None
    custom: Mapping[str, Plain | None] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    by: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """The attempts of one conversion, the newest last, and the outcome that holds.

    A final one stays until an operator has it sent again; an accepted one stays for ever. `given_up`: nobody knows
    whether Meta has it, and it is not sent again by itself.
    """

    dataset_id: str = ""
    outcome: Outcome | None = None
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0
    first_ms: int = 0
    settled_ms: int | None = None
    given_up: bool = False
    corrections: Corrections | None = None


def _keys(recorded: Recorded) -> Iterable[str]:
    match recorded.fact:
        case ConversionsSent(conversion_ids=ids):
            return map(str, ids)
        case ConversionCorrected(conversion_id=one):
            return (str(one),)
        case _:
            return ()


def _evolve(delivery: Delivery, recorded: Recorded, _house: House, _key: str) -> Delivery:
    match recorded.fact:
        case ConversionsSent() as sent:
            return _attempted(delivery, recorded, sent)
        case ConversionCorrected() as corrected:
            return _corrected(delivery, corrected)
        case _:
            return delivery


def _attempted(delivery: Delivery, recorded: Recorded, fact: ConversionsSent) -> Delivery:
    at = millis(fact.occurred_at)
    attempt = Attempt(
        str(recorded.stream_id), at, fact.outcome, fact.status, fact.code, fact.subcode, fact.message,
        fact.fbtrace_id, fact.fields,
    )  # fmt: skip
    settled = delivery.outcome in FINAL or delivery.given_up
    given_up = fact.final is True
    return replace(
        delivery,
        dataset_id=fact.dataset_id,
        outcome=delivery.outcome if settled else fact.outcome,
        attempts=(*delivery.attempts, attempt)[-MOST_KEPT:],
        tries=delivery.tries + 1,
        first_ms=delivery.first_ms or at,
        settled_ms=delivery.settled_ms or (at if fact.outcome in FINAL or given_up else None),
        given_up=delivery.given_up or (given_up and not settled),
    )


def _corrected(delivery: Delivery, fact: ConversionCorrected) -> Delivery:
    before = delivery.corrections or Corrections()
    corrections = Corrections(
        fact.event_name or before.event_name,
        before.value if fact.value is None else fact.value,
        fact.currency or before.currency,
        {**before.custom, **fact.custom},
        tuple(dict.fromkeys((*before.dropped, *fact.dropped))),
        fact.by,
        millis(fact.occurred_at),
    )
    if delivery.outcome == "accepted":
        return replace(delivery, corrections=corrections)
    return replace(
        delivery, dataset_id=fact.dataset_id, outcome=None, settled_ms=None, given_up=False, corrections=corrections
    )


def _row(delivery: Delivery, _house: House) -> tuple[Any, ...]:
    last = delivery.attempts[-1] if delivery.attempts else None
    settled = moment(delivery.settled_ms) if delivery.settled_ms else None
    return (
        delivery.dataset_id,
        delivery.outcome,
        delivery.tries,
        settled,
        last and last.message,
        last and last.code,
        last and last.subcode,
        moment(delivery.first_ms) if delivery.first_ms else None,
        settled if delivery.outcome == "accepted" else None,
        delivery.given_up,
        UUID(last.event) if last else None,
        asdict(delivery.corrections) if delivery.corrections else None,
    )


DELIVERIES: Projection[Delivery] = Projection(
    name="deliveries",
    version=2,
    handles=(ConversionsSent, ConversionCorrected),
    key=_keys,
    initial=Delivery(),
    columns=(
        Column("dataset_id", "text"),
        Column("outcome", "text"),
        Column("tries", "int4"),
        Column("settled_at", "timestamptz"),
        Column("message", "text"),
        Column("code", "int4"),
        Column("subcode", "int4"),
        Column("first_at", "timestamptz"),
        Column("accepted_at", "timestamptz"),
        Column("given_up", "bool"),
        Column("last_request", "uuid"),
        Column("corrections", "jsonb"),
    ),
    row=_row,
    evolve=_evolve,
)
