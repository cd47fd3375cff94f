"""React to what a customer wrote: learn from it at once, and answer it once when they have paused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from application.clock import Clock, utc_now
from application.learn_from_thread import lessons, our_turn, rating_of, told_the_platform, wish_of
from application.outgoing import BadDraft, Draft, SendRefused
from application.ports.assistant import (
    Answer,
    Assistant,
    Colleagues,
    Heard,
    Language,
    Sends,
    Silence,
    Situation,
    Stories,
    Told,
    Understanding,
)
from application.ports.conversions import Keys
from application.ports.desks import Desks, DeskWork
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from application.take_over import cancel, expire, move
from application.tell_agents import ask_for_a_human
from application.thread_story import Thread, learned_id
from application.turn_taking import USUAL, AnswerRules, held, language_of, late, loop, time_to_answer
from domain.messaging.content import Content
from domain.messaging.events import MessageReceived, Purpose, StateChanged
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.shared.fact import Recorded
from domain.shared.personal import Sealed, opened

RECENT = 20
"""Newest messages that are opened beside those that nothing was learned from yet: for the language and for loops."""
SILENT_TYPES = ("call_permission", "unknown")
"""Messages that say nothing to answer."""
CONFIRMED: dict[Language, str] = {
    "ar": "تم. مش هنبعتلك أي رسائل تسويقية تاني. لو حبيت ترجع تستقبلها ابعت: اشتراك",
    "en": "Done. You will get no more marketing messages from us. To get them again, send START.",
}
RESUMED: dict[Language, str] = {
    "ar": "تم. هنبعتلك رسائلنا التسويقية تاني. لو حبيت توقفها ابعت: إلغاء",
    "en": "Done. You will get our marketing messages again. To end them, send STOP.",
}
OF_US = "{agent} wrote, an agent of ours"
RATED = "the survey is answered"
LATE = "the message reached us long after it was written"

log = structlog.get_logger("masar.assistant")


@dataclass(frozen=True, slots=True)
class AnswerThread:
    """The use case behind the reminder `answer_thread`, which every message of a customer leaves in the outbox.

    `back_at` tells, for a country and a moment, when somebody is in the office again; None while somebody is.
    `at_once` carries a send out right after it was asked for; where it does not, the outbox has it carried out.

    What an agent of the brokerage writes to it (`colleagues`) stays in its thread for people to read. Nothing is
    learned from it, so it scores nothing and converts nothing; nothing answers it, and the thread is closed.
    """

    stories: Stories
    desks: Desks
    records: Records
    keys: Keys
    understanding: Understanding
    assistant: Assistant
    sends: Sends
    back_at: Callable[[str, datetime], datetime | None]
    at_once: Callable[[UUID], None] | None = None
    rules: AnswerRules = USUAL
    clock: Clock = utc_now
    colleagues: Colleagues | None = None

    def run(self, message: Leased) -> None:
        """Learn, answer where it is time, and settle the reminder. Raises LeaseLost."""
        thread_id = UUID(str(message.payload["thread_id"]))
        story = self.stories.read(message.brokerage_id, thread_id)
        if story is None:
            self._without_thread(message)
            return
        own = self.colleagues.name_of(message.brokerage_id, story.desk.subject_id) if self.colleagues else None
        if own is not None:
            self._put_away(message, thread_id, own)
            return
        thread, now = Thread(story), self.clock()
        heard, ref = self._open(thread), _ref(message)
        beside = self.stories.one(message.brokerage_id, ref) if ref and ref not in thread.known else None
        when = time_to_answer(thread, ref, self.rules, now)
        reply = self._reply(thread, heard, now) if when is not None and when <= now else None
        with self.desks.at(message.brokerage_id, thread_id) as work:
            same = (work.desk.inbound, work.desk.fence) == (thread.desk.inbound, thread.desk.fence)
            expire(work, now)
            asked = [self._learn(work, thread, heard, beside, now)]
            if reply is not None and same:
                asked.append(self._commit(work, thread, reply, message, now))
                if _only_rated(thread, heard):
                    move(work, "CLOSED", RATED, now, thread.received[-1].stream_id)
            later = when is not None and when > now
            work.settle([Settled(message, "waiting", when) if later else Settled(message, "done")])
        if self.at_once is not None:
            for send_id in filter(None, asked):
                self.at_once(send_id)

    def _without_thread(self, message: Leased) -> None:
        """Settle the reminder of somebody who never wrote: they may have told the platform about marketing."""
        ref = _ref(message)
        told = told_the_platform(self.stories.one(message.brokerage_id, ref)) if ref else None
        self.records.record(Entry([Settled(message, "done")], [told] if told else []))

    def _put_away(self, message: Leased, thread_id: UUID, agent: str) -> None:
        """Close the thread of an agent of ours: nobody waits in it, and none is asked to look after it."""
        with self.desks.at(message.brokerage_id, thread_id) as work:
            if work.desk.holder == "assistant":
                move(work, "CLOSED", OF_US.format(agent=agent), self.clock(), message.cause_id)
                work.change(answered=work.desk.inbound, waiting_since=None)
            work.settle([Settled(message, "done")])

    def _open(self, thread: Thread) -> dict[UUID, Heard]:
        """Open the messages that nothing was learned from, and the newest ones; read what each tells."""
        recent = {one.stream_id for one in thread.listened[-RECENT:]}
        wanted = [
            (one, one.fact) for one in thread.listened
            if isinstance(one.fact, MessageReceived)
            and (one.stream_id in recent or learned_id(one.stream_id, "customer_turn") not in thread.known)
        ]  # fmt: skip
        clear = self._clear([value for _, fact in wanted for value in (fact.text, fact.content)])
        contents = [Content.model_validate(one) if one is not None else None for one in clear[1::2]]
        texts = [_words(text, content) for text, content in zip(clear[::2], contents, strict=True)]
        told = iter(self.understanding.read([text for text in texts if text]))
        return {
            one.stream_id: _heard(one, fact, text, content, next(told) if text else Told())
            for (one, fact), text, content in zip(wanted, texts, contents, strict=True)
        }

    def _clear(self, values: Sequence[Any]) -> list[Any]:
        """Return values in the clear, None for what is erased."""
        plain = iter(self.keys.open_all([one for one in values if isinstance(one, Sealed)]))
        return [opened(next(plain) if isinstance(one, Sealed) else one) for one in values]

    def _learn(
        self, work: DeskWork, thread: Thread, heard: Mapping[UUID, Heard], beside: Recorded | None, now: datetime
    ) -> UUID | None:  # fmt: skip
        """Append what is new; where the customer opted out, take marketing sends back. Confirm a changed word once.

        `beside` is what the reminder is about where that is no part of the story. Returns the send that confirms.
        """
        new, told = lessons(thread, heard), told_the_platform(beside)
        work.append([*new, told] if told else new)
        words = [one for one in new if isinstance(one.fact, ConsentWithdrawn | ConsentGiven)]
        if told or any(isinstance(one.fact, ConsentWithdrawn) for one in words):
            marketing = [one.send_id for one in work.open_sends() if one.purpose == "marketing"]
            cancel(work, marketing, "worker", "the customer opted out of marketing", now)
        if not words:
            return None
        last = max(words, key=lambda one: (one.fact.occurred_at, isinstance(one.fact, ConsentWithdrawn)))
        if isinstance(last.fact, ConsentWithdrawn) == thread.opted_out():
            return None  # it was said before, and confirmed then
        return self._confirm(work, last, language_of(list(heard.values())), now)

    def _confirm(self, work: DeskWork, word: NewFact, language: Language, now: datetime) -> UUID | None:
        stopped = isinstance(word.fact, ConsentWithdrawn)
        purpose: Purpose = "opt_out" if stopped else "opt_in"
        draft = Draft(
            author="system", purpose=purpose, text=(CONFIRMED if stopped else RESUMED)[language],
            name=f"{purpose}|{word.cause_id}", cause_id=word.cause_id, correlation_id=word.correlation_id,
        )  # fmt: skip
        return self._send(work, draft, now)

    def _reply(self, thread: Thread, heard: Mapping[UUID, Heard], now: datetime) -> Answer | Silence | None:
        """Return what to say, None where it is not the assistant's turn."""
        waiting = [heard[one.stream_id] for one in thread.waiting() if one.stream_id in heard]
        if not waiting or held(thread.desk, now):
            return None
        told = [one for one in waiting if _asks_something(one) and not thread.answered_elsewhere(one.at)]
        if not told:
            return Silence("there is nothing to answer")
        if thread.desk.state == "WAITING_AGENT":
            return Silence("a human is asked for already")
        if all(late(one, self.rules) for one in thread.waiting() if heard.get(one.stream_id) in told):
            return Silence(LATE, hand_over=LATE)
        if why := loop(thread, heard, self.rules, now):
            return Silence(why, hand_over=why)
        since = thread.human_spoke()
        own = [one for one in thread.said if one.author == "assistant"]
        return self.assistant.answer(Situation(
            brokerage=thread.story.brokerage,
            channel=thread.desk.channel,
            waiting=told,
            language=language_of(list(heard.values())),
            greeted=any(one.author != "system" for one in thread.said),
            acknowledged=any(one.recorded.position > since for one in own),
            back_at=self.back_at(thread.story.region, now),
            now=now,
        ))  # fmt: skip

    def _commit(
        self, work: DeskWork, thread: Thread, reply: Answer | Silence, message: Leased, now: datetime
    ) -> UUID | None:  # fmt: skip
        """Have the answer sent in the transaction that found no newer message and no other holder; return the send."""
        send_id: UUID | None = None
        refs = [one.stream_id for one in thread.waiting()]
        if isinstance(reply, Answer):
            draft = Draft(
                author="assistant", text=reply.text, purpose="handover" if reply.hand_over else "answer",
                answers=tuple(refs[-100:]), answers_inbound=work.desk.inbound,
                name=f"answer|{work.desk.inbound}|{work.desk.fence}", cause_id=refs[-1],
                correlation_id=message.correlation_id,
            )  # fmt: skip
            if send_id := self._send(work, draft, now):
                work.append([our_turn(thread, send_id, now, message.correlation_id)])
                if work.desk.state == "NEW":
                    work.change(state="ACTIVE", state_at=now)  # that we answered says so, it needs no fact of its own
        work.change(answered=work.desk.inbound, waiting_since=None)
        if reply.hand_over is not None:
            if work.desk.state != "WAITING_AGENT":
                work.put([ask_for_a_human(work.desk, reply.hand_over, now, refs[-1])])
            move(work, "WAITING_AGENT", reply.hand_over, now, refs[-1])
        return send_id

    def _send(self, work: DeskWork, draft: Draft, now: datetime) -> UUID | None:
        """Ask for a message to be sent; one that may not go is dropped, and what else is done stays."""
        try:
            return self.sends.request_send(work, draft, now)
        except (SendRefused, BadDraft) as refused:
            log.warning("answer_refused", purpose=draft.purpose, why=type(refused).__name__)
            return None


