"""Every path at its edges: methods it does not take, odd paths and queries, and the headers of every answer."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from api.limits import AddressLimits
from api.middleware import Around
from api.settings import Settings
from tests.api.stage import Brokerage, Stage, fields_of, problem_of

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
FOREVER = "/api/conversations/stream"


@pytest.fixture(scope="module")
def paths(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return what the document says, by path and method."""
    told: dict[str, dict[str, Any]] = stage.client().get("/openapi.json").json()["paths"]
    return told


def filled(path: str) -> str:
    """Return a path with an id that is nobody's."""
    return "/".join(str(uuid4()) if part.startswith("{") else part for part in path.split("/"))


def raw(stage: Stage, request: bytes) -> Iterator[int]:
    """Yield the statuses of answers to bytes that no client would send."""
    place = urlsplit(stage.base)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        came = b""
        while piece := connection.recv(65_536):
            came += piece
    for answer in came.split(b"HTTP/1.1 ")[1:]:
        yield int(answer[:3])


# Methods.


def test_every_path_says_what_it_takes(stage: Stage, paths: dict[str, dict[str, Any]]) -> None:
    client = stage.client()
    for path, methods in paths.items():
        response = client.options(filled(path))
        assert response.status_code == 204, path
        told = {one.upper() for one in methods}
        allowed = set(response.headers["allow"].split(", "))
        assert told <= allowed <= told | {"OPTIONS", "HEAD"}, path
        assert ("HEAD" in allowed) == ("GET" in told), path


def test_what_a_path_does_not_take_is_refused_with_what_it_does(stage: Stage, paths: dict[str, dict[str, Any]]) -> None:
    client = stage.client()
    for path, methods in paths.items():
        for method in METHODS - {one.upper() for one in methods}:
            response = client.request(method, filled(path))
            assert response.status_code == 405, (method, path)
            assert problem_of(response)["title"] == "Method not allowed"
            assert {one.upper() for one in methods} <= set(response.headers["allow"].split(", ")), path


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_fixed_word_is_no_id(busy: Brokerage, method: str) -> None:
    for path in ("/api/conversions/track-event", "/api/conversations/track-event", "/api/policies/activate"):
        response = busy.operator.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")
    assert busy.operator.get("/api/conversions/no-id").status_code == 422


def test_head_is_answered_as_get_without_a_body(
    stage: Stage, busy: Brokerage, paths: dict[str, dict[str, Any]]
) -> None:
    for path in (filled(path) for path, methods in paths.items() if "get" in methods and path != FOREVER):
        for client in (stage.client(), busy.reader):
            head, got = client.head(path), client.get(path)
            assert head.status_code == got.status_code, path
            assert head.headers["content-type"] == got.headers["content-type"], path
            assert head.content == b""


def test_head_of_what_never_ends_ends(busy: Brokerage) -> None:
    response = busy.reader.head(FOREVER)
    assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")


# Odd paths and queries.


ODD_PATHS = ("%00", "a%00b", "%2e%2e%2f", "%ff%fe", "%", "%zz", "x" * 5_000, "é", "a%0d%0ab", "..%5c", "'--", "\u202e")
ODD_QUERIES = (
    "limit=%00", "limit=%ff", "limit=" + "9" * 4_000, "cursor=%00", "cursor=%ff%fe", "cursor=" + "A" * 8_000, "%ff=%fe",
    "%00", "&&&&", "=", "a=1&a=2", "limit=1&limit=2", "since=%00", "since=9" + "9" * 400, "since=nan", "since=1e400",
    "since=-62135596801", "to=0.5", "until=99999-01-01T00:00:00Z", "search=%00", "person=%00", "as_of=%00", "as_of=inf",
    "summary=2", "kind=" + "k" * 3_000, "&".join(f"p{nth}=1" for nth in range(1_000)),
)  # fmt: skip


def test_no_path_and_no_query_is_a_mistake_of_ours(busy: Brokerage, paths: dict[str, dict[str, Any]]) -> None:
    asked = [path for path, methods in paths.items() if "get" in methods and path.startswith("/api/")]
    for path in set(asked) - {FOREVER}:
        for query in ODD_QUERIES:
            response = busy.operator.get(f"{filled(path)}?{query}")
            assert response.status_code < 500, (path, query)
        for odd in ODD_PATHS if "{" in path else ():
            response = busy.operator.get("/".join(odd if part.startswith("{") else part for part in path.split("/")))
            assert 400 <= response.status_code < 500, (path, odd)


