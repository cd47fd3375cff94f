"""What goes wrong between us and a platform: what it means for a conversion, and for a message that must go once."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any

import orjson
import pytest

from adapters.channels.clients import Hosts, PlatformClients
from adapters.meta.audiences import MetaAudiences
from adapters.meta.graph import GraphClient
from adapters.outside.bounds import MOST_BYTES
from application.ports.channels import Account, Addressee, NotSent, ToSend
from application.ports.conversions import Credentials, NotAccepted
from domain.messaging.content import Content
from tests.patience import PATIENCE_S

Answer = Callable[[], Iterable[bytes]]
GOOD = orjson.dumps({"events_received": 1, "messages": [{"id": "wamid.1"}]})
RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset in place of an end."""
TLS = b"\x16"
"""With which a client that wants a secure connection begins."""
DRIPS = 150
HELLO = ToSend(
    to=Addressee("phone", "+201001234567"), message_type="text", mark="m1", text="hello", content=Content(),
    template=None, language=None,
)  # fmt: skip


def head(length: int, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n".encode()


def page(status: str) -> Answer:
    web = b"<html><body>Sorry, something went wrong.</body></html>"
    return lambda: [head(len(web), status, "text/html"), web]


def large() -> Iterator[bytes]:
    """An answer that would do, behind more spaces than anybody needs."""
    yield head(MOST_BYTES + len(GOOD))
    yield from repeat(b" " * 65_536, MOST_BYTES // 65_536)
    yield GOOD


def slow(pause: threading.Event) -> Iterator[bytes]:
    """An answer that would do, drop by drop: each comes soon, all of them take seven seconds."""
    yield head(DRIPS + len(GOOD))
    for _ in range(DRIPS):
        pause.wait(0.05)
        yield b" "
    yield GOOD


# fmt: off
FAULTS: dict[str, tuple[Answer, str, str]] = {  # what the platform does → what becomes of a conversion, of a message
    "hangs up at once":              (lambda: [],                                           "unknown",   "unknown"),
    "is no web server":              (lambda: [b"SSH-2.0-OpenSSH_9.2\r\n"],                 "unknown",   "unknown"),
    "breaks off in the headers":     (lambda: [b"HTTP/1.1 200 OK\r\ncontent-ty"],           "unknown",   "unknown"),
    "breaks off in the answer":      (lambda: [head(len(GOOD)), GOOD[:20]],                 "unknown",   "unknown"),
    "says nothing":                  (lambda: [head(0)],                                    "unknown",   "unknown"),
    "says half":                     (lambda: [head(20), GOOD[:20]],                        "unknown",   "unknown"),
    "shows a web page":              (page("200 OK"),                                       "unknown",   "unknown"),
    "shows a web page as a failure": (page("502 Bad Gateway"),                              "transient", "unknown"),
    "shows a web page as a no":      (page("403 Forbidden"),                                "parked",    "forbidden"),
    "says too much":                 (large,                                                "unknown",   "unknown"),
    "says it too slowly":            (lambda: slow(threading.Event()),                      "unknown",   "unknown"),
    "says it well":                  (lambda: [head(len(GOOD)), GOOD],                      "accepted",  "accepted"),
    "says it well and at length":    (lambda: chain([head(len(GOOD) + 1_000_000)], [b" " * 1_000_000, GOOD]),
                                                                                            "accepted",  "accepted"),
}
# fmt: on


@contextmanager
def platform(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Run something that hears a request out, answers so and resets the connection; gives its address and requests."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    heard.append(_request(client))
                    _say(client, answer())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)


def _request(client: socket.socket) -> bytes:
    heard = client.recv(65_536)
    if heard.startswith(TLS):
        return heard
    while b"\r\n\r\n" not in heard:
        heard += client.recv(65_536)
    first, _, body = heard.partition(b"\r\n\r\n")
    length = next((int(one.split(b":")[1]) for one in first.lower().split(b"\r\n") if b"content-length" in one), 0)
    while len(body) < length:
        body += client.recv(65_536)
    return first + body


def _say(client: socket.socket, pieces: Iterable[bytes]) -> None:
    try:
        for piece in pieces:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(PATIENCE_S)
        while client.recv(65_536):  # until the other side has read it all, or has had enough
            pass
    except OSError:
        pass


def tells(url: str, timeout_s: float) -> str:
    """Tell the platform of a conversion; return what became of it."""
    graph = GraphClient(url, timeout_s=timeout_s)
    try:
        graph.send_events("7", "EAA", [{"event_name": "Lead"}])
    except NotAccepted as no:
        return no.outcome
    finally:
        graph.close()
    return "accepted"


def writes(url: str, timeout_s: float) -> str:
    """Send a message; return what became of it."""
    clients, account = PlatformClients(Hosts(url, url, url, timeout_s=timeout_s)), Account("whatsapp", "1", "meta", "E")
    try:
        clients.client(account).send(account, HELLO)
    except NotSent as no:
        return no.no
    finally:
        clients.close()
    return "accepted"


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_answer_means_for_a_conversion_and_for_a_message(fault: str) -> None:
    """A message of which nobody knows is never sent again by itself; a conversion is, as it is counted once."""
    answer, conversion, message = FAULTS[fault]
    patience_s = 0.5 if fault == "says it too slowly" else PATIENCE_S
    with platform(answer) as (url, heard):
        assert (tells(url, patience_s), writes(url, patience_s)) == (conversion, message)
        assert len(heard) == 2, "each was asked once"


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def test_a_name_that_is_not_found_means_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch)
    url = "https://graph.example"
    assert (tells(url, PATIENCE_S), writes(url, PATIENCE_S)) == ("transient", "transient")


def test_without_a_trusted_connection_nothing_is_sent() -> None:
    """Whoever cannot prove to be the platform hears no token and no word."""
    with platform(lambda: [head(len(GOOD)), GOOD]) as (url, heard):
        secure = url.replace("http:", "https:")
        assert (tells(secure, PATIENCE_S), writes(secure, PATIENCE_S)) == ("transient", "transient")
    assert [one[:1] for one in heard] == [TLS, TLS], "a greeting each, and nothing behind it"


def test_other_questions_to_the_platform_keep_within_the_same_bounds() -> None:
    with platform(large) as (url, _):
        audiences = MetaAudiences(url, Credentials("EAA"), timeout_s=PATIENCE_S)
        clients = PlatformClients(Hosts(url, url, url, timeout_s=PATIENCE_S))
        with pytest.raises(NotAccepted) as audience:
            audiences.create("1", "Buyers")
        with pytest.raises(NotSent) as templates:
            clients.templates(Account("whatsapp", "1", "meta", "E", "2"))
        audiences.close()
        clients.close()
    assert (audience.value.outcome, templates.value.no) == ("unknown", "transient")
