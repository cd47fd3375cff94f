"""Conversions asked for directly: recorded as touchpoints, told to Meta like all others."""

from fastapi import APIRouter, Request, Response

from api import asked as spelt
from api.direct import Direct
from api.docs import flat_body
from api.errors import Refusal
from api.flat import Flat, flatten
from api.reading import answer, json_body, services
from api.routers.ingest import MOST_TOUCHPOINTS, ONE, post_one, sender_of, verdicts_of
from application.ports.touchpoints import Problem, Verdict
from application.record_touchpoints import record_touchpoints

router = APIRouter(tags=["conversions"], route_class=Direct)
ASKED = Flat("ads.conversion_asked.v1")
BODY = flat_body("ads.conversion_asked.v1")


@router.post("/api/conversions/track-event", openapi_extra=BODY, **ONE)
async def track_event(request: Request) -> Response:
    """Record a conversion under Meta's name or one's own; Meta's own spelling of an event is understood too."""
    return await post_one(request, ASKED, spelt.asked)


@router.post("/api/conversions/track-purchase", openapi_extra=BODY, **ONE)
async def track_purchase(request: Request) -> Response:
    """Record a purchase with its value; one order is told once."""
    return await post_one(request, ASKED, spelt.purchase)


@router.post("/api/conversions/track-lead", openapi_extra=BODY, **ONE)
async def track_lead(request: Request) -> Response:
    """Record a lead."""
    return await post_one(request, ASKED, spelt.named("Lead"))


@router.post("/api/conversions/track-page-view", openapi_extra=BODY, **ONE)
async def track_page_view(request: Request) -> Response:
    """Record a page view."""
    return await post_one(request, ASKED, spelt.named("PageView"))


@router.post("/api/conversions/track-ecommerce", openapi_extra=BODY, **ONE)
async def track_ecommerce(request: Request) -> Response:
    """Record a step of a shop: view_content, add_to_cart, initiate_checkout, purchase, …"""
    return await post_one(request, ASKED, spelt.step_of_shop)


@router.post("/api/conversions/auto-track-interaction", openapi_extra=BODY, **ONE)
async def track_interaction(request: Request) -> Response:
    """Record what somebody did on a page: property_view, save, contact, form_submit, …"""
    return await post_one(request, ASKED, spelt.interaction)


@router.post("/api/conversions", openapi_extra=BODY, **ONE)
async def post_conversion(request: Request) -> Response:
    """Record a conversion event of one's own type, with its source and attribution."""
    return await post_one(request, ASKED, spelt.asked)


@router.post("/api/v1/integrations/meta/conversions", openapi_extra=BODY, **ONE)
async def post_older(request: Request) -> Response:
    """Record a conversion in the older shape; what comes with a test event code is kept and not sent."""
    return await post_one(request, ASKED, spelt.asked)


@router.post("/api/conversions/batch-events")
async def batch_events(request: Request) -> Response:
    """Record up to 1,000 conversions; each gets its own verdict."""
    sender = await sender_of(request, assume_now=True)
    body = await json_body(request)
    events = body.get("events", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(events, list) or not 1 <= len(events) <= MOST_TOUCHPOINTS:
        rule = f"must be a list of 1 to {MOST_TOUCHPOINTS} events"
        raise Refusal(422, "Invalid request", errors=[Problem("events", rule)])
    items = [_item(event) for event in events]
    good = [item for item in items if not isinstance(item, Problem)]
    told = iter(await record_touchpoints(good, sender, services(request).batcher, services(request).now()))
    verdicts = [Verdict("rejected", errors=(item,)) if isinstance(item, Problem) else next(told) for item in items]
    return answer(verdicts_of(events, verdicts))


def _item(event: object) -> dict[str, object] | Problem:
    read = spelt.asked(event) if isinstance(event, dict) else Problem("", "must be an object")
    return read if isinstance(read, Problem) else flatten(read, ASKED, None)
