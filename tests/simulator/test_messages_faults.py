"""Faults of sending, the record that proves what was processed how often, and bodies of any shape."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.simulator.app import create_app
from tests.patience import PATIENCE_S, eventually
from tests.simulator.server import running
from tests.simulator.talk import GRAM, KEY, MONA, NUMBER, PAGE, WABA, Clock, Talk, code_of, social, whatsapp


def test_a_lost_answer_leaves_a_message_processed_and_a_repeat_shows(talk: Talk) -> None:
    talk.control("PUT", "faults", {"fail_next": ["lost_after_processing"]}, account=NUMBER)
    with pytest.raises(httpx.TransportError):
        talk.whatsapp(biz_opaque_callback_data="masar:t:s")
    assert [message["answer"] for message in talk.messages(callback="masar:t:s")] == ["lost_after_processing"]
    assert talk.control("GET", "messages/callbacks/masar:t:s")["processed"] == 1
    assert talk.summary()["callbacks"] == {"distinct": 1, "repeated": {}}
    talk.whatsapp(biz_opaque_callback_data="masar:t:s")  # sent again by itself: what must never happen
    assert talk.summary()["callbacks"] == {"distinct": 1, "repeated": {"masar:t:s": 2}}


AFTER = ["server_error_after_processing", "bad_json", "html"]


@pytest.mark.parametrize("outcome", AFTER)
@pytest.mark.parametrize("account", [NUMBER, PAGE, GRAM])
def test_the_work_may_be_done_though_the_answer_is_none(talk: Talk, account: str, outcome: str) -> None:
    talk.control("PUT", "faults", {"fail_next": [outcome]}, route="messages")
    talk.graph(account, whatsapp() if account == NUMBER else social(account))
    assert [message["answer"] for message in talk.messages()] == [outcome]


def test_a_request_lost_on_the_way_leaves_nothing(talk: Talk) -> None:
    talk.control("PUT", "faults", {"fail_next": ["lost_before_processing"]}, route="messages")
    with pytest.raises(httpx.TransportError):
        talk.whatsapp()
    assert talk.messages() == []


# fmt: off
CODES = [
    (4, 400, False), (80007, 400, False), (130429, 400, False), (131048, 400, False), (131056, 400, False),
    (131000, 500, True), (368, 403, False),
]
# fmt: on


@pytest.mark.parametrize(("code", "status", "transient"), CODES)
def test_any_code_can_be_asked_for(talk: Talk, code: int, status: int, transient: bool) -> None:
    talk.control("PUT", "faults", {"fail_next": [{"outcome": "error", "code": code}]}, account=NUMBER)
    answer = talk.whatsapp()
    assert (answer.status_code, code_of(answer)) == (status, (code, None))
    assert answer.json()["error"]["is_transient"] is transient
    assert talk.messages() == []
    assert talk.whatsapp().status_code == 200


def test_a_throttle_has_the_channels_own_code(talk: Talk) -> None:
    talk.control("PUT", "faults", {"throttle_share": 1, "throttle_codes": [17]}, route="messages")
    assert code_of(talk.whatsapp()) == (80007, None)
    assert code_of(talk.social()) == (613, None)
    assert "x-app-usage" in talk.social().headers
    assert talk.summary()["rate_limits"] == {"80007": 1, "613": 2}


def test_a_token_may_die_in_the_middle_of_a_run(talk: Talk) -> None:
    talk.control("PUT", "faults", {"dies_after": 2}, account=NUMBER)
    assert [talk.whatsapp().status_code for _ in range(3)] == [200, 200, 401]
    assert code_of(talk.whatsapp()) == (190, 463)
    assert talk.social().status_code == 200  # the others live


def test_faults_of_a_route_leave_conversions_alone_and_end_with_those_for_all(talk: Talk) -> None:
    talk.control("PUT", "faults", {"server_error_share": 1}, route="messages")
    assert talk.whatsapp().status_code >= 500
    events = {"data": [{"event_name": "x"}], "access_token": "EAA"}
    assert talk.http.post("/v26.0/777/events", json=events).status_code == 400
    talk.control("PUT", "faults", {})
    assert talk.whatsapp().status_code == 200


def test_files_and_templates_have_faults_of_their_own(talk: Talk) -> None:
    head = {"authorization": "Bearer EAA"}
    talk.control("PUT", "faults", {"fail_next": ["server_error"]}, route="templates")
    path = f"/v26.0/{WABA}/message_templates"
    assert [talk.http.get(path, headers=head).status_code // 100 for _ in range(2)] == [5, 2]
    media = talk.control("POST", f"media/{NUMBER}", {"content": "hello", "mime_type": "image/png"})
    talk.control("PUT", "faults", {"fail_next": ["lost_before_processing", "server_error"]}, route="media")
    with pytest.raises(httpx.TransportError):
        talk.http.get(media["url"], headers=head)
    assert [talk.http.get(media["url"], headers=head).status_code // 100 for _ in range(2)] == [5, 2]
    broken = talk.control("POST", f"media/{NUMBER}", {"content": "hello", "mime_type": "image/png", "broken": True})
    assert talk.http.get(broken["url"], headers=head).status_code == 404


def test_an_answer_may_be_slow_and_the_work_done_at_once(talk: Talk) -> None:
    talk.control("PUT", "faults", {"latency_ms": 60_000}, account=NUMBER)
    with pytest.raises(httpx.ReadTimeout):
        talk.http.post(
            f"/v26.0/{NUMBER}/messages", json=whatsapp(), headers={"authorization": "Bearer EAA"},
            timeout=httpx.Timeout(PATIENCE_S, read=0.3),
        )  # fmt: skip
    assert len(eventually(talk.messages)) == 1


def test_the_record_is_read_by_pages_and_filters(talk: Talk) -> None:
    for number in range(5):
        talk.whatsapp(biz_opaque_callback_data=f"masar:{number}")
    talk.social(message={"text": "x", "metadata": "masar:5"})
    first = talk.control("GET", "messages", limit=4)
    assert [one["callback"] for one in first["data"]] == [f"masar:{number}" for number in range(4)]
    rest = talk.control("GET", "messages", cursor=first["next_cursor"])
    assert ([one["callback"] for one in rest["data"]], rest["next_cursor"]) == (["masar:4", "masar:5"], None)
    assert len(talk.messages(user=MONA)) == 5
    assert [one["account_id"] for one in talk.messages(channel="messenger")] == [PAGE]
    assert talk.summary()["by_channel"] == {"whatsapp": 5, "messenger": 1}


def test_a_reset_forgets_everything(talk: Talk) -> None:
    talk.whatsapp()
    talk.http.post("/_simulator/reset")
    assert talk.messages() == []
    assert code_of(talk.whatsapp()) == (100, 33)


leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "text", "x", MONA, "wamid.in", "{", "²"])
# fmt: off
WORDS = [
    "to", "recipient", "type", "text", "body", "image", "id", "link", "caption", "interactive", "action", "buttons",
    "reply", "title", "sections", "rows", "header", "footer", "template", "name", "language", "code", "components",
    "parameters", "index", "sub_type", "context", "message_id", "reaction", "emoji", "location", "latitude",
    "longitude", "contacts", "status", "typing_indicator", "message", "attachment", "payload", "quick_replies",
    "metadata", "template_type", "elements", "sender_action", "tag", "messaging_type", "reply_to", "mid",
]
# fmt: on
words = st.sampled_from(WORDS)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4))
KINDS = ["text", "image", "interactive", "template", "reaction", "location", "contacts", "audio"]


@given(body=st.dictionaries(words, anything, max_size=6), kind=st.sampled_from(KINDS), piece=anything)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_breaks_the_stand_in(talk: Talk, body: dict[str, Any], kind: str, piece: Any) -> None:
    told = {**whatsapp(), "type": kind, kind: piece}
    for account, sent in ((NUMBER, {**body, **told}), (NUMBER, {**told, **body}), (PAGE, {**social(), **body})):
        assert talk.graph(account, sent).status_code in (200, 400, 404), sent
    assert talk.http.post("/messages", json=body, headers={"d360-api-key": KEY}).status_code in (200, 400, 404)


components = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["header", "body", "button", "x"])},
        optional={
            "parameters": st.lists(st.dictionaries(words, anything, max_size=3), max_size=2) | anything,
            "index": leaves,
        },
    )
    | anything,
    max_size=3,
)
PARTS = [
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "{{1}}"},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://homes.example/{{1}}"}]},
]


@given(told=components | anything)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_component_breaks_the_stand_in(talk: Talk, told: Any) -> None:
    talk.control("PUT", f"templates/{WABA}", {"name": "offer", "language": "ar", "components": PARTS})
    sent = {"name": "offer", "language": {"code": "ar"}, "components": told}
    assert talk.whatsapp("template", sent).status_code in (200, 400)


def test_what_was_registered_is_there_after_a_restart(tmp_path: Path) -> None:
    ledger = tmp_path / "simulator.ndjson"
    head = {"authorization": "Bearer EAA"}
    sent = []
    for run in range(2):
        with (
            running(create_app(clock=Clock(), ledger_path=ledger)) as url,
            httpx.Client(base_url=url, timeout=PATIENCE_S) as http,
        ):
            if run == 0:
                http.put(f"/_simulator/accounts/{NUMBER}", json={"channel": "whatsapp"}).raise_for_status()
                http.put(f"/_simulator/webhooks?account={NUMBER}", json={"statuses": ["sent"]}).raise_for_status()
                wrote = [{"channel": "whatsapp", "account": NUMBER, "user": MONA}]
                http.post("/_simulator/inbound", json={"wrote": wrote}).raise_for_status()
            http.post(f"/v26.0/{NUMBER}/messages", json=whatsapp(), headers=head).raise_for_status()
            sent += http.get("/_simulator/messages").json()["data"]
    assert [(one["failed_code"], one["statuses"]) for one in sent] == [(None, ["sent"])] * 2
    assert sent[0]["id"] != sent[1]["id"]


def test_faults_of_an_account_are_for_its_messages_alone(talk: Talk) -> None:
    head = {"authorization": "Bearer EAA"}
    media = talk.control("POST", f"media/{NUMBER}", {"content": "hello", "mime_type": "image/png"})
    talk.control("PUT", "faults", {"fail_next": ["server_error"]}, account=NUMBER)
    assert talk.http.get(f"/v26.0/{media['id']}", headers=head).status_code == 200
    assert talk.whatsapp().status_code >= 500
    talk.control("PUT", "faults", {"fail_next": ["throttle"], "throttle_codes": [17]}, route="media")
    assert code_of(talk.http.get(f"/v26.0/{media['id']}", headers=head)) == (80007, None)


def test_what_could_not_be_played_opened_no_window(talk: Talk) -> None:
    asked = {"channel": "whatsapp", "account": NUMBER, "user": "201009990001"}
    assert talk.http.post("/_simulator/customers/say", json=asked).status_code == 422
    talk.whatsapp(to="201009990001")
    assert talk.messages()[-1]["failed_code"] == 131047


def test_a_code_of_ones_own_can_be_asked_for_as_a_failure(talk: Talk) -> None:
    talk.hook(fail_next=[199999])
    talk.whatsapp()
    (told,) = talk.told().statuses()
    assert told["errors"][0]["code"] == 199999


def test_an_account_tells_of_itself(talk: Talk) -> None:
    head = {"authorization": "Bearer EAA"}
    told = talk.http.get(f"/v26.0/{NUMBER}", headers=head).json()
    assert (told["id"], told["throughput"]) == (NUMBER, {"level": "STANDARD"})
    assert talk.http.get(f"/v26.0/{PAGE}", headers=head).json()["id"] == PAGE
    assert code_of(talk.http.get(f"/v26.0/{PAGE}", headers={"authorization": "Bearer other"})) == (190, 467)
