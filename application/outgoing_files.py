"""Files that agents send: which a platform takes, and under which name of ours they are kept."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from application.fetch_media import FILES

MIB: Final = 1024 * 1024
# fmt: off
WHATSAPP: Final[Mapping[str, tuple[frozenset[str], int]]] = {  # what it is sent as → its types, the most bytes
    "image":    (frozenset({"image/jpeg", "image/png"}), 5 * MIB),
    "video":    (frozenset({"video/mp4", "video/3gpp"}), 16 * MIB),
    "audio":    (frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * MIB),
    "sticker":  (frozenset({"image/webp"}), 500 * 1024),
    "document": (frozenset({
        "text/plain", "application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }), 16 * MIB),
}
# fmt: on
"""Source: Meta, *Cloud API: media, supported types*. It takes documents of 100 MB; we take 16, as each is held whole in
memory while it is given on. The older Office types are left out: their bytes do not tell which of them they are."""
LARGEST: Final = 16 * MIB


def no_file_for_whatsapp(family: str, mime_type: str, size: int) -> str | None:
    """Return why WhatsApp would not take a file as what it is to be sent, None where it would."""
    types, most = WHATSAPP[family]
    if mime_type not in types:
        return f"is {mime_type}; WhatsApp takes {', '.join(sorted(types))} as {family}"
    if size > most:
        return f"has {size} bytes; WhatsApp takes {most} as {family}"
    return None


def name_of_file(thread_id: UUID, family: str, content: bytes) -> UUID:
    """Return our name of a file that is to be sent in a thread as what: the same bytes again are the same file."""
    return uuid5(FILES, f"given|{thread_id}|{family}|{sha256(content).hexdigest()}")
