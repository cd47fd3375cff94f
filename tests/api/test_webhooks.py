"""Webhooks of platforms: genuine ones durable before the 200, each message once, nobody's item at anybody else's."""

import base64
from typing import Any
from uuid import uuid4

import pytest

from tests.api.hooks import Door, channels, door_of, number, signature, text, written
from tests.api.stage import Brokerage, Stage, problem_of


@pytest.fixture
def door(stage: Stage, nile: Brokerage) -> Door:
    return door_of(stage, nile)


def test_a_signed_webhook_is_stored_with_its_facts_and_the_desk_before_the_answer(door: Door) -> None:
    response = door.post(door.body(text("201001112233", "مرحبا")))
    assert (response.status_code, response.text) == (200, "EVENT_RECEIVED")
    assert len(door.facts()) == 1
    assert door.desks() == [(1, 0, "NEW", True)]
    shown = door.newest()
    assert [(one["path"], one["verdict"]) for one in shown["items"]] == [
        ("entry[0].changes[0].value.messages[0]", "new")
    ]
    assert shown["verified_by"] == f"{door.app}#1"
    assert shown["items"][0]["event_id"] == door.facts()[0]["id"].partition(".")[0]


def test_the_plain_paths_find_the_app_by_the_accounts_named(door: Door) -> None:
    for path in ("/api/webhooks/meta", "/api/webhooks/whatsapp", "/webhooks/whatsapp"):
        assert door.post(door.body(text("201001112233")), path=path).status_code == 200
    assert len(door.facts()) == 3


def test_a_repeat_changes_nothing_and_shows_as_known(door: Door) -> None:
    body = door.body(text("201001112233", wamid="wamid.again"), text("201001112233"))
    for _ in range(3):
        assert door.post(body).status_code == 200
    assert len(door.facts()) == 2
    assert door.desks() == [(2, 0, "NEW", True)]
    assert {one["verdict"] for one in door.newest()["items"]} == {"known"}
    assert len(door.deliveries()) == 3


def test_the_same_message_id_with_other_words_is_a_conflict_and_the_first_holds(door: Door) -> None:
    door.post(door.body(text("201001112233", "one", wamid="wamid.x", at=1_760_000_000)))
    door.post(door.body(text("201001112233", "other", wamid="wamid.x", at=1_760_000_000)))
    assert len(door.facts()) == 1
    assert [one["verdict"] for one in door.newest()["items"]] == ["conflict"]


def test_a_message_twice_in_one_body_is_new_once(door: Door) -> None:
    one = text("201001112233")
    door.post(door.body(one, one))
    assert [item["verdict"] for item in door.newest()["items"]] == ["new", "known"]
    assert door.desks() == [(1, 0, "NEW", True)]


@pytest.mark.parametrize("header", [
    None, "", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "0" * 64, "sha256=é", "sha256=" + "g" * 64,
])  # fmt: skip
def test_what_is_not_signed_is_refused_and_stored_nowhere(door: Door, header: str | None) -> None:
    raw = written(door.body(text("201001112233")))
    for path in (f"/api/webhooks/meta/{door.app}", "/api/webhooks/meta"):
        headers = {} if header is None else {"x-hub-signature-256": header.encode()}
        response = door.stage.client().post(path, content=raw, headers=headers)
        assert response.status_code == 401
        problem_of(response)
    assert door.deliveries() == []
    assert door.facts() == []


def test_the_signature_is_of_the_bytes_as_they_came(door: Door) -> None:
    raw = written(door.body(text("201001112233", "مرحبا")))
    assert (
        door.post(None, raw=raw + b" ", headers={"x-hub-signature-256": signature(raw, door.secret)}).status_code == 401
    )
    assert door.post(None, raw=raw).status_code == 200


def test_secrets_rotate(door: Door) -> None:
    own, name = channels(door.stage), f"app/{door.app}/secrets"
    own.add_to(door.brokerage.brokerage_id, name, "newer-secret")
    reconnect(door)
    assert door.post(door.body(text("2010"), account=None), secret="newer-secret").status_code == 200
    assert door.newest()["verified_by"] == f"{door.app}#1"
    assert door.post(door.body(text("2010"))).status_code == 200
    assert door.newest()["verified_by"] == f"{door.app}#2"
    own.retire(door.brokerage.brokerage_id, name, door.secret[-4:])
    reconnect(door)
    assert door.post(door.body(text("2010"))).status_code == 401


def reconnect(door: Door) -> None:
    """Change the account, which has the routes read again at once."""
    told = {"channel": "whatsapp", "account_id": door.account, "app": door.app, "business_id": door.waba}
    assert door.brokerage.operator.post("/api/channels", json=told).status_code == 200


