"""Deliver the waiting conversions of one dataset: each counted once, none against its person's word."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from application.clock import Clock, utc_now
from application.conversion_batch import Batch, Ready
from application.delivery_rules import at_most_once, company, happened_at, in_company, too_late
from application.ports.conversions import (
    MOST_PER_REQUEST,
    Circuits,
    ConversionQueue,
    ConversionSink,
    Draft,
    Keys,
    Safe,
    Unsendable,
    Words,
)
from application.ports.outbox import Circuit, Entry, Lane, Leased, Settled
from application.send_conversions import Sending
from domain.shared.personal import Sealed

PROBE_S = 60.0
"""How often a held dataset is tried with one message."""

UNREAD_S = 1.0
"""How long a conversion waits for a word of its person that is in the log and not yet read."""

NO_CREDENTIALS = "no credentials"


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class DeliverConversions:
    """The use case behind "drain this dataset".

    `at_least_once` sends again what nobody knows of, even where the platform may count it twice.
    """

    queue: ConversionQueue
    circuits: Circuits
    words: Words
    keys: Keys
    safe: Safe
    sink: ConversionSink
    probe_s: float = PROBE_S
    at_least_once: bool = False
    clock: Clock = utc_now
    chance: Callable[[], float] = random.random

    def drain(self, lane: Lane, go_on: Callable[[], bool] = _always) -> None:
        """Deliver what is due until nothing is, the lane is held, or `go_on` says no.

        Raises LeaseLost when another worker took over; what was recorded before stands.
        """
        circuit = self.circuits.circuit(lane)
        if circuit is not None and circuit.throttled:
            self.circuits.hold_back(circuit)
        elif circuit is not None:
            self._while_held(circuit, go_on)
        else:
            self._while_open(lane, go_on)

    def _while_open(self, lane: Lane, go_on: Callable[[], bool]) -> None:
        while go_on() and (messages := self.queue.lease(lane, MOST_PER_REQUEST)):
            if not self._deliver(Batch(lane, messages), go_on):
                return

    def _while_held(self, circuit: Circuit, go_on: Callable[[], bool]) -> None:
        """Park what arrived since; try the lane with one message when its probe is due.

        Where there is none to try it with, a lane that the delivery held is let go, as the next message will tell; one
        that a check of the dataset held waits for a good check, or its alert would come and go with every look.
        """
        while go_on() and (messages := self.queue.lease(circuit.lane, MOST_PER_REQUEST)):
            batch = Batch(circuit.lane, messages)
            self.queue.record(batch.parked(self._in_time(batch), circuit.reason, self.clock()))
        probe = self.circuits.take_probe(circuit, self.clock() + timedelta(seconds=self.probe_s))
        if probe:
            self._deliver(Batch(circuit.lane, probe, held_for=circuit.reason), go_on)
        elif probe is not None and not circuit.watched:
            self.queue.record(Entry(closes=circuit.lane))

    def _deliver(self, batch: Batch, go_on: Callable[[], bool]) -> bool:
        """Work off one batch; return whether the lane is open."""
        credentials = self.safe.credentials(batch.lane)
        if credentials is None:
            return self._hold(batch)
        ready, now = self._ready(batch), self.clock()
        groups = in_company(ready, lambda one: company(one.message, now, at_least_once=self.at_least_once))
        sending = Sending(self.queue, self.sink, credentials, batch, self.probe_s, self.clock, self.chance)
        return sending.send(groups, go_on)

    def _hold(self, batch: Batch) -> bool:
        left, now = self._in_time(batch), self.clock()
        opens = Circuit(batch.lane, NO_CREDENTIALS, now + timedelta(seconds=self.probe_s))
        self.queue.record(batch.parked(left, NO_CREDENTIALS, now, opens))
        return False

    def _in_time(self, batch: Batch) -> list[Leased]:
        """Withhold what is too old by now; return the others."""
        now = self.clock()
        late = {one.id for one in batch.messages if too_late(one, now)}
        if late:
            old = [(one, False) for one in batch.messages if one.id in late]
            self.queue.record(batch.withheld({"too_old": old}, now))
        return [one for one in batch.messages if one.id not in late]

    def _without_doubt(self, batch: Batch, messages: list[Leased]) -> list[Leased]:
        """Give up those that a lost worker may have sent and that must not be sent twice; return the others."""
        doubted = [one for one in messages if one.asked and at_most_once(one, at_least_once=self.at_least_once)]
        if doubted:
            self.queue.record(batch.doubted(doubted, self.clock()))
        return [one for one in messages if one not in doubted]

    def _ready(self, batch: Batch) -> list[Ready]:
        """Return what may be sent, drafted; the others are withheld or put off."""
        now, left = self.clock(), self._without_doubt(batch, self._in_time(batch))
        forbidden, unread = self.words.forbidden(batch.lane.brokerage_id, {_subject(one) for one in left})
        put_off = [settled for one in left if (settled := _put_off(one, unread, now))]
        waiting = {settled.message.id for settled in put_off}
        candidates = [one for one in left if one.id not in waiting]
        withheld = [(one, Unsendable("no_consent")) for one in candidates if _subject(one) in forbidden]
        allowed = [one for one in candidates if _subject(one) not in forbidden]
        drafts = list(zip(allowed, self._drafts(allowed, now), strict=True))
        withheld += [(one, draft) for one, draft in drafts if isinstance(draft, Unsendable)]
        if withheld or put_off:
            self.queue.record(batch.withheld(_by_reason(withheld), now, put_off))
        return [Ready(one, draft) for one, draft in drafts if isinstance(draft, Draft)]

    def _drafts(self, messages: Sequence[Leased], now: datetime) -> list[Draft | Unsendable]:
        """Open what is known of each person, all in one go, and draft the events."""
        sealed = {value: None for one in messages for value in _sealed(one).values()}
        plain = dict(zip(sealed, self.keys.open_all(sealed), strict=True))
        return [self._draft(one, {kind: plain[value] for kind, value in _sealed(one).items()}, now) for one in messages]

    def _draft(self, message: Leased, opened: Mapping[str, Any], now: datetime) -> Draft | Unsendable:
        try:
            return self.sink.draft(message.payload, opened, now)
        except Exception as defect:  # one that cannot be drafted must not hold up a thousand others
            return Unsendable(f"cannot be drafted: {type(defect).__name__}", mendable=True)


def _subject(message: Leased) -> UUID:
    return UUID(message.payload["subject_id"])


def _sealed(message: Leased) -> dict[str, Sealed]:
    return {
        kind: Sealed(held["token"], held["stream_id"], held["version"], held["field"])
        for kind, held in message.payload["contact"].items()
    }


def _put_off(message: Leased, unread: set[UUID], now: datetime) -> Settled | None:
    """Return the message waiting again, where its time or a word of its person has not come yet."""
    if _subject(message) in unread:
        return Settled(message, "waiting", now + timedelta(seconds=UNREAD_S), "a word of the person is not read yet")
    if happened_at(message) > now:
        return Settled(message, "waiting", happened_at(message), "lies in the future")
    return None


def _by_reason(withheld: Sequence[tuple[Leased, Unsendable]]) -> dict[str, list[tuple[Leased, bool]]]:
    reasons: dict[str, list[tuple[Leased, bool]]] = {}
    for message, why in withheld:
        reasons.setdefault(why.reason, []).append((message, why.mendable))
    return reasons
