"""Laws of messaging: neither the order of arrival nor a passing moment may open, hide or undo anything."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.messaging import fold_thread as threads
from domain.messaging import message as messages
from domain.messaging.message import Message
from domain.messaging.receipts import Receipts, joined, with_receipt
from domain.messaging.thread import Thread
from domain.messaging.windows import RULES, SKEW, Clock, Wish, decide
from domain.shared.fact import Fact
from projections.conversation_sessions import CONVERSATION_SESSIONS
from tests.cast import ANNA, OPEN_HOUSE, at, recorded
from tests.cast_conversations import began
from tests.cast_messaging import THREAD
from tests.laws.histories import in_order
from tests.laws.messaged import messaged
from tests.memory import MemoryStorage

some = settings(max_examples=200)
seconds = st.integers(-10 * 86_400, 10 * 86_400)
times = st.one_of(st.none(), seconds.map(at))
clocks = st.builds(
    Clock, st.sampled_from(["whatsapp", "messenger", "instagram"]), times, times, times, st.booleans()
)  # fmt: skip
wishes = st.builds(
    Wish, st.sampled_from(["assistant", "agent", "system"]), st.sampled_from(["text", "template", "image", "reaction"]),
    st.sampled_from(["answer", "handover", "opt_out", "survey", "marketing", "notice"]),
    st.sampled_from([None, True, False]),
)  # fmt: skip
statuses = st.sampled_from(["sent", "delivered", "read", "played", "failed"])
receipts = st.lists(
    st.tuples(statuses, st.integers(1, 10**6), st.sampled_from([None, 131026]), st.sampled_from([None, "gone"])),
    max_size=8,
)  # fmt: skip


# Windows.


@some
@given(clock=clocks, wish=wishes, now=seconds, later=st.integers(0, 20 * 86_400))
def test_what_is_closed_stays_closed_until_somebody_does_something(
    clock: Clock, wish: Wish, now: int, later: int
) -> None:
    before = decide(clock, wish, at(now))
    after = decide(clock, wish, at(now + later))
    known = all(one is None or one <= at(now) for one in (clock.last_inbound_at, clock.ad_at, clock.ad_answered_at))
    if known and not before.allowed:
        assert not after.allowed
    if known and before.allowed and before.until is not None:
        assert after.allowed == (at(now + later) < before.until) or after.why != before.why


@some
@given(clock=clocks, wish=wishes, now=seconds)
def test_nothing_that_is_still_to_come_opens_a_window(clock: Clock, wish: Wish, now: int) -> None:
    seen = Clock(
        clock.channel,
        *(one if one is None or one <= at(now) + SKEW else None
          for one in (clock.last_inbound_at, clock.ad_at, clock.ad_answered_at)),
        clock.unreachable,
    )  # fmt: skip
    assert decide(clock, wish, at(now)).allowed == decide(seen, wish, at(now)).allowed


@some
@given(clock=clocks, wish=wishes, now=seconds)
def test_a_window_ends_and_a_refusal_says_what_is_left(clock: Clock, wish: Wish, now: int) -> None:
    told = decide(clock, wish, at(now))
    longest = max(RULES.free, RULES.ad, RULES.human)
    assert told.says
    if told.allowed:
        assert told.until is None or at(now) < told.until <= at(now) + longest
        assert told.instead == ()
    else:
        assert told.until is None
        assert told.instead or told.why == "opted_out"
        assert told.closed_at is None or told.closed_at <= at(now)
    if told.human_tag:
        assert (wish.author, clock.channel != "whatsapp", wish.purpose != "marketing") == ("agent", True, True)


@some
@given(clock=clocks, purpose=st.sampled_from(["answer", "survey", "opt_out"]), now=seconds)
def test_the_assistant_may_never_do_more_than_a_human(clock: Clock, purpose: Any, now: int) -> None:
    mine = decide(clock, Wish("assistant", "text", purpose), at(now))
    assert not mine.allowed or decide(clock, Wish("agent", "text", purpose), at(now)).allowed


@some
@given(
    offset=st.sampled_from([-1, 0, 1]), channel=st.sampled_from(["whatsapp", "messenger", "instagram"]), when=seconds
)
def test_the_last_moment_is_the_one_before_the_end(offset: int, channel: Any, when: int) -> None:
    day = timedelta(hours=24) + timedelta(microseconds=offset)
    week = timedelta(days=7) + timedelta(microseconds=offset)
    assert decide(Clock(channel, at(when)), Wish(), at(when) + day).allowed == (offset < 0)
    human = decide(Clock(channel, at(when)), Wish("agent"), at(when) + week)
    assert human.allowed == (offset < 0 and channel != "whatsapp")


# Receipts.


def folded(told: list[Any]) -> Receipts:
    one = Receipts()
    for status, at_ms, code, reason in told:
        one = with_receipt(one, status, at_ms, code, reason)
    return one


@some
@given(told=receipts, random=st.randoms(use_true_random=False), cut=st.integers(0, 8))
def test_receipts_are_the_same_in_whatever_order_and_however_often(told: list[Any], random: Any, cut: int) -> None:
    shuffled = [*told, *told[:cut]]
    random.shuffle(shuffled)
    assert folded(shuffled) == folded(told) == joined(folded(told[:cut]), folded(told[cut:]))


@some
@given(told=receipts, last=st.tuples(statuses, st.integers(1, 10**6), st.none(), st.none()))
def test_a_receipt_never_takes_back_what_was_known(told: list[Any], last: Any) -> None:
    rank = {None: 0, "sent": 1, "failed": 1, "delivered": 2, "read": 3, "played": 4}
    assert rank[folded([*told, last]).status] >= rank[folded(told).status]


# Threads and messages.


def _entries(facts: list[Fact]) -> list[Any]:
    return [recorded(ANNA.did(fact), place) for place, fact in enumerate(facts, 1)]


def _said(one: Thread) -> Any:
    """What does not follow the log: who said what when. State, holder and who waits do follow it."""
    return (
        one.inbound, one.outbound, one.echoed, one.first_ms, one.last, one.last_inbound_ms, one.last_arrived_ms,
        one.first_answer_ms, one.last_answer_ms, one.ad, one.ad_clicked_ms, one.contact, one.marks,
    )  # fmt: skip


@some
@given(facts=st.lists(messaged, min_size=1, max_size=20), random=st.randoms(use_true_random=False))
def test_what_was_said_in_a_thread_does_not_depend_on_the_order_of_arrival(facts: list[Fact], random: Any) -> None:
    entries, outcomes = _entries(facts), []
    for _ in range(3):
        one = Thread()
        for entry in entries:
            if threads.thread_id_of(entry) == THREAD:
                one = threads.evolve(one, entry)
        outcomes.append(_said(one))
        random.shuffle(entries)
    assert outcomes[1:] == outcomes[:-1]


@some
@given(facts=st.lists(messaged, min_size=1, max_size=20), random=st.randoms(use_true_random=False))
def test_what_the_platform_tells_of_a_message_is_the_same_in_whatever_order(facts: list[Fact], random: Any) -> None:
    entries, outcomes = _entries(facts), []
    for _ in range(3):
        told: dict[str, Message] = {}
        for entry in entries:
            for key in messages.keys(entry):
                told[key] = messages.evolve(told.get(key, Message()), entry, key)
        outcomes.append({
            key: (one.direction, one.at_ms, one.receipts, one.reactions, one.edits, one.revoked_ms, one.sealed)
            for key, one in told.items()
        })  # fmt: skip
        random.shuffle(entries)
    assert outcomes[1:] == outcomes[:-1]


def test_a_threads_session_is_closed_by_the_thread() -> None:
    told = [ANNA.did(began(f"thread-{THREAD}", conversation_kind="text_thread")), ANNA.did(began("talk-1", 5))]
    messages = MemoryStorage(CONVERSATION_SESSIONS, in_order([*OPEN_HOUSE, *told])).run().messages.values()
    assert [one.payload["session_id"] for one in messages] == ["talk-1"]
