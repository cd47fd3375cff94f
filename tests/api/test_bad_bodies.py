"""Whatever is sent instead of touchpoints gets a clear refusal, and the next request is served."""

import gzip
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.api.stage import Brokerage, Stage, problem_of, touchpoint
from tests.patience import PATIENCE_S

MIB = 1024 * 1024
POST = b"POST /api/touchpoints HTTP/1.1\r\nHost: x\r\n"

NOT_JSON = {
    "nothing": b"",
    "spaces": b"   ",
    "text": b"hello",
    "a form": b"id=t-1&kind=tours.started.v1",
    "xml": b"<touchpoints/>",
    "half an object": b'{"touchpoints": [',
    "a comma too many": b'{"touchpoints": [1,]}',
    "two documents": b"[] []",
    "single quotes": b"{'touchpoints': []}",
    "bytes": bytes(range(256)),
    "broken utf-8": b'["\xff\xfe"]',
    "nothing but zeros": bytes(1000),
    "depth 100000 of lists": b"[" * 100_000 + b"]" * 100_000,
    "depth 100000 of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "depth 5000, never closed": b"[" * 5_000,
    "a number of a million digits": b"7" * 1_000_000,
    "an exponent of a million digits": b"1e" + b"7" * 1_000_000,
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_is_refused(busy: Brokerage, name: str) -> None:
    response = busy.producer.post("/api/touchpoints", content=NOT_JSON[name])
    assert response.status_code in (400, 422), response.text
    problem_of(response)


@pytest.mark.parametrize("path", ["/api/leads", "/api/tours/t-1/complete", "/api/properties/v-1/save"])
@pytest.mark.parametrize("name", NOT_JSON)
def test_single_paths_refuse_it_too(busy: Brokerage, path: str, name: str) -> None:
    response = busy.producer.post(path, content=NOT_JSON[name])
    assert response.status_code in (400, 422), response.text
    problem_of(response)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-gzip", "gzip, identity"])
def test_a_compressed_body_is_refused(busy: Brokerage, coding: str) -> None:
    packed = gzip.compress(json.dumps([touchpoint()]).encode())
    response = busy.producer.post("/api/touchpoints", content=packed, headers={"content-encoding": coding})
    assert response.status_code == 415
    problem_of(response)


def test_a_gzip_bomb_is_never_unpacked(busy: Brokerage) -> None:
    bomb = gzip.compress(bytes(100 * MIB))
    response = busy.producer.post("/api/touchpoints", content=bomb, headers={"content-encoding": "gzip"})
    assert response.status_code == 415


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png", "x", ""])
def test_json_is_read_whatever_it_is_called(busy: Brokerage, kind: str) -> None:
    body = json.dumps([touchpoint()]).encode()
    response = busy.producer.post("/api/touchpoints", content=body, headers={"content-type": kind})
    assert response.json()["accepted"] == 1


def test_a_body_above_one_mib_is_refused(busy: Brokerage) -> None:
    response = busy.producer.post("/api/touchpoints", content=b" " * MIB + b"[]")
    assert response.status_code == 413
    assert str(MIB) in problem_of(response)["detail"]


def test_a_body_of_just_one_mib_is_read(busy: Brokerage) -> None:
    body = json.dumps([touchpoint()]).encode()
    response = busy.producer.post("/api/touchpoints", content=body + b" " * (MIB - len(body)))
    assert response.json()["accepted"] == 1


def test_a_body_that_tells_no_length_is_counted(busy: Brokerage) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 65_536

    assert busy.producer.post("/api/touchpoints", content=chunks()).status_code == 413
    assert busy.producer.post("/api/touchpoints", content=iter([b"[", b"]"])).status_code == 422


@pytest.mark.parametrize("size", [20_000, 1_000_000])
def test_a_huge_header_harms_nobody(busy: Brokerage, size: int) -> None:
    response = busy.producer.post("/api/touchpoints", json=[touchpoint()], headers={"x-long": "x" * size})
    assert response.status_code in (200, 400, 431)
    assert busy.verdict(touchpoint())["status"] == "accepted"


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Content-Length: -5\r\n\r\n",
        POST + b"Content-Length: 1e3\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"9.9") + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_hardly_http_is_refused(stage: Stage, sent: bytes) -> None:
    place = urlsplit(stage.base)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE_S) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401")) or not answer


def test_no_path_answers_with_a_problem(stage: Stage, busy: Brokerage) -> None:
    assert problem_of(busy.producer.get("/api/nowhere"))["status"] == 404
    assert problem_of(busy.producer.delete("/api/touchpoints"))["status"] == 405
    assert problem_of(stage.client().get("/"))["status"] == 404
