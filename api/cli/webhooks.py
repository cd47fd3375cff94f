"""Commands for webhooks as they came: list, show, replay."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer

from adapters.postgres.channels import RoutingTable
from adapters.postgres.connections import as_brokerage, pool
from adapters.postgres.deliveries import list_deliveries, one_delivery
from adapters.postgres.receiver import DeliveryWriter
from adapters.postgres.writer import Writer
from api.cli.context import Brokerage, Json, fail, known, need_database, settings, show
from api.replaying import NotKept, items_of, known_of, raw_of, read_again, shown

webhooks = typer.Typer(no_args_is_help=True, help="Webhooks of platforms, as they came.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.command("list")
def list_command(
    brokerage: Brokerage,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    problems: Annotated[bool, typer.Option("--problems", help="Only those with items that could not be read.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    json: Json = False,
) -> None:
    """List deliveries, the newest first.

    Example: ./masar webhooks list -b nile-homes --problems
    """
    whose = known(brokerage)

    async def rows() -> list[dict[str, Any]]:
        async with pool(need_database(settings()), size=1) as connections, as_brokerage(connections, whose) as one:
            return await list_deliveries(
                one, source=None, account=account, problems=problems or None, since=None, until=None, after=None,
                limit=limit,
            )  # fmt: skip

    listed = asyncio.run(rows())
    lines = [
        f"{one['id']}  {one['received_at']:%Y-%m-%d %H:%M:%S}  {one['source']:9} {one['items']:5} items"
        f"  {one['problems']:3} problems  {one['verified_by']}"
        for one in listed
    ]
    show(listed, json, "\n".join(lines) or "none yet")


@webhooks.command("show")
def show_command(delivery_id: UUID, brokerage: Brokerage, json: Json = False) -> None:
    """Show a delivery: headers, items with the facts they became, and the body as it came.

    Example: ./masar webhooks show 0198f2c0-… -b nile-homes
    """
    whose, master = known(brokerage), settings().master()
    row = asyncio.run(_row(whose, delivery_id))
    told = shown(row, raw_of(row, master, whose))
    lines = [f"{row['source']}  {row['received_at']}  {row['size']} bytes  known by {row['verified_by']}"]
    lines += [f"  {_line(one)}" for one in told["items"]]
    show(told, json, "\n".join([*lines, told["raw"] or "(the body is no longer kept)"]))


@webhooks.command("replay")
def replay_command(
    delivery_id: UUID,
    brokerage: Brokerage,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be new; record nothing.")] = False,
    json: Json = False,
) -> None:
    """Read a delivery again and record its facts, each once: what is known changes nothing.

    Example: ./masar webhooks replay 0198f2c0-… -b nile-homes --dry-run
    """
    whose = known(brokerage)
    try:
        items = asyncio.run(_replay(whose, delivery_id, dry_run))
    except NotKept as gone:
        fail(str(gone))
    told = {"id": delivery_id, "dry_run": dry_run, "items": items}
    show(told, json, "\n".join(_line(one) for one in items) or "nothing in it")


async def _replay(whose: UUID, delivery_id: UUID, dry_run: bool) -> list[dict[str, Any]]:
    own = settings()
    url, master = need_database(own), own.master()
    row = await _row(whose, delivery_id)
    routes = RoutingTable(url, master)
    writer = DeliveryWriter(Writer(url, master), master)
    try:
        again = read_again(row, master, whose, await routes.refreshed())
        async with pool(url, size=1) as connections, as_brokerage(connections, whose) as connection:
            there = await known_of(connection, again, master, whose)
        if not dry_run:
            await asyncio.to_thread(writer.write, [again])
        return items_of(again, master, there)
    finally:
        routes.close()
        writer.close()


async def _row(whose: UUID, delivery_id: UUID) -> dict[str, Any]:
    async with pool(need_database(settings()), size=1) as connections, as_brokerage(connections, whose) as connection:
        row = await one_delivery(connection, delivery_id)
    if row is None:
        fail("this brokerage has no such delivery")
    return row


def _line(item: dict[str, Any]) -> str:
    became = item.get("problem") or f"{item['verdict']:8} {item['kind']} {item['event_id']}"
    return f"{item['path']}  {became}"
