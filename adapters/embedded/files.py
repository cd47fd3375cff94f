"""Small files that an embedded server keeps beside its data: secrets, its port, its lock."""

import contextlib
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

from adapters.embedded.keeper import LOCK_WAIT_S, hold
from adapters.embedded.service import EmbeddedError

PORTS = range(20000, 32000)  # below the range that systems hand out to outgoing connections


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; only its owner may read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def stable_port(path: Path) -> int:
    """Return the port kept in the file if it is still free, else keep and return another free one."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        port = int(path.read_text())
        if port in PORTS and is_free(port):
            return port
    port = next(port for port in random.sample(PORTS, len(PORTS)) if is_free(port))
    write_private(path, f"{port}\n")
    return port


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock file; yields its descriptor, to be passed to children that must hold it too.

    Waits for a killed predecessor to be gone; raises EmbeddedError when a live one keeps it.
    """
    try:
        descriptor = hold(path, LOCK_WAIT_S)
    except TimeoutError:
        raise EmbeddedError(f"another process uses {path.parent}; stop it, or choose another folder") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)
