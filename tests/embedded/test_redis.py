"""The embedded Redis keeps what it acknowledged, asks for a password and leaves nothing running."""

import os
import signal
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.embedded.redis import EmbeddedRedis, find_redis
from tests.embedded.processes import kill_9, naming, program, said
from tests.patience import eventually

ONCE = Retry(NoBackoff(), 0)
pytestmark = pytest.mark.skipif(find_redis() is None, reason="no Redis on this machine")

FOREVER = """
import signal, sys
from pathlib import Path
from adapters.embedded.redis import EmbeddedRedis
print("serves", EmbeddedRedis(Path(sys.argv[1])).start())
signal.pause()
"""


def test_keys_and_address_survive_a_killed_server(tmp_path: Path) -> None:
    folder = tmp_path / 'with "spaces" in it'
    server = EmbeddedRedis(folder)
    url = server.start()
    with redis.Redis.from_url(url) as client:
        client.set("key", "kept")
        pid = client.info()["process_id"]
    kill_9(pid)
    with EmbeddedRedis(folder) as again, redis.Redis.from_url(url) as client:
        assert again.url() == url
        assert client.get("key") == b"kept"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_strangers_are_refused(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, redis.Redis(port=server.port, retry=ONCE) as client:
        with pytest.raises(redis.AuthenticationError):
            client.ping()
        assert (server.home / "redis.conf").stat().st_mode & 0o077 == 0


def test_a_killed_parent_leaves_nothing_running(tmp_path: Path) -> None:
    with program("-c", FOREVER, str(tmp_path)) as parent:
        said(parent, "serves")
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        eventually(lambda: not naming(tmp_path))


def test_a_server_on_the_path_is_preferred_unless_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "redis-server"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for version, preferred in (("7.2.4", True), ("6.0.16", False)):
        server.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0'\n")
        server.chmod(0o755)
        assert (find_redis() == server) is preferred
