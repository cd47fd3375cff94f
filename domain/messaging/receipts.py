"""How far a message of ours got: a lattice of receipts that never goes back, in whatever order they come."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from domain.messaging.events import ReceiptStatus
from domain.shared.clock import moment

STEPS: tuple[ReceiptStatus, ...] = ("sent", "delivered", "read", "played")
"""From the least to the most: who has read it has got it."""
ARRIVED: frozenset[ReceiptStatus] = frozenset({"delivered", "read", "played"})
"""What a message that failed could not have done."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message did not arrive, and when (unix ms); `code` is the platform's."""

    at_ms: int
    code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Receipts:
    """What the platform told of one message: each status with the earliest time (unix ms) that was told of it.

    The whole is the join of its parts, so that neither order nor repeats matter.
    """

    at_ms: Mapping[str, int] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def status(self) -> ReceiptStatus | None:
        """The farthest that is known, None before any receipt. What arrived has not failed, whatever was told."""
        told = [one for one in STEPS if one in self.at_ms]
        if self.failure is not None and not ARRIVED & self.at_ms.keys():
            return "failed"
        return told[-1] if told else None

    @property
    def contradictions(self) -> tuple[str, ...]:
        """What cannot all be true: told as it came, for a human to judge."""
        found = []
        if self.failure is not None and ARRIVED & self.at_ms.keys():
            found.append("failed, and arrived all the same")
        told = [one for one in STEPS if one in self.at_ms]
        pairs = pairwise(told)
        found += [f"{late} before it was {early}" for early, late in pairs if self.at_ms[late] < self.at_ms[early]]
        return tuple(found)

    def shown(self) -> dict[str, Any]:
        """Return it for JSON: status, the time of each, the failure, contradictions."""
        failure = self.failure
        return {
            "status": self.status,
            "at": {one: moment(self.at_ms[one]) for one in STEPS if one in self.at_ms},
            "failure": failure and {"at": moment(failure.at_ms), "code": failure.code, "reason": failure.reason},
            "contradictions": list(self.contradictions),
        }


def with_receipt(
    before: Receipts, status: ReceiptStatus, at_ms: int, code: int | None = None, reason: str | None = None
) -> Receipts:
    """Take one more receipt into account; the earliest word on each status holds."""
    if status == "failed":
        return joined(before, Receipts({}, Failure(at_ms, code, reason)))
    return joined(before, Receipts({status: at_ms}))


def joined(one: Receipts, other: Receipts) -> Receipts:
    """Return what two parts tell together."""
    statuses = {*one.at_ms, *other.at_ms}
    at_ms = {
        name: min(part.at_ms[name] for part in (one, other) if name in part.at_ms) for name in sorted(statuses)
    }  # fmt: skip
    failures = [failure for failure in (one.failure, other.failure) if failure is not None]
    return Receipts(at_ms, min(failures, key=_first) if failures else None)


def up_to(receipts: Receipts, sent_ms: int, marks: Mapping[str, tuple[int, ...]]) -> Receipts:
    """Return the receipts with those that were told of all messages up to a time: status → such times, unix ms, sorted.

    A mark speaks of the messages that were sent no later than it; the first of them that does is the time.
    """
    at_ms = dict(receipts.at_ms)
    for status, times in marks.items():
        nth = bisect_left(times, sent_ms)
        if nth < len(times) and status not in at_ms:
            at_ms[status] = times[nth]
    return Receipts(at_ms, receipts.failure)


def _first(failure: Failure) -> tuple[int, int, str]:
    return failure.at_ms, failure.code or 0, failure.reason or ""
