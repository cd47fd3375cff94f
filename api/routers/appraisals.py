"""Appraisals in: a request, and the milestones that follow."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.direct import Direct
from api.docs import flat_body
from api.flat import Flat, minor_of
from api.routers.ingest import ONE, post_one
from api.spelling import AMOUNT, renamed, with_listing, with_money
from application.ports.touchpoints import Problem

router = APIRouter(tags=["appraisals"], route_class=Direct)
REQUESTED, REACHED = "appraisals.requested.v1", "appraisals.milestone_reached.v1"

# fmt: off
OLDER = {
    "property_age": "property_age_years", "market_research_seconds": "market_research_s",
    "photographer": "photographer_assigned", "soon": "says_soon", "similar_properties": "similar_properties_viewed",
}
AMOUNTS = {"estimated_value": "estimated_value_minor", "value_min": "value_min_minor", "value_max": "value_max_minor"}
DETAILS = frozenset({"property_type", "city", "area", "region", "bedrooms", "bathrooms", "area_m2"})
# fmt: on


@router.post("/api/appraisals", openapi_extra=flat_body(REQUESTED), **ONE)
async def post_appraisal(request: Request) -> Response:
    """Record that an owner asked what a home is worth; an appraisal without an id of its own has its request's.

    `estimated_value`, or `value_range` of min and max, in currency units; the home's details beside or in `listing`.
    """
    key = request.headers.get("idempotency-key")
    return await post_one(request, Flat(REQUESTED, {}, ("appraisal_id",)), lambda body: _spelt(body, key))


@router.post("/api/appraisals/{appraisal_id}/milestone", openapi_extra=flat_body(REACHED, "appraisal_id"), **ONE)
async def post_appraisal_milestone(request: Request, appraisal_id: str) -> Response:
    """Record that an appraisal reached a milestone; the same milestone of an appraisal again is the same one."""
    return await post_one(request, Flat(REACHED, {"appraisal_id": appraisal_id}, ("appraisal_id", "milestone")))


def _spelt(body: dict[str, Any], key: str | None) -> dict[str, Any] | Problem:
    ranged = _with_range(renamed(body, OLDER))
    valued = with_money(ranged, AMOUNTS) if isinstance(ranged, dict) else ranged
    read = with_listing(valued, DETAILS) if isinstance(valued, dict) else valued
    if isinstance(read, dict) and read.get("appraisal_id") is None and (name := body.get("id") or key):
        read["appraisal_id"] = name
    return read


def _with_range(body: dict[str, Any]) -> dict[str, Any] | Problem:
    """Read `value_range`, {"min", "max", "currency"} in currency units."""
    told = body.pop("value_range", None)
    if told is None:
        return body
    if not isinstance(told, dict) or not told.keys() <= {"min", "max", "currency"}:
        return Problem("value_range", "must be an object of min, max and currency")
    for name in ("min", "max"):
        if told.get(name) is not None:
            minor = minor_of(told[name])
            if minor is None:
                return Problem(f"value_range.{name}", AMOUNT)
            body[f"value_{name}_minor"] = minor
    return body | ({"currency": told["currency"]} if told.get("currency") is not None else {})
