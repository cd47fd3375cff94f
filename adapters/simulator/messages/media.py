"""Files: uploaded by a business, or sent by a customer; told of, downloaded through an address that soon expires.

Source: WhatsApp Cloud API, *Media*: an uploaded file is kept for 30 days, one that came by webhook for 7, and an
address for 5 minutes. Sizes by kind from the same page; the limit of images is not certain.
"""

import hashlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any, Final

from adapters.simulator.messages.errors import whatsapp
from adapters.simulator.refusals import Refusal

MB: Final = 1_024 * 1_024
DAY_S: Final = 86_400
UPLOADED_S: Final = 30 * DAY_S
RECEIVED_S: Final = 7 * DAY_S
ADDRESS_S: Final = 300

# fmt: off
KINDS: Final[dict[str, tuple[frozenset[str], int]]] = {  # by kind: its types, the most bytes
    "image":    (frozenset({"image/jpeg", "image/png"}), 5 * MB),
    "video":    (frozenset({"video/mp4", "video/3gpp"}), 16 * MB),
    "audio":    (frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * MB),
    "sticker":  (frozenset({"image/webp"}), 500 * 1_024),
    "document": (frozenset({
        "text/plain", "application/pdf", "application/vnd.ms-powerpoint", "application/msword",
        "application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }), 100 * MB),
}
# fmt: on
NO_SUCH_FILE: Final = Refusal(100, 33, "Unsupported request", "Object does not exist or has expired")


@dataclass(frozen=True, slots=True)
class File:
    """One file: `account_id` is None where any account may read it, as with files of Messenger and Instagram."""

    id: str
    content: bytes
    mime_type: str
    account_id: str | None
    expires_at: float
    filename: str | None = None
    came_in: bool = False  # from a customer
    broken: bool = False  # its download fails

    def shown(self, url: str) -> dict[str, Any]:
        """Return what `GET /{media_id}` answers."""
        return {
            "messaging_product": "whatsapp", "url": url, "mime_type": self.mime_type, "sha256": self.sha256(),
            "file_size": len(self.content), "id": self.id,
        }  # fmt: skip

    def sha256(self) -> str:
        """Return the hash of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()


class Media:
    """All files by their ids."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[str, File] = {}
        self._owners: dict[str, str | None] = {}
        self._ids = itertools.count(440_000_000_000_001)

    def forget(self) -> None:
        """Drop every file."""
        self._known.clear()
        self._owners.clear()

    def keep(
        self, content: bytes, mime_type: str, account_id: str | None, *, filename: str | None = None,
        came_in: bool = False, broken: bool = False,
    ) -> File:  # fmt: skip
        """Take a file in under a new id."""
        expires_at = self._clock() + (RECEIVED_S if came_in else UPLOADED_S)
        named = File(str(next(self._ids)), content, mime_type, account_id, expires_at, filename, came_in, broken)
        self._known[named.id] = named
        self._owners[named.id] = account_id
        return named

    def get(self, media_id: str) -> File | None:
        """Return a file that has not expired."""
        found = self._known.get(media_id)
        return found if found is not None and found.expires_at > self._clock() else None

    def account_of(self, media_id: str) -> str | None:
        """Return whose file had this id, also after it is gone; None where nobody's."""
        return self._owners.get(media_id)

    def drop(self, media_id: str) -> dict[str, Any] | Refusal:
        """Answer `DELETE /{media_id}`."""
        return {"success": True} if self._known.pop(media_id, None) else NO_SUCH_FILE

    def refuse_use(self, media_id: str, kind: str, account_id: str) -> Refusal | None:
        """Refuse a file in a message: not there, not this account's, or of another kind."""
        found = self.get(media_id)
        if found is None or found.account_id not in (None, account_id):
            return whatsapp(131009, f"{kind}.id names no file of this account")
        if found.mime_type.partition(";")[0].strip() not in KINDS[kind][0]:
            return whatsapp(131053, f"{kind}: a file of type {found.mime_type} cannot be sent as this")
        return None

    def address(self, media_id: str, base: str) -> str:
        """Return an address of the file that is good for five minutes."""
        expires = int(self._clock()) + ADDRESS_S
        return f"{base}/whatsapp_business/attachments/?mid={media_id}&ext={expires}&hash={_seal(media_id, expires)}"

    def fetch(self, media_id: str, expires: str, seal: str) -> File | None:
        """Return the file of an address, None where the address is not ours, has expired, or the file is broken."""
        if not expires.isdecimal() or int(expires) < self._clock() or seal != _seal(media_id, int(expires)):
            return None
        found = self.get(media_id)
        return None if found is None or found.broken else found

    def upload(self, content_type: str, body: bytes, account_id: str) -> dict[str, Any] | Refusal:
        """Answer `POST /{phone_number_id}/media`, a form with `messaging_product`, `type` and the file."""
        fields, file = _form(content_type, body)
        if fields.get("messaging_product") != "whatsapp":
            return whatsapp(100, "The parameter messaging_product is required")
        if file is None:
            return whatsapp(100, "The parameter file is required")
        content, filename, said_type = file
        mime_type = fields.get("type") or said_type
        kinds = [kind for kind, (types, _) in KINDS.items() if mime_type.partition(";")[0].strip() in types]
        if not kinds:
            return whatsapp(100, f"Param file must be of a supported type; received {mime_type}")
        if not content or len(content) > max(KINDS[kind][1] for kind in kinds):
            return whatsapp(131053, "the file is empty or too large for its type")
        return {"id": self.keep(content, mime_type, account_id, filename=filename).id}


def _seal(media_id: str, expires: int) -> str:
    return hashlib.sha256(f"{media_id}|{expires}".encode()).hexdigest()[:20]


def _form(content_type: str, body: bytes) -> tuple[dict[str, str], tuple[bytes, str | None, str] | None]:
    """Return the texts of a multipart form, and its file: content, name, type."""
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_param("boundary")
    fields: dict[str, str] = {}
    file: tuple[bytes, str | None, str] | None = None
    if not isinstance(boundary, str):
        return fields, file
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:]:
        about, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        part = message_from_bytes(about + b"\r\n\r\n")
        name = part.get_param("name", header="content-disposition")
        if blank and name == "file":
            file = (content, part.get_filename(), part.get_content_type())
        elif blank and isinstance(name, str):
            fields[name] = content.decode("utf-8", "replace").strip()
    return fields, file
