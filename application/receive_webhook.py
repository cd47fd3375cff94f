"""A webhook, known to be genuine, into deliveries: one per brokerage, holding its own items and nobody else's."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from application.ids import new_id
from application.ports.touchpoints import Observed
from application.ports.webhooks import AppSecrets, Delivery, Item, NamesOf, Part, Reader, Route, Routing, Source

CONTAINER = re.compile(r"entry\[\d+\](?:\.(?:changes|messaging|standby)\[\d+\])?")
"""The smallest part of a body that belongs to one account."""
LISTS = ("changes", "messaging", "standby")


class Came(NamedTuple):
    """A webhook as it came, and by what it was known to be genuine."""

    source: Source
    app: str | None
    received_at: datetime
    headers: Mapping[str, str]
    verified_by: str
    raw: bytes
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        """Return what it is, and nothing that somebody wrote."""
        return f"Came({self.source}, {self.verified_by}, {len(self.raw)} bytes)"


Owns = Callable[[Route], bool]
"""Tells whether whoever signed may speak of an account."""


def apps_named(parts: Iterable[Part], routing: Routing) -> list[AppSecrets]:
    """Return the apps that own the accounts that a body names, each once: only their secrets may have signed it."""
    owners = {(one.brokerage_id, one.app) for part in parts for one in routing.owners(part) if one.app is not None}
    return [
        app for name in sorted({name for _, name in owners}) for app in routing.app(name)
        if (app.brokerage_id, app.app) in owners
    ]  # fmt: skip


def deliveries_of(
    came: Came,
    parts: Sequence[Part],
    routing: Routing,
    owns: Owns,
    signers: Sequence[UUID],
    reader: Reader,
    names: NamesOf,
) -> tuple[list[Delivery], int]:
    """Return a delivery per brokerage, and how many items are refused: they speak of accounts not the signer's.

    `signers` are the brokerages whose secret it was: what names no account is theirs.
    """
    by_owner: dict[UUID, list[Part]] = {}
    refused = 0
    for part in parts:
        whose = _whose(part, routing, owns, signers)
        refused += not whose
        for brokerage_id in whose:
            by_owner.setdefault(brokerage_id, []).append(part)
    if not parts and signers:
        by_owner = {signers[0]: []}
    if len(by_owner) == 1 and not refused:
        brokerage_id, own = next(iter(by_owner.items()))
        return [delivery_of(came, brokerage_id, own, reader, names)], 0
    return [_share(came, brokerage_id, own, reader, names) for brokerage_id, own in by_owner.items()], refused


def _whose(part: Part, routing: Routing, owns: Owns, signers: Sequence[UUID]) -> list[UUID]:
    if part.problem is not None or (part.account is None and part.business_id is None):
        return list(signers[:1])
    return list(dict.fromkeys(one.brokerage_id for one in routing.owners(part) if owns(one)))


def _share(came: Came, brokerage_id: UUID, own: Sequence[Part], reader: Reader, names: NamesOf) -> Delivery:
    """Return a brokerage's delivery of a body that speaks of others too: its part, read again by itself."""
    body = part_of(came.body, {found[0] for one in own if (found := CONTAINER.match(one.path))})
    try:
        raw = orjson.dumps(body)
    except TypeError:  # nested deeper than it writes
        body, raw = {}, b"{}"
    alone = came._replace(raw=raw, body=body, headers={**came.headers, "x-masar-part": "true"})
    return delivery_of(alone, brokerage_id, reader.parts(body) if body else own, reader, names)


def part_of(body: Mapping[str, Any], containers: set[str]) -> dict[str, Any]:
    """Return a body with nothing but the entries and list items at these paths."""
    entries: list[Any] = []
    listed = body.get("entry")
    for place, entry in enumerate(listed if isinstance(listed, list) else ()):
        at = f"entry[{place}]"
        if at in containers:
            entries.append(entry)
            continue
        lists = {
            name: [one for nth, one in enumerate(entry[name]) if f"{at}.{name}[{nth}]" in containers]
            for name in LISTS
            if isinstance(entry, dict) and isinstance(entry.get(name), list)
        }
        if any(lists.values()):
            rest = {name: one for name, one in entry.items() if name not in LISTS}
            entries.append(rest | {name: kept for name, kept in lists.items() if kept})
    return {**body, "entry": entries}


def delivery_of(
    came: Came,
    brokerage_id: UUID,
    parts: Sequence[Part],
    reader: Reader,
    names: NamesOf,
    delivery_id: UUID | None = None,
) -> Delivery:
    """Return the delivery of one brokerage's items. With the id of one that is stored it is a replay of it."""
    own = delivery_id or new_id(came.received_at)
    items = [_item(one, own, brokerage_id, came, reader, names) for one in parts]
    return Delivery(
        own, brokerage_id, came.source, came.app, came.received_at, came.headers, came.verified_by, came.raw, items
    )


def _item(part: Part, delivery_id: UUID, brokerage_id: UUID, came: Came, reader: Reader, names: NamesOf) -> Item:
    if part.problem is not None or part.channel is None:
        return Item(part.path, part.account, problem=part.problem or "is of no channel")
    account = part.account or part.business_id
    read = reader.read(part, names(brokerage_id, part.channel), came.received_at, came.source)
    if isinstance(read, str):
        return Item(part.path, account, problem=read)
    observed = Observed(
        brokerage_id, part.channel, read.name, read.fact, read.content, delivery_id, size=len(read.content) + 400
    )
    return Item(part.path, account, observed)
