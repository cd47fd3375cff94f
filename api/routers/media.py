"""Files that customers sent, given out to those who may read the conversation."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from adapters.media.names import disposition, safe_name
from adapters.media.sealed_file import BrokenFile
from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries.media import MessageFile, file_of, try_again
from api.errors import Refusal
from api.reading import answer, caller, services
from application.fetch_media import ERASED
from application.ports.media import ErasedPerson
from domain.shared.personal import Erased

router = APIRouter(tags=["conversations"])

# fmt: off
NOT_THERE = {  # what became of a file → why it is not given out
    "failed":   "it could not be fetched; have it tried again",
    "refused":  "it is of a kind that is not kept",
    "infected": "the virus check found something in it",
}
# fmt: on
SEALED_OFF = {
    "content-security-policy": "sandbox; default-src 'none'",
    "accept-ranges": "none",
    "cross-origin-resource-policy": "same-origin",
}
"""A file comes from a stranger: it is saved, never run or shown within our own site."""


@router.get("/api/conversations/{conversation_id}/messages/{ref}/media", response_class=Response)
async def get_media(request: Request, conversation_id: UUID, ref: UUID) -> Response:
    """Give out the file that a message brought, to be saved; 409 where it is not there, 410 once the person is erased.

    Its type is what was found in it, not what was said of it.
    """
    principal = await caller(request, "read")
    own, file = services(request), await _file(request, principal.brokerage_id, conversation_id, ref)
    last = file.last
    if last.get("outcome") != "kept":
        if last.get("reason") == ERASED:
            raise _erased()
        outcome = last.get("outcome", "under way")
        why = last.get("reason") or NOT_THERE.get(outcome, "it is being fetched")
        raise Refusal(409, "No file", why, more={"media": outcome})
    request.scope["seen"] |= {"conversation_id": str(conversation_id), "media": last["name"]}
    try:
        pieces = await asyncio.to_thread(
            own.vault.open, principal.brokerage_id, file.message["subject_id"], UUID(last["name"])
        )
    except (ErasedPerson, BrokenFile):
        raise _erased() from None
    except FileNotFoundError:
        raise Refusal(410, "Gone", "the file was deleted") from None
    name = await asyncio.to_thread(_name, request, file)
    headers = {**SEALED_OFF, "content-disposition": disposition(name), "content-length": str(last["size"])}
    return StreamingResponse(pieces, headers=headers, media_type=last["mime_type"])


@router.post("/api/conversations/{conversation_id}/messages/{ref}/media/retry")
async def retry_media(request: Request, conversation_id: UUID, ref: UUID) -> Response:
    """Have a file that could not be fetched tried again: 202; 409 for one that is there, refused, or under way."""
    principal = await caller(request, "operate")
    file = await _file(request, principal.brokerage_id, conversation_id, ref)
    outcome = file.last.get("outcome", "under way")
    if outcome != "failed":
        raise Refusal(409, "Nothing to retry", f"the file is {outcome}", more={"media": outcome})
    await asyncio.to_thread(try_again, services(request).settings.database(), file)
    return answer({"status": "waiting", "ref": ref}, 202)


async def _file(request: Request, brokerage_id: UUID, conversation_id: UUID, ref: UUID) -> MessageFile:
    async with as_brokerage(services(request).pool, brokerage_id) as connection:
        file = await file_of(connection, ref)
    if file is None or file.thread_id != conversation_id or file.content is None:
        raise Refusal(404, "Not found", "this conversation has no such file")
    return file


def _name(request: Request, file: MessageFile) -> str:
    (content,) = services(request).keyring.open_all([file.content] if file.content else [])
    given = None if isinstance(content, Erased) else (content.get("media") or {}).get("filename")
    mime_type = file.last["mime_type"]
    return safe_name(given, mime_type, f"{mime_type.partition('/')[0]}-{str(file.message['originator_id'])[:8]}")


def _erased() -> Refusal:
    return Refusal(410, "Erased", ERASED)
