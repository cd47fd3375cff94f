"""Operating the delivery: dead letters, sending again, bodies of requests, alerts, tests of the set-up."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response

from adapters.meta.dataset_checks import MetaDatasets
from adapters.postgres.bodies import open_body
from adapters.postgres.connections import as_brokerage, connect
from adapters.postgres.fixing import NoSuchMessage, resend
from adapters.postgres.queries import dead_letters as queries
from adapters.postgres.secrets import SecretStore
from api.auth.keys import Principal
from api.errors import Refusal
from api.reading import Limit, Word, answer, caller, decode_cursor, encode_cursor, json_body, services
from api.settings import Settings
from application.fix_conversion import DROPPABLE, CannotResend, InvalidCorrections, read_wish
from application.ports.outbox import Lane
from application.ports.touchpoints import Problem
from application.try_dataset import Tested, try_datasets

router = APIRouter(tags=["operating"])
log = structlog.get_logger("masar.access")


def _optional(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the document describes a body that may be left out."""
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


LONGEST_CODE = 40
RETRY_BODY = _optional({
    "event_name": {"type": "string", "minLength": 1, "maxLength": 50},
    "value": {"type": "number", "minimum": 0},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "custom": {"type": "object", "description": "Custom data by name; null takes a name away."},
    "drop_fields": {"type": "array", "items": {"type": "string", "enum": sorted(DROPPABLE)}},
    "confirm": {"type": "boolean", "description": "Send it although Meta may have counted it already."},
})  # fmt: skip
TEST_BODY = _optional({
    "dataset_id": {"type": "string", "pattern": "^[0-9]+$"},
    "test_event_code": {"type": "string", "maxLength": LONGEST_CODE},
})  # fmt: skip


