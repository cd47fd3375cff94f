"""Rentals: searches and bookings in, Paymob's word about payments, and customers with what they may still bring."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from adapters.paymob.callback import PROVIDER, Ignored, NotATransaction, is_theirs, payment_of
from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import people as people_of
from adapters.postgres.queries import rentals as queries
from adapters.postgres.queries.viewings import people_of as states_of
from api import person_page
from api.addresses import household
from api.direct import Direct
from api.docs import flat_body
from api.errors import Refusal
from api.flat import Flat
from api.reading import Limit, Word, answer, caller, decode_cursor, encode_cursor, json_body, services
from api.routers.ingest import ONE, post_one, told
from api.spelling import renamed, with_listing, with_money
from application.brokerages import brokerage_id_of
from application.parse_touchpoint import Sender
from application.ports.touchpoints import Problem
from application.record_touchpoints import record_touchpoints
from domain.brokerage.rulebook import House
from domain.people.person import Person
from domain.rentals import profile
from domain.rentals.booking import Status
from domain.rentals.customer import ltv_score, predicted_ltv
from domain.rentals.events import Purpose
from domain.scoring.policy import label
from domain.shared.clock import millis, moment
from projections.rentals import Listed

posted = APIRouter(tags=["ingest"], route_class=Direct)
router = APIRouter(tags=["rentals"])

SEARCHED, INITIATED, CONFIRMED = "rentals.searched.v1", "rentals.booking_initiated.v1", "rentals.booking_confirmed.v1"
CANCELLED, COMPLETED = "rentals.booking_cancelled.v1", "rentals.stay_completed.v1"
REVIEWED, REFERRED, HOSTING = "rentals.review_left.v1", "rentals.referral_made.v1", "rentals.hosting_started.v1"

# fmt: off
OLDER = {
    "listing_id": "property_id", "check_in_date": "check_in", "checkin": "check_in", "check_out_date": "check_out",
    "checkout": "check_out", "guest_count": "guests", "total_price": "total", "total_amount": "total",
    "booking_value": "total", "stars": "rating", "comment": "text", "review": "text", "refund_amount": "refund",
    "price_max_per_night": "price_max", "max_price": "price_max", "tourism_permit_number": "tourism_permit",
    "developer_qr_code": "developer_qr", "permit": "tourism_permit", "referred_email": "referred",
}
PRICED = {"price": "total", "value": "total", "amount": "total", "value_cents": "total_cents"}
AMOUNTS = {"total": "total_minor", "refund": "refund_minor", "price_max": "price_max_minor"}
DETAILS = frozenset({"property_type", "listing_type", "area", "area_m2", "bedrooms"})
# fmt: on
ONE_BROKERAGE = "main"
"""Whose callbacks are meant where the address names nobody: the one brokerage of an installation for one."""


@posted.post("/api/rentals/searches", openapi_extra=flat_body(SEARCHED), **ONE)
async def post_search(request: Request) -> Response:
    """Record a search. `filters` is a list of names, or an object of which the names of what is set are kept.

    `price_max` is a night's, in currency units. `area` beside `home_area` tells whether the search is local; where
    somebody lives is not kept. Without an id every request is a search of its own.
    """
    return await post_one(request, Flat(SEARCHED), lambda body: _search(body, request))


@posted.post("/api/rentals/bookings", openapi_extra=flat_body(INITIATED), **ONE)
async def post_booking(request: Request) -> Response:
    """Record that somebody began to book; a booking without an id of its own has its request's."""
    key = request.headers.get("idempotency-key")
    return await post_one(
        request, Flat(INITIATED, {}, ("booking_id",)), lambda body: _named(_stay(body), "booking_id", body, key)
    )


@posted.post("/api/rentals/bookings/{booking_id}/confirm", openapi_extra=flat_body(CONFIRMED, "booking_id"), **ONE)
async def post_confirm(request: Request, booking_id: str) -> Response:
    """Record that a booking is confirmed: `property_id`, `total` in currency units, `nights` or the dates. Once."""
    return await post_one(request, _of(CONFIRMED, booking_id), _stay)


