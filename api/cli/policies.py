"""Commands about policies: list, show, copy, edit, lint, activate, roll back; and simulate one over history."""

import json as jsonlib
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import click
import orjson
import typer
from rich.box import HORIZONTALS
from rich.table import Table

from adapters.postgres.connections import connect
from adapters.postgres.setups import Setups
from adapters.postgres.streams import VersionTaken
from api.cli.context import Brokerage, Json, fail, need_database, out, settings, show
from application.brokerages import NotRegistered, Setup, brokerage_id_of
from application.policies import (
    InvalidPolicy,
    Listed,
    NameTaken,
    NoSuchPolicy,
    NothingToTakeBack,
    NotYet,
    decide_activation,
    decide_copy,
    decide_draft,
    decide_rollback,
    find,
    list_policies,
    read_policy,
)
from application.ports.simulations import Progress, Window
from domain.brokerage.events import BrokerageFact
from domain.scoring.lint import Finding, lint
from domain.scoring.policy import Policy

Named = Annotated[str, typer.Argument(help="A policy: NAME for its newest version, or NAME@VERSION.")]
File = Annotated[Path | None, typer.Option(help="The document, - for the standard input.")]
BY = "command line"
MOST_LINES = 40
MOST_NAMED = 8

REFUSALS = (InvalidPolicy, NameTaken, NoSuchPolicy, NothingToTakeBack, NotYet, NotRegistered, VersionTaken)

