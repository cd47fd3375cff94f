"""Figures for those who run the ads; every number names the list that it counts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import meta_analytics, reconciliation
from adapters.postgres.queries.conversions import PARITY
from adapters.postgres.queries.reconciliation import Number
from api.reading import Limit, Word, answer, caller, decode_cursor, encode_cursor, services
from api.spans import span

router = APIRouter(tags=["analytics"])
STATUSES = ("sent", "accepted", "withheld", "rejected", "dead", "waiting", "parked", "unknown", "merged")
"""Figures that count one status, and so have the list of it behind them; `sent` are those that a request named."""


@router.get("/api/admin/analytics/meta")
async def get_meta(
    request: Request, since: datetime | None = None, until: datetime | None = None, dataset_id: Word | None = None
) -> Response:
    """Sum up what Meta was told: success, time to acceptance, match quality, value; by event, dataset, source, day.

    Every row's `lists` are the addresses of the conversions behind its numbers. The last 28 days unless told.
    """
    principal = await caller(request, "read")
    begin, end = span(since, until)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        found = await meta_analytics.analytics(connection, since=begin, until=end, dataset_id=dataset_id)
        sent = await reconciliation.by_day(
            connection, principal.brokerage_id, since=begin, until=end, dataset_id=dataset_id
        )
    whole = {"since": begin.isoformat(), "until": end.isoformat()} | ({"dataset_id": dataset_id} if dataset_id else {})
    named = (("event", "event_name"), ("dataset", "dataset_id"), ("source", "source"))
    return answer({
        "since": begin, "until": end,
        "totals": {**found["totals"], "lists": _lists(whole)},
        **{
            f"by_{by}": [{**row, "lists": _lists({**whole, name: row[name] or ""})} for row in found[f"by_{by}"]]
            for by, name in named
        },
        "by_day": [{**row, "lists": _lists({**whole, **_day(row["day"], begin, end)})} for row in found["by_day"]],
        "reasons": [
            {**row, "list": _list({**whole, "status": row["status"], "reason": row["reason"] or ""})}
            for row in found["reasons"]
        ],
        "missing": [{**row, "list": _list({**whole, "best_missing": row["field"]})} for row in found["missing"]],
        "parity": [
            {**row, "lists": {who: _list({**whole, "event_name": row["event_name"], "told_by": who}) for who in PARITY}}
            for row in found["parity"]
        ],
        "currencies": [
            {**row, "list": _list({**whole, "status": "accepted", "currency": row["currency"]})}
            for row in found["currencies"]
        ],
        "reconciliation": [{**row, "lists": _requests(row, begin, end)} for row in sent],
    })  # fmt: skip


@router.get("/api/admin/analytics/meta/requests")
async def list_requests(
    request: Request, number: Number = "sent", since: datetime | None = None, until: datetime | None = None,
    dataset_id: Word | None = None, limit: Limit = 50, cursor: str | None = None,
) -> Response:  # fmt: skip
    """List the requests to Meta behind a number of the reconciliation, the newest first."""
    principal = await caller(request, "read")
    begin, end = span(since, until)
    after = decode_cursor(cursor, int)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await reconciliation.behind(
            connection, principal.brokerage_id, number, since=begin, until=end, dataset_id=dataset_id,
            after=after[0] if after else None, limit=limit,
        )  # fmt: skip
    following = encode_cursor(rows[-1]["position"]) if len(rows) == limit else None
    return answer({"items": rows, "next_cursor": following})


def _day(day: date, begin: datetime, end: datetime) -> dict[str, str]:
    """Return the part of a day that lies in the span."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {"since": max(first, begin).isoformat(), "until": min(first + timedelta(days=1), end).isoformat()}


def _lists(wanted: dict[str, Any]) -> dict[str, str]:
    return {"decided": _list(wanted)} | {status: _list({**wanted, "status": status}) for status in STATUSES}


def _list(wanted: dict[str, Any]) -> str:
    return f"/api/conversions?{urlencode(wanted)}"


def _requests(row: dict[str, Any], begin: datetime, end: datetime) -> dict[str, str]:
    asked = {"dataset_id": row["dataset_id"], **_day(row["day"], begin, end)}
    return {
        number: f"/api/admin/analytics/meta/requests?{urlencode({**asked, 'number': number})}"
        for number in reconciliation.NUMBERS
    }
