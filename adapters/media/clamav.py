"""Looks for viruses with a running clamd, by its INSTREAM command."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from application.ports.media import NoFile

TIMEOUT_S = 60.0
AWAY = "the virus check does not answer"


class ClamAV:
    """The Scanner at an address: `tcp://host:3310` or `unix:///run/clamav/clamd.ctl`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url, self._timeout_s = urlsplit(url), timeout_s

    @contextmanager
    def scanning(self) -> Iterator["ClamScan"]:
        """Begin to scan one file. Raises NoFile."""
        try:
            line = self._connect()
        except OSError:
            raise NoFile(AWAY, passing=True) from None
        with line:
            scan = ClamScan(line)
            scan.begin()
            yield scan

    def _connect(self) -> socket.socket:
        if self._url.scheme == "unix":
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(self._timeout_s)
            try:
                line.connect(self._url.path)
            except OSError:
                line.close()
                raise
            return line
        return socket.create_connection((self._url.hostname or "", self._url.port or 3310), self._timeout_s)


class ClamScan:
    """One file on its way to clamd: its pieces, each after its length as four bytes; a length of zero ends it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def begin(self) -> None:
        """Say what comes."""
        self._send(b"zINSTREAM\0")

    def feed(self, chunk: bytes) -> None:
        """Give more of the file. Raises NoFile."""
        if chunk:
            self._send(len(chunk).to_bytes(4) + chunk)

    def virus(self) -> str | None:
        """Return the name of what was found, None where it is clean. Raises NoFile."""
        self._send(bytes(4))
        said = self._read()
        if said.endswith(" FOUND"):
            return said.removeprefix("stream: ").removesuffix(" FOUND")
        if said.endswith(": OK"):
            return None
        if "size limit" in said:
            raise NoFile("it is too large for the virus check", refused=True)
        raise NoFile(AWAY, passing=True)

    def _send(self, data: bytes) -> None:
        try:
            self._line.sendall(data)
        except OSError:  # it hangs up on what is too large, having said so
            if "size limit" in self._read():
                raise NoFile("it is too large for the virus check", refused=True) from None
            raise NoFile(AWAY, passing=True) from None

    def _read(self) -> str:
        said = bytearray()
        with suppress(OSError):
            while b"\0" not in said and len(said) < 1000 and (more := self._line.recv(1000)):
                said += more
        return said.partition(b"\0")[0].decode(errors="replace").strip()
