"""The stand-in's memory of messages: what was processed, how often by each callback id, and what was refused why."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.simulator.messages.errors import RATE_LIMITS, Channel
from adapters.simulator.refusals import Refusal, outcome_of


@dataclass(slots=True)
class Processed:
    """One message that the platform took. `callback` is what the sender gave along to know it again."""

    id: str
    channel: Channel
    account_id: str
    customer: str
    type: str
    callback: str | None
    body: dict[str, Any]
    at: float  # unix seconds
    answer: str = "told"  # what the sender saw: told, or the fault that hid it
    statuses: list[str] = field(default_factory=list)
    failed_code: int | None = None

    def shown(self) -> dict[str, Any]:
        """Return the message as `GET /_simulator/messages` shows it."""
        content = {name: getattr(self, name) for name in self.__slots__ if name != "at"}
        return {**content, "received_at": datetime.fromtimestamp(self.at, UTC).isoformat()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages: filters that must all match, after position `cursor`, at most `limit` of them."""

    channel: str | None = None
    account: str | None = None
    user: str | None = None
    callback: str | None = None
    cursor: int = 0
    limit: int = 100

    def fits(self, one: Processed) -> bool:
        """Say whether a message is wanted."""
        return (
            self.channel in (None, one.channel)
            and self.account in (None, one.account_id)
            and self.user in (None, one.customer)
            and self.callback in (None, one.callback)
        )


class Record:
    """Every message processed, by its id too, with counts."""

    def __init__(self) -> None:
        self._all: list[Processed] = []
        self._by_id: dict[str, Processed] = {}
        self._callbacks: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._rate_limits: Counter[str] = Counter()
        self._others: Counter[str] = Counter()

    def forget(self) -> None:
        """Start over."""
        self._all.clear()
        self._by_id.clear()
        for counter in (self._callbacks, self._refused, self._rate_limits, self._others):
            counter.clear()

    def add(self, message: Processed) -> None:
        """Enter a message that was processed."""
        self._all.append(message)
        self._by_id[message.id] = message
        if message.callback is not None:
            self._callbacks[message.callback] += 1

    def refuse(self, refusal: Refusal) -> None:
        """Count a refusal; those for going too fast are counted apart as well."""
        self._refused[outcome_of(refusal)] += 1
        if refusal.code in RATE_LIMITS:
            self._rate_limits[outcome_of(refusal)] += 1

    def count(self, what: str) -> None:
        """Count something that is no message: `read`, `typing`, `lost_before_processing`."""
        self._others[what] += 1

    def get(self, message_id: str) -> Processed | None:
        """Return a message by the platform's id."""
        return self._by_id.get(message_id)

    def page(self, wanted: Wanted) -> tuple[list[dict[str, Any]], int | None]:
        """Return matching messages, oldest first, and the cursor of the next page, if there is one."""
        found: list[dict[str, Any]] = []
        for index in range(wanted.cursor, len(self._all)):
            if wanted.fits(self._all[index]):
                if len(found) == wanted.limit:
                    return found, index
                found.append(self._all[index].shown())
        return found, None

    def summary(self) -> dict[str, Any]:
        """Return what was processed, by channel and type; what was refused, by code; and callback ids seen again."""
        repeated = {callback: times for callback, times in self._callbacks.items() if times > 1}
        return {
            "processed": len(self._all),
            "by_channel": dict(Counter(one.channel for one in self._all)),
            "by_type": dict(Counter(one.type for one in self._all)),
            "failed": dict(Counter(str(one.failed_code) for one in self._all if one.failed_code)),
            "refused": dict(self._refused),
            "rate_limits": dict(self._rate_limits),
            "others": dict(self._others),
            "callbacks": {"distinct": len(self._callbacks), "repeated": repeated},
            "without_callback": sum(one.callback is None for one in self._all),
        }

    def times(self, callback: str) -> int:
        """Return how often a message with this callback id was processed."""
        return self._callbacks[callback]

    def __iter__(self) -> Iterator[Processed]:
        return iter(self._all)
