"""Who answers a thread: a named agent takes it over, lets it go, closes it. The holder is a lease with a fence.

All of it is decided at the thread's desk, in one transaction with what it cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.learn_from_thread import RATE
from application.outgoing import BadDraft, Draft, SendRefused, settled_id_of
from application.ports.assistant import Language, Sends
from application.ports.desks import Desks, DeskWork
from application.ports.outbox import NewFact
from domain.conversations.events import ConversationCompleted
from domain.messaging.content import Choice, Content, Section
from domain.messaging.events import HolderChanged, SendSettled, StateChanged, ThreadFact, ThreadState
from domain.messaging.threads import session_of
from domain.shared.outbox import MessageKind, OutboxMessage

HOLDERS = UUID("b4b0c0de-5a8e-5f4b-8d7e-2f6d1c9a3e57")
"""Namespace of changes of holder and state, and of reminders about them."""
USUAL_MINUTES, MOST_MINUTES = 60, 24 * 60
"""How long an agent holds a thread without saying how long, and at most at once."""
EXTENDED_BY = timedelta(seconds=60)
"""A later end by less than this is no news: the same call again changes nothing."""
LEASE_OVER = "the lease ran out"
TAKEN = "an agent took over"
CancelledBy = Literal["takeover", "worker", "newer_message", "agent"]
Verdict = Literal["taken", "extended", "already_held", "released", "not_held", "closed", "already_closed"]

ASKED: dict[Language, str] = {
    "ar": "إيه تقييمك لخدمتنا؟ من ١ (سيئة) لـ ٥ (ممتازة)",
    "en": "How would you rate our service, from 1 (poor) to 5 (excellent)?",
}
STARS = tuple(Choice(id=f"{RATE}{stars}", title=f"{stars} {'★' * stars}") for stars in range(1, 6))


class HeldByAnother(Exception):
    """Another agent holds the thread; `agent` is their name, `until` when their lease ends."""

    def __init__(self, agent: str, until: datetime | None) -> None:
        super().__init__(f"{agent} holds this thread")
        self.agent, self.until = agent, until


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a takeover, a release or a closing: the holder after it, and what was on its way out.

    `cancelled` were taken back, `going` are in a worker's hands already and may still arrive.
    """

    verdict: Verdict
    agent: str | None
    fence: int
    until: datetime | None
    state: ThreadState
    cancelled: Sequence[UUID] = ()
    going: Sequence[UUID] = ()


def hold(
    work: DeskWork, agent: str, now: datetime, *, reason: str = TAKEN, minutes: int | None = None, force: bool = False
) -> Taken:
    """Make an agent the holder of a thread; everything of the assistant on its way out is cancelled with it.

    The holder again extends the lease, without a new fence. Whatever an agent sends takes the thread over in this way
    first, so that the assistant never talks in between. Raises HeldByAnother, unless `force`.
    """
    desk = work.desk
    until = now + timedelta(minutes=minutes or USUAL_MINUTES)
    held = desk.holder == "agent" and (desk.held_until is None or desk.held_until > now)
    if held and desk.agent == agent:
        return _extended(work, agent, until, reason, now)
    if held and not force:
        raise HeldByAnother(desk.agent or "an agent", desk.held_until)
    _change(work, agent, until, reason, now)
    move(work, "WAITING_AGENT", f"{agent} holds it", now)
    own = [one for one in work.open_sends() if one.author == "assistant"]
    cancelled = cancel(work, [one.send_id for one in own], "takeover", reason, now)
    going = [one.send_id for one in own if one.send_id not in cancelled]
    return _taken(work, "taken", cancelled, going)


def release(work: DeskWork, now: datetime, *, agent: str | None = None, reason: str, force: bool = False) -> Taken:
    """Give a thread back to the assistant. `agent` is who asks, None for whoever may. Raises HeldByAnother."""
    desk = work.desk
    if desk.holder != "agent":
        return _taken(work, "not_held")
    lapsed = desk.held_until is not None and desk.held_until <= now
    if agent is not None and agent != desk.agent and not (force or lapsed):
        raise HeldByAnother(desk.agent or "an agent", desk.held_until)
    _change(work, None, None, reason, now)
    if desk.state == "WAITING_AGENT":
        move(work, "ACTIVE", reason, now)
    if desk.inbound > desk.answered:  # what the agent left unanswered is the assistant's now
        work.put([_message(work, "answer_thread", f"answer|{work.desk.fence}", now, {})])
    return _taken(work, "released")


