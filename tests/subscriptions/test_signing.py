"""Standard Webhooks: what a message looks like, how it is signed, and which signatures are believed."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from application.subscriptions import body_of, headers_of, is_signed, matches, new_secret, signature, wrong_patterns

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = "whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8


def test_the_published_vector_comes_out() -> None:
    secret, sent = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, sent)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_long_and_new_each_time() -> None:
    one, other = new_secret(), new_secret()
    assert one.startswith("whsec_")
    assert len(one) == len("whsec_") + 44
    assert one != other


def test_while_secrets_change_both_sign() -> None:
    headers = headers_of([NEW, OLD], "m-1", AT, b"{}")
    assert headers["webhook-id"] == "m-1"
    assert headers["webhook-timestamp"] == "1772366400"
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert is_signed([OLD], headers, b"{}", AT)
    assert is_signed([NEW], headers, b"{}", AT)
    assert not is_signed([new_secret()], headers, b"{}", AT)
    assert not is_signed([], headers, b"{}", AT)


@pytest.mark.parametrize(
    ("changed", "body", "later_s"),
    [
        ({"webhook-id": "m-2"}, b"{}", 0), ({"webhook-timestamp": "1772366401"}, b"{}", 0), ({}, b"{} ", 0),
        ({"webhook-signature": ""}, b"{}", 0), ({"webhook-signature": "v1,é"}, b"{}", 0),
        ({"webhook-timestamp": "soon"}, b"{}", 0), ({"webhook-timestamp": "-1"}, b"{}", 0),
        ({"webhook-id": ""}, b"{}", 0),
        ({}, b"{}", 301), ({}, b"{}", -301),
    ],
)  # fmt: skip
def test_whatever_was_changed_is_not_believed(changed: dict[str, str], body: bytes, later_s: int) -> None:
    headers = headers_of([NEW], "m-1", AT, b"{}")
    assert is_signed([NEW], headers, b"{}", AT + timedelta(seconds=300))
    assert not is_signed([NEW], headers | changed, body, AT + timedelta(seconds=later_s))


def test_a_body_has_type_time_and_data() -> None:
    told = json.loads(body_of("tours.started.v1", AT, {"id": "1", "fields": {"room": "مطبخ"}}))
    assert told == {
        "type": "tours.started.v1", "timestamp": "2026-03-01T12:00:00+00:00",
        "data": {"id": "1", "fields": {"room": "مطبخ"}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "kind", "wanted"),
    [
        ("*", "tours.started.v1", True), ("tours.*", "tours.started.v1", True), ("tours.*", "toursx.started.v1", False),
        ("tours.started.v1", "tours.started.v1", True), ("tours.started.v1", "tours.started.v11", False),
        ("tours", "tours.started.v1", False), ("tours.st*", "tours.started.v1", False),
    ],
)  # fmt: skip
def test_kinds_are_wanted_by_name_by_group_or_all(pattern: str, kind: str, wanted: bool) -> None:
    assert matches([pattern], kind) is wanted


def test_a_pattern_that_stands_for_nothing_is_named() -> None:
    problems = wrong_patterns(["tours.*", "cars.*", "tours.started"], ["tours.started.v1"])
    assert [one.field for one in problems] == ["kinds.1", "kinds.2"]
