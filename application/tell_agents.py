"""Tell agents that a human is wanted: once for each wait, by WhatsApp and by mail, each notice with its outcome."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.outgoing_outcome import ITS_TURN
from application.ports.assistant import Stories
from application.ports.channels import Addressee, Channels, NameOf, NotSent, Opened, Shaper, ToSend
from application.ports.desks import Desk
from application.ports.notices import AgentContact, Mail, MailRefused, Notice, NoticeBook, NoticeOutcome
from application.ports.outbox import Leased, Notes, Settled
from application.send_message import scope_of
from application.thread_story import Thread
from application.waits import doubled_s
from domain.conversations.events import ConversationEventTracked, Detail
from domain.messaging.content import Content
from domain.messaging.events import MessageReceived
from domain.messaging.threads import session_of
from domain.shared.outbox import OutboxMessage
from domain.shared.personal import Sealed

NOTICES = UUID("6f0e6c0a-3b5f-5c36-8f6c-0a6f1f6e2d77")
"""Namespace of notices, and of what asks for them."""
GIVE_UP = timedelta(hours=24)
"""A notice that could not be handed over for so long is of no use."""
FIRST_WAIT_S, LONGEST_WAIT_S = 15.0, 1_800.0
LAST_WORDS, MOST_SHOWN = 3, 300
"""Messages of the customer that a mail shows, and characters of each."""
IN_TEMPLATE = 60
"""Characters of one parameter of a template."""
PARAMETERS = 4
"""Parameters of a template that is not known here: name, what they look for, why, the conversation."""
NO_WORD = "-"
PREFERENCES: Mapping[str, frozenset[Detail]] = {
    "budget": frozenset(("budget_figure", "budget_range", "budget_vague")),
    "place": frozenset(("district", "city")),
    "type": frozenset(("type",)),
}
"""What a notice tells of what the customer looks for, by what their messages told."""
SUBJECT = "{name} is waiting for a human"
TEXT = """{name} is waiting for a human on {channel}: {why}.

