"""Fetch the file that a message brought, look at it, keep it; what became of it is a fact."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.ports.conversions import Keys
from application.ports.media import ErasedPerson, FileSource, FileVault, KeptFile, NoFile, WantedFile
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from domain.messaging.content import Content, FurtherFile, Media
from domain.messaging.events import MediaSettled
from domain.shared.personal import Erased, Sealed

FILES = UUID("7b0a2b7e-9f0e-5c55-8a0b-6f1d3c2e4a90")
"""Namespace of our names of files, and of the facts about them."""

MIB = 1024 * 1024
# fmt: off
LIMITS: dict[str, int] = {  # the platform's own limits of what a customer can send (WhatsApp Cloud API, media)
    "image":    5 * MIB,
    "sticker":  500 * 1024,
    "video":    16 * MIB,
    "audio":    16 * MIB,
    "document": 100 * MIB,
}
FAMILIES: dict[str, str] = {  # type of a message → what its file claims to be
    "image": "image", "sticker": "sticker", "video": "video", "audio": "audio", "voice": "audio",
}
# fmt: on
ELSEWHERE = 25 * MIB
"""On Messenger and Instagram, whatever the file is."""
WAITS = tuple(timedelta(seconds=one) for one in (5, 30, 120, 600, 1800))
"""Before a file that could not be had is tried again; after the last it has failed, and a person may ask again."""
ERASED = "the person was erased"


@dataclass(frozen=True, slots=True)
class FetchMedia:
    """The use case behind the message `fetch_media`.

    Payload: thread_id, ref, channel, account_id, provider, subject_id, the sealed `content`, message_type, and `nth`,
    which of the message's files it is about; without one the first.
    """

    keys: Keys
    records: Records
    source: FileSource
    vault: FileVault
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Keep the file or say why not, and settle the message, in one go. Raises LeaseLost."""
        (plain,) = self.keys.open_all([Sealed(**message.payload["content"])])
        if isinstance(plain, Erased):
            self._settle(message, {"outcome": "refused", "reason": ERASED})
            return
        media = file_of(Content.model_validate(plain), message.payload.get("nth", 0))
        if media is None or not (media.id or media.url):
            self.records.record(Entry([Settled(message, "done")]))
            return
        try:
            self._settle(message, self._kept(message, media))
        except ErasedPerson:
            self._settle(message, {"outcome": "refused", "reason": ERASED})
        except NoFile as none:
            self._missed(message, none)

    def _kept(self, message: Leased, media: Media) -> dict[str, Any]:
        payload = message.payload
        told = media.type if isinstance(media, FurtherFile) else payload.get("message_type")
        family = family_of(told, media.mime_type)
        limit = LIMITS[family] if payload["channel"] == "whatsapp" else ELSEWHERE
        wanted = WantedFile(
            message.brokerage_id, payload["channel"], payload["account_id"], payload.get("provider") or "meta", media,
            limit,
        )  # fmt: skip
        name = uuid5(FILES, f"file|{message.id}")
        with self.source.open(wanted) as chunks:
            kept: KeptFile = self.vault.keep(wanted, UUID(payload["subject_id"]), name, family, chunks)
        found = {"mime_type": kept.mime_type, "size": kept.size, "scanned": kept.scanned, "name": name}
        if kept.virus is not None:
            return {"outcome": "infected", "reason": f"the virus check found {kept.virus}"[:300], **found}
        return {"outcome": "kept", **found}

    def _missed(self, message: Leased, none: NoFile) -> None:
        if none.passing and message.attempts <= len(WAITS):
            later = self.clock() + WAITS[message.attempts - 1]
            self.records.record(Entry([Settled(message, "waiting", later, none.why[:300])]))
        else:
            self._settle(message, {"outcome": "refused" if none.refused else "failed", "reason": none.why[:300]})

    def _settle(self, message: Leased, outcome: dict[str, Any]) -> None:
        payload, ref = message.payload, UUID(message.payload["ref"])
        fact = MediaSettled(
            thread_id=payload["thread_id"], channel=payload["channel"], account_id=payload["account_id"], ref=ref,
            nth=payload.get("nth", 0), occurred_at=self.clock(), **outcome,
        )  # fmt: skip
        new = NewFact(
            uuid5(FILES, f"settled|{message.id}"), message.brokerage_id, fact, UUID(payload["subject_id"]), ref,
            message.correlation_id,
        )  # fmt: skip
        self.records.record(Entry([Settled(message, "done")], [new]))


def file_of(content: Content, nth: int) -> Media | None:
    """Return one of the files of a message, None where it has none of that number: 0 is the first."""
    if nth == 0:
        return content.media
    return content.files[nth - 1] if nth <= len(content.files) else None


def family_of(message_type: str | None, mime_type: str | None) -> str:
    """Return what a message says its file is; by the platform's word for the file where its own type does not tell."""
    if message_type in FAMILIES:
        return FAMILIES[message_type]
    first = (mime_type or "").partition("/")[0]
    return first if message_type != "document" and first in ("image", "video", "audio") else "document"
