"""Folds a thread from what the platforms report and what we decide about it."""

from bisect import insort
from collections.abc import Mapping

from domain.messaging.content import AdReferral
from domain.messaging.events import (
    Author,
    HolderChanged,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    PlatformTouchpoint,
    ReceiptReceived,
    SendRequested,
    SendSettled,
    SignalReceived,
    StateChanged,
    ThreadFact,
    ThreadRated,
    ThreadState,
)
from domain.messaging.thread import (
    NO_MARKETING,
    UNREACHABLE,
    Ad,
    Move,
    Sign,
    Spoken,
    Thread,
    UnderWay,
    Unreachable,
    held,
    thread_id_of,
)
from domain.messaging.threads import names_its_sends
from domain.people import contact
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Fact, Recorded

HANDLES: tuple[type[Fact], ...] = (
    MessageReceived, MessageEchoed, ReceiptReceived, MessageChanged, SignalReceived, SendRequested, SendSettled,
    HolderChanged, StateChanged, ThreadRated,
)  # fmt: skip
"""The facts that are folded here."""

MOST_MOVES = 50
"""Changes of state kept: the newest."""
MOST_MARKS = 200
"""Times up to which everything was read that are kept: the newest."""
MOST_UNDER_WAY = 100
"""Sends that are not settled, and echoes that may be theirs: the newest."""


def evolve(before: Thread, recorded: Recorded) -> Thread:
    """Take one more fact of the thread into account, late ones too.

    What was said and when does not depend on the order of arrival; the state and the holder follow the log, since a
    message that comes late has to be answered as well.
    """
    fact = recorded.fact
    if isinstance(fact, PlatformTouchpoint | ThreadFact):
        before = _named(before, recorded, fact)
    match fact:
        case MessageReceived():
            return _received(before, recorded, fact)
        case MessageEchoed():
            return _echoed(before, recorded, fact)
        case SendRequested():
            return _requested(before, recorded, fact)
        case SendSettled():
            return _settled(before, fact)
        case ReceiptReceived():
            return _receipted(before, fact)
        case SignalReceived():
            return _signalled(before, recorded, fact)
        case HolderChanged():
            return _held(before, recorded, fact)
        case StateChanged():
            return _moved(before, recorded, fact.state, fact.reason)
        case ThreadRated():
            at = millis(fact.occurred_at)
            newer = at >= before.rated_ms
            return changed(before, rating=fact.rating, rated_ms=at) if newer else before
        case _:
            return before


def _named(before: Thread, recorded: Recorded, fact: PlatformTouchpoint | ThreadFact) -> Thread:
    names: dict[str, object] = {}
    if not before.thread_id:
        names = {
            "thread_id": str(thread_id_of(recorded) or ""), "channel": fact.channel, "account_id": fact.account_id
        }  # fmt: skip
    if before.subject_id is None and recorded.subject_id is not None:
        names["subject_id"] = str(recorded.subject_id)
    if isinstance(fact, PlatformTouchpoint):
        names |= {
            "provider": fact.provider, "test": before.test or fact.test,
            "contact": contact.evolve(before.contact, fact),
        }  # fmt: skip
    return changed(before, **names) if names else before


def _received(before: Thread, recorded: Recorded, fact: MessageReceived) -> Thread:
    at, arrived, ref = millis(fact.occurred_at), millis(recorded.recorded_at), str(recorded.stream_id)
    after = _spoken(before, Spoken(at, arrived, ref, "in", fact.message_type))
    after = changed(
        after,
        inbound=before.inbound + 1,
        last_inbound_ms=max(before.last_inbound_ms or at, at),
        last_arrived_ms=max(before.last_arrived_ms or arrived, arrived),
        unreachable=None,
    )
    after = _clicked(after, fact.referral, at, ref)
    if fact.standby:
        return after
    after = changed(after, unread=before.unread + 1, waiting_ms=before.waiting_ms or arrived)
    if not before.begun or (not before.moves and before.state == "NEW"):
        return _moved(after, recorded, "NEW", "a first message came")
    if before.state in ("IDLE", "CLOSED"):
        return _moved(after, recorded, "ACTIVE", "the customer wrote again")
    return after