def expire(work: DeskWork, now: datetime) -> bool:
    """Give a thread back whose agent's lease ran out; tell whether it did."""
    desk = work.desk
    if desk.holder != "agent" or desk.held_until is None or desk.held_until > now:
        return False
    release(work, now, reason=LEASE_OVER)
    return True


def close(
    work: DeskWork, now: datetime, *, reason: str, started_at: datetime | None = None, last_at: datetime | None = None
) -> Taken:
    """Close a thread; its conversation is completed with the first closing. A new message opens it again."""
    if work.desk.state == "CLOSED":
        return _taken(work, "already_closed")
    if work.desk.holder == "agent":
        _change(work, None, None, reason, now)
    own = [one for one in work.open_sends() if one.author == "assistant"]
    cancelled = cancel(work, [one.send_id for one in own], "agent", reason, now)
    move(work, "CLOSED", reason, now)
    work.change(answered=work.desk.inbound, waiting_since=None)  # whoever closes it lets nobody wait
    desk = work.desk
    completed = ConversationCompleted(
        session_id=session_of(desk.thread_id), conversation_kind="text_thread", occurred_at=last_at or now,
        started_at=started_at, ended_at=last_at or now, origin="business_messaging", channel=desk.channel,
    )  # fmt: skip
    # One stream per thread: a second closing completes nothing again.
    work.append([_new(work, uuid5(HOLDERS, f"completed|{desk.thread_id}"), completed)])
    return _taken(work, "closed", cancelled, [one.send_id for one in own if one.send_id not in cancelled])


def ask_rating(work: DeskWork, sends: Sends, language: Language, now: datetime) -> UUID | None:
    """Ask the customer for one to five stars, where the window allows it; return the send, None where it does not.

    WhatsApp takes three buttons at most, so there it is a list; elsewhere quick replies.
    """
    if work.desk.channel == "whatsapp":
        content = Content(sections=(Section(rows=STARS),), list_button="★ 1-5")
    else:
        content = Content(buttons=STARS)
    draft = Draft(
        author="system", purpose="survey", text=ASKED[language], content=content,
        message_type="list" if work.desk.channel == "whatsapp" else "quick_replies",
        name=f"survey|{work.desk.inbound}",
    )  # fmt: skip
    try:
        return sends.request_send(work, draft, now)
    except (SendRefused, BadDraft):
        return None


def move(work: DeskWork, state: ThreadState, reason: str, now: datetime, cause_id: UUID | None = None) -> None:
    """Bring a thread into a state, as a fact with its reason; nothing where it is there already."""
    desk = work.desk
    if desk.state == state:
        return
    fact = StateChanged(**_of(work), before=desk.state, state=state, reason=reason, occurred_at=now)
    name = uuid5(HOLDERS, f"state|{desk.thread_id}|{desk.inbound}|{desk.fence}|{desk.state}|{state}|{now.isoformat()}")
    work.append([_new(work, name, fact, cause_id)])
    work.change(state=state, state_at=now)


def cancel(
    work: DeskWork, send_ids: Sequence[UUID], by: CancelledBy, reason: str, now: datetime
) -> Sequence[UUID]:  # fmt: skip
    """Take sends back that no worker has in hand, each told by a fact; return those taken back."""
    taken = work.cancel(send_ids, reason) if send_ids else ()
    work.append([
        _new(work, settled_id_of(one, "cancelled", by), SendSettled(
            **_of(work), send_id=one, outcome="cancelled", by=by, reason=reason, occurred_at=now,
        ), one)
        for one in taken
    ])  # fmt: skip
    return taken


def _extended(work: DeskWork, agent: str, until: datetime, reason: str, now: datetime) -> Taken:
    before = work.desk.held_until
    if before is None or until <= before + EXTENDED_BY:
        return _taken(work, "already_held")
    fact = HolderChanged(
        **_of(work), holder="agent", agent=agent, fence=work.desk.fence, until=until, reason=reason, occurred_at=now
    )
    work.append([_new(work, uuid5(HOLDERS, f"extended|{work.desk.thread_id}|{until.isoformat()}"), fact)])
    work.change(held_until=until)
    _remind(work, until)
    return _taken(work, "extended")


