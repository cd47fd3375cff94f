"""Commands that look: the log, the backlog, rebuilding a read model, what Meta would see, the API's document."""

import difflib
import json as jsonlib
import sys
import threading
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from rich.table import Table

from adapters.postgres.connections import connect
from api.cli.context import Json, fail, need_database, out, settings, show
from api.settings import Settings

meta = typer.Typer(no_args_is_help=True, help="What Meta would see.")


def moment(text: str) -> datetime:
    """Return a time that was given with its offset from UTC. Raises typer.BadParameter."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("must be a time such as 2026-11-01T00:00:00Z") from error
    if time.tzinfo is None:
        raise typer.BadParameter("must have an offset, as in 2026-11-01T00:00:00Z")
    return time


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (replay, log, backlog_command, openapi):
        app.command(command.__name__.removesuffix("_command"))(command)
    app.add_typer(meta, name="meta")


def replay(
    projection: Annotated[
        str, typer.Argument(help="people, tour_sessions, conversions, deliveries, …, or all.")
    ] = "all",
    keep: Annotated[
        bool, typer.Option("--no-swap", help="Compare with the live one, and throw the copy away.")
    ] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            help="Print the rows as of this time of recording (with its offset), and touch nothing.",
            parser=moment,
            metavar="TIME",
        ),
    ] = None,
    to: Annotated[Path, typer.Option("--out", help="Where the rows of --as-of go, as JSON lines.")] = Path("-"),
    json: Json = False,
) -> None:
    """Rebuild a read model from nothing beside the live one, compare, and swap it in. Nothing is sent again.

    All of them are built in one reading of the log. Facts that were set aside are folded again.

    Example: ./masar replay people
    Example: ./masar replay people --as-of 2026-11-01T00:00:00Z --out people.ndjson
    """
    from projections.catalogue import BY_NAME

    if projection != "all" and projection not in BY_NAME:
        fail(f"there is no read model {projection!r}; there are {', '.join(BY_NAME)}", 2)
    url = need_database(settings())
    if as_of is not None:
        _look_back(url, projection, as_of, to)
        return
    results = _rebuild(url, tuple(BY_NAME) if projection == "all" else (projection,), keep, quiet=json)
    show(results, json, "\n".join(_outcome(one) for one in results))
    if any(not one["equal"] for one in results):
        raise typer.Exit(1)


def _outcome(one: dict[str, Any]) -> str:
    if "error" in one:
        return f"{one['projection']:16} failed: {one['error']}"
    found = "equal to the live one" if one["equal"] else f"{one['different']} rows differ"
    swapped = ", swapped in" if one["swapped"] else ""
    return f"{one['projection']:16} {one['facts']:>9} positions  {one['per_s']:>9,.0f}/s  {found}{swapped}"


def _rebuild(url: str, names: tuple[str, ...], keep: bool, *, quiet: bool) -> list[dict[str, Any]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from adapters.postgres.one_pass import OnePass

    with OnePass(url, names) as rebuilds:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        with Progress(*columns, TimeRemainingColumn(), disable=quiet or not sys.stdout.isatty(), transient=True) as bar:
            task = bar.add_task(f"replaying {', '.join(names)}", total=rebuilds.target())
            for position in rebuilds.run():
                bar.update(task, completed=position)
        return rebuilds.finish(swap=not keep)


def _look_back(url: str, name: str, time: datetime, to: Path) -> None:
    from adapters.postgres.looking_back import NoTables, fold_all_as_of, line

    if name == "all":
        fail("--as-of shows one read model: name it", 2)
    if time > datetime.now(UTC):
        fail("--as-of must not be in the future", 2)
    try:
        with nullcontext(sys.stdout.buffer) if str(to) == "-" else to.open("wb") as file:
            for row in fold_all_as_of(url, name, time):
                file.write(line(row))
    except NoTables as refusal:
        fail(str(refusal))
    except OSError as refusal:
        fail(f"--out: {refusal}", 2)


def log(
    person: Annotated[UUID | None, typer.Option(help="Facts of this person (or subject).")] = None,
    kind: Annotated[str | None, typer.Option(help="Facts of this kind, such as tours.completed.v1.")] = None,
    since: Annotated[datetime | None, typer.Option(help="That happened since.")] = None,
    brokerage: Annotated[str | None, typer.Option("--brokerage", "-b", help="Of this brokerage.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The last so many.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    json: Json = False,
) -> None:
    """Read the log, the newest last; personal fields stay sealed.

    Example: ./masar log --kind leads.form_submitted.v1 --follow
    """
    from adapters.postgres.watch import Watch, knows
    from domain.catalogue import BY_KIND

    if kind is not None and kind not in BY_KIND:
        close = ", ".join(difflib.get_close_matches(kind, BY_KIND, 3))
        fail(f"there is no kind {kind!r}" + (f"; did you mean {close}?" if close else ""), 2)
    with connect(need_database(settings()), "masar_projector", name="cli") as connection:
        if brokerage is not None and not knows(connection, brokerage):
            fail(f"there is no brokerage {brokerage!r}; `./masar brokerage list` shows them")
        watch = Watch(connection, person=person, kind=kind, since=since, brokerage=brokerage)
        rows = watch.newest(limit)
        stop = threading.Event()
        try:
            while True:
                for row in rows:
                    typer.echo(orjson.dumps(row, default=str).decode() if json else _line(row))
                if not follow:
                    return
                rows = []
                while not rows:
                    stop.wait(0.5)
                    rows = watch.after()
        except KeyboardInterrupt:
            return


def _line(row: dict[str, Any]) -> str:
    fields = " ".join(f"{name}={_brief(value)}" for name, value in row["fields"].items())
    return f"{row['position']:>8}  {row['occurred_at']:%Y-%m-%d %H:%M:%S}  {row['kind']:28} {fields}"


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:39] + "…"


def backlog_command(
    json: Json = False,
    retry: Annotated[bool, typer.Option("--retry", help="Have messages that were given up tried again.")] = False,
) -> None:
    """Show what waits: facts not yet in each read model, facts set aside, and the outbox by state and age.

    A fact that was set aside is folded again by a rebuild: ./masar replay. A message that was given up is tried again
    with --retry; a conversion by POST /api/conversions/{id}/retry, which may correct it.

    Example: ./masar backlog --retry
    """
    from adapters.postgres.watch import backlog, retry_dead

    with connect(need_database(settings()), "masar_projector", name="cli") as connection:
        if retry:
            retry_dead(connection)
        state = backlog(connection)
    if json:
        show(state, True, "")
        return
    aside = Table("set aside in", "position", "kind", "error", title="folded again by ./masar replay")
    for one in state["set_aside"]:
        aside.add_row(one["name"], str(one["position"]), one["kind"], one["error"].splitlines()[0][:100])
    behind = Table("read model", "build", "behind", "set aside", title=f"log at {state['newest']}")
    for one in state["projections"]:
        behind.add_row(one["name"], f"{one['build']} {one['status']}", str(one["behind"]), str(one["set_aside"]))
    waiting = Table("outbox", "state", "messages", "oldest due")
    for one in state["outbox"]:
        waiting.add_row(
            one["kind"], one["state"], str(one["messages"]), f"{one['oldest_s']:.0f} s" if one["oldest_s"] else "–"
        )
    troubled = Table("message", "kind", "state", "tries", "error", title="tried again by ./masar backlog --retry")
    for one in state["troubled"]:
        troubled.add_row(one["id"], one["kind"], one["state"], str(one["attempts"]), (one["error"] or "")[:100])
    out.print(behind, waiting, *([aside] if state["set_aside"] else []), *([troubled] if state["troubled"] else []))


@meta.command("hash")
def hash_command(
    region: Annotated[str, typer.Option(help="Where local phone numbers are read.")] = "EG",
) -> None:
    """Read JSON lines {"field","value"}; print what Meta would see: normalised, sha256, dropped.

    Example: echo '{"field":"ph","value":"٠١٠٠ ١٢٣ ٤٥٦٧"}' | ./masar meta hash
    """
    from adapters.meta.hash_lines import hash_lines

    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")  # type: ignore[union-attr]
    for line in hash_lines(sys.stdin, region):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()  # who asks line by line waits for each answer


def openapi() -> None:
    """Print the OpenAPI document.

    Example: ./masar openapi > openapi.json
    """
    from api.app import create_app

    typer.echo(jsonlib.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False))
