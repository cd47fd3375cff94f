"""Paymob's callback: signed as it documents, and read without anything that is nobody's business."""

from typing import Any

import orjson
import pytest

from adapters.paymob.callback import (
    SIGNED,
    Ignored,
    NotATransaction,
    is_theirs,
    payment_of,
    signature,
    signed_text,
)
from tests.paymob.messages import SECRET, SIGNATURE, SIGNED_TEXT, transaction


def changed(path: str, value: Any) -> dict[str, Any]:
    told = transaction()
    *outer, last = path.split(".")
    inside = told
    for name in outer:
        inside = inside[name]
    inside[last] = value
    return told


def test_the_signature_is_over_the_documented_fields_in_their_order() -> None:
    assert signed_text(transaction()) == SIGNED_TEXT
    assert signature(transaction(), SECRET) == SIGNATURE
    assert is_theirs(transaction(), SIGNATURE, SECRET)
    assert is_theirs(transaction(), SIGNATURE.upper(), SECRET)


def test_the_example_of_the_documentation_gives_its_text() -> None:
    told = transaction(
        id=192036465, amount_cents=100000, created_at="2024-06-13T11:33:44.592345", integration_id=4097558
    ) | {"order": {"id": 217503754}}
    assert signed_text(told) == (
        "1000002024-06-13T11:33:44.592345EGPfalsefalse1920364654097558truefalsefalsefalsetruefalse217503754302852"
        "false2346MasterCardcardtrue"
    )


@pytest.mark.parametrize("path", SIGNED)
def test_a_change_to_any_signed_field_is_noticed(path: str) -> None:
    assert not is_theirs(changed(path, "7"), SIGNATURE, SECRET)


@pytest.mark.parametrize("given", ["", "0", SIGNATURE[:-1], SIGNATURE + "0", "é" * 128, "\ud800"])
def test_a_wrong_signature_is_none(given: str) -> None:
    assert not is_theirs(transaction(), given, SECRET)
    assert not is_theirs(transaction(), SIGNATURE, "another secret")


@pytest.mark.parametrize("path", SIGNED)
def test_a_missing_field_is_named(path: str) -> None:
    told = transaction()
    inside = told["order"] if path == "order.id" else told["source_data"] if path.startswith("source") else told
    del inside[path.rpartition(".")[2]]
    with pytest.raises(NotATransaction, match=path.replace(".", r"\.")):
        signature(told, SECRET)


def test_an_order_may_be_told_by_its_number_alone() -> None:
    assert signature(transaction() | {"order": 551234}, SECRET) == SIGNATURE


def test_nothing_there_is_signed_as_nothing() -> None:
    assert "card" not in signed_text(changed("source_data.type", None))


def test_a_payment_is_read_without_card_or_person() -> None:
    told = payment_of(transaction())
    assert told == {
        "id": "70001",
        "kind": "rentals.paid.v1",
        "payload": {
            "booking_id": "b1", "amount_minor": 50_000, "currency": "EGP", "method": "card", "refund": False,
            "provider": "paymob", "transaction_id": "70001",
        },
    }  # fmt: skip
    assert b"2346" not in orjson.dumps(told)
    assert b"mona" not in orjson.dumps(told)


def payload(**more: Any) -> dict[str, Any]:
    told = payment_of(transaction(**more))
    assert not isinstance(told, Ignored)
    found: dict[str, Any] = told["payload"]
    return found


def test_instalments_and_wallets() -> None:
    by_bank = payload(source_data={"pan": "1111", "type": "card", "tenure": 6, "sub_type": "Visa"})
    assert by_bank["instalments"] == 6
    assert payload(source_data={"pan": "010", "type": "WALLET", "sub_type": "wallet"})["method"] == "wallet"


def test_a_refund_names_the_payment_that_it_gives_back() -> None:
    told = payload(id=70009, is_refund=True, has_parent_transaction=True, parent_transaction=70001, amount_cents=20_000)
    assert (told["refund"], told["amount_minor"], told["transaction_id"], told["parent_transaction_id"]) == (
        True, 20_000, "70009", "70001",
    )  # fmt: skip
    assert payload(is_voided=True)["refund"] is True


def test_a_payment_told_again_with_what_went_back_is_another_message() -> None:
    again = payment_of(transaction(is_refunded=True, refunded_amount_cents=30_000))
    assert not isinstance(again, Ignored)
    assert again["id"] == "70001|refund|30000"
    assert (again["payload"]["refund"], again["payload"]["amount_minor"]) == (True, 30_000)


def test_a_booking_paid_again_has_an_order_number_of_its_own() -> None:
    told = payment_of(transaction("b1#2"))
    assert not isinstance(told, Ignored)
    assert told["payload"]["booking_id"] == "b1"


# fmt: off
IDLE: list[tuple[dict[str, Any], str]] = [
    ({"pending": True},                        "it is not decided yet"),
    ({"success": False},                       "nothing was paid"),
    ({"error_occured": True},                  "nothing was paid"),
    ({"is_auth": True},                        "the money is reserved, not paid"),
    ({"order": {"id": 1}},                     "its order names no booking"),
    ({"order": {"id": 1, "merchant_order_id": ""}}, "its order names no booking"),
    ({"order": {"id": 1, "merchant_order_id": ["b1"]}}, "its order names no booking"),
    ({"order": {"id": 1, "merchant_order_id": "#2"}}, "its order names no booking"),
    ({"order": {"id": 1, "merchant_order_id": "deposit for unit 7"}}, "its order names no booking"),
    ({"order": {"id": 1, "merchant_order_id": "x" * 129}}, "its order names no booking"),
]
# fmt: on


@pytest.mark.parametrize(("more", "why"), IDLE)
def test_what_moves_no_money_of_a_booking_is_passed_over(more: dict[str, Any], why: str) -> None:
    assert payment_of(transaction(**more)) == Ignored(why)
