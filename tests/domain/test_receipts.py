"""How far a message got: never back, whatever comes when, and nothing hidden that does not fit."""

from domain.messaging.receipts import Failure, Receipts, up_to, with_receipt
from tests.cast import NOON, at


def told(*receipts: tuple[str, int]) -> Receipts:
    """Fold (status, seconds after the epoch)."""
    folded = Receipts()
    for status, seconds in receipts:
        folded = with_receipt(folded, status, seconds * 1000)  # type: ignore[arg-type]
    return folded


def test_read_never_goes_back_to_delivered() -> None:
    late = told(("read", 30), ("delivered", 20), ("sent", 10))
    assert late.status == "read"
    assert late.at_ms == {"read": 30_000, "delivered": 20_000, "sent": 10_000}
    assert late.contradictions == ()


def test_what_was_played_was_read() -> None:
    assert told(("played", 5), ("read", 9)).status == "played"


def test_a_repeat_keeps_the_earliest_time() -> None:
    assert told(("read", 30), ("read", 25), ("read", 40)).at_ms == {"read": 25_000}


def test_what_failed_has_failed_though_it_was_sent() -> None:
    failed = with_receipt(told(("sent", 10)), "failed", 11_000, 131026, "undeliverable")
    assert failed.status == "failed"
    assert failed.failure == Failure(11_000, 131026, "undeliverable")


def test_a_failure_beside_a_delivery_is_kept_and_shown() -> None:
    both = with_receipt(told(("delivered", 10)), "failed", 11_000, 131053)
    assert both.status == "delivered"
    assert both.contradictions == ("failed, and arrived all the same",)
    assert both.shown()["failure"]["code"] == 131053


def test_times_that_cannot_be_are_shown() -> None:
    assert told(("delivered", 20), ("read", 10)).contradictions == ("read before it was delivered",)


def test_a_mark_speaks_of_everything_sent_before_it() -> None:
    marks = {"read": (5_000, 9_000)}
    assert up_to(Receipts(), 4_000, marks).at_ms == {"read": 5_000}
    assert up_to(Receipts(), 5_001, marks).at_ms == {"read": 9_000}
    assert up_to(Receipts(), 9_001, marks).status is None
    assert up_to(told(("read", 1)), 500, marks).at_ms == {"read": 1_000}


def test_nothing_told_is_nothing_known() -> None:
    assert Receipts().status is None
    assert Receipts().shown() == {"status": None, "at": {}, "failure": None, "contradictions": []}
    assert with_receipt(Receipts(), "sent", round(NOON.timestamp() * 1000)).shown()["at"] == {"sent": at()}
