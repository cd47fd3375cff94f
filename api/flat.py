"""One touchpoint with all its fields side by side, older spellings included, as the general shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from application.parse_touchpoint import TAKEN
from application.ports.touchpoints import Problem
from domain.catalogue import TOUCHPOINTS
from domain.people.hints import PersonHints
from domain.shared.fact import ENVELOPE

# fmt: off
PERSON_WORDS = {
    **{name: name for name in PersonHints.model_fields},
    "email_address": "email", "phone_number": "phone", "full_name": "name", "user_id": "person_id",
    "ip_address": "ip", "client_ip_address": "ip", "client_user_agent": "user_agent",
}
"""Names at the top of a body → names of a person's hints; older clients send them there."""
# fmt: on
UTM = "utm_"
LARGEST_AMOUNT = 10**15
"""Of money, in currency units: more is no price."""


@dataclass(frozen=True, slots=True)
class Flat:
    """What a path says of its touchpoint: the kind, fields from the path, and the fields that name it by nature."""

    kind: str
    path: Mapping[str, str] = field(default_factory=dict)
    natural: tuple[str, ...] = ()


def flatten(body: Mapping[str, Any], flat: Flat, key: str | None) -> dict[str, Any] | Problem:
    """Return the general shape of a flat body; `key` is the Idempotency-Key."""
    own = set(TOUCHPOINTS[flat.kind].model_fields) - ENVELOPE
    given = body.get("person")
    if given is not None and not isinstance(given, dict):
        return Problem("person", "must be an object")
    item: dict[str, Any] = {"kind": flat.kind, "payload": dict(flat.path)}
    person, utm = {PERSON_WORDS.get(name, name): value for name, value in (given or {}).items()}, {}
    for name, value in body.items():
        if name in flat.path:
            return Problem(name, "is named by the path already")
        if name == "price_range":
            prices = _prices(value)
            if isinstance(prices, Problem):
                return prices
            item["payload"] |= prices
        elif name in own:
            item["payload"][name] = value
        elif name in PERSON_WORDS:
            person[PERSON_WORDS[name]] = value
        elif name.startswith(UTM):
            utm[name.removeprefix(UTM)] = value
        elif name in TAKEN and name not in ("person", "kind", "payload"):
            item[name] = value
        elif name != "person":
            return Problem(name, f"is not a field of {flat.kind}")
    if utm and isinstance(item.get("utm", {}), dict):
        item["utm"] = item.get("utm", {}) | utm
    if person:
        item["person"] = person
    return _named(item, body, flat, key)


def _named(item: dict[str, Any], body: Mapping[str, Any], flat: Flat, key: str | None) -> dict[str, Any] | Problem:
    name = key or body.get("id")
    if name is None and flat.natural:
        name = _natural(flat, item["payload"])
    if name is None:
        return Problem("id", "is needed, here or as Idempotency-Key, so that a repeat can be told from a second one")
    return item | {"id": name}


def _natural(flat: Flat, payload: Mapping[str, Any]) -> str:
    """Return the same short id for the same natural name, whatever it is made of."""
    parts = "|".join(str(payload.get(part)) for part in flat.natural)
    return f"{flat.kind}|{sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _prices(value: Any) -> dict[str, Any] | Problem:
    """Read {"min", "max", "currency"} in currency units; minor units are hundredths."""
    if not isinstance(value, dict) or not value.keys() <= {"min", "max", "currency"}:
        return Problem("price_range", "must be an object of min, max and currency")
    prices: dict[str, Any] = {"currency": value["currency"]} if value.get("currency") is not None else {}
    for name in ("min", "max"):
        if value.get(name) is not None:
            minor = minor_of(value[name])
            if minor is None:
                return Problem(f"price_range.{name}", "must be an amount with at most two decimals")
            prices[f"price_{name}_minor"] = minor
    return prices


def minor_of(amount: Any) -> int | None:
    """Return an amount in currency units as minor units; None where it is none, or has more than two decimals."""
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        return None
    try:
        exact = Decimal(str(amount))
    except InvalidOperation:
        return None
    if not exact.is_finite() or not -LARGEST_AMOUNT <= exact <= LARGEST_AMOUNT:
        return None
    minor = exact * 100
    return int(minor) if minor == minor.to_integral_value() else None