def test_an_item_of_an_account_of_another_brokerage_is_stored_nowhere(
    stage: Stage, door: Door, delta: Brokerage
) -> None:
    theirs = door_of(stage, delta)
    body = door.body(text("201001112233", "ours"))
    body["entry"].append(door.entry(text("201001112233", "stolen"), account=theirs.account, waba=theirs.waba))
    body["entry"].append(door.entry(text("201001112233", "nobody"), account=number(), waba=number()))
    assert door.post(body).status_code == 200
    assert len(door.facts()) == 1
    assert theirs.facts() == []
    assert theirs.deliveries() == []
    shown = door.newest()
    assert "stolen" not in shown["raw"]
    assert "nobody" not in shown["raw"]
    assert len(shown["items"]) == 1


@pytest.mark.parametrize("told", [
    {"object": "page", "entry": [{"id": "0", "time": 1, "messaging": [{"sender": {"id": "12"}}]}]},
    {"object": "permissions", "entry": [{"id": "0", "changes": [{"field": "pages_messaging"}]}]},
    {"object": "whatsapp_business_account", "entry": []},
])  # fmt: skip
def test_what_an_app_of_ours_signed_is_taken_though_it_names_none_of_our_accounts(
    door: Door, told: dict[str, Any]
) -> None:
    """Meta tries an address so; a refusal would in the end cost the app its subscription."""
    assert door.post(told, path="/api/webhooks/meta").status_code == 200
    assert door.post(told, path="/api/webhooks/meta", secret="of-nobody").status_code == 401
    assert door.facts() == []


def test_whoever_did_not_sign_a_body_is_not_told_what_is_wrong_with_it(door: Door) -> None:
    for path in ("/api/webhooks/meta", f"/api/webhooks/meta/{door.app}"):
        assert door.post(None, raw=b"{", path=path, secret="of-nobody").status_code == 401
        assert door.post(None, raw=b"{", path=path).status_code == 400


def test_an_app_that_two_brokerages_share_gives_each_its_own_part(stage: Stage, door: Door, delta: Brokerage) -> None:
    theirs = door_of(stage, delta, app=door.app)
    channels(stage).add_to(delta.brokerage_id, f"app/{door.app}/secrets", door.secret)
    reconnect(theirs)
    body = door.body(text("201001112233", "for-nile"))
    body["entry"].append(door.entry(text("201001112233", "for-delta"), account=theirs.account, waba=theirs.waba))
    for path in (f"/api/webhooks/meta/{door.app}", "/api/webhooks/meta"):
        assert door.post(body, path=path).status_code == 200
    for one, own, other in ((door, "for-nile", "for-delta"), (theirs, "for-delta", "for-nile")):
        shown = one.newest()
        assert own in shown["raw"]
        assert other not in shown["raw"]
        assert [item["verdict"] for item in shown["items"]] == ["known"]
        assert len(one.facts()) == 1


def test_an_odd_item_does_not_cost_its_neighbours(door: Door) -> None:
    odd: Any = ["no object"]
    body = door.body(text("201001112233"), odd, text("201001112233"))
    assert door.post(body).status_code == 200
    assert len(door.facts()) == 2
    items = door.newest()["items"]
    assert [bool(one.get("problem")) for one in items] == [False, True, False]
    assert len(door.deliveries(problems=True)) == 1
    assert door.deliveries(problems=False) == []


def test_a_batch_of_a_thousand_is_one_delivery(door: Door) -> None:
    body = door.body(*(text(f"2010{nth:08}") for nth in range(1_000)))
    assert door.post(body).status_code == 200
    assert door.deliveries()[0]["items"] == 1_000
    assert len(door.desks()) == 1_000


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"nonsense", b'{"object":', b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(door: Door, raw: bytes) -> None:
    response = door.post(None, raw=raw)
    assert response.status_code == 400
    problem_of(response)


def test_large_and_packed_bodies_are_refused(door: Door) -> None:
    assert door.post(None, raw=b" " * (4 * 1024 * 1024 + 1)).status_code == 413
    raw = written(door.body(text("2010")))
    packed = {"x-hub-signature-256": signature(raw, door.secret), "content-encoding": "gzip"}
    assert door.post(None, raw=raw, headers=packed).status_code == 415


def test_nul_and_half_characters_are_kept_as_replacements(door: Door) -> None:
    raw = written(door.body(text("201001112233", "a\x00b\ud800c")))
    assert door.post(None, raw=raw).status_code == 200
    assert len(door.facts()) == 1


