"""What a thread's messages teach: turns with what they told, questions, a word about marketing, a rating."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from application.ports.assistant import Heard
from application.ports.outbox import NewFact
from application.thread_story import Thread, learned_id
from domain.conversations.analysis import Topic
from domain.conversations.events import ConversationEventTracked, ConversationStarted, Tracked
from domain.messaging.content import Content
from domain.messaging.events import MessageReceived, ReceiptReceived, SendRequested, SignalReceived, ThreadRated
from domain.messaging.opt_out import Wish, opt_out_of
from domain.messaging.thread import NO_MARKETING
from domain.messaging.threads import session_of
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.shared.fact import Channel, Fact, Recorded

RATE = "masar:rate:"
"""What the id of a button of the survey begins with; its number of stars follows."""
RATED = re.compile(rf"^{RATE}([1-5])$")
PROPERTY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}$")
NO_TURN = ("opt_out", "opt_in", "survey")
"""Purposes of messages that are no part of the talk."""
SIGNS: Mapping[str, Wish] = {"marketing_stopped": "stop", "marketing_resumed": "resume"}
TOPICS: Mapping[Tracked, Topic] = {
    "price_asked": "price", "financing_asked": "financing", "viewing_asked": "viewing", "contact_given": "contact",
}  # fmt: skip
TEXT_VERSION = "message"


def wish_of(heard: Heard) -> Wish | None:
    """Return what a message says about marketing."""
    return opt_out_of(heard.text)


def rating_of(content: Content | None) -> int | None:
    """Return the stars that a message chose in the survey, None where it is no answer to it."""
    found = RATED.match(content.choice.id) if content and content.choice else None
    return int(found[1]) if found else None


def lessons(thread: Thread, heard: Mapping[UUID, Heard]) -> list[NewFact]:
    """Return what is learned and not yet in the log, words about marketing first. `heard` are opened messages by ref.

    The ids come from the messages' refs, so that telling it again adds nothing.
    """
    return [new for new in (*_wishes(thread, heard), *_session(thread, heard)) if new.id not in thread.known]


def our_turn(thread: Thread, ref: UUID, at: datetime, correlation_id: UUID | None = None) -> NewFact:
    """Return the turn of something that we said, by the id that its log entry has or will have."""
    desk, turn = thread.desk, _event(thread, "our_turn", at)
    return NewFact(learned_id(ref, "our_turn"), desk.brokerage_id, turn, desk.subject_id, ref, correlation_id)


def consent_of(recorded: Recorded, wish: Wish, channel: Channel) -> NewFact:
    """Return the word about marketing that a fact of a channel tells."""
    kind = ConsentWithdrawn if wish == "stop" else ConsentGiven
    fact = kind(
        purpose="marketing_messages", source=channel, text_version=TEXT_VERSION,
        occurred_at=recorded.fact.occurred_at, origin="business_messaging", channel=channel,
    )  # fmt: skip
    name = learned_id(recorded.stream_id, wish)
    return NewFact(name, recorded.brokerage_id, fact, recorded.subject_id, recorded.stream_id, recorded.correlation_id)


def told_the_platform(recorded: Recorded | None) -> NewFact | None:
    """Return the word about marketing that a customer gave in the platform's settings, None for anything else.

    We may hear of it only when a message of ours is refused for it.
    """
    match recorded.fact if recorded else None:
        case SignalReceived() as fact:
            wish = SIGNS.get(fact.signal)
        case ReceiptReceived(code=code) as fact:
            wish = "stop" if code == NO_MARKETING else None
        case _:
            return None
    return consent_of(recorded, wish, fact.channel) if recorded and wish else None


def _wishes(thread: Thread, heard: Mapping[UUID, Heard]) -> Iterator[NewFact]:
    for one in thread.listened:
        if (message := heard.get(one.stream_id)) and (wish := wish_of(message)):
            yield consent_of(one, wish, thread.desk.channel)
    yield from filter(None, map(told_the_platform, thread.signals))


def _session(thread: Thread, heard: Mapping[UUID, Heard]) -> Iterator[NewFact]:
    first = next(iter(thread.listened), None)
    if first is not None:
        started = ConversationStarted(
            session_id=session_of(thread.desk.thread_id), conversation_kind="text_thread",
            occurred_at=first.fact.occurred_at, origin="business_messaging", channel=thread.desk.channel,
            test=isinstance(first.fact, MessageReceived) and first.fact.test,
        )  # fmt: skip
        name = learned_id(thread.desk.thread_id, "started")
        yield NewFact(
            name, thread.desk.brokerage_id, started, thread.desk.subject_id, first.stream_id, first.correlation_id
        )
    for one in thread.listened:
        if (message := heard.get(one.stream_id)) is not None:
            yield from _message(thread, one, message)
    for said in thread.said:
        if not (isinstance(said.recorded.fact, SendRequested) and said.recorded.fact.purpose in NO_TURN):
            yield our_turn(thread, said.id, said.at, said.recorded.correlation_id)


def _message(thread: Thread, recorded: Recorded, heard: Heard) -> Iterator[NewFact]:
    if (stars := rating_of(heard.content)) is not None:
        desk = thread.desk
        rated = ThreadRated(
            thread_id=desk.thread_id, channel=desk.channel, account_id=desk.account_id, rating=stars,
            ref=recorded.stream_id, occurred_at=recorded.fact.occurred_at,
        )  # fmt: skip
        yield _new(thread, recorded, "rated", rated)
        return
    told, fact = heard.told, recorded.fact
    about: dict[str, Any] = {"property_id": _property(heard.content)}
    if isinstance(fact, MessageReceived):
        about |= {"listing": fact.listing, "test": fact.test}
    rest = next((one for one in told.topics if one not in TOPICS.values()), None)
    turn = _event(thread, "customer_turn", fact.occurred_at, told=told.details, topic=rest, **about)
    yield _new(thread, recorded, "customer_turn", turn)
    for event in told.events:
        asked = _event(thread, event, fact.occurred_at, topic=TOPICS.get(event), **about)
        yield _new(thread, recorded, event, asked)


def _event(thread: Thread, event: Tracked, at: datetime, **more: Any) -> ConversationEventTracked:
    return ConversationEventTracked(
        session_id=session_of(thread.desk.thread_id), conversation_kind="text_thread", event=event, occurred_at=at,
        origin="business_messaging", channel=thread.desk.channel, **more,
    )  # fmt: skip


def _new(thread: Thread, recorded: Recorded, what: str, fact: Fact) -> NewFact:
    return NewFact(
        learned_id(recorded.stream_id, what), thread.desk.brokerage_id, fact, thread.desk.subject_id,
        recorded.stream_id, recorded.correlation_id,
    )  # fmt: skip


def _property(content: Content | None) -> str | None:
    product = content.product if content else None
    return product if product and PROPERTY.match(product) else None
