"""What commands share: settings from the environment or from a running `masar up`, and honest exits."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer
from psycopg import Connection
from rich.console import Console

from adapters.embedded.supervisor import is_running
from adapters.postgres.connections import connect
from adapters.postgres.log import open_log
from adapters.postgres.streams import PostgresStreams
from api.settings import BadSettings, Settings, read_settings

ROOT = Path(__file__).resolve().parents[2]
out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Brokerage = Annotated[str, typer.Option("--brokerage", "-b", help="The brokerage's short name.")]

ENVIRONMENT = "run/environment.json"
"""Under the data folder: the settings that `masar up` gave its processes, so that other commands find them."""


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong and end with a code that is not zero."""
    err.print(f"[red]masar:[/red] {message}", highlight=False)
    raise typer.Exit(code)


def settings() -> Settings:
    """Return the settings; what the environment does not say is taken from the `masar up` of this data folder."""
    own = own_settings()
    if own.database_url is None:
        for name, value in running_environment(own.data_dir).items():
            os.environ.setdefault(name, value)
        own = own_settings()
    return own


def own_settings() -> Settings:
    """Return the settings of the environment alone, or end naming what is wrong with them."""
    try:
        return read_settings()
    except BadSettings as refusal:
        fail(str(refusal), 2)


def running_environment(data_dir: Path) -> dict[str, str]:
    """Return the settings of the processes that run on a data folder, none where none do."""
    place = data_dir / ENVIRONMENT
    if is_running(data_dir) is None:
        return {}  # what a killed one left behind is true no more
    try:
        return dict(json.loads(place.read_text()))
    except (OSError, ValueError):
        return {}


def need_database(own: Settings) -> str:
    """Return the database's address, or end saying how to get one."""
    if own.database_url is None:
        fail("no database: start one with `./masar up`, or set MASAR_DATABASE_URL", 2)
    return own.database_url


@dataclass(frozen=True, slots=True)
class SetUp:
    """The brokerages' set-up streams and a connection that may see and add keys."""

    streams: PostgresStreams
    owner: Any


@contextmanager
def set_up(own: Settings) -> Iterator[SetUp]:
    """Open what the set-up commands write to."""
    url = need_database(own)
    log = open_log(url)
    try:
        with connect(url, "masar_app", name="cli") as app, connect(url, "masar_owner", name="cli") as owner:
            yield SetUp(PostgresStreams(app, log), owner)
    finally:
        log.close()


def show(document: Any, as_json: bool, text: str) -> None:
    """Print a result: JSON for scripts, a sentence for people."""
    if as_json:
        typer.echo(json.dumps(document, default=str))
    else:
        typer.echo(text)


def known_to(owner: Connection[Any], slug: str) -> UUID:
    """Return the id of a brokerage by its short name, or end saying that there is none."""
    row = owner.execute("SELECT brokerage_id FROM auth.brokerages WHERE slug = %s", (slug,)).fetchone()
    if row is None:
        fail(f"there is no brokerage {slug!r}; `./masar brokerage list` shows them")
    return UUID(str(row[0]))


def known(slug: str) -> UUID:
    """Return the id of a brokerage by its short name, or end saying that there is none."""
    with connect(need_database(settings()), "masar_owner", name="cli") as owner:
        return known_to(owner, slug)