def _change(work: DeskWork, agent: str | None, until: datetime | None, reason: str, now: datetime) -> None:
    """Change the holder: the fence goes up by one, so that nothing decided under the old one is sent."""
    fence, desk = work.desk.fence + 1, work.desk
    holder: Literal["agent", "assistant"] = "agent" if agent else "assistant"
    fact = HolderChanged(
        **_of(work), holder=holder, agent=agent, fence=fence, until=until, reason=reason, occurred_at=now
    )
    work.append([_new(work, uuid5(HOLDERS, f"holder|{desk.thread_id}|{fence}"), fact)])
    work.change(holder=holder, agent=agent, held_until=until, fence=fence)
    if until is not None:
        _remind(work, until)


def _remind(work: DeskWork, until: datetime) -> None:
    """Have the thread looked at when the lease runs out."""
    name = f"lease|{work.desk.fence}|{until.isoformat()}"
    work.put([_message(work, "quiet_thread", name, until, {"only": "lease"})])


def _message(
    work: DeskWork, kind: MessageKind, name: str, due_at: datetime, payload: dict[str, str]
) -> OutboxMessage:  # fmt: skip
    desk = work.desk
    return OutboxMessage(
        uuid5(HOLDERS, f"{desk.thread_id}|{name}"), desk.brokerage_id, kind, due_at,
        {"thread_id": str(desk.thread_id), **payload}, desk.thread_id, 0,
    )  # fmt: skip


def _taken(work: DeskWork, verdict: Verdict, cancelled: Sequence[UUID] = (), going: Sequence[UUID] = ()) -> Taken:
    desk = work.desk
    return Taken(verdict, desk.agent, desk.fence, desk.held_until, desk.state, cancelled, going)


def _of(work: DeskWork) -> dict[str, Any]:
    desk = work.desk
    return {"thread_id": desk.thread_id, "channel": desk.channel, "account_id": desk.account_id}


def _new(work: DeskWork, name: UUID, fact: ThreadFact | ConversationCompleted, cause_id: UUID | None = None) -> NewFact:
    return NewFact(name, work.desk.brokerage_id, fact, work.desk.subject_id, cause_id)


@dataclass(frozen=True, slots=True)
class Holding:
    """The use cases of agents: each holds the desk for as long as it takes. Raises NoSuchThread and HeldByAnother."""

    desks: Desks
    sends: Sends | None = None
    clock: Clock = utc_now

    def take_over(
        self, brokerage_id: UUID, thread_id: UUID, agent: str, *, reason: str, minutes: int | None, force: bool
    ) -> Taken:
        """Make an agent the holder."""
        with self.desks.at(brokerage_id, thread_id) as work:
            return hold(work, agent, self.clock(), reason=reason, minutes=minutes, force=force)

    def release(self, brokerage_id: UUID, thread_id: UUID, agent: str | None, *, reason: str, force: bool) -> Taken:
        """Give the thread back to the assistant."""
        with self.desks.at(brokerage_id, thread_id) as work:
            return release(work, self.clock(), agent=agent, reason=reason, force=force)

    def close(
        self, brokerage_id: UUID, thread_id: UUID, agent: str | None, *, reason: str, survey: Language | None,
        force: bool,
    ) -> tuple[Taken, UUID | None]:  # fmt: skip
        """Close the thread, and ask for a rating where a language to ask in is given; return what was asked."""
        with self.desks.at(brokerage_id, thread_id) as work:
            desk, now = work.desk, self.clock()
            if desk.holder == "agent" and agent != desk.agent and not force and (
                desk.held_until is None or desk.held_until > now
            ):  # fmt: skip
                raise HeldByAnother(desk.agent or "an agent", desk.held_until)
            done = close(work, now, reason=reason, last_at=desk.last_inbound_at)
            asked = survey and self.sends and done.verdict == "closed"
            return done, ask_rating(work, self.sends, survey, now) if asked and self.sends and survey else None