def _echoed(before: Thread, recorded: Recorded, fact: MessageEchoed) -> Thread:
    """Somebody wrote for us elsewhere; an echo of our own send tells only that it went out."""
    at, arrived, ref = millis(fact.occurred_at), millis(recorded.recorded_at), str(recorded.stream_id)
    text = held(fact.text, at)
    sign = Sign(ref, at, "echo", str(fact.send_id) if fact.send_id else None, text=text)
    if fact.send_id is not None:
        return _signed(before, sign)
    after = _spoken(before, Spoken(at, arrived, ref, "echo", fact.message_type))
    after = after if fact.past else _said_at(after, at)
    if ref in before.own:
        return after
    after = changed(after, echoed=before.echoed + 1, echoes=(*before.echoes, ref)[-MOST_UNDER_WAY:])
    if fact.past:
        return after
    if after.under_way:  # it may be one of ours, of which the platform does not say so: Instagram's echoes
        return _signed(after, sign)
    waiting = after.waiting_ms if at < (after.last_inbound_ms or 0) else None  # who wrote after it waits on
    after = _answered(changed(after, unread=0), recorded, at, "somebody answered in the platform's app")
    return changed(after, waiting_ms=waiting)


def _requested(before: Thread, recorded: Recorded, fact: SendRequested) -> Thread:
    at, send_id = millis(fact.occurred_at), str(recorded.stream_id)
    under_way = UnderWay(send_id, at, fact.message_type, before.waiting_ms)
    after = _spoken(before, Spoken(at, millis(recorded.recorded_at), send_id, "out", fact.message_type))
    after = changed(
        after,
        outbound=before.outbound + 1,
        unread=0 if fact.author == "agent" else before.unread,
        under_way=(*before.under_way, under_way)[-MOST_UNDER_WAY:],
    )
    if fact.purpose in ("opt_out", "opt_in") and at >= before.opted_ms:
        after = changed(after, opted_out=fact.purpose == "opt_out", opted_ms=at)
    return _answered(after, recorded, at, _WHO[fact.author])


_WHO: Mapping[Author, str] = {
    "assistant": "the assistant answered", "agent": "an agent wrote", "system": "a message of ours went out",
}  # fmt: skip


def _answered(before: Thread, recorded: Recorded, at_ms: int, reason: str) -> Thread:
    """Note that we said something: nobody waits, and a thread that was new is active.

    A quiet one is opened again by who writes from outside; a send from here says by itself whether it does.
    """
    after = changed(_said_at(before, at_ms), waiting_ms=None)
    echo = isinstance(recorded.fact, MessageEchoed) and names_its_sends(recorded.fact.channel)
    reopens = before.state in ("IDLE", "CLOSED") and echo
    return _moved(after, recorded, "ACTIVE", reason) if before.state == "NEW" or reopens else after


def _said_at(before: Thread, at_ms: int) -> Thread:
    """Note when we said something: for the windows, the earliest and the latest count."""
    after = changed(
        before,
        first_answer_ms=min(before.first_answer_ms or at_ms, at_ms),
        last_answer_ms=max(before.last_answer_ms or at_ms, at_ms),
    )
    return _in_time(after, at_ms)


def _in_time(thread: Thread, at_ms: int) -> Thread:
    """Note the first answer after the click on an advertisement."""
    clicked, before = thread.ad_clicked_ms, thread.ad_answered_ms
    if clicked is None or at_ms < clicked or (before is not None and clicked <= before <= at_ms):
        return thread
    return changed(thread, ad_answered_ms=at_ms)


def _clicked(before: Thread, referral: AdReferral | None, at_ms: int, event: str) -> Thread:
    if referral is None:
        return before
    after = before
    if before.ad is None or (before.ad.at_ms, before.ad.event) < (at_ms, event):
        after = changed(before, ad=Ad(at_ms, event, referral))
    if not referral.of_ad or (before.ad_clicked_ms or 0) >= at_ms:
        return after
    after = changed(after, ad_clicked_ms=at_ms, ad_answered_ms=None)
    return _in_time(after, before.last_answer_ms) if before.last_answer_ms is not None else after


def _settled(before: Thread, fact: SendSettled) -> Thread:
    send_id, at = str(fact.send_id), millis(fact.occurred_at)
    if fact.ref is not None:
        before = _known_as(before, str(fact.ref), send_id)
    open_one = next((one for one in before.under_way if one.send_id == send_id), None)
    others = tuple(one for one in before.under_way if one.send_id != send_id)
    after = before
    if fact.outcome == "unknown":
        if open_one is not None:
            unknown = UnderWay(send_id, open_one.at_ms, open_one.message_type, open_one.waited_ms, unknown=True)
            after = changed(before, under_way=(*others, unknown))
        return after
    after = changed(before, under_way=others, signs=_still(before.signs, others, send_id))
    if fact.outcome == "refused" and fact.code is not None:
        after = _failed(after, at, fact.code, fact.reason)
    unsaid = fact.outcome in ("refused", "cancelled") and open_one is not None and open_one.waited_ms is not None
    if unsaid and open_one is not None and not others and (before.last_answer_ms or 0) <= open_one.at_ms:
        waited = [one for one in (open_one.waited_ms, before.waiting_ms) if one is not None]
        after = changed(after, waiting_ms=min(waited))  # nobody reacted after all
    return after