@router.get("/api/conversions/dead-letters")
async def list_dead_letters(
    request: Request, dataset_id: Word | None = None, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """List conversions that nobody sends any more, the newest first: why, in Meta's words, and what they would tell."""
    principal = await caller(request, "operate")
    after = decode_cursor(cursor, int, UUID)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await queries.list_dead(connection, dataset_id=dataset_id, after=after, limit=limit)
    following = encode_cursor(rows[-1]["position"], rows[-1]["id"]) if len(rows) == limit else None
    return answer({"items": rows, "next_cursor": following})


@router.post("/api/conversions/{conversion_id}/retry", openapi_extra=RETRY_BODY)
async def retry_conversion(request: Request, conversion_id: UUID) -> Response:
    """Send a conversion again under the same id and time, corrected where the body says so.

    The body may hold `event_name`, `value`, `currency`, `custom`, `drop_fields` (Meta's names, such as `ph`), and
    `confirm` for one of which nobody knows whether Meta counted it. An accepted one answers 409.
    """
    principal = await caller(request, "operate")
    try:
        wish = read_wish(await _optional_body(request))
        entry = await asyncio.to_thread(
            resend, services(request).settings.database(), principal.brokerage_id, conversion_id, wish,
            by=principal.key_id, correlation_id=request.scope["request_id"],
        )  # fmt: skip
    except InvalidCorrections as wrong:
        raise Refusal(422, "Invalid request", errors=wrong.problems) from None
    except CannotResend as refusal:
        raise Refusal(409, "Cannot be sent again", str(refusal)) from None
    except NoSuchMessage:
        raise await _nothing_to_send(request, principal, conversion_id) from None
    return answer({"status": "waiting", "conversion_id": conversion_id, "event_id": entry})


@router.get("/api/conversions/{conversion_id}/attempts/{request_id}/body")
async def get_body(request: Request, conversion_id: UUID, request_id: UUID) -> Response:
    """Show what one request told Meta of one conversion; kept for thirty days. Who looked is logged."""
    principal = await caller(request, "operate")
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        known = await queries.event_id_of(connection, conversion_id)
        sealed = await queries.sealed_body(connection, request_id)
    body = open_body(own.settings.master(), principal.brokerage_id, request_id, sealed) if sealed else None
    events = [one for one in (body or {}).get("data", []) if _names(one) == known]
    if not events:
        raise Refusal(404, "Not found", "there is no such request of this conversion, or its body is forgotten by now")
    log.warning(  # whatever the level is set to: personal data was looked at
        "body_opened", key_id=principal.key_id, brokerage_id=str(principal.brokerage_id),
        conversion_id=str(conversion_id), request_id=str(request_id),
    )  # fmt: skip
    return answer({"conversion_id": conversion_id, "request_id": request_id, "data": events})


def _names(event: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return by what one event of a request is told from the others."""
    return event.get("event_id"), (event.get("custom_data") or {}).get("touchpoint_id")


@router.get("/api/alerts")
async def list_alerts(
    request: Request, cleared: bool = False, limit: Limit = 50, cursor: str | None = None
) -> Response:  # fmt: skip
    """List open alerts, the newest first; with `cleared=true` also those that are over."""
    principal = await caller(request, "read")
    after = decode_cursor(cursor, int, UUID)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await queries.list_alerts(connection, cleared=cleared, after=after, limit=limit)
    following = encode_cursor(rows[-1]["raised_us"], rows[-1]["id"]) if len(rows) == limit else None
    return answer({"items": [_without_place(row) for row in rows], "next_cursor": following})


def _without_place(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "raised_us"}


@router.get("/api/test-meta")
async def look_at_meta(request: Request, dataset_id: Word | None = None) -> Response:
    """Check every dataset: is its token stored and alive, can it be reached? Nothing is sent."""
    principal = await caller(request, "operate")
    return answer(await _tried(request, principal, dataset_id, send=False))


@router.post("/api/conversions/test-setup", openapi_extra=TEST_BODY)
async def test_setup(request: Request) -> Response:
    """Check every dataset, or the one named `dataset_id`, and send it a test event under its test event code.

    `test_event_code` may be given. Without a code nothing is sent: Meta counts test events as live ones.
    """
    principal = await caller(request, "operate")
    dataset_id, code = _asked(await _optional_body(request))
    return answer(await _tried(request, principal, dataset_id, send=True, code=code))


async def _tried(
    request: Request, principal: Principal, dataset_id: str | None, *, send: bool, code: str | None = None
) -> dict[str, Any]:
    own = services(request)
    house = await own.houses.house(principal.brokerage_id)
    roles = {one: str(getattr(held, "role", held)) for one, held in house.datasets.items()}
    if dataset_id is not None and dataset_id not in roles:
        raise Refusal(404, "Not found", "there is no such dataset of this brokerage")
    wanted = roles if dataset_id is None else {dataset_id: roles[dataset_id]}
    found = await asyncio.to_thread(_try, own.settings, principal.brokerage_id, wanted, send, code, own.now())
    return {
        "ok": bool(found) and all(one.ok for one in found),
        "graph_url": own.settings.graph_url,
        "datasets": [{**asdict(one), "pixel_id": one.dataset_id, "ok": one.ok} for one in found],
    }


def _try(
    own: Settings, brokerage_id: UUID, datasets: Mapping[str, str], send: bool, code: str | None,
    now: datetime,
) -> list[Tested]:  # fmt: skip
    check = MetaDatasets(own.graph_url, own.graph_version)
    try:
        with connect(own.database(), "masar_registry", name="testing") as registry:
            safe = SecretStore(lambda: registry, own.master(), test_events=True)
            known = {one: safe.credentials(Lane(brokerage_id, one)) for one in datasets}
        return try_datasets(datasets, known, check, own.graph_version, now, send=send, test_event_code=code)
    finally:
        check.close()


async def _optional_body(request: Request) -> Any:
    """Return the body, None where there is none."""
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    return None if empty else await json_body(request)


def _asked(body: Any) -> tuple[str | None, str | None]:
    if body is None:
        return None, None
    if not isinstance(body, dict):
        raise Refusal(422, "Invalid request", errors=[Problem("", "must be an object")])
    problems = [
        Problem(name, "is not one of dataset_id, test_event_code")
        for name in body.keys() - {"dataset_id", "test_event_code"}
    ]
    dataset_id, code = body.get("dataset_id"), body.get("test_event_code")
    if dataset_id is not None and not (isinstance(dataset_id, str) and dataset_id.isascii() and dataset_id.isdigit()):
        problems.append(Problem("dataset_id", "must be the number of a dataset, as text"))
    if code is not None and not (isinstance(code, str) and 0 < len(code) <= LONGEST_CODE and code.isalnum()):
        problems.append(
            Problem("test_event_code", f"must be 1 to {LONGEST_CODE} letters and digits, such as TEST12345")
        )
    if problems:
        raise Refusal(422, "Invalid request", errors=problems)
    return dataset_id, code


async def _nothing_to_send(request: Request, principal: Principal, conversion_id: UUID) -> Refusal:
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        known = await queries.event_id_of(connection, conversion_id)
    if known is None:
        return Refusal(404, "Not found", "there is no such conversion")
    return Refusal(409, "Cannot be sent again", "it was withheld when it was decided, or another one stands for it")
