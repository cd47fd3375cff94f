"""A clamd that knows one virus, and the harmless file that all scanners call one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


@contextmanager
def clamd(most: int = 10_000_000) -> Iterator[str]:
    """Listen as clamd does, for files up to `most` bytes; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, most))
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)


def _serve(server: socket.socket, most: int) -> None:
    with suppress(OSError):
        while True:
            line, _ = server.accept()
            with line, suppress(OSError), line.makefile("rb") as said:
                line.sendall(_answer(said, most))


def _answer(said: object, most: int) -> bytes:
    read = said.read  # type: ignore[attr-defined]
    assert read(len(b"zINSTREAM\0")) == b"zINSTREAM\0"
    content = b""
    while length := int.from_bytes(read(4)):
        content += read(length)
        if len(content) > most:
            return b"INSTREAM size limit exceeded. ERROR\0"
    return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
