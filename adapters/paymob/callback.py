"""Paymob's transaction callback: is it really theirs, and what does it say of a booking?

Source: Paymob's documentation, "HMAC Transaction Callback" and "Transaction Callbacks".
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha512
from typing import Any

PROVIDER = "paymob"
AGAIN = "#"
"""Paymob takes an order number once: a booking that is paid for again is told as `<booking>#<anything>`."""

SIGNED = (
    "amount_cents", "created_at", "currency", "error_occured", "has_parent_transaction", "id", "integration_id",
    "is_3d_secure", "is_auth", "is_capture", "is_refunded", "is_standalone_payment", "is_voided", "order.id", "owner",
    "pending", "source_data.pan", "source_data.sub_type", "source_data.type", "success",
)  # fmt: skip
"""The fields whose values are signed, in Paymob's order."""
BOOKING = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")
"""What can be a booking's id; an order of any other name is about something else."""


class NotATransaction(ValueError):
    """The callback lacks what every transaction has; names the field."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A callback that is theirs and moves no money of a booking."""

    why: str


def signed_text(transaction: Mapping[str, Any]) -> str:
    """Return the text that Paymob signs: the values, joined. Raises NotATransaction."""
    return "".join(_text(_field(transaction, name)) for name in SIGNED)


def signature(transaction: Mapping[str, Any], secret: str) -> str:
    """Return the HMAC-SHA512 of a transaction in lower-case hexadecimal. Raises NotATransaction."""
    return hmac.new(secret.encode(), signed_text(transaction).encode("utf-8", "surrogatepass"), sha512).hexdigest()


def is_theirs(transaction: Mapping[str, Any], given: str, secret: str) -> bool:
    """Tell whether a transaction was signed with the secret. Raises NotATransaction."""
    return hmac.compare_digest(signature(transaction, secret).encode(), given.lower().encode("utf-8", "surrogatepass"))


def payment_of(transaction: Mapping[str, Any]) -> dict[str, Any] | Ignored:
    """Return the touchpoint that a transaction tells, without a time: theirs has no zone.

    Numbers of cards and wallets, names and addresses are left behind.
    """
    if transaction.get("pending"):
        return Ignored("it is not decided yet")
    if not transaction.get("success") or transaction.get("error_occured"):
        return Ignored("nothing was paid")
    if transaction.get("is_auth") and not transaction.get("is_capture"):
        return Ignored("the money is reserved, not paid")
    booking_id = _booking(transaction)
    if booking_id is None:
        return Ignored("its order names no booking")
    own, source = str(transaction["id"]), transaction.get("source_data")
    refund = any(transaction.get(name) for name in ("is_refund", "is_void", "is_refunded", "is_voided"))
    amount = transaction["amount_cents"]
    if transaction.get("is_refunded") and transaction.get("refunded_amount_cents"):
        amount = transaction["refunded_amount_cents"]  # told on the payment itself: all that went back so far
    told = source if isinstance(source, Mapping) else {}
    parent = transaction.get("parent_transaction") if transaction.get("has_parent_transaction") else None
    payload = {
        "booking_id": booking_id,
        "amount_minor": amount,
        "currency": transaction["currency"],
        "method": str(told.get("type")).lower() if told.get("type") else None,
        "instalments": told.get("tenure") or None,
        "refund": refund,
        "provider": PROVIDER,
        "transaction_id": own,
        "parent_transaction_id": str(parent) if parent else None,
    }
    return {
        "id": f"{own}|refund|{amount}" if refund else own,
        "kind": "rentals.paid.v1",
        "payload": {name: value for name, value in payload.items() if value is not None},
    }


def _booking(transaction: Mapping[str, Any]) -> str | None:
    order = transaction.get("order")
    named = order.get("merchant_order_id") if isinstance(order, Mapping) else transaction.get("merchant_order_id")
    booking_id = str(named).partition(AGAIN)[0] if isinstance(named, str | int) else ""
    return booking_id if BOOKING.fullmatch(booking_id) else None


def _field(transaction: Mapping[str, Any], path: str) -> Any:
    """Return a field by its path; an order may be told by its number alone."""
    found: Any = transaction
    for name in path.split("."):
        if not isinstance(found, Mapping):
            if path == "order.id" and isinstance(found, int | str):
                return found
            raise NotATransaction(path)
        if name not in found:
            raise NotATransaction(path)
        found = found[name]
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
