"""Conversions measured: figures by time and campaign, and which visits they are owed to."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import attribution as touching
from adapters.postgres.queries import metrics as queries
from adapters.postgres.queries.conversions import filters
from api.errors import Refusal
from api.reading import Word, answer, caller, services
from api.spans import span
from application.ports.touchpoints import Problem
from domain.attribution.report import MODELS, Attributed, Credit, Dimension, Model, Report, Wanted, attribute

router = APIRouter(tags=["analytics"])
Days = Annotated[int, Query(ge=1, le=365)]
HalfLife = Annotated[float, Query(gt=0, le=365, allow_inf_nan=False)]


@router.get("/api/conversions/metrics")
async def get_metrics(
    request: Request, by: queries.By = "day", since: datetime | None = None, until: datetime | None = None,
    event_name: Word | None = None, dataset: Word | None = None, dataset_id: Word | None = None,
) -> Response:  # fmt: skip
    """Sum up conversions by day, week, month (UTC) or campaign; the last 28 days unless told.

    `rate` is converting people per people seen, `repeat_rate` the part of them who converted more than once (0 to 1,
    null where nobody was there); values in currency units by currency; times in seconds: from the first touch, and
    from the last click within 90 days before. Tests count as conversions, as in the list, but not as people.
    """
    principal = await caller(request, "read")
    begin, end = span(since, until)
    wanted = filters(event_name=event_name, dataset_id=dataset_id or dataset, since=begin, until=end)
    async with as_brokerage(services(request).pool, principal.brokerage_id, snapshot=True) as connection:
        rows = await queries.metrics(connection, principal.brokerage_id, wanted, by, since=begin, until=end)
    asked = {"event_name": event_name, "dataset_id": dataset_id or dataset}
    asked |= {"since": begin.isoformat(), "until": end.isoformat()}
    items = [{by: row["bucket"], **_figures(row)} for row in rows if not row["whole"]]
    whole = next(row for row in rows if row["whole"])
    return answer({
        "by": by, "since": begin, "until": end, "items": items,
        "totals": {**_figures(whole), "list": _list(asked)},
    })  # fmt: skip


@router.get("/api/conversions/attribution-analysis")
async def get_attribution(
    request: Request, model: Literal["all"] | Model = "all", dimension: Dimension = "channel",
    lookback_days: Days = 90, half_life_days: HalfLife = 7, since: datetime | None = None,
    until: datetime | None = None, event_name: Word | None = None, dataset_id: Word | None = None,
) -> Response:  # fmt: skip
    """Share conversions among the visits before them, under each model side by side; the last 28 days unless told.

    What no visit led to is `unattributed`; credited and unattributed add up to the total, in whole minor units. One
    thing counts once, whichever datasets were told of it; tests are left out. `influenced` overlaps by design. Below
    300 conversions the learned models (`markov`, `shapley`) are shared by position, and say so.
    """
    principal = await caller(request, "read")
    begin, end = span(since, until)
    lookback = timedelta(days=lookback_days)
    wanted = Wanted(dimension, int(lookback.total_seconds()), half_life_days * 86_400)
    async with as_brokerage(services(request).pool, principal.brokerage_id, snapshot=True) as connection:
        converted = await touching.conversions(
            connection, since=begin, until=end, event_name=event_name, dataset_id=dataset_id
        )
        if len(converted) > touching.MOST_CONVERSIONS:
            rule = f"more than {touching.MOST_CONVERSIONS} conversions lie in the span: ask for a shorter one"
            raise Refusal(422, "Invalid request", errors=[Problem("since", rule)])
        touched = await touching.touches_of_all(connection, principal.brokerage_id, since=begin - lookback, until=end)
    report = await asyncio.to_thread(attribute, converted, touched, wanted, MODELS if model == "all" else (model,))
    return answer({
        "since": begin, "until": end, "dimension": dimension, "lookback_days": lookback_days,
        "half_life_days": half_life_days, **_shown(report),
    })  # fmt: skip


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("whole", "bucket")}


def _list(asked: Mapping[str, str | None]) -> str:
    return f"/api/conversions?{urlencode({name: value for name, value in asked.items() if value})}"


def _shown(report: Report) -> dict[str, Any]:
    return {
        "total": _credit(report.total),
        "unattributed": _credit(report.unattributed),
        "influenced": [
            {"name": name or None, "conversions": count}
            for name, count in sorted(report.influenced.items(), key=lambda one: (-one[1], one[0]))
        ],
        "models": [_model(one) for one in report.models],
    }


def _model(one: Attributed) -> dict[str, Any]:
    best = sorted(one.credited.items(), key=lambda named: (-named[1].conversions, named[0]))
    return {
        "model": one.model,
        "computed_as": one.computed_as,
        "note": one.note,
        "items": [{"name": name or None, **_credit(credit)} for name, credit in best],
    }


def _credit(credit: Credit) -> dict[str, Any]:
    return {"conversions": round(float(credit.conversions), 4), "value_minor": credit.value_minor}