policies = typer.Typer(no_args_is_help=True, help="Policies: the rules that score and that decide conversions.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(policies, name="policy")
    app.command()(simulate)


@policies.command("list")
def list_command(brokerage: Brokerage, json: Json = False) -> None:
    """List every version of every policy, and which one is in force.

    Example: ./masar policy list -b nile-homes
    """
    setup = _setup(brokerage)
    listed = list_policies(setup)
    show([_document(one, setup) for one in listed], json, "\n".join(_line(one, setup) for one in listed))


@policies.command("show")
def show_command(policy: Named, brokerage: Brokerage) -> None:
    """Print a policy as one JSON document, which `policy edit` takes.

    Example: ./masar policy show brief -b nile-homes > mine.json
    """
    sys.stdout.write(_pretty(_found(_setup(brokerage), policy)) + "\n")


@policies.command("copy")
def copy_command(policy: Named, to: str, brokerage: Brokerage, json: Json = False) -> None:
    """Copy a policy under another name, there to be edited.

    Example: ./masar policy copy brief mine -b nile-homes
    """
    name, version = _parted(policy)
    setup = _changed(brokerage, lambda setup: decide_copy(setup, name, version, to, BY, datetime.now(UTC)))
    new = find(setup, to)
    show({"policy": new.label, "copied_from": policy}, json, f"{new.label} is a copy of {policy}")


@policies.command("edit")
def edit_command(name: str, brokerage: Brokerage, file: File = None, json: Json = False) -> None:
    """Write a new version of a policy, from a file or in your editor. It changes nothing until it is activated.

    Example: ./masar policy edit mine --file mine.json -b nile-homes
    Example: ./masar policy edit mine -b nile-homes
    """
    document = _from_editor(_found(_setup(brokerage), name)) if file is None else _document_of(file)
    with refusing():
        wanted = read_policy(document, name)
    before = {one.policy.label for one in list_policies(_setup(brokerage))}
    setup = _changed(brokerage, lambda setup: decide_draft(setup, wanted, BY, datetime.now(UTC)))
    new = find(setup, name)
    findings = lint(new)
    said = f"{new.label} is written" if new.label not in before else f"{new.label} says just this already"
    show({"policy": new.label, "findings": [*map(asdict, findings)]}, json, "\n".join([said, *map(_odd, findings)]))


@policies.command("lint")
def lint_command(
    policy: Annotated[str | None, typer.Argument(help="NAME or NAME@VERSION.")] = None,
    brokerage: Annotated[str | None, typer.Option("--brokerage", "-b", help="The brokerage's short name.")] = None,
    file: File = None,
    json: Json = False,
) -> None:
    """Say what is odd about a policy. Ends with 1 where a row would never fire, with 2 where the document is none.

    Example: ./masar policy lint --file mine.json
    Example: ./masar policy lint mine@2 -b nile-homes
    """
    findings = lint(_candidate(policy, file, brokerage))
    show([*map(asdict, findings)], json, "\n".join(map(_odd, findings)) or "nothing odd")
    if any(one.never_fires for one in findings):
        raise typer.Exit(1)


@policies.command("activate")
def activate_command(
    policy: Named,
    brokerage: Brokerage,
    effective_from: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="What happened before earns no conversion. UTC unless told; now unless given.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Let a policy be in force from now on; nothing that was sent is sent again.

    Example: ./masar policy activate mine@3 -b nile-homes
    """
    name, version = _parted(policy)
    since = int(_utc(effective_from).timestamp()) if effective_from else None
    setup = _changed(
        brokerage, lambda setup: decide_activation(setup, name, version, BY, datetime.now(UTC), since)
    )  # fmt: skip
    _tell_in_force(setup, json)


@policies.command("rollback")
def rollback_command(brokerage: Brokerage, json: Json = False) -> None:
    """Let the policy before the active one be in force again, from now on.

    Example: ./masar policy rollback -b nile-homes
    """
    _tell_in_force(_changed(brokerage, lambda setup: decide_rollback(setup, BY, datetime.now(UTC))), json)


def simulate(
    brokerage: Brokerage,
    policy: Annotated[str | None, typer.Option(help="NAME or NAME@VERSION; the active one unless given.")] = None,
    file: File = None,
    since: Annotated[datetime | None, typer.Option(help="Count what was recorded since.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Look at what was recorded until.")] = None,
    json: Json = False,
) -> None:
    """Show what a policy would have sent over this brokerage's history, against what was. Changes nothing.

    Example: ./masar simulate --policy plain -b nile-homes
    Example: ./masar simulate --file mine.json -b nile-homes --json
    """
    from adapters.postgres.simulate import PostgresPast
    from application.simulate_policy import simulate as fold

    named = policy if policy or file else _setup(brokerage).house.policy.label
    candidate = _candidate(named, file, brokerage)
    window = Window(_utc(since) if since else None, _utc(until) if until else None)
    with connect(need_database(settings()), "masar_projector", name="simulate") as connection:
        past = PostgresPast(connection, _known(brokerage), candidate, window)
        with _bar(quiet=json) as tell:
            result = fold(past, candidate, window, tell)
    if json:
        typer.echo(orjson.dumps(result, default=str).decode())
    else:
        _show_result(result)


@contextmanager
def _bar(*, quiet: bool) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, disable=quiet or not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("simulating", total=None)

        def tell(progress: Progress) -> None:
            bar.update(task, completed=progress.folded, total=progress.target)

        yield tell


def _show_result(result: dict[str, Any]) -> None:
    told = result["conversions"]
    out.print(
        f"{result['policy']} against what was, {result['facts']:,} facts in {result['seconds']} s: "
        f"{told['same']:,} the same, {told['other_value']:,} of another value, {told['newly']:,} new, "
        f"{told['no_longer']:,} no longer", highlight=False,
    )  # fmt: skip
    table = Table(box=HORIZONTALS, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("event", "week", ""):
        table.add_column(header, no_wrap=True)
    for header in ("would", "was", "value would", "value was", "match"):
        table.add_column(header, justify="right", no_wrap=True)
    sent = [one for one in result["by_event_and_week"] if one["would"]["count"] or one["was"]["count"]]
    if len(sent) > MOST_LINES:
        out.print(f"the last {MOST_LINES} of {len(sent)} lines, all of them with --json")
    for line in sent[-MOST_LINES:]:
        _row(table, line["event_name"], line["week"], line)
    for line in result["totals"]:
        _row(table, "all", "", line)
    out.print(table)
    for line in result["totals"]:
        if held := ", ".join(f"{count:,} {reason}" for reason, count in line["would"]["withheld"].items()):
            out.print(f"withheld in {line['currency']}: {held}", highlight=False)
    bands = result["bands"]
    moves = ", ".join(f"{one['people']:,} {one['from']} → {one['to']}" for one in bands["moves"])
    out.print(f"{bands['changed']:,} of {bands['people']:,} people change band{': ' if moves else ''}{moves}")
    if never := result["never_fired"]:
        more = f" and {len(never) - MOST_NAMED} more, all of them with --json" if len(never) > MOST_NAMED else ""
        out.print(f"{len(never)} rows never fired: {', '.join(never[:MOST_NAMED])}{more}", highlight=False)


def _row(table: Table, name: str, week: str, line: dict[str, Any]) -> None:
    would, was = line["would"], line["was"]
    table.add_row(
        name, week, line["currency"], f"{would['count']:,}", f"{was['count']:,}", f"{would['value']:,.0f}",
        f"{was['value']:,.0f}", f"{would['match_quality'] or 0} / {was['match_quality'] or 0}",
    )  # fmt: skip


@contextmanager
def refusing() -> Any:
    """End with 2 where a document is no policy, with 1 where a rule says no; each refusal on a line of its own."""
    try:
        yield
    except InvalidPolicy as refusal:
        fail("\n".join(f"{one.field or 'the document'}: {one.message}" for one in refusal.problems), 2)
    except REFUSALS as refusal:
        fail(str(refusal))


def _setup(slug: str) -> Setup:
    setup = Setups(need_database(settings())).setup(brokerage_id_of(slug))
    if not setup.registered:
        fail(f"there is no brokerage {slug!r}; `./masar brokerage list` shows them")
    return setup


def _known(slug: str) -> UUID:
    _setup(slug)
    return brokerage_id_of(slug)


def _changed(slug: str, decide: Callable[[Setup], list[BrokerageFact]]) -> Setup:
    with refusing():
        return Setups(need_database(settings())).change(_known(slug), decide)


def _parted(policy: str) -> tuple[str, int | None]:
    name, at, version = policy.partition("@")
    if at and not (version.isascii() and version.isdigit()):
        fail(f"{policy}: after @ comes the number of a version", 2)
    return name, int(version) if at else None


def _found(setup: Setup, policy: str) -> Policy:
    with refusing():
        return find(setup, *_parted(policy))


def _candidate(policy: str | None, file: Path | None, brokerage: str | None) -> Policy:
    if (policy is None) == (file is None):
        fail("give either a policy or --file", 2)
    if file is not None:
        with refusing():
            return read_policy(_document_of(file))
    if brokerage is None:
        fail("say whose policy it is with --brokerage", 2)
    return _found(_setup(brokerage), policy or "")


def _document_of(file: Path) -> Any:
    try:
        return jsonlib.loads(sys.stdin.read() if str(file) == "-" else file.read_text())
    except (OSError, ValueError, RecursionError) as refusal:
        fail(f"--file: {refusal}", 2)


def _from_editor(policy: Policy) -> Any:
    try:
        edited = click.edit(_pretty(policy), extension=".json")
        if edited is None:
            fail("nothing was changed")
        return jsonlib.loads(edited)
    except (click.ClickException, ValueError, RecursionError) as refusal:
        fail(f"what the editor left is no JSON: {refusal}", 2)


def _pretty(policy: Policy) -> str:
    return orjson.dumps(policy.model_dump(mode="json", exclude_none=True), option=orjson.OPT_INDENT_2).decode()


def _tell_in_force(setup: Setup, json: bool) -> None:
    policy, revision = setup.house.policy, setup.house.revision
    since = datetime.fromtimestamp(policy.effective_from_s, UTC)
    told = {"policy": policy.label, "revision": revision, "effective_from": since.isoformat()}
    show(told, json, f"{policy.label} is in force for what happens since {since:%Y-%m-%d %H:%M} UTC")


def _document(one: Listed, setup: Setup) -> dict[str, Any]:
    return {
        "policy": one.policy.label, "name": one.policy.name, "version": one.policy.version, "shipped": one.shipped,
        "active": one.active, "written_at": one.written_at, "by": one.by, "copied_from": one.copied_from,
        "activated": [
            {"revision": fact.revision, "at": fact.occurred_at, "by": fact.by}
            for fact in setup.activations if fact.revision in one.revisions
        ],
    }  # fmt: skip


def _line(one: Listed, setup: Setup) -> str:
    activated = [fact for fact in setup.activations if fact.revision in one.revisions]
    origin = "shipped" if one.shipped else f"written {one.written_at:%Y-%m-%d}" if one.written_at else "of before"
    since = f"in force since {activated[-1].occurred_at:%Y-%m-%d %H:%M}" if one.active and activated else ""
    return f"{'*' if one.active else ' '} {one.policy.label:24} {origin:20} {since}".rstrip()


def _odd(finding: Finding) -> str:
    return f"{finding.place}: {finding.says}" + (" (never fires)" if finding.never_fires else "")


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
