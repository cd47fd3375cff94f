"""The embedded Postgres keeps its data through any death, lets no stranger in, leaves nothing running."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.embedded import files, footing
from adapters.embedded.keeper import hold
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.service import EmbeddedError
from tests.embedded.processes import kill_9, naming, program, said
from tests.patience import PATIENCE_S, eventually

HARMLESS = {"unshare": ["--user"], "setpriv": ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]}
FOREVER = """
import signal, sys
from pathlib import Path
from adapters.embedded.postgres import EmbeddedPostgres
print("serves", EmbeddedPostgres(Path(sys.argv[1])).start())
signal.pause()
"""


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.cluster / "postmaster.pid").read_text().split()[0])


def insert(url: str, number: int) -> None:
    with psycopg.connect(url) as session:
        session.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        session.execute("INSERT INTO kept VALUES (%s)", [number])


def numbers(url: str) -> list[int]:
    with psycopg.connect(url) as session:
        return [row[0] for row in session.execute("SELECT number FROM kept ORDER BY 1")]


@pytest.mark.parametrize("version", [16, 18])
def test_a_new_database_has_a_modest_owner_and_vectors(tmp_path: Path, version: int) -> None:
    with (
        EmbeddedPostgres(tmp_path, version, durable=False) as server,
        psycopg.connect(server.url()) as session,
    ):
        assert session.info.server_version // 10000 == version
        who = "SELECT rolname, rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert session.execute(who).fetchone() == ("masar_owner", False, True, False)
        assert session.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector").fetchone() == (2.0,)
        assert session.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert session.execute("SELECT upper('é'), length('شقة')").fetchone() == ("É", 3)


def test_other_roles_are_reached_through_the_owner(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        with psycopg.connect(server.url("masar_owner")) as session:
            session.execute("CREATE ROLE masar_app")
            session.execute("GRANT masar_app TO masar_owner WITH SET TRUE")
        with psycopg.connect(server.url("masar_app")) as session:
            assert session.execute("SELECT current_user").fetchone() == ("masar_app",)
        with psycopg.connect(server.url("masar_admin")) as session:
            row = session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            assert row == (True,)


def test_strangers_are_refused(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        for host in ("127.0.0.1", str(server.socket_dir)):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host=host, port=server.port, user="masar_admin", password="guess", dbname="masar")
        assert (server.home / "passwords.json").stat().st_mode & 0o077 == 0


def test_a_long_path_still_has_a_socket(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / ("deep " * 10) / ("deeper " * 10), durable=False) as server:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{server.socket_dir}/.s.PGSQL.{server.port}")
        assert server.socket_dir.stat().st_mode & 0o077 == 0
    server.socket_dir.rmdir()


def test_rows_port_and_password_survive_a_killed_postmaster(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    url = server.start()
    insert(url, 1)
    with psycopg.connect(url):  # its backend is orphaned, and must not hinder the next start
        kill_9(postmaster(server))
        assert server.start() == url
    insert(url, 2)
    assert numbers(url) == [1, 2]
    server.stop()
    with EmbeddedPostgres(tmp_path) as again:
        assert again.url() == url
        assert numbers(url) == [1, 2]


def test_a_killed_parent_leaves_nothing_running_and_nothing_lost(tmp_path: Path) -> None:
    with program("-c", FOREVER, str(tmp_path)) as parent:
        url = said(parent, "serves").split()[1]
        insert(url, 1)
        kill_9(parent.pid)
        eventually(lambda: not naming(tmp_path))
    os.close(hold(tmp_path / "postgres" / "lock", PATIENCE_S))  # no orphaned backend holds it either
    with EmbeddedPostgres(tmp_path) as server:
        assert numbers(server.url()) == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's parent-death signal")
def test_a_killed_keeper_leaves_nothing_running(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, durable=False)
    url = server.start()
    insert(url, 1)
    assert server._kept is not None
    server._kept.keeper.kill()
    eventually(lambda: not naming(tmp_path))
    with server:
        assert numbers(url) == [1]


def test_data_in_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_WAIT_S", 0.1)
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        with pytest.raises(EmbeddedError, match="another process uses"):
            EmbeddedPostgres(tmp_path).start()
        assert server.ready()


def test_data_of_another_version_is_refused_and_unharmed(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, 16, durable=False) as server:
        insert(server.url(), 1)
    with pytest.raises(EmbeddedError, match="MASAR_EMBEDDED_PG=16"):
        EmbeddedPostgres(tmp_path, 18).start()
    with EmbeddedPostgres(tmp_path, 16, durable=False) as server:
        assert numbers(server.url()) == [1]


def test_a_first_start_cut_short_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        insert(server.url(), 1)
    assert not half.exists()


def test_a_stale_note_of_a_process_id_that_is_someone_elses_is_forgotten(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, durable=False)
    with server:
        note = (server.cluster / "postmaster.pid").read_text()
        os.kill(postmaster(server), signal.SIGKILL)
    owner = server.cluster.stat()
    lines = [str(os.getpid()), *note.splitlines()[1:]]
    (server.cluster / "postmaster.pid").write_text("\n".join(lines))
    os.chown(server.cluster / "postmaster.pid", owner.st_uid, owner.st_gid)
    with server:
        assert server.ready()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everyone may enter."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")
@pytest.mark.parametrize("tool", ["unshare", "setpriv"])
def test_root_can_keep_data_in_a_closed_folder(
    tmp_path: Path, public: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    found = shutil.which(tool)
    monkeypatch.setattr(shutil, "which", lambda name: found if name == tool else None)
    monkeypatch.setattr(footing, "PUBLIC", public)
    tmp_path.chmod(0o700)
    server = EmbeddedPostgres(tmp_path / "data", durable=False)
    allowed = subprocess.run([found or tool, *HARMLESS[tool], "true"], check=False).returncode == 0
    if not allowed:
        with pytest.raises(EmbeddedError, match="needs a user with a name, not root"):
            server.start()
        return
    url = server.start()
    insert(url, 1)
    assert server._kept is not None
    assert server.footing.prefix[0] == found
    server._kept.keeper.kill()  # the change of user must not have disarmed the second net
    eventually(lambda: not naming(tmp_path))
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    with server:
        assert numbers(url) == [1]


def test_an_unknown_version_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_EMBEDDED_PG", "9.6")
    with pytest.raises(EmbeddedError, match=r"MASAR_EMBEDDED_PG must be 16 or 18, not '9\.6'"):
        EmbeddedPostgres(tmp_path)
