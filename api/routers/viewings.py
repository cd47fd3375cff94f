"""Viewings: booked on a broker's calendar, taken step by step, listed with what they may lead to."""

import asyncio
import io
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import orjson
import segno
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import events as events_of
from adapters.postgres.queries import people as people_of
from adapters.postgres.queries import viewings as queries
from api import show
from api.auth.issuing import Scope
from api.auth.keys import Principal
from api.direct import Direct
from api.docs import flat_body
from api.errors import Refusal
from api.flat import Flat
from api.reading import Limit, Word, answer, caller, decode_cursor, encode_cursor, json_body, services
from api.routers.ingest import ONE, item_of, sender_of, told
from api.spelling import with_listing
from application.book_viewing import Asking, Booked, BookViewings, NoSuchViewing, TimeOpen
from application.change_viewing import ChangeViewings
from application.parse_touchpoint import EARLIEST, FUTURE_TOLERANCE
from application.ports.touchpoints import Problem
from application.record_touchpoints import record_touchpoints
from domain.brokerage.rulebook import House
from domain.people.hints import Text
from domain.people.person import Person
from domain.people.viewing_scores import judge
from domain.scoring.policy import label
from domain.shared.clock import moment
from domain.viewings.booking import NotBookable, SlotTaken
from domain.viewings.calendar import Slot
from domain.viewings.events import Outcome, ViewingBooked
from domain.viewings.steps import KnownOtherwise, StepName, StepRefused, TakeStep
from domain.viewings.viewing import Status

bookings = APIRouter(tags=["ingest"], route_class=Direct)
steps = APIRouter(tags=["viewings"], route_class=Direct)
router = APIRouter(tags=["viewings"])

REQUESTED = "viewings.requested.v1"
LONGEST_NAME = 80
"""Of whoever told us, as it is kept with the fact."""
PERSON: TypeAdapter[Person] = TypeAdapter(Person)
SLOT = {"starts_at": "starts_at", "start": "starts_at", "ends_at": "ends_at", "end": "ends_at"}
"""Names within a body's `slot` → fields of the request."""
DETAILS = frozenset(
    {"price_minor", "commission_minor", "currency", "property_type", "listing_type", "area", "area_m2", "bedrooms"}
)
"""Of the property, side by side with the rest; `city` and `country` beside them are the person's."""
TAKEN: dict[str, Any] = {
    "status_code": 201,
    "responses": {201: {"description": "Taken."}, 200: {"description": "Taken before; nothing changed."}},
}


class StepBody(BaseModel):
    """What somebody may say of a step; `occurred_at` where it was not just now."""

    model_config = ConfigDict(extra="forbid", strict=True)

    occurred_at: AwareDatetime | None = None


class NotedBody(StepBody):
    """The same with notes."""

    notes: Text | None = None


class CancelBody(StepBody):
    """The same with a reason."""

    reason: Text | None = None


class FollowUpBody(NotedBody):
    """What the person said; `id`, or an Idempotency-Key, tells a repeat from a second follow-up."""

    outcome: Outcome
    id: Annotated[str, Query(min_length=1, max_length=200)] | None = None


BODIES: Mapping[StepName, type[StepBody]] = {
    "confirm": StepBody, "complete": NotedBody, "no_show": NotedBody, "cancel": CancelBody, "follow_up": FollowUpBody,
}  # fmt: skip


def _body_of(step: StepName) -> dict[str, Any]:
    schema = BODIES[step].model_json_schema()
    return {"requestBody": {"required": step == "follow_up", "content": {"application/json": {"schema": schema}}}}


