"""An embedded Postgres with pgvector: the packaged programs on a folder of data."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from adapters.embedded.files import locked, write_private
from adapters.embedded.footing import Footing, find_footing
from adapters.embedded.server import EmbeddedServer
from adapters.embedded.service import EmbeddedError, Service

ADMIN, OWNER, DATABASE = "masar_admin", "masar_owner", "masar"
LONGEST_SOCKET = 100  # bytes of a socket's path; systems allow 104 (macOS) to 108 (Linux)
# Everyone proves who they are, on the socket too: other users of the machine are strangers.
HBA = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",  # a worker of four threads takes about twenty
    "shared_buffers": "256MB",
    "wal_level": "replica",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",  # one file per weekday, so a week is kept
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}  # survives a killed process, not a power cut
LOCALES = {  # both order by code point and know the case of every letter
    16: ("--locale-provider=libc", "--locale=C.UTF-8"),
    18: ("--locale-provider=builtin", "--locale=C.UTF-8"),
}


class EmbeddedPostgres(EmbeddedServer):
    """One Postgres server on a folder of data.

    Roles: `masar_admin` is the superuser, `masar_owner` owns the database `masar` and is none (row-level
    security does not bind superusers). Both have a generated password, kept in a file only we can read.
    """

    def __init__(
        self, data_dir: Path, version: int | None = None, port: int | None = None, *, durable: bool = True
    ) -> None:
        """Name the server; nothing is touched yet.

        `version` is 18 or 16, by default MASAR_EMBEDDED_PG or else 18. `port` is chosen and kept if not
        given. Without `durable` a power cut may damage the data, which is fine for a test.
        Raises EmbeddedError for another version.
        """
        self.home = data_dir.absolute() / "postgres"
        self.version = version or _version_wanted()
        self.durable = durable
        self._port = port

    @property
    def cluster(self) -> Path:
        """The server's own folder of data."""
        return self.home / "cluster"

    def url(self, role: str = OWNER) -> str:
        """Return the URL for a role, password included, of a server that was prepared once.

        Roles other than admin and owner have no password: the owner logs in and puts on the role, which
        migrations must have granted to it.
        """
        passwords = json.loads((self.home / "passwords.json").read_text())
        login = role if role in passwords else OWNER
        options = "" if role in passwords else f"?options={quote(f'-c role={role}')}"
        return f"postgresql://{login}:{quote(passwords[login])}@127.0.0.1:{self.port}/{DATABASE}{options}"

    def prepare(self) -> None:
        """Make everything that a start needs: on first use the data, the roles, the database and pgvector.

        Waits for a killed predecessor to be gone. Raises EmbeddedError if the server cannot run here, is
        in use, or the data is of another Postgres version.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o711)  # the server's user passes through to its own folders, and reads nothing here
        with locked(self.home / "lock") as lock:
            if not self.cluster.exists():
                self._create(lock)
            self._check_version()
            self._own(self.cluster)
            if not (self.home / "passwords.json").exists():
                self._sql(self.cluster, lock, *_password_changes(self._new_passwords()))
            (self.home / "pg_hba.conf").write_text(HBA)
            _forget_dead(self.cluster / "postmaster.pid")
            self.socket_dir  # noqa: B018 - made now
            self._choose_port()

    def command(self) -> list[str]:
        """Return the server's command line; `service` also knows how to stop it and as whom to run it."""
        settings = SETTINGS | ({} if self.durable else FORGETFUL)
        settings["hba_file"] = str(self.home / "pg_hba.conf")
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", str(self.cluster), "-p", str(self.port), "-k", str(self.socket_dir)]
        return self.footing.command("postgres", *place, *options)

    def service(self) -> Service:
        """Return the server as a service to be kept; call `prepare` first."""
        return Service(
            name="postgres",
            argv=self.command(),
            ready=self.ready,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            kill_signal=signal.SIGQUIT,  # "immediate": ends now, the next start recovers
            user=self.footing.user,
            lock=self.home / "lock",
            output=self.home / "start.log",
            url=self.url(),
        )

    def ready(self) -> bool:
        """Tell whether the server takes connections now."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            os.kill(int(lines[0]), 0)
            if lines[7].strip() != "ready":
                return False
            with socket.create_connection(("127.0.0.1", int(lines[3])), timeout=1):
                return int(lines[3]) == self.port
        except (OSError, IndexError, ValueError):  # no such file or process, or the file is being written
            return False

    def logs(self) -> Iterator[Path]:
        """Yield what it printed before it opened its log, and the latest log."""
        yield self.home / "start.log"
        yield from sorted((self.cluster / "log").glob("*.log"), key=os.path.getmtime)[-1:]

    @cached_property
    def footing(self) -> Footing:
        """How the programs are run here."""
        return find_footing(self.version, self.home)

    @cached_property
    def socket_dir(self) -> Path:
        """The unix socket's folder, closed to others; elsewhere when the data's path is too long for one."""
        folder = self.home / "socket"
        if len(os.fsencode(folder / ".s.PGSQL.65535")) > LONGEST_SOCKET:
            folder = _remembered_folder(self.home / "socket_dir")
        folder.mkdir(mode=0o700, exist_ok=True)
        self._own(folder)
        return folder

    def _create(self, lock: int) -> None:
        """Make the data beside its place and move it there whole: a first start cut short leaves no half."""
        draft = self.home / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._own(draft)
        initdb = ("initdb", "-D", str(draft))
        self._run(lock, *initdb, "-U", ADMIN, "-E", "UTF8", "--auth=trust", "--no-sync", *LOCALES[self.version])
        self._sql(
            draft,
            lock,
            f"CREATE ROLE {OWNER} LOGIN CREATEROLE;",
            *_password_changes(self._new_passwords()),
            "CREATE EXTENSION vector;",  # in the template, so that every database has it
            f"CREATE DATABASE {DATABASE} OWNER {OWNER};",
        )
        if self.durable:
            self._run(lock, *initdb, "--sync-only")
        draft.rename(self.cluster)

    def _new_passwords(self) -> dict[str, str]:
        passwords = {role: secrets.token_urlsafe(24) for role in (ADMIN, OWNER)}
        write_private(self.home / "passwords.json", json.dumps(passwords))
        return passwords

    def _sql(self, cluster: Path, lock: int, *statements: str) -> None:
        """Run statements, one a line, in single-user mode: no server, no port, nobody else."""
        single = ("postgres", "--single", "-D", str(cluster), "-c", "log_min_messages=error", "template1")
        self._run(lock, *single, given="\n".join(statements) + "\n")

    def _run(self, lock: int, program: str, *arguments: str, given: str = "") -> None:
        """Run a program to its end, holding the lock even if we are killed meanwhile."""
        done = subprocess.run(  # noqa: S603 - our own command line
            self.footing.command(program, *arguments),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self.footing.user,
            group=self.footing.user,
            extra_groups=None if self.footing.user is None else [],
            pass_fds=(lock,),
        )
        # single-user mode goes on after a failed statement, and ends well
        if done.returncode or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            raise EmbeddedError(f"{program} failed: {done.stderr.strip()[-2000:]}")

    def _own(self, folder: Path) -> None:
        """Give the folder to the server's user, if it is someone else's."""
        owner = self.footing.owner
        if owner is not None and folder.stat().st_uid != owner:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)

    def _check_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != str(self.version):
            raise EmbeddedError(
                f"{self.home} holds data of Postgres {found}, not {self.version}: "
                f"set MASAR_EMBEDDED_PG={found} or choose another data folder"
            )


def _version_wanted() -> int:
    wanted = os.environ.get("MASAR_EMBEDDED_PG", "18")
    if wanted not in {str(version) for version in LOCALES}:
        raise EmbeddedError(f"MASAR_EMBEDDED_PG must be {' or '.join(map(str, LOCALES))}, not {wanted!r}")
    return int(wanted)


def _password_changes(passwords: dict[str, str]) -> list[str]:
    return [f"ALTER ROLE {role} PASSWORD '{password}';" for role, password in passwords.items()]


def _remembered_folder(note: Path) -> Path:
    """Return a private folder with a short path, the same one as long as it exists."""
    with contextlib.suppress(FileNotFoundError):
        folder = Path(note.read_text())
        if folder.is_dir() and folder.stat().st_mode & 0o077 == 0:
            return folder
    folder = Path(tempfile.mkdtemp(prefix="masar-", dir="/tmp"))
    write_private(note, str(folder))
    return folder


def _forget_dead(pid_file: Path) -> None:
    """Remove the note of a killed server whose process id now belongs to another program (Linux).

    Postgres removes the note of a dead process itself, but would refuse to start beside a live one; after a
    container's restart the same small numbers come back.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
        if not program.rpartition(b"/")[2].startswith(b"postgres"):
            pid_file.unlink()
