"""A stored webhook read again: the same facts under the same ids, so that what is known changes nothing."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.meta.webhook_reader import MetaReader
from adapters.postgres.channels import Routes
from adapters.postgres.receiver import entry_of, names_of, open_raw
from adapters.sealing import MasterKey
from application.ports.webhooks import Delivery, Part, Route
from application.receive_webhook import Came, delivery_of

READER = MetaReader()
KNOWN = "SELECT originator_id FROM log.masar_events WHERE originator_id = ANY(%s) AND originator_version = 1"


class NotKept(Exception):
    """The body of the delivery is no longer kept."""


def raw_of(row: Mapping[str, Any], master: MasterKey, brokerage_id: UUID) -> bytes | None:
    """Return the body of a stored delivery as it came, None where it is no longer kept."""
    sealed = row["raw"]
    return None if sealed is None else open_raw(master, brokerage_id, row["id"], bytes(sealed))


def read_again(row: Mapping[str, Any], master: MasterKey, brokerage_id: UUID, routes: Routes) -> Delivery:
    """Return a stored delivery as it is read today; items of accounts that are no longer the brokerage's are left out.

    Raises NotKept.
    """
    raw = raw_of(row, master, brokerage_id)
    if raw is None:
        raise NotKept("the body of this delivery is no longer kept")
    body = READER.body(raw)
    parts = READER.parts(body)
    host = routes.accounts.get(("whatsapp", row["verified_by"].partition("#")[0]))
    if row["source"] == "360dialog" and host is not None:
        parts = [at_account(part, host) for part in parts]
    whose = [part for part in parts if part.problem or _still(part, routes, brokerage_id)]
    came = Came(row["source"], row["app"], row["received_at"], row["headers"], row["verified_by"], raw, body)
    return delivery_of(came, brokerage_id, whose, READER, partial(names_of, master), row["id"])


def at_account(part: Part, route: Route) -> Part:
    """Return an item that names no account as one of the account whose own address was called."""
    named = part.problem is not None or part.account is not None or part.business_id not in (None, route.business_id)
    return part if named else part._replace(account=route.account_id)


async def known_of(
    connection: AsyncConnection[DictRow], delivery: Delivery, master: MasterKey, brokerage_id: UUID
) -> set[UUID]:
    """Return which of a delivery's facts the log has."""
    ids = [entry_of(master, brokerage_id, one.producer, one.item_id) for one in delivery.facts]
    rows = await (await connection.execute(KNOWN, (ids,))).fetchall()
    return {row["originator_id"] for row in rows}


def items_of(delivery: Delivery, master: MasterKey, known: set[UUID]) -> list[dict[str, Any]]:
    """Return the items of a replay with what became of each: `new` or `known`, or the problem."""
    items: list[dict[str, Any]] = []
    for one in delivery.items:
        told: dict[str, Any] = {"path": one.path, "account": one.account}
        if one.observed is None:
            items.append(told | {"problem": one.problem})
            continue
        entry = entry_of(master, delivery.brokerage_id, one.observed.producer, one.observed.item_id)
        items.append(
            told
            | {
                "kind": one.observed.fact.kind,
                "event_id": entry,
                "verdict": "known" if entry in known else "new",
            }
        )
        known = known | {entry}
    return items


def _still(part: Part, routes: Routes, brokerage_id: UUID) -> bool:
    """Tell whether an item's account is this brokerage's still; one without an account was taken for it."""
    if part.account is None and part.business_id is None:
        return True
    return any(one.brokerage_id == brokerage_id for one in routes.owners(part))


def shown(row: Mapping[str, Any], raw: bytes | None) -> dict[str, Any]:
    """Return a stored delivery as it is shown; `raw` is None to whoever may not see it."""
    rest = {name: one for name, one in row.items() if name not in ("raw", "told", "count")}
    return {**rest, "items": row["told"], "raw": raw.decode("utf-8", "replace") if raw is not None else None}
