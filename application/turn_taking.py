"""Whose turn it is in a thread, when, and in which language: plain rules over its story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.ports.assistant import Heard, Language
from application.ports.desks import Desk
from application.thread_story import Thread
from domain.shared.fact import Recorded

MACHINE_MESSAGES, MACHINE_S = 3, 10
"""A machine on the other side: the same words so often in a row, each so soon (seconds) after a word of ours."""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """When the assistant answers. Times in seconds.

    It waits until the customer has been quiet for `quiet_s`, but not beyond `longest_s` from the first message that is
    not answered. After `most_a_minute` answers in a minute it hands over; so it does where what waits reached us more
    than `fresh_s` after it was written.
    """

    quiet_s: float = 1.0
    longest_s: float = 2.5
    most_a_minute: int = 4
    fresh_s: float = 600.0


USUAL = AnswerRules()


def time_to_answer(thread: Thread, ref: UUID | None, rules: AnswerRules, now: datetime) -> datetime | None:
    """Return when to look for an answer, at once where nothing waits; None where a newer message has its reminder.

    `ref` is the message whose reminder asks.
    """
    desk = thread.desk
    if desk.inbound <= desk.answered or desk.last_arrived_at is None:
        return now
    since = desk.waiting_since or desk.last_arrived_at
    when = min(desk.last_arrived_at + timedelta(seconds=rules.quiet_s), since + timedelta(seconds=rules.longest_s))
    newer = thread.received and ref is not None and thread.received[-1].stream_id != ref
    return None if newer and when > now else when


def late(recorded: Recorded, rules: AnswerRules) -> bool:
    """Tell whether a message reached us too long after it was written for a machine to answer it."""
    return recorded.recorded_at - recorded.fact.occurred_at > timedelta(seconds=rules.fresh_s)


def held(desk: Desk, now: datetime) -> bool:
    """Tell whether an agent answers this thread; a lease that ran out holds nothing."""
    return desk.holder == "agent" and (desk.held_until is None or desk.held_until > now)


def language_of(heard: Sequence[Heard]) -> Language:
    """Return the language of the newest message that has one; Arabic where none has."""
    return next((one.told.language for one in reversed(heard) if one.told.language), "ar")


def loop(thread: Thread, heard: Mapping[UUID, Heard], rules: AnswerRules, now: datetime) -> str | None:
    """Return why the assistant seems to talk with a machine, None where it does not."""
    ours = [one.recorded.recorded_at for one in thread.said if one.author == "assistant"]
    if sum(at > now - MINUTE for at in ours) >= rules.most_a_minute:
        return f"the assistant answered {rules.most_a_minute} times within a minute"
    last = thread.received[-MACHINE_MESSAGES:]
    texts = {" ".join(own.text.split()) if (own := heard.get(one.stream_id)) and own.text else "" for one in last}
    prompt = all(any(0 <= (one.recorded_at - at).total_seconds() <= MACHINE_S for at in ours) for one in last)
    if len(last) == MACHINE_MESSAGES and len(texts) == 1 and "" not in texts and prompt:
        return "the same words came again and again right after answers: a machine seems to write"
    return None
