"""The proof that we know the app's secret goes along, whichever of the known secrets it is that counts."""

from typing import Any

import orjson
import pytest

from adapters.channels.proofs import Proofs
from adapters.meta.graph import appsecret_proof
from application.ports.channels import Account, NotSent
from tests.sending.stage import TOKEN, Sending

ACCOUNT = Account("whatsapp", "106", "meta", "token", app_secrets=("new", "old"))


class App:
    """Meta's app: takes the proofs of some secrets; None is to be called without."""

    def __init__(self, *takes: str | None) -> None:
        self.takes = [appsecret_proof(one, "token") if one else None for one in takes]
        self.calls: list[str | None] = []

    def __call__(self, proof: dict[str, str]) -> str:
        self.calls.append(proof.get("appsecret_proof"))
        if self.calls[-1] in self.takes:
            return "taken"
        raise NotSent("permanent", "a field is wrong (Invalid appsecret_proof provided in the API argument)", 100)


@pytest.mark.parametrize(("takes", "calls"), [("new", 1), ("old", 2), (None, 3)])
def test_each_secret_is_tried_and_at_last_none_and_what_was_taken_comes_first_from_then_on(
    takes: str | None, calls: int
) -> None:
    proofs, app = Proofs(), App(takes)
    assert proofs.tried(ACCOUNT, app) == "taken"
    assert len(app.calls) == calls
    assert proofs.tried(ACCOUNT, app) == "taken"
    assert len(app.calls) == calls + 1


def test_an_app_that_takes_none_of_them_holds_the_account_as_a_dead_token_does() -> None:
    with pytest.raises(NotSent) as no:
        Proofs().tried(ACCOUNT, App("another"))
    assert no.value.no == "forbidden"


def test_any_other_refusal_is_the_last_word() -> None:
    calls: list[Any] = []

    def refuse(proof: dict[str, str]) -> None:
        calls.append(proof)
        raise NotSent("permanent", "a field is wrong (Param to is no number)", 100)

    with pytest.raises(NotSent):
        Proofs().tried(ACCOUNT, refuse)
    assert len(calls) == 1


def test_a_message_goes_to_an_app_that_demands_the_proof_and_once(talk: Sending) -> None:
    known = {"channel": "whatsapp", "token": TOKEN, "app_secret": "the app's"}
    talk.control("PUT", f"accounts/{talk.account}", known)
    send_id = talk.asks("hello")[0]
    assert talk.run(send_id)[0] == "waiting"  # no secret is known yet: kept, as with a dead token
    secrets = orjson.dumps(["not yet Meta's", "the app's"]).decode()
    talk.db.owner.execute("UPDATE channels.accounts SET app = 'main' WHERE account_id = %s", (talk.account,))
    talk.secrets.put(talk.brokerage_id, "app/main/secrets", secrets)
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("accepted", "answer")]
    assert [one["text"]["body"] for one in talk.received()] == ["hello"]
