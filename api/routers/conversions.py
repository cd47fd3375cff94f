"""Conversions as read: what was decided, sent, accepted, withheld, and why."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import conversions as queries
from adapters.postgres.queries import events, people
from api import show
from api.errors import Refusal
from api.reading import Limit, Word, answer, caller, decode_cursor, encode_cursor, services

router = APIRouter(tags=["conversions"])
Status = Literal["sent", "waiting", "accepted", "withheld", "rejected", "parked", "merged", "dead", "unknown"]


@router.get("/api/conversions")
async def list_conversions(
    request: Request,
    summary: bool = False,
    person: UUID | None = None,
    person_id: UUID | None = None,
    event_name: Word | None = None,
    conversion_type: Word | None = None,
    dataset_id: Word | None = None,
    status: Status | None = None,
    reason: Word | None = None,
    source: Word | None = None,
    campaign: Word | None = None,
    best_missing: Word | None = None,
    currency: Word | None = None,
    told_by: Literal["server", "both", "pixel_only"] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List conversions, the newest first; with `summary=true` counts and values by event, status and reason.

    Of a summary, `revenue` is what was accepted, by currency, and `total_revenue_cents` that in the brokerage's own.

    `person_id` is what older clients call `person`; `conversion_type` the brokerage's own name of a conversion, or
    Meta's. `sent` are those that a request to Meta named; `told_by` says whether we tell Meta, the pixel, or both.
    """
    principal = await caller(request, "read")
    after = decode_cursor(cursor, int, UUID)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        subjects = None
        if asked := person or person_id:
            subjects = await people.subjects_of(connection, asked)
        wanted = queries.filters(
            person=subjects, event_name=event_name, conversion_type=conversion_type, dataset_id=dataset_id,
            status=status, reason=reason, source=source, campaign=campaign, since=since, until=until,
            best_missing=best_missing, currency=currency, told_by=told_by,
        )  # fmt: skip
        if summary:
            rows = await queries.summarise(connection, wanted)
            house = await services(request).houses.house(principal.brokerage_id)
            return answer(_summary(rows, house.currency))
        rows = await queries.list_conversions(connection, wanted, after=after, limit=limit)
    following = encode_cursor(rows[-1]["position"], rows[-1]["id"]) if len(rows) == limit else None
    return answer({"items": rows, "next_cursor": following})


@router.get("/api/conversions/{conversion_id}")
async def get_conversion(request: Request, conversion_id: UUID) -> Response:
    """Show one conversion: the fact that caused it, the policy row, every attempt, and what Meta said."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        row = await queries.one_conversion(connection, conversion_id)
        if row is None:
            raise Refusal(404, "Not found", "there is no such conversion")
        cause = await events.one_event(connection, row["cause_id"], 1)
    delivery = orjson.loads(row.pop("delivery") or b"{}")
    return answer({
        **row,
        "cause": show.event(cause) if cause else None,
        "policy_row": {"policy": row["policy"], "slot": row["slot"], "once_per": row["once_per"], "why": row["why"]},
        "attempts": [{"request_id": one.get("event"), **one} for one in delivery.get("attempts", [])],
    })  # fmt: skip


def _summary(rows: list[dict[str, Any]], currency: str) -> dict[str, Any]:
    """Return the sums; `total_conversions` and `total_revenue_cents` as older clients read them.

    Amounts of different currencies are never added: the older total is of the brokerage's own, `revenue` has all.
    """
    accepted = [row for row in rows if row["status"] == "accepted"]
    revenue: dict[str, Decimal] = {}
    for row in accepted:
        revenue[row["currency"]] = revenue.get(row["currency"], Decimal()) + row["value"]
    return {
        "rows": rows,
        "by_status": _by(rows, "status"),
        "withheld": _by([row for row in rows if row["status"] == "withheld"], "reason"),
        "total_conversions": sum(row["conversions"] for row in accepted),
        "total_revenue_cents": int(revenue.get(currency, Decimal()) * 100),
        "revenue": [{"currency": one, "value": revenue[one]} for one in sorted(revenue) if revenue[one]],
    }


def _by(rows: list[dict[str, Any]], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[str(row[name])] = counts.get(str(row[name]), 0) + row["conversions"]
    return counts
