"""Files of conversations: what customers sent is given out, what is to be sent to them is kept."""

import asyncio
from typing import Annotated, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from adapters.media.names import disposition, safe_name
from adapters.media.sealed_file import BrokenFile
from adapters.media.vault import FolderVault
from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries.media import MessageFile, file_of, sent_file_of, try_again
from api.bodies import wrong_field
from api.docs import given_as
from api.errors import Refusal
from api.reading import answer, body_bytes, caller, services
from application.fetch_media import ERASED, family_of
from application.fetch_media import file_of as media_of
from application.outgoing_files import LARGEST, name_of_file, no_file_for_whatsapp
from application.outgoing_limits import TAKES_UPLOADS
from application.ports.desks import NoSuchThread
from application.ports.media import ErasedPerson, KeptFile, NoFile, WantedFile
from domain.messaging.content import Content, Media
from domain.shared.personal import Erased

router = APIRouter(tags=["conversations"])
SentAs = Literal["image", "video", "audio", "document", "sticker"]
ANY_BYTES = {"requestBody": {
    "required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}}  # fmt: skip
Nth = Annotated[int, Query(ge=0, le=1_000, description="Which of the message's files, from 0.")]

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


@router.get(
    "/api/conversations/{conversation_id}/messages/{ref}/media", response_class=Response, responses=given_as("*/*")
)
async def get_media(request: Request, conversation_id: UUID, ref: UUID, nth: Nth = 0) -> Response:
    """Give out a file that a message brought, to be saved; 409 where it is not there, 410 once the person is erased.

    Its type is what was found in it, not what was said of it. Of several `nth` says which, from 0. Of a message of ours
    it is the file that was kept here to be sent.
    """
    principal = await caller(request, "read")
    if (sent := await _sent(request, principal.brokerage_id, conversation_id, ref)) is not None:
        return sent
    own, file = services(request), await _file(request, principal.brokerage_id, conversation_id, ref, nth)
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


@router.post("/api/conversations/{conversation_id}/messages/{ref}/media/retry", status_code=202)
async def retry_media(request: Request, conversation_id: UUID, ref: UUID, nth: Nth = 0) -> Response:
    """Have a file that could not be fetched tried again: 202; 409 for one that is there, refused, or under way."""
    principal = await caller(request, "operate")
    file = await _file(request, principal.brokerage_id, conversation_id, ref, nth)
    outcome = file.last.get("outcome", "under way")
    if outcome != "failed":
        raise Refusal(409, "Nothing to retry", f"the file is {outcome}", more={"media": outcome})
    await asyncio.to_thread(try_again, services(request).settings.database(), file)
    return answer({"status": "waiting", "ref": ref, "nth": nth}, 202)


@router.post("/api/conversations/{conversation_id}/media", status_code=201, openapi_extra=ANY_BYTES)
async def post_media(
    request: Request, conversation_id: UUID, kind: Annotated[SentAs | None, Query(alias="type")] = None,
    filename: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")] = None,
) -> Response:  # fmt: skip
    """Keep a file that is to be sent in a conversation on WhatsApp: its bytes are the body, up to 16 MiB.

    The answer's `media` goes into the message that sends it. It is judged by its bytes as customers' files are, lies
    encrypted under the customer's key, and the same bytes again are the same file.
    """
    principal, own = await caller(request, "operate"), services(request)
    if kind is None:
        raise wrong_field("type", f"is needed: {', '.join(get_args(SentAs))}")
    try:
        subject_id, channel, account_id = await asyncio.to_thread(
            own.sending.whose, principal.brokerage_id, conversation_id
        )
    except NoSuchThread:
        raise Refusal(404, "Not found", "there is no such conversation") from None
    if channel not in TAKES_UPLOADS:
        raise wrong_field("media", f"{channel} takes files by an https address")
    content = await body_bytes(request, LARGEST)
    name = name_of_file(conversation_id, kind, content)
    wanted = WantedFile(principal.brokerage_id, channel, account_id, "meta", Media(), LARGEST)
    kept = await asyncio.to_thread(_kept, own.vault, wanted, subject_id, name, kind, content)
    media = {"file": name, **({"filename": filename} if filename else {})}
    return answer({"type": kind, "media": media, "mime_type": kept.mime_type, "size": kept.size}, 201)


def _kept(vault: FolderVault, wanted: WantedFile, subject_id: UUID, name: UUID, kind: str, content: bytes) -> KeptFile:
    """Keep a file that WhatsApp takes as what it is to be sent; raise Refusal for any other, which is kept nowhere."""
    try:
        kept = vault.keep(wanted, subject_id, name, kind, iter([content]))
    except ErasedPerson:
        raise _erased() from None
    except NoFile as none:
        if none.passing and content:
            raise Refusal(503, "Not kept", none.why, headers={"Retry-After": "30"}) from None
        raise wrong_field("body", none.why) from None
    why = f"the virus check found {kept.virus}" if kept.virus else no_file_for_whatsapp(kind, kept.mime_type, kept.size)
    if why is not None:
        vault.destroy(wanted.brokerage_id, [name])
        raise wrong_field("body", why)
    return kept


async def _sent(request: Request, brokerage_id: UUID, conversation_id: UUID, send_id: UUID) -> Response | None:
    """Return the file that a message of ours was sent with, None where that is no message of ours with one."""
    own = services(request)
    async with as_brokerage(own.pool, brokerage_id) as connection:
        found = await sent_file_of(connection, conversation_id, send_id)
    if found is None:
        return None
    (content,) = await asyncio.to_thread(own.keyring.open_all, [found.content])
    if isinstance(content, Erased):
        raise _erased()
    media = Content.model_validate(content).media
    if media is None or media.file is None:
        return None
    family = family_of(found.message_type, None)
    try:
        file = await asyncio.to_thread(own.vault.read, brokerage_id, found.subject_id, media.file, family)
    except ErasedPerson:
        raise _erased() from None
    except NoFile as none:
        raise Refusal(410, "Gone", none.why) from None
    request.scope["seen"] |= {"conversation_id": str(conversation_id), "media": str(media.file)}
    name = safe_name(media.filename, file.mime_type, f"{family}-{str(send_id)[:8]}")
    headers = {**SEALED_OFF, "content-disposition": disposition(name)}
    return Response(file.content, headers=headers, media_type=file.mime_type)


async def _file(request: Request, brokerage_id: UUID, conversation_id: UUID, ref: UUID, nth: int) -> MessageFile:
    async with as_brokerage(services(request).pool, brokerage_id) as connection:
        file = await file_of(connection, ref, nth)
    if file is None or file.thread_id != conversation_id or file.content is None:
        raise Refusal(404, "Not found", "this conversation has no such file")
    return file


def _name(request: Request, file: MessageFile) -> str:
    (content,) = services(request).keyring.open_all([file.content] if file.content else [])
    media = None if isinstance(content, Erased) else media_of(Content.model_validate(content), file.nth)
    given = media.filename if media else None
    mime_type = file.last["mime_type"]
    return safe_name(given, mime_type, f"{mime_type.partition('/')[0]}-{str(file.message['originator_id'])[:8]}")


def _erased() -> Refusal:
    return Refusal(410, "Erased", ERASED)
