"""Templates of WhatsApp: as last synced, and synced anew on request."""

import asyncio

from fastapi import APIRouter, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import templates as queries
from api.errors import Refusal
from api.reading import Word, answer, caller, services

router = APIRouter(tags=["messaging"])


@router.get("/api/templates")
async def list_templates(
    request: Request, status: Word | None = None, name: Word | None = None, gone: bool = False
) -> Response:  # fmt: skip
    """List the templates with status, category, quality and components; `gone=true` shows deleted ones as well."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        listed = await queries.list_templates(connection, status=status and status.upper(), name=name, gone=gone)
    return answer({"items": listed, "next_cursor": None})


@router.post("/api/templates/sync", status_code=202)
async def sync_templates(request: Request) -> Response:
    """Have a worker read all templates anew from WhatsApp. 409 where no account names its business account."""
    principal = await caller(request, "operate")
    now = services(request).now()
    accounts = await asyncio.to_thread(services(request).sending.sync_templates, principal.brokerage_id, now)
    if not accounts:
        raise Refusal(409, "Nothing to sync", "no WhatsApp account names the business account that owns it")
    return answer({"status": "requested", "accounts": accounts}, 202)
