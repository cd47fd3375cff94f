"""What is wrong is told once while it lasts, cleared when it is over, and told again when it comes back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.operations.alerts import Alert, Condition, alert_id_of, review
from domain.operations.events import AlertCleared, AlertRaised, Subject

HOUSE = UUID("b0000000-0000-4000-8000-000000000001")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def condition(subject: Subject = "dataset_held", since: datetime = NOON) -> Condition:
    return Condition(HOUSE, subject, "1234567890", "190: the token expired", since, 3)


def alert(of: Condition) -> Alert:
    return Alert(alert_id_of(of), of.brokerage_id, of.subject, of.dataset_id, of.since)


def test_something_wrong_is_raised_with_its_words_and_number() -> None:
    (news,) = review([condition()], [], NOON)
    assert news.brokerage_id == HOUSE
    assert news.fact == AlertRaised(
        alert_id=alert_id_of(condition()), subject="dataset_held", dataset_id="1234567890",
        says="190: the token expired", count=3, occurred_at=NOON,
    )  # fmt: skip


def test_what_is_known_is_not_raised_again() -> None:
    assert review([condition()], [alert(condition())], NOON) == []


def test_what_is_over_is_cleared() -> None:
    (news,) = review([], [alert(condition())], NOON)
    assert isinstance(news.fact, AlertCleared)
    assert news.fact.alert_id == alert_id_of(condition())


def test_the_same_occurrence_has_one_id_wherever_it_is_noticed() -> None:
    (one,), (other,) = review([condition()], [], NOON), review([condition()], [], NOON + timedelta(seconds=1))
    assert one.stream_id == other.stream_id
    again = condition(since=NOON + timedelta(hours=1))
    assert review([again], [], NOON)[0].stream_id != one.stream_id


def test_a_deadline_is_told_of_on_each_day_anew() -> None:
    today, tomorrow = condition("deadline_near"), condition("deadline_near", NOON + timedelta(days=1))
    assert review([today], [alert(today)], NOON) == []
    news = review([tomorrow], [alert(today)], NOON)
    assert [type(one.fact) for one in news] == [AlertCleared, AlertRaised]


def test_long_words_are_cut() -> None:
    told = Condition(HOUSE, "dead_letters", "", "x" * 1000, NOON)
    fact = review([told], [], NOON)[0].fact
    assert isinstance(fact, AlertRaised)
    assert len(fact.says) == 300
