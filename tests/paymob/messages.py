"""What Paymob calls back with, in the shape of its documentation."""

import hmac
from hashlib import sha512
from typing import Any

SECRET = "paymob-secret-1"
SIGNED_TEXT = (
    "50000" "2026-07-03T10:00:00.123456" "EGP" "false" "false" "70001" "23998877" "true" "false" "false" "false" "true"
    "false" "551234" "302852" "false" "2346" "MasterCard" "card" "true"
)  # fmt: skip
"""The signed values of `transaction()`, in Paymob's order."""
SIGNATURE = (
    "098c6781c44d5e70e5d19183dad918e430d3470909f3c64e62e83a0c4c0ffe02"
    "b8370200d32055dd17cdabf648d501732d49526c6ce633341b45b076f3a99017"
)
"""Reckoned with `openssl dgst -sha512 -hmac paymob-secret-1` over the text above."""


def transaction(booking: str | None = "b1", **more: Any) -> dict[str, Any]:
    """A payment of 500 pounds by card for a booking."""
    order = {"id": 551234, "merchant_order_id": booking, "shipping_data": {"email": "mona@example.com"}}
    return {
        "id": 70001, "pending": False, "amount_cents": 50_000, "success": True, "is_auth": False, "is_capture": False,
        "is_standalone_payment": True, "is_voided": False, "is_refunded": False, "is_3d_secure": True,
        "integration_id": 23998877, "has_parent_transaction": False, "order": order,
        "created_at": "2026-07-03T10:00:00.123456", "currency": "EGP", "error_occured": False, "owner": 302852,
        "source_data": {"pan": "2346", "type": "card", "tenure": None, "sub_type": "MasterCard"},
        "parent_transaction": None, "is_refund": False, "is_void": False, "refunded_amount_cents": 0, **more,
    }  # fmt: skip


def signed(told: dict[str, Any], secret: str = SECRET) -> str:
    """Sign a transaction as Paymob does, by its own list of fields."""
    source, order = told["source_data"], told["order"]
    values = [
        told["amount_cents"], told["created_at"], told["currency"], told["error_occured"],
        told["has_parent_transaction"], told["id"], told["integration_id"], told["is_3d_secure"], told["is_auth"],
        told["is_capture"], told["is_refunded"], told["is_standalone_payment"], told["is_voided"], order["id"],
        told["owner"], told["pending"], source["pan"], source["sub_type"], source["type"], told["success"],
    ]  # fmt: skip
    words = {True: "true", False: "false", None: ""}
    text = "".join(words[one] if one is None or isinstance(one, bool) else str(one) for one in values)
    return hmac.new(secret.encode(), text.encode(), sha512).hexdigest()