def _known_as(before: Thread, ref: str, send_id: str) -> Thread:
    """Note what the platform calls a send of ours; an echo under that name was nobody else's word."""
    if ref in before.own:
        return before
    kept = list(before.own.items())[-MOST_UNDER_WAY + 1 :]
    return changed(
        before,
        own={**dict(kept), ref: send_id},
        echoed=before.echoed - (ref in before.echoes),
        echoes=tuple(one for one in before.echoes if one != ref),
    )


def _receipted(before: Thread, fact: ReceiptReceived) -> Thread:
    at = millis(fact.occurred_at)
    after = before
    if fact.up_to is not None:
        times = list(before.marks.get(fact.status, ()))
        mark = millis(fact.up_to)
        if mark not in times:
            insort(times, mark)
        after = changed(after, marks={**before.marks, fact.status: tuple(times[-MOST_MARKS:])})
    if fact.status == "failed" and fact.code is not None:
        after = _failed(after, at, fact.code, fact.reason)
    if fact.send_id is not None and fact.ref is not None:
        after = _signed(after, Sign(str(fact.ref), at, "receipt", str(fact.send_id), fact.status))
    return after


def _failed(before: Thread, at_ms: int, code: int, reason: str | None) -> Thread:
    """Remember a customer who cannot be reached, until they write; and one who wants no marketing."""
    if code == NO_MARKETING and at_ms >= before.opted_ms:
        before = changed(before, opted_out=True, opted_ms=at_ms)
    if code in UNREACHABLE and at_ms >= (before.last_inbound_ms or 0):
        return changed(before, unreachable=Unreachable(at_ms, code, reason))
    return before


def _signalled(before: Thread, recorded: Recorded, fact: SignalReceived) -> Thread:
    at = millis(fact.occurred_at)
    after = _clicked(before, fact.referral, at, str(recorded.stream_id))
    if fact.signal in ("marketing_stopped", "marketing_resumed") and at >= before.opted_ms:
        after = changed(after, opted_out=fact.signal == "marketing_stopped", opted_ms=at)
    return after


def _held(before: Thread, recorded: Recorded, fact: HolderChanged) -> Thread:
    if fact.fence < before.fence:
        return before
    mine = fact.holder == "agent"
    after = changed(
        before,
        holder=fact.holder,
        agent=fact.agent if mine else None,
        held_until_ms=millis(fact.until) if fact.until and mine else None,
        fence=fact.fence,
        holder_reason=fact.reason,
        unread=0 if mine else before.unread,
    )
    if mine:
        return _moved(after, recorded, "WAITING_AGENT", fact.reason)
    return _moved(after, recorded, "ACTIVE", fact.reason) if before.state == "WAITING_AGENT" else after


def _moved(before: Thread, recorded: Recorded, state: ThreadState, reason: str) -> Thread:
    if before.moves and before.state == state:
        return before
    old = before.state if before.moves else None
    move = Move(millis(recorded.fact.occurred_at), old, state, reason, str(recorded.stream_id))
    return changed(before, state=state, moves=(*before.moves, move)[-MOST_MOVES:])


def _spoken(before: Thread, spoken: Spoken) -> Thread:
    return changed(
        before,
        first_ms=min(before.first_ms, spoken.at_ms) if before.first_ms else spoken.at_ms,
        last=spoken if before.last is None or before.last.place < spoken.place else before.last,
    )


def _signed(before: Thread, sign: Sign) -> Thread:
    """Keep what may tell the outcome of a send: the worker may learn later that it does not know it."""
    named = {one.send_id for one in before.under_way}
    if (sign.send_id is not None and sign.send_id not in named) or any(one.ref == sign.ref for one in before.signs):
        return before
    return changed(before, signs=(*before.signs, sign)[-MOST_UNDER_WAY:])


def _still(signs: tuple[Sign, ...], under_way: tuple[UnderWay, ...], settled: str) -> tuple[Sign, ...]:
    return tuple(one for one in signs if one.send_id != settled) if under_way else ()
