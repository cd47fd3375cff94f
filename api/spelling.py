"""Older spellings of single paths: money in currency units, and a property's details side by side with the rest."""

from collections.abc import Mapping
from typing import Any

from api.flat import minor_of
from application.ports.touchpoints import Problem
from domain.properties.listing import Listing

DETAILS = frozenset(Listing.model_fields) - {"currency"}
AMOUNT = "must be an amount with at most two decimals"


def renamed(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a body with older names replaced by ours; where both are given, ours holds and the older is refused."""
    return {names.get(name, name) if names.get(name) not in body else name: value for name, value in body.items()}


def with_money(body: Mapping[str, Any], amounts: Mapping[str, str]) -> dict[str, Any] | Problem:
    """Return a body whose amounts in currency units (numbers or decimal text) are in minor units, under our names.

    `amounts` maps a name to ours; `…_cents` of the same name are minor units already.
    """
    read: dict[str, Any] = {}
    for name, value in body.items():
        ours = amounts.get(name.removesuffix("_cents"))
        if ours is None:
            read[name] = value
        elif ours in body or ours in read:
            return Problem(name, f"is told by {ours} already")
        elif value is not None:
            minor = value if name.endswith("_cents") else minor_of(value)
            if minor is None:
                return Problem(name, AMOUNT)
            read[ours] = minor
    return read


def with_listing(body: Mapping[str, Any], details: frozenset[str] = DETAILS) -> dict[str, Any] | Problem:
    """Return a body whose details of the property stand in `listing`, and its price in minor units.

    What is told in both places must be the same.
    """
    told = {} if body.get("listing") is None else body["listing"]
    if not isinstance(told, dict):
        return Problem("listing", "must be an object")
    read = with_money({name: body[name] for name in body if name != "listing"}, {"price": "price_minor"})
    if isinstance(read, Problem):
        return read
    own = {name: read.pop(name) for name in tuple(read) if name in details}
    for name in sorted(own.keys() & told.keys()):
        if own[name] != told[name]:
            return Problem(f"listing.{name}", "says otherwise than the field beside it")
    return read | ({"listing": told | own} if own or told else {})
