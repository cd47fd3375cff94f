"""A send of unknown outcome turns out to have arrived: a receipt or an echo speaks of it."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.clock import Clock, utc_now
from application.outgoing_outcome import By, settlement
from application.ports.analysis import Seals
from application.ports.channels import Opened
from application.ports.outbox import Entry, Leased, Records, Settled
from domain.shared.personal import Sealed

SIGNS: dict[str, By] = {"receipt": "receipt", "echo": "echo"}


class Said(Protocol):
    """What a sign is compared with."""

    def words_of(self, brokerage_id: UUID, send_id: UUID) -> Sealed | None:
        """Return the sealed text of a send, None where it has none."""

    def platform_id_at(self, brokerage_id: UUID, ref: UUID) -> Sealed | None:
        """Return the platform's id of the message that lies in the log under a ref, sealed."""


@dataclass(frozen=True, slots=True)
class ReconcileSend:
    """The use case behind the message `reconcile_send`.

    A receipt or an echo that carries our id is sure. Instagram's echoes carry none: there the texts are compared, which
    only a worker can, as both are sealed.
    """

    said: Said
    open_all: Opened
    seals: Seals
    records: Records
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Record that the send arrived where the sign is about it; settle the message in any case. Raises LeaseLost."""
        payload, send_id = message.payload, UUID(str(message.payload["send_id"]))
        if not payload["sure"] and not self._same_words(message, send_id):
            self.records.record(Entry([Settled(message, "done")]))
            return
        ref = UUID(str(payload["ref"])) if payload.get("ref") else None
        sealed = self.said.platform_id_at(message.brokerage_id, ref) if ref else None
        (platform_id,) = self.open_all([sealed]) if sealed else (None,)
        fact = settlement(
            self.seals, message.brokerage_id, payload, send_id, "accepted", SIGNS[payload["by"]], self.clock(),
            ref=ref, platform_id=platform_id if isinstance(platform_id, str) else None, cause_id=message.cause_id,
            correlation_id=message.correlation_id,
        )  # fmt: skip
        self.records.record(Entry([Settled(message, "done")], [fact]))

    def _same_words(self, message: Leased, send_id: UUID) -> bool:
        told = message.payload.get("text")
        ours = self.said.words_of(message.brokerage_id, send_id)
        if not told or ours is None:
            return False
        theirs = Sealed(told["token"], told["stream_id"], told["version"], told["field"])
        one, other = self.open_all([ours, theirs])
        return isinstance(one, str) and isinstance(other, str) and one.split() == other.split()
