"""What an answer of the Graph API means, and when the same is tried again."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.graph import GraphClient, appsecret_proof
from adapters.meta.graph_errors import kind_of, refusal, wait_s
from application.delivery_rules import LONGEST_RETRY_S, is_old, retry_after_s, throttle_s, too_late
from application.ports.conversions import (
    NotAccepted,
    Parked,
    Rejected,
    Throttled,
    Transient,
    Unanswered,
)
from application.ports.outbox import Leased

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# fmt: off
ANSWERS: tuple[tuple[int, int | None, int | None, type[NotAccepted]], ...] = (
    (500, 1,     None,    Transient),  (400, 2,      None,    Transient),  (400, 341,   None,    Transient),
    (400, 5000,  None,    Transient),  (400, 21009,  None,    Transient),  (503, None,  None,    Transient),
    (400, 4,     1504022, Throttled),  (400, 17,     2446079, Throttled),  (429, None,  None,    Throttled),
    (400, 613,   1487742, Throttled),  (400, 80004,  None,    Throttled),  (400, 32,    None,    Throttled),
    (401, 190,   463,     Parked),     (401, 190,    467,     Parked),     (400, 200,   None,    Parked),
    (403, 10,    None,    Parked),     (400, 3,      None,    Parked),     (400, 299,   None,    Parked),
    (400, 368,   None,    Parked),     (400, 100,    33,      Parked),     (401, None,  None,    Parked),
    (400, 100,   2804003, Rejected),   (400, 100,    2804019, Rejected),   (400, 100,   2804050, Rejected),
    (400, 100,   None,    Rejected),   (400, 105,    None,    Rejected),   (400, 2635,  None,    Rejected),
    (404, None,  None,    Unanswered), (302, None,   None,    Unanswered),
)
# fmt: on


@pytest.mark.parametrize(("status", "code", "subcode", "kind"), ANSWERS)
def test_each_answer_means_one_thing(
    status: int, code: int | None, subcode: int | None, kind: type[NotAccepted]
) -> None:
    assert kind_of(status, code, subcode) is kind


def test_what_meta_calls_transient_is_tried_again_whatever_its_code() -> None:
    assert kind_of(400, 100, 1234, transient=True) is Transient


def test_only_a_named_fault_is_surely_the_events_own() -> None:
    named = refusal(400, {}, {"code": 100, "error_subcode": 2804036, "message": "Invalid parameter"}, "1")
    unnamed = refusal(400, {}, {"code": 100, "message": "Invalid parameter"}, "1")
    assert isinstance(named, Rejected)
    assert isinstance(unnamed, Rejected)
    assert (named.blames_event, unnamed.blames_event) == (True, False)


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({}, None),
        ({"retry-after": "90"}, 90),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"x-business-use-case-usage": '{"7": [{"estimated_time_to_regain_access": 3}]}'}, 180),
        ({"x-business-use-case-usage": '{"8": [{"estimated_time_to_regain_access": 3}]}', "retry-after": "5"}, 180),
        ({"x-app-usage": '{"call_count": 100, "estimated_time_to_regain_access": 2}'}, 120),
        ({"x-business-use-case-usage": "not JSON", "x-app-usage": "[]"}, None),
    ],
)
def test_the_longest_hint_counts(headers: dict[str, str], expected_s: float | None) -> None:
    assert wait_s(headers, "7") == expected_s


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_retry_comes_soon_at_first_and_never_later_than_the_cap(attempts: int, chance: float) -> None:
    wait = retry_after_s(attempts, chance)
    assert 0.2 <= wait <= LONGEST_RETRY_S
    assert attempts > 1 or wait <= 1
    assert wait <= retry_after_s(attempts + 1, chance)


@given(st.one_of(st.none(), st.floats(0, 86_400)), st.floats(0, 1))
def test_a_throttle_is_never_shorter_than_the_hint(hint_s: float | None, chance: float) -> None:
    assert throttle_s(hint_s, chance) >= max(30, hint_s or 0)


def test_age_decides_company_and_end() -> None:
    def aged(**ago: float) -> Leased:
        at = NOON - timedelta(**ago)
        payload = {"event_time": int(at.timestamp())}
        return Leased(
            uuid4(), uuid4(), "conversion", "1", uuid4(), None, 1, 1, payload, at, at + timedelta(days=7)
        )  # fmt: skip

    assert [is_old(aged(hours=hours), NOON) for hours in (1, 24, 25)] == [False, False, True]
    assert [too_late(aged(days=days), NOON) for days in (1, 6.99, 7, 8)] == [False, False, True, True]


def client(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> GraphClient:
    """A client whose every call meets this answer."""

    def meet(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    graph = GraphClient("https://graph.example", "v26.0")
    graph._http = httpx.Client(base_url="https://graph.example/v26.0", transport=httpx.MockTransport(meet))
    return graph


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Sorry</html>"),
        httpx.Response(200, text='{"events_received":'),
        httpx.Response(200, json={"fbtrace_id": "A"}),
        httpx.Response(200, json={"events_received": 1}),
        httpx.Response(200, json={"events_received": True}),
        httpx.Response(200, json=[2]),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.WriteError("cut"),
    ],
)
def test_nothing_but_the_right_count_is_an_acceptance(answer: httpx.Response | Exception) -> None:
    with pytest.raises(Unanswered):
        client(answer).send_events("7", "EAA", [{}, {}])


def test_an_error_in_a_200_is_an_error() -> None:
    with pytest.raises(Parked):
        client(httpx.Response(200, json={"error": {"code": 190}})).send_events("7", "EAA", [{}])


def test_a_host_that_is_not_reached_took_nothing() -> None:
    with pytest.raises(Transient):
        client(httpx.ConnectError("refused")).send_events("7", "EAA", [{}])


def test_the_token_travels_in_a_header_alone_and_is_proved(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[httpx.Request] = []
    caplog.set_level("INFO")
    graph = client(httpx.Response(200, json={"events_received": 1, "fbtrace_id": "A1"}), seen)
    accepted = graph.send_events("7", "EAAsecret", [{"event_id": "1"}], app_secret="s3cret", test_event_code="T1")
    (request,) = seen
    body: dict[str, Any] = json.loads(request.content)
    assert request.url == "https://graph.example/v26.0/7/events"
    assert request.headers["authorization"] == "Bearer EAAsecret"
    assert body["appsecret_proof"] == hmac.new(b"s3cret", b"EAAsecret", hashlib.sha256).hexdigest()
    assert body["test_event_code"] == "T1"
    assert "EAAsecret" not in request.content.decode() + caplog.text
    assert accepted.answer.trace_id == "A1"


def test_a_proof_belongs_to_one_token() -> None:
    assert appsecret_proof("s", "one") != appsecret_proof("s", "two")


def test_what_meta_says_is_kept_short_and_printable() -> None:
    said = {"code": 100, "error_subcode": 2804001, "error_user_title": "Bad\x00", "error_user_msg": "x" * 5000}
    message = refusal(400, {}, said, "1").answer.message
    assert message is not None
    assert len(message) <= 500
    assert message.isprintable()