{wishes}{words}Open the conversation: {link}
"""


@dataclass(frozen=True, slots=True)
class Customer:
    """What a notice tells of a customer, in the clear: of `wishes` and `words` only what is known."""

    name: str = field(repr=False)
    wishes: Mapping[str, str] = field(repr=False)
    words: Sequence[str] = field(repr=False)


def ask_for_a_human(desk: Desk, why: str, now: datetime, cause_id: UUID) -> OutboxMessage:
    """Return the message that has agents told, to be put when a thread begins to wait for a human at `now`.

    Decided twice at one state of the desk it is the same.
    """
    return OutboxMessage(
        id=uuid5(NOTICES, f"wanted|{desk.thread_id}|{desk.inbound}|{desk.fence}"),
        brokerage_id=desk.brokerage_id, kind="tell_agents", due_at=now,
        payload={"thread_id": str(desk.thread_id), "why": why, "since": now.isoformat()},
        cause_id=cause_id, position=0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TellAgents:
    """The use case behind `tell_agents`: one notice for each agent and medium, none where nobody is wanted any more.

    `everyone`: somebody is told by mail where the brokerage has set no agents.
    """

    book: NoticeBook
    everyone: bool = False

    def run(self, message: Leased) -> None:
        """Write the notices. Raises LeaseLost."""
        thread_id, since = UUID(message.payload["thread_id"]), datetime.fromisoformat(message.payload["since"])
        if not self.book.wanted(message.brokerage_id, thread_id, since):
            self.book.spread(message, [])
            return
        agents = self.book.agents(message.brokerage_id, thread_id)
        told: list[tuple[str | None, Any]] = [(one.agent, "whatsapp") for one in agents if one.phone and one.template]
        told += [(one.agent, "email") for one in agents if one.email]
        if not agents and self.everyone:
            told = [(None, "email")]
        self.book.spread(message, [
            Notice(uuid5(NOTICES, f"{message.id}|{agent}|{medium}"), thread_id, agent, medium,
                   message.payload["why"], since)
            for agent, medium in told
        ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class TellAgent:
    """The use case behind `tell_agent`: one notice.

    By WhatsApp at most once: whose answer is lost is `unknown`. Mail is tried again for a day under one Message-ID.
    `link` is where people open a conversation, its id in place of `{id}`.
    """

    book: NoticeBook
    stories: Stories
    open_all: Opened
    channels: Channels
    shaper: Shaper
    notes: Notes
    name_of: NameOf
    mail: Mail | None = None
    everyone: Sequence[str] = ()
    link: str = "/api/conversations/{id}"
    clock: Clock = utc_now
    jitter: Callable[[], float] = random.random

    def run(self, message: Leased) -> None:
        """Carry one notice out, and settle it. Raises LeaseLost."""
        notice = self.book.notice(message.brokerage_id, UUID(message.payload["notice_id"]))
        if notice is None:
            self.book.settle(Settled(message, "dead", error="the notice is not there"))
            return
        if message.asked:
            self._settle(message, "unknown", "the worker was lost before it heard an answer")
            return
        if not self.book.wanted(message.brokerage_id, notice.thread_id, notice.since):
            self._settle(message, "not_needed", "no human is wanted there any more")
            return
        if self.clock() - message.created_at > GIVE_UP:
            self._settle(message, "failed", "it could not be handed over for a day")
            return
        contact = self.book.agent(message.brokerage_id, notice.agent) if notice.agent else None
        if notice.agent and contact is None:
            self._settle(message, "not_needed", "the agent is not to be told any more")
        elif notice.medium == "email":
            self._mail(message, notice, contact)
        elif contact is not None:
            self._whatsapp(message, notice, contact)

    def _mail(self, message: Leased, notice: Notice, contact: AgentContact | None) -> None:
        to = [contact.email] if contact and contact.email else [] if contact else list(self.everyone)
        story = self.stories.read(message.brokerage_id, notice.thread_id)
        if not to or self.mail is None or story is None:
            self._settle(message, "failed", "no mail server is set" if to and story else "nobody to write to")
            return
        customer = customer_of(Thread(story), self.open_all)
        subject, text = mail_of(customer, story.desk, notice.why, self._link(notice))
        self.notes.about_to_ask([message])
        try:
            self.mail.send(notice.id, to, subject, text)
        except MailRefused as no:
            if no.lasting:
                self._settle(message, "failed", no.why)
            else:
                self._wait(message, no.why)
            return
        self._settle(message, "sent")

    def _whatsapp(self, message: Leased, notice: Notice, contact: AgentContact) -> None:
        account = self.book.account(message.brokerage_id, notice.thread_id)
        story = self.stories.read(message.brokerage_id, notice.thread_id)
        if contact.phone is None or contact.template is None or contact.language is None or story is None:
            self._settle(message, "failed", "the agent has no number with a template")
            return
        if account is None:
            self._wait(message, "no WhatsApp account with a token")
            return
        count = self.book.parameters(message.brokerage_id, account.business_id, contact.template, contact.language)
        customer = customer_of(Thread(story), self.open_all)
        told = parameters_of(customer, notice.why, self._link(notice))[: PARAMETERS if count is None else count]
        content = Content(template={"components": [{"type": "body", "parameters": told}]} if told else {})
        if wait_s := self.shaper.take(scope_of(account), f"agent|{message.brokerage_id}|{contact.agent}", "whatsapp"):
            self._wait(message, ITS_TURN, wait_s)
            return
        to_send = ToSend(
            to=Addressee("phone", contact.phone), message_type="template", mark=f"notice:{notice.id}",
            content=content, template=contact.template, language=contact.language,
        )  # fmt: skip
        client = self.channels.client(account)
        self.notes.about_to_ask([message], once=True)
        try:
            sent = client.send(account, to_send)
        except NotSent as no:
            self._not_sent(message, no)
            return
        ref = self.name_of(message.brokerage_id, "whatsapp", sent.platform_id) if sent.platform_id else None
        self._settle(message, "sent", ref=ref)

    def _not_sent(self, message: Leased, no: NotSent) -> None:
        """Try again only what the platform calls transient."""
        match no.no:
            case "unknown":
                self._settle(message, "unknown", no.reason)
            case "permanent" | "window":
                self._settle(message, "failed", no.reason)
            case _:
                self._wait(message, no.reason, no.wait_s)

    def _link(self, notice: Notice) -> str:
        return self.link.replace("{id}", str(notice.thread_id))

    def _settle(
        self, message: Leased, outcome: NoticeOutcome, reason: str | None = None, *, ref: UUID | None = None
    ) -> None:  # fmt: skip
        self.book.settle(Settled(message, "done"), outcome, reason and reason[:MOST_SHOWN], ref)

    def _wait(self, message: Leased, why: str, seconds: float | None = None) -> None:
        longer = doubled_s(FIRST_WAIT_S, LONGEST_WAIT_S, message.attempts)
        due_at = self.clock() + timedelta(seconds=(seconds or longer) * (1 + 0.2 * self.jitter()))
        why = why[:MOST_SHOWN]
        self.book.settle(Settled(message, "waiting", due_at, why), reason=why)


def customer_of(thread: Thread, open_all: Opened) -> Customer:
    """Return what a notice tells of a thread's customer; what is erased is left out."""
    messages = {one.stream_id: one.fact for one in thread.listened if isinstance(one.fact, MessageReceived)}
    facts = list(messages.values())
    last = [fact.text for fact in facts if fact.text is not None][-LAST_WORDS:]
    wishes = {
        wish: fact.text for wish, ref in wishes_of(thread).items() if (fact := messages.get(ref)) and fact.text
    }  # fmt: skip
    hints = next((fact.hints for fact in reversed(facts) if isinstance(fact.hints, Sealed)), None)
    sealed = [one for one in (hints, *wishes.values(), *last) if isinstance(one, Sealed)]
    plain: dict[Any, Any] = dict(zip(sealed, open_all(sealed), strict=True))
    known = plain.get(hints) if hints is not None else None
    name = known.get("name") or known.get("phone") if isinstance(known, dict) else None
    return Customer(
        name=_line(name, MOST_SHOWN) or "A customer",
        wishes={wish: line for wish, text in wishes.items() if (line := _line(plain.get(text), MOST_SHOWN))},
        words=[line for text in last if (line := _line(plain.get(text), MOST_SHOWN))],
    )