@bookings.post("/api/properties/{property_id}/book-viewing", openapi_extra=flat_body(REQUESTED, "property_id"), **ONE)
async def post_booking(request: Request, property_id: str) -> Response:
    """Record that a person wants a viewing, and book the slot.

    201 with the booking; a repeat gets the same with 200. 409 where the slot is taken, with the nearest free ones; the
    wish is recorded all the same. Without a time 201 with `free_slots` to choose from. A slot may be given as
    `starts_at` and `ends_at`, or as `slot` with `start` and `end`.
    """
    sender, own = await sender_of(request, assume_now=True), services(request)
    item = await item_of(request, Flat(REQUESTED, {"property_id": property_id}), _spelt)
    verdict = (await record_touchpoints([item], sender, own.batcher, own.now()))[0]
    if verdict.event_id is None or verdict.status not in ("accepted", "duplicate"):
        return told(request, verdict)
    asking = Asking(sender.brokerage_id, sender.region, sender.producer[:LONGEST_NAME], sender.correlation_id)
    use_case = BookViewings(own.calendars, own.calendars.code_of, clock=own.now)
    try:
        booked = await use_case.book(verdict.event_id, asking)
    except SlotTaken as taken:
        raise Refusal(
            409, "Slot taken", "nobody who was asked for is free then; the wish was recorded",
            more={"viewing_id": str(verdict.event_id), "free_slots": _slots(taken.free)},
        ) from None  # fmt: skip
    except NotBookable as wrong:
        raise Refusal(422, "Invalid request", errors=[Problem(wrong.field, wrong.rule)]) from None
    if isinstance(booked, TimeOpen):
        document = {"status": "requested", "viewing_id": verdict.event_id, "free_slots": _slots(booked.free)}
        return answer(document, 201 if verdict.status == "accepted" else 200)
    return answer(_booking(booked), 201 if booked.fresh else 200)


@steps.post("/api/viewings/{viewing_id}/confirm", openapi_extra=_body_of("confirm"), **TAKEN)
async def post_confirm(request: Request, viewing_id: str) -> Response:
    """Both sides know of the viewing. 409 once it is over or cancelled."""
    return await _take(request, viewing_id, "confirm")


@steps.post("/api/viewings/{viewing_id}/complete", openapi_extra=_body_of("complete"), **TAKEN)
async def post_complete(request: Request, viewing_id: str) -> Response:
    """The property was shown. 409 before the viewing begins, once it is cancelled, or where nobody came."""
    return await _take(request, viewing_id, "complete")


@steps.post("/api/viewings/{viewing_id}/no-show", openapi_extra=_body_of("no_show"), **TAKEN)
async def post_no_show(request: Request, viewing_id: str) -> Response:
    """Nobody came. 409 before the viewing begins, once it is cancelled or completed."""
    return await _take(request, viewing_id, "no_show")


@steps.post("/api/viewings/{viewing_id}/cancel", openapi_extra=_body_of("cancel"), **TAKEN)
async def post_cancel(request: Request, viewing_id: str) -> Response:
    """The viewing will not be; its slot is free again. 409 once it is over."""
    return await _take(request, viewing_id, "cancel")


@steps.post("/api/viewings/{viewing_id}/follow-up", openapi_extra=_body_of("follow_up"), **TAKEN)
async def post_follow_up(request: Request, viewing_id: str) -> Response:
    """What the person said afterwards; there may be several. 409 before the viewing is over."""
    return await _take(request, viewing_id, "follow_up")