@posted.post("/api/rentals/bookings/{booking_id}/cancel", openapi_extra=flat_body(CANCELLED, "booking_id"), **ONE)
async def post_cancel(request: Request, booking_id: str) -> Response:
    """Record that a booking is cancelled; `refund` in currency units, all of it where it is not told. Once."""
    return await post_one(request, _of(CANCELLED, booking_id), _spelt)


@posted.post("/api/rentals/bookings/{booking_id}/complete", openapi_extra=flat_body(COMPLETED, "booking_id"), **ONE)
async def post_complete(request: Request, booking_id: str) -> Response:
    """Record that the guests stayed, and left. Once."""
    return await post_one(request, _of(COMPLETED, booking_id), _spelt)


@posted.post("/api/rentals/bookings/{booking_id}/review", openapi_extra=flat_body(REVIEWED, "booking_id"), **ONE)
async def post_review(request: Request, booking_id: str) -> Response:
    """Record a review, 1 to 5 stars, by the guest or (`by`) by the host; one of each without an id."""
    return await post_one(request, Flat(REVIEWED, {"booking_id": booking_id}, ("booking_id", "by")), _review)


@posted.post("/api/rentals/referrals", openapi_extra=flat_body(REFERRED), **ONE)
async def post_referral(request: Request) -> Response:
    """Record that a customer sent somebody; a referral without an id of its own has its request's."""
    key = request.headers.get("idempotency-key")
    return await post_one(
        request, Flat(REFERRED, {}, ("referral_id",)), lambda body: _named(_spelt(body), "referral_id", body, key)
    )


@posted.post("/api/rentals/hosts", openapi_extra=flat_body(HOSTING), **ONE)
async def post_host(request: Request) -> Response:
    """Record that somebody began to let a home; named by its `property_id`, else an id is needed."""
    return await post_one(request, Flat(HOSTING), _host)


@posted.post("/api/webhooks/paymob")
async def post_paymob(request: Request) -> Response:
    """Take Paymob's word about a payment, as they sign it; no key of ours, 403 unless `?hmac=` is right.

    `?brokerage=` says whose it is, by the short name. Callbacks that tell of no payment of a booking are passed over.
    """
    return await _paymob(request, request.query_params.get("brokerage", ONE_BROKERAGE))


@posted.post("/api/webhooks/paymob/{brokerage}")
async def post_paymob_of(request: Request, brokerage: str) -> Response:
    """Take the same with the brokerage's short name in the path."""
    return await _paymob(request, brokerage)


