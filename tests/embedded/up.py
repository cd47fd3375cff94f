"""Runs a supervisor for the tests to kill: `python -m tests.embedded.up KIND DATA_DIR`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.redis import EmbeddedRedis
from adapters.embedded.service import EmbeddedError, Service
from adapters.embedded.supervisor import Supervisor

# $1 is the flag to raise when ready; it lies in the data folder, so the process can be found by its name
LOOP = 'trap "echo bye; exit 0" TERM; echo "hello $NAME"; touch "$1"; while :; do sleep 0.05; done'


def servers(data_dir: Path) -> Sequence[Service]:
    """Postgres and Redis."""
    both = (EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir))
    for server in both:
        server.prepare()
    return [server.service() for server in both]


def scripts(data_dir: Path) -> Sequence[Service]:
    """Two programs that run until told to stop, the second only once the first is ready."""
    flags = [data_dir / "first is ready", data_dir / "second is ready"]
    waits, follows = f"sleep 0.1; {LOOP}", f'test -e "{flags[0]}" && echo in order; {LOOP}'
    return [
        Service(name, ["sh", "-c", script, "sh", str(flag)], env={"NAME": name}, ready=flag.exists)
        for name, script, flag in zip(("first", "second"), (waits, follows), flags, strict=True)
    ]


def hopeless(data_dir: Path) -> Sequence[Service]:
    """A task that fails, before a program that must then never start."""
    return [Service("task", ["sh", "-c", "exit 3"], once=True), *scripts(data_dir)]


def prepared(data_dir: Path) -> Sequence[Service]:
    """A task that succeeds, then the programs."""
    return [Service("task", ["sh", "-c", "echo prepared"], once=True), *scripts(data_dir)]


KINDS = {make.__name__: make for make in (servers, scripts, hopeless, prepared)}

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    try:
        sys.exit(Supervisor(folder, lambda: KINDS[sys.argv[1]](folder)).run(lambda: print("all ready")))
    except EmbeddedError as error:
        sys.exit(str(error))
