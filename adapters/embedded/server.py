"""What the embedded servers share: started and stopped with our process, or handed to a supervisor."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded.files import stable_port
from adapters.embedded.service import EmbeddedError, Kept, Service


class EmbeddedServer(ABC):
    """A server on a folder of data; a context manager that runs it."""

    home: Path
    _port: int | None
    _kept: Kept | None = None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1; chosen by `prepare`, and the same each time as long as it is free."""
        return self._port or int((self.home / "port").read_text())

    def _choose_port(self) -> None:
        self._port = self._port or stable_port(self.home / "port")

    @abstractmethod
    def prepare(self) -> None:
        """Make everything that a start needs. Raises EmbeddedError if the server cannot run here."""

    @abstractmethod
    def service(self) -> Service:
        """Return the server as a service to be kept; call `prepare` first."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether the server serves now."""

    @abstractmethod
    def logs(self) -> Iterator[Path]:
        """Yield the files that may say why it does not."""

    def start(self) -> str:
        """Prepare and start; return the URL once it serves. It ends with our process at the latest."""
        self.prepare()
        service = self.service()
        self._kept = Kept(service)
        try:
            self.wait_ready()
        except EmbeddedError:
            self.stop()
            raise
        return service.url or ""

    def stop(self) -> None:
        """Stop in good order and wait for the end; nothing happens if we did not start it."""
        if self._kept is not None:
            self._kept.stop()
            self._kept = None

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait up to `timeout` seconds until it serves. Raises EmbeddedError with its last words."""
        deadline = time.monotonic() + timeout
        while not self.ready():
            ended = self._kept is not None and self._kept.poll() is not None
            if ended or time.monotonic() > deadline:
                raise EmbeddedError(f"{type(self).__name__} did not start: {self._last_words()}")
            time.sleep(0.01)

    def _last_words(self) -> str:
        said = "\n".join(log.read_text(errors="replace")[-1500:] for log in self.logs() if log.exists())
        return said.strip() or f"no message; see {self.home}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
