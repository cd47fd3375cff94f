"""A subscriber of the live stream as a program is one: it reads events and remembers the last id."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.patience import PATIENCE_S, eventually


@dataclass
class Listener:
    """What one subscriber heard."""

    response: httpx.Response
    events: list[dict[str, Any]] = field(default_factory=list)
    last_id: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Read until the stream ends."""
        name = data = None
        try:
            for line in self.response.iter_lines():
                if line.startswith("id: "):
                    self.last_id = line[4:]
                elif line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and data is not None:
                    self.events.append({"event": name, "cursor": self.last_id, **json.loads(data)})
                    name = data = None
        except (httpx.TransportError, httpx.StreamError):
            pass
        finally:
            self.ended.set()

    def wait(self, holds: Callable[["Listener"], Any]) -> None:
        """Wait until something is true of what was heard."""
        eventually(lambda: holds(self))

    @property
    def texts(self) -> list[Any]:
        """The words of the messages, in the order heard."""
        return [one["text"] for one in self.events if "text" in one]


@contextmanager
def listening(client: httpx.Client, cursor: str | None = None, **query: Any) -> Iterator[Listener]:
    """Hold a stream open; it is ready when the first sign came."""
    headers = {"last-event-id": cursor} if cursor else {}
    with client.stream("GET", "/api/conversations/stream", params=query, headers=headers) as response:
        assert response.status_code == 200, response.read()
        heard = Listener(response)
        thread = threading.Thread(target=heard.read)
        thread.start()
        try:
            heard.wait(lambda one: one.last_id is not None)
            yield heard
        finally:
            with suppress(OSError):  # closing alone would not wake the thread that reads
                response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            thread.join(timeout=PATIENCE_S)