def _ref(message: Leased) -> UUID | None:
    """Return the message whose reminder this is."""
    ref = message.payload.get("ref")
    return UUID(str(ref)) if ref else None


def _words(text: str | None, content: Content | None) -> str | None:
    """Return what a message says: its text, else the title of what was chosen."""
    return text or (content.choice.title if content and content.choice else None) or None


def _heard(recorded: Recorded, fact: MessageReceived, text: str | None, content: Content | None, told: Told) -> Heard:
    if fact.message_type == "contacts" and "contact_given" not in told.events:
        told = Told(told.details, (*told.events, "contact_given"), told.topics, told.language, told.wants_human)
    return Heard(recorded.stream_id, fact.occurred_at, fact.message_type, text, content, told)


def _asks_something(heard: Heard) -> bool:
    return wish_of(heard) is None and rating_of(heard.content) is None and heard.message_type not in SILENT_TYPES


def _only_rated(thread: Thread, heard: Mapping[UUID, Heard]) -> bool:
    """Tell whether a closed thread was opened again by nothing but answers to the survey."""
    last = thread.states[-1] if thread.states else None
    if last is None or not (isinstance(last.fact, StateChanged) and last.fact.state == "CLOSED"):
        return False
    since = [heard.get(one.stream_id) for one in thread.received if one.position > last.position]
    return bool(since) and all(one is not None and rating_of(one.content) is not None for one in since)
