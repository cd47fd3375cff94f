"""When a subscriber is tried again, left alone, or told nothing more: on a book in memory and a clock of our own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.ports.outbox import Leased
from application.ports.subscriptions import Letter, Reply, Subscriber, Told
from application.subscriptions import NotifySubscriber, asked_to_wait_s, new_secret, wait_s

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUSE, WHO = uuid4(), uuid4()
FINE, BROKEN = Reply(200, 12), Reply(500, 12, "oops")


def highest(_: float, high: float) -> float:
    return high


@dataclass
class Book:
    """One subscriber and its letters, in memory."""

    who: Subscriber | None = field(
        default_factory=lambda: Subscriber(WHO, HOUSE, "https://hooks.example/", True, False, (new_secret(),))
    )
    waiting: list[Letter] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    put_off: list[tuple[UUID, datetime]] = field(default_factory=list)
    held: list[datetime] = field(default_factory=list)
    asked: list[UUID] = field(default_factory=list)

    def letter(self, *, attempts: int = 0, since: datetime = NOON, data: Any = None) -> UUID:
        delivery = uuid4()
        message = Leased(uuid4(), HOUSE, "notify_subscriber", str(WHO), uuid4(), None, 1, 1, {}, since)
        told = {"id": "1"} if data is None else data
        self.waiting.append(
            Letter(
                message, delivery, "tours.started.v1", NOON, told or None, attempts, since, since + timedelta(hours=24)
            )
        )
        return delivery

    def subscriber(self, brokerage_id: UUID, subscriber_id: UUID) -> Subscriber | None:
        assert (brokerage_id, subscriber_id) == (HOUSE, WHO)
        return self.who

    def lease(self, _brokerage_id: UUID, _subscriber_id: UUID, limit: int) -> list[Leased]:
        return [one.message for one in self.waiting[:limit]]

    def letters(self, _subscriber: Subscriber, messages: Sequence[Leased]) -> list[Letter]:
        ids = {one.id for one in messages}
        return [one for one in self.waiting if one.message.id in ids]

    def about_to_ask(self, asked: Leased, others: Sequence[Leased]) -> None:
        self.asked.append(asked.id)

    def record(self, subscriber: Subscriber, told: Sequence[Told]) -> None:
        for one in told:
            self.told.append(one)
            self.waiting = [letter for letter in self.waiting if letter is not one.letter]
            failed = one.outcome in ("again", "failed")
            self.who = replace(
                subscriber, failures=subscriber.failures + 1 if failed else 0, held_until=one.held_until,
                enabled=one.disable is None and subscriber.enabled,
                last_success_at=one.at if one.outcome == "delivered" else subscriber.last_success_at,
            )  # fmt: skip

    def later(self, messages: Sequence[Leased], due_at: datetime, why: str) -> None:
        self.put_off += [(one.id, due_at) for one in messages]

    def hold_back(self, subscriber: Subscriber, until: datetime) -> None:
        self.held.append(until)


@dataclass
class Post:
    """Answers as it is told, and keeps what was sent."""

    reply: Reply = FINE
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.sent.append((url, dict(headers), body))
        return self.reply


def run(book: Book, post: Post, now: datetime = NOON) -> bool:
    notify = NotifySubscriber(book, post, clock=lambda: now, chance=highest)
    return notify.run(HOUSE, WHO, lambda: True)


def test_what_waits_is_sent_once_each_under_its_own_id() -> None:
    book, post = Book(), Post()
    ids = [str(book.letter()) for _ in range(3)]
    assert run(book, post) is False
    assert [headers["webhook-id"] for _, headers, _ in post.sent] == ids
    assert [one.outcome for one in book.told] == ["delivered"] * 3


def test_a_handful_at_a_time_and_more_is_told() -> None:
    book, post = Book(), Post()
    for _ in range(12):
        book.letter()
    assert run(book, post) is True
    assert len(post.sent) == 10


@pytest.mark.parametrize("reply", [BROKEN, Reply(404), Reply(301), Reply(why="it took too long")])
def test_whatever_is_no_2xx_is_tried_again(reply: Reply) -> None:
    book = Book()
    book.letter()
    run(book, Post(reply))
    (told,) = book.told
    assert (told.outcome, told.next_at) == ("again", NOON + timedelta(seconds=20))


def test_waits_grow_threefold_up_to_eight_hours() -> None:
    waits = [wait_s(number, highest) for number in range(1, 12)]
    assert waits == [20, 60, 180, 540, 1620, 4860, 14580, 28800, 28800, 28800, 28800]
    assert wait_s(5, lambda low, _: low) == 1  # never at once


def test_about_twelve_tries_in_a_day() -> None:
    """With the mean of each wait: half its bound."""
    passed, tries = 0.0, 1
    while passed < 24 * 3600:
        passed += wait_s(tries, lambda _, high: high / 2)
        tries += 1
    assert 11 <= tries <= 14


def test_a_subscriber_may_ask_for_more_time() -> None:
    book = Book()
    book.letter()
    run(book, Post(Reply(429, retry_after="3000")))
    assert book.told[0].next_at == NOON + timedelta(seconds=3000)
    assert book.told[0].held_until == NOON + timedelta(seconds=3000)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("Sun, 01 Mar 2026 12:02:00 GMT", 120), ("Sun, 01 Mar 2026 11:00:00 GMT", 0), ("soon", 0), (None, 0),
     ("-5", 0), ("9" * 30, 0), ("²", 0)],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date(said: str | None, seconds: float) -> None:
    assert asked_to_wait_s(said, NOON) == seconds


def test_the_last_try_is_at_the_end_of_the_day() -> None:
    book = Book()
    book.letter(attempts=11, since=NOON - timedelta(hours=23))
    run(book, Post(BROKEN))
    assert book.told[0].next_at == NOON + timedelta(hours=1)


def test_after_a_day_of_failing_it_is_told_nothing_more() -> None:
    book = Book()
    book.letter(attempts=12, since=NOON - timedelta(hours=24))
    book.letter(since=NOON)
    post = Post(BROKEN)
    run(book, post)
    assert [(one.outcome, one.disable) for one in book.told] == [
        ("failed", "nothing was taken for 24 hours: status 500"), ("dropped", None),
    ]  # fmt: skip
    assert len(post.sent) == 1


def test_one_message_that_always_fails_disables_nobody() -> None:
    book = Book()
    assert book.who is not None
    book.who = replace(book.who, last_success_at=NOON - timedelta(hours=1))
    book.letter(attempts=12, since=NOON - timedelta(hours=24))
    run(book, Post(BROKEN))
    assert (book.told[0].outcome, book.told[0].disable) == ("failed", None)


def test_gone_is_gone() -> None:
    book = Book()
    book.letter()
    run(book, Post(Reply(410)))
    assert book.told[0].outcome == "failed"
    assert book.told[0].disable is not None


def test_who_fails_three_times_in_a_row_is_left_alone_with_all_that_waits() -> None:
    book, post = Book(), Post(BROKEN)
    letters = [book.letter() for _ in range(6)]
    assert run(book, post) is False
    assert len(post.sent) == 3
    until = NOON + timedelta(seconds=5)
    assert book.told[-1].held_until == until
    assert [due for _, due in book.put_off] == [until] * 3
    assert run(book, post) is False  # still held: nobody is asked, and what is due waits
    assert (len(post.sent), book.held, len(letters)) == (3, [until], 6)


def test_the_pause_grows_to_ten_minutes_and_ends_with_the_first_success() -> None:
    book = Book()
    assert book.who is not None
    book.who = replace(book.who, failures=40)
    book.letter()
    run(book, Post(BROKEN))
    assert book.told[0].held_until == NOON + timedelta(minutes=10)
    book.letter()
    run(book, Post(FINE), NOON + timedelta(minutes=10))
    assert book.told[1].outcome == "delivered"
    assert book.who is not None
    assert (book.who.failures, book.who.held_until) == (0, None)


def test_a_disabled_one_is_sent_nothing() -> None:
    book, post = Book(), Post()
    assert book.who is not None
    book.who = replace(book.who, enabled=False)
    book.letter()
    run(book, post)
    assert ([one.outcome for one in book.told], post.sent) == (["dropped"], [])


def test_a_deleted_one_is_sent_nothing() -> None:
    book, post = Book(who=None), Post()
    run(book, post)
    assert (book.told, post.sent) == ([], [])