def test_the_question_of_verification_is_answered_in_plain_text(door: Door) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": f"verify-{door.app}"}
    client = door.stage.client()
    for path in (f"/api/webhooks/meta/{door.app}", "/api/webhooks/meta", "/webhooks/whatsapp"):
        response = client.get(path, params=asked)
        assert (response.status_code, response.text) == (200, "1158201444")
        assert response.headers["content-type"].startswith("text/plain")
        for wrong in ({"hub.verify_token": "guess"}, {"hub.mode": "unsubscribe"}, {"hub.challenge": "<script>"}):
            assert client.get(path, params=asked | wrong).status_code == 403
        assert client.get(path).status_code == 403
    assert client.get("/api/webhooks/meta/another", params=asked).status_code == 403


def dialog(door: Door) -> tuple[str, str]:
    """Connect a number hosted by 360dialog; return its id and secret."""
    account, secret = number(), uuid4().hex
    told = {"channel": "whatsapp", "account_id": account, "provider": "360dialog", "webhook_secret": secret}
    response = door.brokerage.operator.post("/api/channels", json=told)
    assert response.status_code == 200, response.text
    assert secret not in response.text
    assert response.json()["webhook_secret_set"]
    return account, secret


def test_360dialog_shows_its_secret_in_a_header_or_as_basic_auth_or_signs(door: Door) -> None:
    account, secret = dialog(door)
    path = f"/api/webhooks/360dialog/{account}"
    pair = base64.b64encode(f"masar:{secret}".encode()).decode()
    for how in ("x-webhook-secret", "bearer", "basic", "x-360dialog-signature"):
        raw = written(door.body(text("201001112233"), account=account))
        headers = {
            "x-webhook-secret": {"x-webhook-secret": secret},
            "bearer": {"authorization": f"Bearer {secret}"},
            "basic": {"authorization": f"Basic {pair}"},
            "x-360dialog-signature": {"x-360dialog-signature": signature(raw, secret)},
        }[how]
        assert door.post(None, path=path, raw=raw, headers=headers).status_code == 200, how
        assert door.newest()["verified_by"] == f"{account}#{how}"
    assert len(door.facts()) == 4
    assert {one["source"] for one in door.deliveries()} == {"360dialog"}


def test_360dialog_without_its_secret_or_for_another_account_gets_nothing(door: Door) -> None:
    account, secret = dialog(door)
    raw = written(door.body(text("201001112233"), account=account))
    path = f"/api/webhooks/360dialog/{account}"
    for headers in (
        {}, {"x-webhook-secret": "guess"}, {"authorization": "Basic !!!"}, {"authorization": f"Basic {secret}"},
        {"x-hub-signature-256": signature(raw, door.secret)},
    ):  # fmt: skip
        assert door.post(None, path=path, raw=raw, headers=headers).status_code == 401
    shown = {"x-webhook-secret": secret}
    assert door.post(None, path=f"/api/webhooks/360dialog/{door.account}", raw=raw, headers=shown).status_code == 401
    assert door.post(door.body(text("2010"), account=account)).status_code == 200  # Meta's app does not own it
    assert door.post(door.body(text("2010")), path=path, headers=shown).status_code == 200  # nor it Meta's number
    assert door.facts() == []


def test_an_answer_in_the_platforms_own_app_answers_the_desk(door: Door) -> None:
    door.post(door.body(text("201001112233", at=1_760_000_000)))
    echo = {
        "from": "201000000000", "to": "201001112233", "id": "wamid.echo", "timestamp": "1760000060", "type": "text",
        "text": {"body": "on my way"},
    }  # fmt: skip
    body = door.body()
    body["entry"][0]["changes"][0] = {
        "field": "smb_message_echoes",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "201000000000", "phone_number_id": door.account},
            "message_echoes": [echo],
        },
    }
    assert door.post(body).status_code == 200
    assert door.desks() == [(1, 1, "ACTIVE", False)]


def test_a_quiet_thread_is_opened_again_by_a_message(door: Door) -> None:
    door.post(door.body(text("201001112233")))
    door.stage.owner.execute(
        "UPDATE messaging.desks SET state = 'CLOSED' WHERE brokerage_id = %s", (door.brokerage.brokerage_id,)
    )
    door.post(door.body(text("201001112233")))
    assert door.desks() == [(2, 0, "ACTIVE", True)]


def test_a_number_that_no_plan_knows_is_one_customer_all_the_same(door: Door) -> None:
    for _ in range(2):
        assert door.post(door.body(text("99900012345"))).status_code == 200
    assert door.desks() == [(2, 0, "NEW", True)]
