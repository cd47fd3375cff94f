"""What an operator may correct in a conversion, and what stays as it was."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from application.fix_conversion import CannotResend, InvalidCorrections, Standing, Wish, decide, read_wish

ONE = UUID("c0000000-0000-5000-8000-000000000001")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAYLOAD: dict[str, Any] = {
    "event_name": "Lead", "event_id": str(ONE), "event_time": 1_772_366_400, "value": 100.0, "currency": "EGP",
    "custom": {"form_score": 70, "property_id": "villa-7"}, "contact": {"email": {}, "phone": {}, "fbclid": {}},
}  # fmt: skip


def standing(state: Any = "dead", payload: Any = PAYLOAD, error: str | None = "100/2804048: bad") -> Standing:
    return Standing("1234567890", state, payload, NOW + timedelta(days=1), error)


def test_only_what_is_named_changes() -> None:
    wish = Wish(event_name="Contact", value=5.0, custom={"form_score": None, "step": 2}, drop_fields=("ph", "fbc"))
    resent = decide(ONE, standing(), wish, "0a1b", NOW)
    assert resent.payload == {
        "event_name": "Contact", "event_id": str(ONE), "event_time": 1_772_366_400, "value": 5.0, "currency": "EGP",
        "custom": {"property_id": "villa-7", "step": 2}, "contact": {"email": {}},
        "dropped": ["phone", "phone_sha256", "fbc", "fbclid"],
    }  # fmt: skip
    assert resent.fact is not None
    assert resent.fact.dropped == ("phone", "phone_sha256", "fbc", "fbclid")


def test_a_value_of_nothing_is_a_value() -> None:
    resent = decide(ONE, standing(), Wish(value=0.0), "0a1b", NOW)
    assert resent.payload["value"] == 0.0
    assert resent.fact is not None
    assert resent.fact.value == 0.0


@pytest.mark.parametrize("state", ["waiting", "parked"])
def test_what_waits_only_goes_sooner(state: str) -> None:
    assert decide(ONE, standing(state), Wish(), "0a1b", NOW).fact is None


def test_what_waits_may_be_corrected_too() -> None:
    assert decide(ONE, standing("parked"), Wish(currency="USD"), "0a1b", NOW).fact is not None


@pytest.mark.parametrize(
    ("state", "payload", "error", "says"),
    [
        ("done", None, None, "done"),
        ("leased", PAYLOAD, None, "right now"),
        ("dead", PAYLOAD, "unknown, not sent again by itself: no answer", "confirm"),
    ],
)
def test_what_cannot_be_sent_says_why(state: str, payload: Any, error: str | None, says: str) -> None:
    with pytest.raises(CannotResend, match=says):
        decide(ONE, standing(state, payload, error), Wish(), "0a1b", NOW)


def test_what_would_come_too_late_is_not_sent() -> None:
    with pytest.raises(CannotResend, match="too old"):
        decide(ONE, standing(), Wish(), "0a1b", NOW + timedelta(days=1))


def test_nothing_is_a_wish_to_send_it_as_it_was() -> None:
    assert read_wish(None) == read_wish({}) == read_wish({"value": None}) == Wish()
    assert not Wish(confirm=True).corrects


def test_a_good_wish_is_read() -> None:
    body = {"event_name": "Lead", "value": 3, "currency": "EGP", "custom": {"a": "b"}, "drop_fields": ["em"],
            "confirm": True}  # fmt: skip
    assert read_wish(body) == Wish("Lead", 3, "EGP", {"a": "b"}, ("em",), True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ({"event_time": 1}, "event_time"),
        ({"event_id": "x"}, "event_id"),
        ({"colour": "red"}, "colour"),
        ({"event_name": ""}, "event_name"),
        ({"event_name": "x" * 51}, "event_name"),
        ({"event_name": " Lead"}, "event_name"),
        ({"event_name": 7}, "event_name"),
        ({"value": "12"}, "value"),
        ({"value": True}, "value"),
        ({"value": -1}, "value"),
        ({"value": float("nan")}, "value"),
        ({"currency": "egp"}, "currency"),
        ({"currency": ["EGP"]}, "currency"),
        ({"custom": []}, "custom"),
        ({"custom": {"A b": 1}}, "custom.A b"),
        ({"custom": {"touchpoint_id": "x"}}, "custom.touchpoint_id"),
        ({"custom": {"a": []}}, "custom.a"),
        ({"custom": {"a": "x" * 101}}, "custom.a"),
        ({"custom": {"a": "mona@mail.example"}}, "custom.a"),
        ({"custom": {"a": "+20 100 123 4567"}}, "custom.a"),
        ({"drop_fields": "ph"}, "drop_fields"),
        ({"drop_fields": ["external_id"]}, "drop_fields"),
        ({"drop_fields": [["ph"]]}, "drop_fields"),
        ({"confirm": "yes"}, "confirm"),
    ],
)
def test_a_wish_that_breaks_a_rule_names_the_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidCorrections) as refusal:
        read_wish(body)
    assert [one.field for one in refusal.value.problems] == [field]
