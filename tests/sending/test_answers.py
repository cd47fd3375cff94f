"""What the answer of a platform means: codes decide, and what is not clear is unknown."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adapters.channels.answers import post
from application.ports.channels import NotSent


def asked(answer: Callable[[httpx.Request], httpx.Response]) -> NotSent:
    """Return what becomes of a message that is answered so."""
    with (
        httpx.Client(base_url="https://graph.example", transport=httpx.MockTransport(answer)) as http,
        pytest.raises(NotSent) as refused,
    ):
        post(http, "/1/messages", {}, {})
    return refused.value


def told(status: int, content: Any) -> NotSent:
    return asked(lambda _: httpx.Response(status, json=content))


def error(status: int, code: int, subcode: int | None = None, **more: Any) -> NotSent:
    return told(status, {"error": {"code": code, "error_subcode": subcode, "message": "no", **more}})


@pytest.mark.parametrize(("status", "code", "subcode", "means"), [
    (401, 190,    None,    "forbidden"),
    (403, 10,     None,    "forbidden"),
    (400, 10,     2018278, "window"),       # Messenger
    (400, 10,     2534022, "window"),       # Instagram
    (400, 131047, None,    "window"),
    (400, 130429, None,    "throttled"),
    (400, 131056, None,    "throttled"),
    (400, 613,    2534040, "throttled"),
    (500, 131000, None,    "transient"),
    (503, 2,      None,    "transient"),
    (400, 1,      None,    "unknown"),
    (500, 1,      1357046, "unknown"),
    (500, 999999, None,    "unknown"),      # not listed, and it failed while it had the message
    (400, 999999, None,    "permanent"),
    (400, 131026, None,    "permanent"),
    (400, 131049, None,    "permanent"),
    (403, 299,    None,    "forbidden"),
    (403, 200,    2534041, "permanent"),
    (400, 551,    1545041, "permanent"),
])  # fmt: skip
def test_a_code(status: int, code: int, subcode: int | None, means: str) -> None:
    assert error(status, code, subcode).no == means


def test_only_the_pair_waits_for_the_pairs_limit() -> None:
    assert error(400, 131056).pair
    assert not error(400, 130429).pair


def test_what_calls_itself_transient_is_when_its_code_is_not_listed() -> None:
    assert error(500, 777, is_transient=True).no == "transient"


def test_the_platforms_wait_is_heeded() -> None:
    no = asked(lambda _: httpx.Response(429, json={"error": {"code": 4}}, headers={"retry-after": "17"}))
    assert (no.no, no.wait_s) == ("throttled", 17.0)


def test_360dialogs_own_envelope() -> None:
    no = told(401, {"meta": {"success": False, "http_code": 401, "developer_message": "Invalid api key"}})
    assert (no.no, no.reason) == ("forbidden", "the token is not accepted (Invalid api key)")


@pytest.mark.parametrize("status", [200, 500, 502])
@pytest.mark.parametrize("body", ["", "<html>busy</html>", '{"messages": [{"id"'])
def test_what_is_no_json_leaves_it_unknown(status: int, body: str) -> None:
    assert asked(lambda _: httpx.Response(status, text=body)).no == "unknown"


def _raise(kind: type[Exception]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise kind("gone")

    return answer


@pytest.mark.parametrize(("kind", "means"), [
    (httpx.ConnectError, "transient"), (httpx.ConnectTimeout, "transient"),
    (httpx.ReadTimeout, "unknown"), (httpx.WriteError, "unknown"), (httpx.RemoteProtocolError, "unknown"),
])  # fmt: skip
def test_only_what_was_never_sent_is_sent_again(kind: type[Exception], means: str) -> None:
    assert asked(_raise(kind)).no == means
