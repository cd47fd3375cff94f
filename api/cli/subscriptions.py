"""Commands about subscriptions: who is told of what, how that goes, and sending again; and n8n's secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

import typer
from psycopg import Connection
from psycopg.rows import dict_row

from adapters.postgres.connections import connect
from adapters.postgres.door_secrets import N8N_SECRET
from adapters.postgres.endpoints import Endpoints, Wanted
from adapters.postgres.queries.subscriptions import LIST
from adapters.postgres.secrets import SecretStore
from adapters.postgres.subscriptions import EndpointSecrets
from api.cli.context import Brokerage, Json, fail, known_to, need_database, set_up, settings, show
from application.subscriptions import new_secret

Subscription = Annotated[UUID, typer.Argument(help="The subscription's id, as `list` shows it.")]
BY = "command line"

FAILED = """
SELECT d.id, d.kind, d.state, d.attempts, d.created_at, d.next_at, a.at, a.status, a.why, a.excerpt
  FROM subscriptions.deliveries d
  LEFT JOIN subscriptions.attempts a ON a.delivery_id = d.id AND a.number = d.attempts
 WHERE d.brokerage_id = %s AND d.endpoint_id = %s AND (%s OR d.state <> 'delivered')
 ORDER BY d.created_at DESC, d.id LIMIT %s
"""

subscriptions = typer.Typer(no_args_is_help=True, help="Other systems that are told of what happens.")
n8n = typer.Typer(no_args_is_help=True, help="Workflows that send us what happened.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(subscriptions, name="subscription")
    app.add_typer(n8n, name="n8n")


@subscriptions.callback()
def _subscriptions() -> None:
    """Other systems that are told of what happens."""


@n8n.callback()
def _n8n() -> None:
    """Workflows that send us what happened."""


@subscriptions.command("list")
def list_subscriptions(brokerage: Brokerage, json: Json = False) -> None:
    """List a brokerage's subscriptions, and why one was disabled.

    Example: ./masar subscription list -b nile-homes
    """
    with _connected(brokerage) as (connection, brokerage_id):
        listed = connection.cursor(row_factory=dict_row).execute(LIST.encode(), (brokerage_id,)).fetchall()
    lines = [f"{one['id']}  {_state(one)}  {one['url']}  {' '.join(one['kinds'])}" for one in listed]
    show(listed, json, "\n".join(lines) or "none yet")


@subscriptions.command("deliveries")
def list_deliveries(
    brokerage: Brokerage,
    subscription: Subscription,
    everything: Annotated[bool, typer.Option("--all", help="Those that arrived as well.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    json: Json = False,
) -> None:
    """Show what waits, failed or was dropped, newest first, with the last answer.

    Example: ./masar subscription deliveries 0198f2c0-… -b nile-homes --all
    """
    with _connected(brokerage) as (connection, brokerage_id):
        asked = (brokerage_id, subscription, everything, limit)
        listed = connection.cursor(row_factory=dict_row).execute(FAILED, asked).fetchall()
        known = connection.execute(LIST.encode(), (brokerage_id,)).fetchall()
        if subscription not in (row[0] for row in known):
            fail("this brokerage has no such subscription; `./masar subscription list` shows them")
    lines = [
        f"{one['id']}  {one['state']:9} {one['attempts']:3} tries  {one['kind']:32} {one['why'] or one['status'] or ''}"
        for one in listed
    ]
    show(listed, json, "\n".join(lines) or "nothing")


@subscriptions.command("replay")
def replay(
    brokerage: Brokerage,
    subscription: Subscription,
    delivery: Annotated[
        UUID | None, typer.Option(help="One delivery; all that failed or were dropped unless given.")
    ] = None,
    json: Json = False,
) -> None:
    """Send again what failed or was dropped, under the same ids; a disabled subscription is enabled first.

    Example: ./masar subscription replay 0198f2c0-… -b nile-homes
    """
    with _connected(brokerage) as (connection, brokerage_id):
        endpoints = Endpoints(connection, EndpointSecrets(settings().master()), brokerage_id, BY)
        if not endpoints.change(subscription, Wanted(enabled=True)):
            fail("there is no such subscription; `./masar subscription list` shows them")
        again = endpoints.replay(subscription, delivery)
    show({"subscription_id": subscription, "replayed": again}, json, f"{again:,} are sent again")


@n8n.command("secret")
def make_secret(brokerage: Brokerage, json: Json = False) -> None:
    """Make the secret with which n8n may sign instead of showing a key, and show it this once; the old one ends.

    Example: ./masar n8n secret -b nile-homes
    """
    secret, own = new_secret(), settings()
    with set_up(own) as on:
        brokerage_id = known_to(on.owner, brokerage)
    with connect(need_database(own), "masar_registry", name="cli") as registry:
        SecretStore(lambda: registry, own.master()).put(brokerage_id, N8N_SECRET, secret)
    show({"secret": secret}, json, secret)


@contextmanager
def _connected(slug: str) -> Iterator[tuple[Connection[Any], UUID]]:
    own = settings()
    with set_up(own) as on:
        brokerage_id = known_to(on.owner, slug)
    with connect(need_database(own), "masar_projector", name="cli") as connection:
        yield connection, brokerage_id


def _state(one: dict[str, Any]) -> str:
    if one["enabled"]:
        return "failing " if one["failures_in_a_row"] else "enabled "
    return f"disabled ({one['disabled_why']})"