@pytest.mark.parametrize(
    "line",
    [
        b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET http://[ HTTP/1.1", b"GET //x/y HTTP/1.1", b"GET ? HTTP/1.1",
        b"GET /%00 HTTP/1.1", b"GET /a\x00b HTTP/1.1", b"GET /\xc3\xa9 HTTP/1.1", b"GET /?\xff HTTP/1.1",
        b"get / HTTP/1.1", b"BREW / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: y", b"GET / HTTP/1.1\r\nHost: [",
        b"PUT /api/people HTTP/1.1\r\nHost: [::1", b"GET /api/people HTTP/1.1\r\nX-Request-ID: \xff",
        b"GET /api/people HTTP/1.1\r\nContent-Length: 99999999999999999999", b"TRACE / HTTP/1.1",
        b"POST /api/touchpoints HTTP/1.1\r\nContent-Length: 9999999999999",
    ],
)  # fmt: skip
def test_no_line_of_a_request_is_a_mistake_of_ours(stage: Stage, line: bytes) -> None:
    for status in raw(stage, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n"):
        assert 200 <= status < 500, line


def test_a_word_said_twice_is_refused_by_name(busy: Brokerage) -> None:
    assert fields_of(busy.reader.get("/api/people?limit=1&limit=2")) == ["limit"]
    assert fields_of(busy.reader.get("/api/people?colour=red&colour=red")) == ["colour"]
    assert busy.reader.get("/api/events?kind=tours.started.v1&kind=leads.form_submitted.v1").status_code == 200


@pytest.mark.parametrize("number", ["0.5", "0", "1790000000", "-1", "nan", "inf", "1e9"])
@pytest.mark.parametrize(
    ("path", "name"), [("/api/events", "until"), ("/api/conversions", "until"), ("/api/viewings", "to"),
                       ("/api/webhook-deliveries", "to"), ("/api/conversations", "to")],
)  # fmt: skip
def test_a_number_is_no_time(busy: Brokerage, path: str, name: str, number: str) -> None:
    response = busy.reader.get(path, params={name: number})
    assert response.status_code == 422
    assert fields_of(response) == [name]
    assert busy.reader.get(path, params={name: "2026-11-01T08:00:00+02:00"}).status_code == 200


# The document.


def test_every_answer_is_documented_with_its_type(paths: dict[str, dict[str, Any]]) -> None:
    for path, methods in paths.items():
        for method, operation in methods.items():
            told = operation["responses"]
            assert "application/problem+json" in told["default"]["content"], path
            for status, response in told.items():
                assert status in ("204", "304") or response["content"], (method, path, status)
    policy = paths["/api/policies"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert "version" not in policy["required"]  # it is counted here
    assert set(paths["/metrics"]["get"]["responses"]["200"]["content"]) == {"text/plain"}
    for made in ("/api/audiences", "/api/funnels", "/api/experiments", "/api/optimization-rules"):
        assert {"200", "201"} <= set(paths[made]["post"]["responses"]), made


# Headers.


def test_every_answer_forbids_to_be_framed_or_to_load_anything(stage: Stage) -> None:
    client = stage.client()
    for response in (client.get("/healthz"), client.get("/nowhere"), client.options("/api/people")):
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "strict-transport-security" not in response.headers
    page = client.get("/docs").headers["content-security-policy"]
    assert "style-src 'sha256-" in page
    assert "unsafe" not in page


def answered(scope_more: dict[str, Any], app: Any, **settings: Any) -> list[Message]:
    """Return what the middleware sends for one request to an application."""
    own = Settings(**settings)
    around = Around(app, AddressLimits.of(own), own.trusted_proxies, own.behind_tls)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "client": None}
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(around(scope | scope_more, receive, send))
    return said


def test_behind_tls_browsers_are_told_to_keep_to_it() -> None:
    start = answered({}, PlainTextResponse("hello"), behind_tls=True)[0]
    assert (b"strict-transport-security", b"max-age=31536000") in start["headers"]


def test_a_mistake_of_ours_has_a_request_id_and_the_headers_of_all_answers() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("canary")

    start, body = answered({}, broken)
    assert start["status"] == 500
    headers = dict(start["headers"])
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-request-id"] in body["body"]
    assert b"canary" not in body["body"]