@router.get("/api/rentals")
async def list_rentals(
    request: Request,
    status: Status | None = None,
    property_id: Word | None = None,
    purpose: Purpose | None = None,
    person_id: UUID | None = None,
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List bookings, the newest first; `from` and `to` are of the time of confirmation. Money in minor units."""
    principal = await caller(request, "read")
    place = decode_cursor(cursor, int)
    async with as_brokerage(services(request).pool, principal.brokerage_id, snapshot=True) as connection:
        subjects = await people_of.subjects_of(connection, person_id) if person_id else None
        rows = await queries.list_bookings(
            connection, status=status, property_id=property_id, purpose=purpose, subjects=subjects,
            since=since, until=until, after=place[0] if place else None, limit=limit,
        )  # fmt: skip
    following = encode_cursor(rows[-1]["position"]) if len(rows) == limit else None
    return answer({"items": [_booking(row) for row in rows], "next_cursor": following})


@router.get("/api/rentals/bookings/{booking_id}")
async def get_booking(request: Request, booking_id: str) -> Response:
    """Show one booking."""
    principal = await caller(request, "read")
    row = None
    if "\x00" not in booking_id:
        async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
            row = await queries.one_booking(connection, booking_id)
    if row is None:
        raise Refusal(404, "Not found", "there is no such booking")
    return answer(_booking(row))


@router.get("/api/rentals/customers")
async def list_customers(
    request: Request,
    segment: Word | None = None,
    hosts: bool | None = None,
    booked: bool | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List rental customers, whoever was met last first, each with a value score where it can be told.

    `predicted_ltv` is reckoned anew, as on the page of one customer.
    """
    principal = await caller(request, "read")
    own = services(request)
    place = decode_cursor(cursor, int, UUID)
    after = (moment(min(max(place[0], EARLIEST_MS), LATEST_MS)), str(place[1])) if place else None
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        rows = await queries.list_customers(
            connection, segment=segment, hosts=hosts, booked=booked, after=after, limit=limit
        )
        people = await states_of(connection, [UUID(str(row["id"])) for row in rows])
    rows = await asyncio.to_thread(_valued, rows, people, house, millis(services(request).now()))
    last = rows[-1] if len(rows) == limit else None
    following = encode_cursor(round(last["last_at"].timestamp() * 1000), last["id"]) if last else None
    return answer({"items": rows, "next_cursor": following})


@router.get("/api/rentals/customers/{person_id}")
async def get_customer(request: Request, person_id: UUID) -> Response:
    """Show one customer: bookings, seasons, likelihoods, and what they may still bring as of now."""
    principal = await caller(request, "read")
    own = services(request)
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        subjects = await people_of.subjects_of(connection, person_id)
        row = await queries.one_customer(connection, subjects[0])
        known = await people_of.one_person(connection, subjects[0])
        bookings = await queries.list_bookings(
            connection, status=None, property_id=None, purpose=None, subjects=subjects, since=None, until=None,
            after=None, limit=MOST_SHOWN,
        )  # fmt: skip
    if row is None:
        raise Refusal(404, "Not found", "there is no such customer")
    person = person_page.read_person(known["state"]) if known else Person()
    now_ms = millis(own.now())
    shown = profile.profile_of(person.rentals, house, len(person.platforms), now_ms)
    rows = [_booking(one) for one in bookings]
    return answer({"id": row["id"], "last_at": row["last_at"], "profile": shown, "bookings": rows})


@router.get("/api/rentals/value-model")
async def get_value_model(request: Request) -> Response:
    """Show the newest fit of the brokerage's value model: parameters, backtest, means of the segments.

    `fitted` is false before the first: it is done the night after the first booking.
    """
    principal = await caller(request, "read")
    model = (await services(request).houses.house(principal.brokerage_id)).value_model
    if model is None:
        return answer({"fitted": False, "enough_data": False})
    told = model.model_dump(mode="json", exclude={"draws"})
    return answer({"fitted": True, "enough_data": model.enough_data, **told})


LISTED: TypeAdapter[Listed] = TypeAdapter(Listed)
MOST_SHOWN = 200
EARLIEST_MS, LATEST_MS = 0, 4_102_444_800_000
"""Cursors from beyond these years make the first page or the last."""


async def _paymob(request: Request, slug: str) -> Response:
    own = services(request)
    if not own.address_rates.allow(household(request)):
        raise Refusal(
            429,
            "Too many requests",
            "too many callbacks from this address",
            headers={"Retry-After": str(own.address_rates.wait_s)},
        )
    given = request.query_params.get("hmac")
    if not given:
        status = 403 if "authorization" in request.headers else 401  # no key of ours opens this door
        raise Refusal(status, "Not authenticated", "a callback of Paymob brings its hmac")
    brokerage_id = brokerage_id_of(slug)
    body = await json_body(request)
    secret = await asyncio.to_thread(own.paymob.of, brokerage_id)
    if isinstance(body, dict) and body.get("type", "TRANSACTION") != "TRANSACTION":
        return answer({"status": "ignored", "why": "it tells of no transaction"})
    transaction = body.get("obj") if isinstance(body, dict) else None
    if not isinstance(transaction, Mapping):
        raise Refusal(422, "Invalid request", errors=[Problem("obj", "must be an object")])
    if secret is None or not _signed(transaction, given, secret):
        raise Refusal(403, "Not allowed", "the hmac is not right, or this brokerage takes no callbacks of Paymob")
    request.scope["seen"] = {"brokerage_id": str(brokerage_id)}
    item = payment_of(transaction)
    if isinstance(item, Ignored):
        return answer({"status": "ignored", "why": item.why})
    region = await own.region_of(brokerage_id)
    sender = Sender(brokerage_id, PROVIDER, request.scope["request_id"], region, assume_now=True)
    verdict = (await record_touchpoints([item], sender, own.batcher, own.now()))[0]
    response = told(request, verdict)
    response.status_code = 200  # what they take for heard
    return response


def _signed(transaction: Mapping[str, Any], given: str, secret: str) -> bool:
    try:
        return is_theirs(transaction, given, secret)
    except NotATransaction as lack:
        raise Refusal(422, "Invalid request", errors=[Problem(f"obj.{lack}", "is needed")]) from None


def _of(kind: str, booking_id: str) -> Flat:
    return Flat(kind, {"booking_id": booking_id}, ("booking_id",))


def _spelt(body: dict[str, Any]) -> dict[str, Any] | Problem:
    return with_money(renamed(body, OLDER), AMOUNTS)


def _stay(body: dict[str, Any]) -> dict[str, Any] | Problem:
    read = _spelt(renamed(body, PRICED))
    return with_listing(read, DETAILS) if isinstance(read, dict) else read


def _named(
    read: dict[str, Any] | Problem, field: str, body: Mapping[str, Any], key: str | None
) -> dict[str, Any] | Problem:
    """Return a body in which a thing without an id of its own has its request's."""
    if isinstance(read, dict) and read.get(field) is None and (name := body.get("id") or key):
        read[field] = name
    return read


def _review(body: dict[str, Any]) -> dict[str, Any] | Problem:
    read = _spelt(body)
    return {"by": "guest", **read} if isinstance(read, dict) else read


def _host(body: dict[str, Any]) -> dict[str, Any] | Problem:
    read = _spelt(body)
    if isinstance(read, dict) and read.get("id") is None and isinstance(read.get("property_id"), str):
        read["id"] = f"{HOSTING}|{read['property_id']}"[:200]
    return read


def _search(body: dict[str, Any], request: Request) -> dict[str, Any] | Problem:
    read = _spelt(body)
    if isinstance(read, Problem):
        return read
    read = {"id": str(request.scope["request_id"])} | read
    home, area = read.pop("home_area", None), read.get("area")
    if home is not None:
        if not isinstance(home, str) or (area is not None and not isinstance(area, str)):
            return Problem("home_area", "must be text, beside an area that is text")
        if area is not None:
            read.setdefault("local", area.strip().casefold() == home.strip().casefold())
    filters = read.get("filters")
    if isinstance(filters, dict):
        read["filters"] = sorted(name for name, value in filters.items() if value not in (None, "", False, [], {}))
    return read


def _valued(
    rows: Sequence[Mapping[str, Any]], people: Mapping[UUID, Any], house: House, now_ms: int
) -> list[dict[str, Any]]:
    """Return customers with what they may bring in the next twelve months as of now, its score and its band."""
    return [_with_value(row, people.get(UUID(str(row["id"]))), house, now_ms) for row in rows]


def _with_value(row: Mapping[str, Any], known: Mapping[str, Any] | None, house: House, now_ms: int) -> dict[str, Any]:
    person = person_page.read_person(known["state"]) if known else Person()
    value = predicted_ltv(person.rentals, house, len(person.platforms), now_ms)
    points = ltv_score(value, house) if value is not None else None
    band = label(house.policy, "rental_ltv_band", {"ltv_score": points}) if points is not None else None
    return {**row, "predicted_ltv": value, "ltv_score": points, "ltv_band": band}


def _booking(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a booking as it is shown: how the last payment was made, in place of its place and its folded state."""
    paid = LISTED.validate_json(row["state"]).booking.last_payment
    shown = {name: value for name, value in row.items() if name not in ("position", "state")}
    return shown | {"payment_method": paid and paid.method, "instalments": paid and paid.instalments}
