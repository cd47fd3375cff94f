"""Send one batch of drafted conversions: halve what is refused, wait where told to, stop where there is no way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from application.conversion_batch import Batch, Ready
from application.delivery_rules import DOUBTS_AT_MOST, Company, may_have_counted, retry_after_s, throttle_s
from application.ports.conversions import (
    Answer,
    ConversionQueue,
    ConversionSink,
    Credentials,
    NotAccepted,
    Parked,
    Rejected,
    Throttled,
)
from application.ports.outbox import Circuit, Entry, Leased, Settled, State
from domain.ads.events import Outcome

ENOUGH_DOUBT = 2
"""So many refused alone, none of them by name and nothing accepted: it is the request, not the events."""

UNKNOWN_WORDS = "unknown, not sent again by itself: "


@dataclass(slots=True)
class Sending:
    """The requests of one batch, one after the other; each is recorded before the next is made."""

    queue: ConversionQueue
    sink: ConversionSink
    credentials: Credentials
    batch: Batch
    probe_s: float
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    _left: list[tuple[Company, list[Ready]]] = field(default_factory=list)
    _doubtful: list[tuple[Ready, Answer]] = field(default_factory=list)
    _accepted_any: bool = False

    def send(self, groups: Sequence[tuple[Company, list[Ready]]], go_on: Callable[[], bool]) -> bool:
        """Send each group in a request of its own; return whether the lane is still open."""
        self._left = list(reversed(groups))
        while self._left and go_on():
            if not self._request(*self._left.pop()):
                return False
        if self._left:
            self._put_back()
        return self._end_doubt()

    def _request(self, company: Company, part: list[Ready]) -> bool:
        others = [*self._unsent(), *(one.message for one, _ in self._doubtful)]
        self.queue.about_to_ask([one.message for one in part], others, once=company.once)
        credentials = replace(self.credentials, partner_agent=company.partner_agent)
        events = [one.draft.event for one in part]
        try:
            accepted = self.sink.send(self.batch.lane.dataset_id, credentials, events)
        except Rejected as refusal:
            return self._refused(company, part, refusal)
        except Throttled as refusal:
            return self._throttled(part, refusal.answer)
        except Parked as refusal:
            return self._hold([(part, refusal.answer)])
        except NotAccepted as refusal:
            given_up = company.once and may_have_counted(refusal)
            return self._unknown(part, refusal) if given_up else self._again(part, refusal)
        self._accepted_any = True
        guilty, self._doubtful = self._doubtful, []
        self._record(part, "accepted", accepted.answer, "done", dead=guilty, lets_go=True, received=accepted.received)
        return True

    def _unknown(self, part: list[Ready], refusal: NotAccepted) -> bool:
        """Give up what may have been counted and would be counted again."""
        opens = self._circuit(self.batch.held_for, self.clock()) if self.batch.held_for else None
        self._record(part, "unknown", refusal.answer, "dead", opens=opens, final=True)
        return True

    def _refused(self, company: Company, part: list[Ready], refusal: Rejected) -> bool:
        if len(part) > 1:
            said = replace(refusal.answer, message=f"refused together, sent again in halves: {refusal.answer.message}")
            self._record(part, "transient", said, None)
            middle = len(part) // 2
            self._left += [(company, part[middle:]), (company, part[:middle])]
            return True
        if refusal.blames_event or self._accepted_any:
            self._record(part, "rejected", refusal.answer, "dead", lets_go=refusal.blames_event)
            return True
        self._doubtful.append((part[0], refusal.answer))
        return len(self._doubtful) < ENOUGH_DOUBT or self._hold_doubtful()

    def _end_doubt(self) -> bool:
        """Decide about one refused alone for no named reason: held with its lane, until it was given chances enough."""
        if not self._doubtful:
            return True
        (ready, answer), *_ = self._doubtful
        if self.batch.held_for is not None or ready.message.attempts < DOUBTS_AT_MOST:
            return self._hold_doubtful()
        self._record([ready], "rejected", answer, "dead")
        return True

    def _hold_doubtful(self) -> bool:
        return self._hold([([one], answer) for one, answer in self._doubtful])

    def _again(self, part: list[Ready], refusal: NotAccepted) -> bool:
        """Let each wait by its own attempts: one that is new must not wait for those that had bad luck before."""
        now, chance = self.clock(), self.chance()

        def due(message: Leased) -> datetime:
            return now + timedelta(seconds=retry_after_s(message.attempts, chance))

        opens = self._circuit(self.batch.held_for, due(part[0].message)) if self.batch.held_for else None
        self._record(part, refusal.outcome, refusal.answer, self._waiting, due=due, opens=opens)
        return True

    def _throttled(self, part: list[Ready], answer: Answer) -> bool:
        until = self.clock() + timedelta(seconds=throttle_s(answer.wait_s, self.chance()))
        held_for = self.batch.held_for
        opens = self._circuit(held_for or _words(answer), until, throttled=held_for is None)
        rest = [*self._unsent(), *(one.message for one, _ in self._doubtful)]
        others = [Settled(one, self._waiting, until, "throttled") for one in rest]
        self._record(part, "throttled", answer, self._waiting, due=lambda _: until, opens=opens, others=others)
        return False

    def _hold(self, refused: Sequence[tuple[list[Ready], Answer]]) -> bool:
        """Park everything in hand and hold the lane."""
        now = self.clock()
        reason = _words(refused[-1][1])
        opens = self._circuit(reason, now + timedelta(seconds=self.probe_s))
        made = [self.batch.request(part, "parked", now, answer, self.sink.version) for part, answer in refused]
        sent = [Settled(one.message, "parked", error=reason) for part, _ in refused for one in part]
        doubtful = {one.message.id for one, _ in self._doubtful} - {one.message.id for one in sent}
        rest = [*self._unsent(), *(one.message for one, _ in self._doubtful if one.message.id in doubtful)]
        unsent = self.batch.parked(rest, reason, now)
        self.queue.record(
            Entry(
                (*sent, *unsent.settled),
                (*(fact for fact, _ in made), *unsent.facts),
                [body for _, body in made],
                opens=opens,
            )
        )
        return False

    def _record(
        self, part: list[Ready], outcome: Outcome, answer: Answer, state: State | None, *,
        due: Callable[[Leased], datetime | None] = lambda _: None, opens: Circuit | None = None,
        others: Sequence[Settled] = (), dead: Sequence[tuple[Ready, Answer]] = (), lets_go: bool = False,
        received: int | None = None, final: bool = False,
    ) -> None:  # fmt: skip
        """Record one request: without a `state` its messages stay in hand; `dead` were found guilty by it."""
        now, version = self.clock(), self.sink.version
        made = [self.batch.request(part, outcome, now, answer, version, received=received, final=final)]
        made += [self.batch.request([one], "rejected", now, said, version) for one, said in dead]
        error = None if outcome == "accepted" else UNKNOWN_WORDS + _words(answer) if final else _words(answer)
        settled = [Settled(one.message, state, due(one.message), error) for one in part] if state else []
        settled += [Settled(one.message, "dead", error=_words(said)) for one, said in dead]
        self.queue.record(
            Entry(
                (*settled, *others),
                [fact for fact, _ in made],
                [body for _, body in made],
                opens=opens,
                closes=self.batch.lane if lets_go else None,
                answered=part[0].message.lease,
            )
        )

    def _put_back(self) -> None:
        now = self.clock()
        self.queue.record(
            Entry([Settled(one, self._waiting, now, "stopped before its turn") for one in self._unsent()])
        )
        self._left = []

    @property
    def _waiting(self) -> State:
        """A probe of a held lane goes back to the parked ones."""
        return "parked" if self.batch.held_for else "waiting"

    def _unsent(self) -> list[Leased]:
        return [one.message for _, part in self._left for one in part]

    def _circuit(self, reason: str | None, next_at: datetime, *, throttled: bool = False) -> Circuit:
        return Circuit(self.batch.lane, reason or "held", next_at, throttled)


def _words(answer: Answer) -> str:
    """Return what an answer said, for a person: the code first."""
    code = f"{answer.code}/{answer.subcode}" if answer.subcode else f"{answer.code or answer.status or 'no answer'}"
    return f"{code}: {answer.message}"[:200] if answer.message else str(code)