def wishes_of(thread: Thread) -> dict[str, UUID]:
    """Return, for each preference that the customer's messages told, the newest message that did."""
    found: dict[str, UUID] = {}
    for one in thread.story.facts:
        fact = one.fact
        if isinstance(fact, ConversationEventTracked) and fact.session_id == session_of(thread.desk.thread_id):
            found |= {
                wish: one.cause_id for wish, tells in PREFERENCES.items() if one.cause_id and tells & {*fact.told}
            }
    return found


def mail_of(customer: Customer, desk: Desk, why: str, link: str) -> tuple[str, str]:
    """Return the subject and the text of a notice by mail."""
    wishes = "".join(f"{wish.capitalize()}: {words}\n" for wish, words in customer.wishes.items())
    words = "".join(f"> {line}\n" for line in customer.words)
    text = TEXT.format(
        name=customer.name, channel=desk.channel.capitalize(), why=why, link=link,
        wishes=f"What they told so far, in their words:\n{wishes}\n" if wishes else "",
        words=f"Their last words:\n{words}\n" if words else "",
    )  # fmt: skip
    return SUBJECT.format(name=customer.name[:80]), text


def parameters_of(customer: Customer, why: str, link: str) -> list[Any]:
    """Return the parameters of a template's words in their order: name, what they look for, why, the conversation.

    WhatsApp takes no line breaks and no rows of spaces in them, and none that is empty.
    """
    wishes = "; ".join(words[:IN_TEMPLATE] for words in customer.wishes.values())
    told = (customer.name[:IN_TEMPLATE], wishes, why[:IN_TEMPLATE], link)
    return [{"type": "text", "text": one or NO_WORD} for one in told]


def _line(value: Any, most: int) -> str:
    """Return a text as one line of so many characters at most."""
    if not isinstance(value, str):
        return ""
    line = " ".join("".join(one if one.isprintable() else " " for one in value).split())
    return line if len(line) <= most else line[: most - 1] + "…"