@router.get("/api/viewings")
async def list_viewings(
    request: Request,
    status: Status | None = None,
    broker_id: Word | None = None,
    property_id: Word | None = None,
    person_id: UUID | None = None,
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List viewings, the latest slot first, each with its probability, how wanted the property is, and the broker."""
    principal = await caller(request, "read")
    own = services(request)
    place = decode_cursor(cursor, int, UUID)
    after = (_moment(place[0]), str(place[1])) if place else None
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        subjects = await people_of.subjects_of(connection, person_id) if person_id else None
        rows = await queries.list_viewings(
            connection, status=status, broker_id=broker_id, property_id=property_id, subjects=subjects,
            since=since, until=until, after=after, limit=limit,
        )  # fmt: skip
        shown = await _shown(connection, rows, house)
    last = rows[-1] if len(rows) == limit else None
    following = encode_cursor(round(last["starts_at"].timestamp() * 1000), last["id"]) if last else None
    return answer({"items": shown, "next_cursor": following})


@router.get("/api/viewings/{viewing_id}")
async def get_viewing(request: Request, viewing_id: UUID) -> Response:
    """Show one viewing: as in the list, with the reasons of its probability and everything that was told of it."""
    principal = await caller(request, "read")
    own = services(request)
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        row = await queries.one_viewing(connection, viewing_id)
        if row is None:
            raise Refusal(404, "Not found", "there is no such viewing")
        (shown,) = await _shown(connection, [row], house)
        request_row = await events_of.one_event(connection, viewing_id, 1)
        effects = await events_of.effects_of(connection, viewing_id)
    events = [one for one in (request_row, *effects) if one is not None and one["topic"].startswith("viewings.")]
    history = await asyncio.to_thread(show.open_events, events, own.keyring)
    return answer({**shown, "qr": _qr_path(viewing_id), "history": history})


@router.get(
    "/api/viewings/{viewing_id}/qr.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def get_qr(request: Request, viewing_id: UUID) -> Response:
    """Return the confirmation code as a QR code, to be shown at the door. For readers and producers."""
    principal = await _either(request, "read", "ingest")
    known = await services(request).calendars.told(principal.brokerage_id, viewing_id)
    booked = next((one for _, one in known.steps if isinstance(one, ViewingBooked)), None) if known else None
    if booked is None:
        raise Refusal(404, "Not found", "there is no such viewing")
    image = io.BytesIO()
    segno.make_qr(booked.confirmation_code).save(image, kind="png", scale=8)
    return Response(image.getvalue(), media_type="image/png")


def _spelt(body: dict[str, Any]) -> dict[str, Any] | Problem:
    """Return a body with its `slot` as fields of its own, and what it tells of the property in `listing`."""
    read = with_listing(body, DETAILS)
    if isinstance(read, Problem) or "slot" not in read:
        return read
    slot = read.pop("slot")
    if not isinstance(slot, dict) or not slot.keys() <= SLOT.keys():
        return Problem("slot", "must be an object of start and end")
    named = {SLOT[name]: value for name, value in slot.items()}
    if len(named) < len(slot) or named.keys() & read.keys():
        return Problem("slot", "says the same as another field")
    return read | named


async def _take(request: Request, viewing_id: str, name: StepName) -> Response:
    principal = await _either(request, "operate", "ingest")
    own, wanted = services(request), _viewing_id(viewing_id)
    step = await _step(request, name, principal)
    region = await own.region_of(principal.brokerage_id)
    asking = Asking(principal.brokerage_id, region, step.by or "", request.scope["request_id"])
    try:
        taken = await ChangeViewings(own.calendars, clock=own.now).take(wanted, step, asking)
    except NoSuchViewing:
        raise Refusal(404, "Not found", "there is no such viewing") from None
    except StepRefused as refused:
        raise Refusal(409, _words(type(refused).__name__), str(refused)) from None
    except KnownOtherwise as known:
        raise Refusal(422, "Known with other content", str(known)) from None
    fact = taken.fact
    document = {"viewing_id": wanted, "step": name, "event_id": taken.event_id, "occurred_at": fact.occurred_at}
    return answer(document, 201 if taken.fresh else 200)


async def _step(request: Request, name: StepName, principal: Principal) -> TakeStep:
    """Read what somebody says of a step; nothing at all is fine where nothing is needed."""
    body = await json_body(request) if await _says_something(request) else {}
    try:
        said = BODIES[name].model_validate_json(orjson.dumps(body), strict=True)
    except (TypeError, ValueError) as wrong:
        raise Refusal(422, "Invalid request", errors=_problems(wrong)) from None
    now = services(request).now()
    at = said.occurred_at or now
    if not EARLIEST <= at <= now + FUTURE_TOLERANCE:
        raise Refusal(422, "Invalid request", errors=[Problem("occurred_at", "must not be in the future")])
    more: dict[str, Any] = {"words": getattr(said, "notes", None) or getattr(said, "reason", None)}
    if isinstance(said, FollowUpBody):
        key = request.headers.get("idempotency-key") or said.id
        told_by = f"{principal.producer}|{key}".encode("utf-8", "surrogatepass")
        more |= {"outcome": said.outcome, "mark": sha256(told_by).hexdigest()[:32] if key else None}
    return TakeStep(name, at.astimezone(UTC), principal.producer[:LONGEST_NAME], **more)


async def _says_something(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _problems(wrong: Exception) -> list[Problem]:
    if not isinstance(wrong, ValidationError):
        return [Problem("", "must be plain JSON")]
    return [Problem(".".join(map(str, one["loc"])), one["msg"]) for one in wrong.errors(include_url=False)]


async def _either(request: Request, scope: Scope, or_else: Scope) -> Principal:
    """Return whose request it is, where the key has one of two scopes."""
    try:
        return await caller(request, scope)
    except Refusal as refusal:
        if refusal.status != 403:
            raise
    return await caller(request, or_else)


async def _shown(connection: queries.Connection, rows: list[Any], house: House) -> list[dict[str, Any]]:
    """Return rows of the list as shown: with the person, the score as of now, and the broker's record."""
    people = await queries.people_of(connection, list({row["subject_id"] for row in rows if row["subject_id"]}))
    brokers = await queries.broker_records(connection, list({row["broker_id"] for row in rows}))
    return await asyncio.to_thread(_documents, rows, people, brokers, house)


def _documents(
    rows: list[Any], people: Mapping[UUID, Any], brokers: Mapping[str, Any], house: House
) -> list[dict[str, Any]]:  # fmt: skip
    read = {row["person_id"]: _person(row["state"]) for row in people.values()}
    documents = []
    for row in rows:
        person_id = people[row["subject_id"]]["person_id"] if row["subject_id"] in people else None
        wanted = {"viewings_in_14_days": row["viewings_in_14_days"]}
        documents.append({
            **row,
            "person_id": person_id,
            "competition": label(house.policy, "viewing_competition", wanted),
            **_judged(read.get(person_id), row["id"], house),
            "broker": brokers.get(row["broker_id"]),
        })  # fmt: skip
    return documents


def _judged(person: Person | None, viewing_id: str, house: House) -> dict[str, Any]:
    """Return the score of a viewing; nothing known of it while its person is not folded yet."""
    if person is None or viewing_id not in person.viewings.booked:
        return dict.fromkeys(("conversion_probability", "lead_quality_score", "timeline", "policy", "reasons"))
    judged = judge(person, viewing_id, house)
    return {
        "conversion_probability": judged.score.score, "lead_quality_score": judged.quality,
        "timeline": judged.timeline, "policy": judged.score.policy,
        "reasons": [reason.model_dump() for reason in judged.score.reasons],
    }  # fmt: skip


def _person(state: bytes) -> Person | None:
    """Return a folded person; None for one that an older release folded: it is being folded anew."""
    with suppress(ValidationError):
        return PERSON.validate_json(state)
    return None


def _booking(booked: Booked) -> dict[str, Any]:
    fact = booked.fact
    return {
        "status": "scheduled", "viewing_id": fact.viewing_id, "event_id": booked.event_id,
        "property_id": fact.property_id, "broker_id": fact.broker_id, "assigned": fact.assigned,
        "starts_at": fact.starts_at, "ends_at": fact.ends_at, "viewing_type": fact.viewing_type,
        "party_size": fact.party_size, "confirmation_code": fact.confirmation_code, "qr": _qr_path(fact.viewing_id),
    }  # fmt: skip


def _slots(free: tuple[Slot, ...]) -> list[dict[str, str]]:
    return [{"starts_at": slot.starts_at.isoformat(), "ends_at": slot.ends_at.isoformat()} for slot in free]


def _qr_path(viewing_id: UUID) -> str:
    return f"/api/viewings/{viewing_id}/qr.png"


def _words(name: str) -> str:
    """Return the name of a rule as a title: ViewingIsCancelled, "Viewing is cancelled"."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return spaced.capitalize()


def _viewing_id(text: str) -> UUID:
    with suppress(ValueError):
        return UUID(text)
    raise Refusal(422, "Invalid request", errors=[Problem("viewing_id", "must be the id of a viewing")])


def _moment(at_ms: int) -> datetime:
    try:
        return moment(at_ms)
    except (ValueError, OverflowError, OSError):
        raise Refusal(422, "Invalid request", errors=[Problem("cursor", "is not a cursor of this list")]) from None
