"""What became of each conversion: every request that named it and what Meta said."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from domain.ads.events import ConversionsSent, Outcome
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
class Delivery:
    """The attempts of one conversion, the newest last, and the outcome that holds: a final one stays."""

    dataset_id: str = ""
    outcome: Outcome | None = None
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0
    first_ms: int = 0
    settled_ms: int | None = None


def _keys(recorded: Recorded) -> Iterable[str]:
    return map(str, recorded.fact.conversion_ids) if isinstance(recorded.fact, ConversionsSent) else ()


def _evolve(delivery: Delivery, recorded: Recorded, _house: House, _key: str) -> Delivery:
    fact = recorded.fact
    if not isinstance(fact, ConversionsSent):
        return delivery
    at = millis(fact.occurred_at)
    attempt = Attempt(
        str(recorded.stream_id), at, fact.outcome, fact.status, fact.code, fact.subcode, fact.message,
        fact.fbtrace_id, fact.fields,
    )  # fmt: skip
    settled = delivery.outcome in FINAL
    return replace(
        delivery,
        dataset_id=fact.dataset_id,
        outcome=delivery.outcome if settled else fact.outcome,
        attempts=(*delivery.attempts, attempt)[-MOST_KEPT:],
        tries=delivery.tries + 1,
        first_ms=delivery.first_ms or at,
        settled_ms=delivery.settled_ms or (at if fact.outcome in FINAL else None),
    )


def _row(delivery: Delivery, _house: House) -> tuple[Any, ...]:
    last = delivery.attempts[-1]
    settled = moment(delivery.settled_ms) if delivery.settled_ms else None
    return delivery.dataset_id, delivery.outcome, delivery.tries, settled, last.message, last.code


DELIVERIES: Projection[Delivery] = Projection(
    name="deliveries",
    version=1,
    handles=(ConversionsSent,),
    key=_keys,
    initial=Delivery(),
    columns=(
        Column("dataset_id", "text"),
        Column("outcome", "text"),
        Column("tries", "int4"),
        Column("settled_at", "timestamptz"),
        Column("message", "text"),
        Column("code", "int4"),
    ),
    row=_row,
    evolve=_evolve,
)
