"""Sending from the portal: what is taken, what is refused and why, and that a repeat changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.postgres.append import append_in, flush
from adapters.postgres.connections import connect
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import Envelope
from adapters.postgres.secrets import SecretStore
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey
from application.outgoing import settled_id_of
from application.ports.touchpoints import Observed
from domain.messaging.events import MessageReceived, SendSettled, TemplateSynced
from domain.messaging.threads import message_name, thread_of
from domain.people.hints import PersonHints
from domain.shared.fact import Channel, Fact
from domain.shared.personal import Sealed
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage
from tests.assistant.stage import OPEN_DESK

MASTER = MasterKey.parse(MASTER_KEY)
NUMBERS = iter(range(10_000_000, 99_999_999))


@dataclass
class Customers:
    """Brings customers who wrote, as webhooks would."""

    stage: Stage
    writer: Writer

    def wrote(
        self, brokerage: Brokerage, *, ago: timedelta = timedelta(minutes=5), channel: Channel = "whatsapp",
        account: str | None = None, **hints: str,
    ) -> UUID:  # fmt: skip
        """Somebody wrote so long ago; return the thread."""
        account, at = account or self.account(brokerage, channel), datetime.now(UTC) - ago
        hints = hints or {"phone": f"+2010{next(NUMBERS)}"}
        fact = MessageReceived(
            channel=channel, account_id=account, message_type="text", text="is it free?", occurred_at=at,
            platform_id=f"wamid.{uuid4().hex}", hints=PersonHints(**hints),
        )  # fmt: skip
        name = message_name(str(fact.platform_id))
        (verdict,) = self.writer.write(
            [Observed(brokerage.brokerage_id, channel, name, fact, b"{}", uuid4(), "EG", 300)]
        )
        row = self.stage.owner.execute(
            "SELECT subject_id FROM log.masar_events WHERE originator_id = %s", (verdict.event_id,)
        ).fetchone()
        assert row is not None
        thread_id = thread_of(brokerage.brokerage_id, channel, account, row[0])
        self.stage.owner.execute(OPEN_DESK, {
            "thread": thread_id, "brokerage": brokerage.brokerage_id, "subject": row[0], "ref": verdict.event_id,
            "channel": channel, "account": account, "at": at, "arrived": at, "ad": None,
        })  # fmt: skip
        return thread_id

    def account(self, brokerage: Brokerage, channel: Channel = "whatsapp") -> str:
        """Return an account of a brokerage, made where there is none."""
        own = (brokerage.brokerage_id, channel)
        known = "SELECT account_id FROM channels.accounts WHERE brokerage_id = %s AND channel = %s"
        if row := self.stage.owner.execute(known, own).fetchone():
            return str(row[0])
        account = str(uuid4().int)[:15]
        self.stage.owner.execute(
            "INSERT INTO channels.accounts (brokerage_id, channel, account_id, provider, business_id) "
            "VALUES (%s, %s, %s, 'meta', '810700000000001')", (*own, account),
        )  # fmt: skip
        return account

    def append(self, brokerage: Brokerage, fact: Fact, own: UUID, subject_id: UUID | None = None) -> None:
        """Append what a worker would have."""
        with connect(self.stage.url, "masar_projector") as connection:
            with connection.transaction():
                append_in(connection, [Envelope(own, 1, fact, brokerage.brokerage_id, subject_id)])
            flush(connection)

    def sends(self, thread_id: UUID) -> list[dict[str, Any]]:
        """The sends asked for in a thread, in order, with their opened texts."""
        rows = self.stage.owner.execute(
            "SELECT originator_id, convert_from(state, 'UTF8')::jsonb FROM log.masar_events "
            "WHERE topic = 'messaging.send_requested.v1' "
            "AND convert_from(state, 'UTF8')::jsonb ->> 'thread_id' = %s ORDER BY notification_id", (str(thread_id),),
        ).fetchall()  # fmt: skip
        ring = KeyRing(self.stage.url, MASTER)
        try:
            for send_id, state in rows:
                if "text" in state:
                    (state["text"],) = ring.open_all([Sealed(state["text"]["sealed"], send_id, 1, "text")])
        finally:
            ring.close()
        return [{"send_id": str(send_id), **state} for send_id, state in rows]


@pytest.fixture(scope="module")
def customers(stage: Stage) -> Iterator[Customers]:
    writer = Writer(stage.url, MASTER)
    yield Customers(stage, writer)
    writer.close()


def say(brokerage: Brokerage, thread_id: UUID | str, body: Any, **headers: str) -> httpx.Response:
    return brokerage.operator.post(f"/api/conversations/{thread_id}/messages", json=body, headers=headers)


def test_a_message_is_taken_and_waits_for_a_worker(nile: Brokerage, customers: Customers, stage: Stage) -> None:
    thread_id = customers.wrote(nile)
    answer = say(nile, thread_id, {"text": "it is free", "agent": "Nour"})
    assert answer.status_code == 202, answer.text
    (sent,) = customers.sends(thread_id)
    assert answer.json()["send_ids"] == [sent["send_id"]]
    assert (sent["text"], sent["author"], sent["by"]) == ("it is free", "agent", "Nour")
    waiting = "SELECT kind, state, ordering_key FROM outbox.messages WHERE id = %s"
    assert stage.owner.execute(waiting, (sent["send_id"],)).fetchone() == ("send_message", "waiting", str(thread_id))


def shown(brokerage: Brokerage, thread_id: UUID) -> dict[str, Any]:
    """What the messages of ours wait for, by their texts."""
    items = brokerage.read(f"/api/conversations/{thread_id}/messages")["items"]
    return {one["text"]: one["waiting"] for one in items if one["direction"] == "out"}


def test_a_message_of_an_account_without_a_token_says_since_when_it_waits_for_one(
    nile: Brokerage, customers: Customers, stage: Stage
) -> None:
    thread_id = customers.wrote(nile)
    first = say(nile, thread_id, {"text": "it is free"}).json()
    assert (first["waiting"]["for"], first["waiting"]["says"]) == ("token", "waiting for a token")
    asked_at = "SELECT occurred_at FROM log.masar_events WHERE originator_id = %s"
    ((since,),) = stage.owner.execute(asked_at, (first["send_id"],)).fetchall()
    assert datetime.fromisoformat(first["waiting"]["since"]) == since
    say(nile, thread_id, {"text": "and new"})
    tried = "UPDATE outbox.messages SET last_error = %s WHERE id = %s"  # as a worker does that finds no token
    stage.owner.execute(tried, ("no credentials for whatsapp 106", first["send_id"]))
    stage.settled()
    waiting = shown(nile, thread_id)
    assert [waiting[text]["says"] for text in ("it is free", "and new")] == ["waiting for a token"] * 2


@pytest.fixture
def refused_token(delta: Brokerage, customers: Customers, stage: Stage) -> Iterator[None]:
    """The account has a token for the time of a test."""
    name = f"channel/whatsapp/{customers.account(delta)}/token"
    with connect(stage.url, "masar_registry") as connection:
        SecretStore(lambda: connection, MASTER).put(delta.brokerage_id, name, "EAAdead")
    yield
    gone = "DELETE FROM registry.secrets WHERE brokerage_id = %s AND name = %s"
    stage.owner.execute(gone, (delta.brokerage_id, name))


@pytest.mark.usefixtures("refused_token")
def test_a_token_that_was_refused_keeps_all_messages_of_its_account(
    delta: Brokerage, customers: Customers, stage: Stage
) -> None:
    one, other = customers.wrote(delta), customers.wrote(delta)
    first = say(delta, one, {"text": "first"}).json()
    assert first["waiting"] is None
    tried = "UPDATE outbox.messages SET last_error = %s WHERE id = %s"  # as a worker does whom the platform refuses
    stage.owner.execute(tried, ("not allowed with this token: it has expired", first["send_id"]))
    second = say(delta, other, {"text": "second"}).json()
    assert (second["waiting"]["for"], second["waiting"]["why"]) == (
        "token", "not allowed with this token: it has expired",
    )  # fmt: skip
    stage.owner.execute(tried, ("waits for its turn: the platform's rate", second["send_id"]))
    stage.settled()
    assert shown(delta, one)["first"]["for"] == shown(delta, other)["second"]["for"] == "token"


def test_the_sender_holds_the_thread_and_another_agent_must_say_so(nile: Brokerage, customers: Customers) -> None:
    thread_id = customers.wrote(nile)
    assert say(nile, thread_id, {"text": "hello", "agent": "Nour"}).status_code == 202
    refused = say(nile, thread_id, {"text": "me too", "agent": "Basem"})
    assert refused.status_code == 409
    assert (refused.json()["rule"], refused.json()["agent"]) == ("held", "Nour")
    assert say(nile, thread_id, {"text": "me too", "agent": "Basem", "force": True}).status_code == 202


def test_beyond_the_window_409_says_since_when_and_which_templates_may_go(
    nile: Brokerage, customers: Customers, stage: Stage
) -> None:
    synced = TemplateSynced(
        account_id="810700000000001", name="viewing", language="ar", status="APPROVED", category="UTILITY",
        occurred_at=datetime.now(UTC),
    )  # fmt: skip
    customers.append(nile, synced, uuid4())
    stage.settled()
    thread_id = customers.wrote(nile, ago=timedelta(hours=30))
    refused = say(nile, thread_id, {"text": "still there?"})
    told = refused.json()
    assert (refused.status_code, told["rule"], told["title"]) == (409, "window_closed", "Window closed")
    assert told["window"]["why"] == "window_closed"
    assert told["window"]["closed_at"]
    assert told["templates"] == [{"name": "viewing", "language": "ar", "category": "UTILITY"}]
    assert customers.sends(thread_id) == []
    assert say(nile, thread_id, {"template": {"name": "viewing", "language": "ar"}}).status_code == 202


def test_a_template_that_is_not_approved_is_refused(nile: Brokerage, customers: Customers, stage: Stage) -> None:
    paused = TemplateSynced(
        account_id="810700000000001", name="offer", language="en", status="PAUSED", category="MARKETING",
        occurred_at=datetime.now(UTC),
    )  # fmt: skip
    customers.append(nile, paused, uuid4())
    stage.settled()
    thread_id = customers.wrote(nile)
    refused = say(nile, thread_id, {"template": {"name": "offer", "language": "en"}})
    assert (refused.status_code, refused.json()["rule"]) == (409, "template_not_approved")
    assert refused.json()["detail"] == "the template offer (en) is paused"


def test_a_template_of_marketing_needs_the_customers_consent(
    nile: Brokerage, customers: Customers, stage: Stage
) -> None:
    approved = TemplateSynced(
        account_id="810700000000001", name="offer", language="en", status="APPROVED", category="MARKETING",
        occurred_at=datetime.now(UTC),
    )  # fmt: skip
    customers.append(nile, approved, uuid4())
    stage.settled()
    refused = say(nile, customers.wrote(nile), {"template": {"name": "offer", "language": "en"}})
    assert (refused.status_code, refused.json()["rule"]) == (409, "no_marketing_consent")


@pytest.mark.parametrize(("body", "field"), [
    ({"text": ""}, "text"),
    ({"text": 5}, "text"),
    ({}, "text"),
    ({"text": "hi", "unheard": 1}, "unheard"),
    ({"text": "?", "buttons": [{"id": str(n), "title": str(n)} for n in range(4)]}, "buttons"),
    ({"text": "?", "buttons": [{"id": str(n), "title": "x"} for n in range(2)]}, "buttons.1.title"),
    ({"type": "image", "media": {"url": "ftp://x/y.jpg"}}, "media.url"),
    ({"media": {"id": "1"}}, "type"),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, "location.latitude"),
    ({"text": "hi", "reply_to": "5f2f6f0a-6c3e-5d0c-9d0b-8f7a3f0f5c11"}, "reply_to"),
    ({"text": "hi", "reply_to": "no id"}, "reply_to"),
    ([1, 2], ""),
    ("hello", ""),
])  # fmt: skip
def test_what_is_wrong_is_named(nile: Brokerage, customers: Customers, body: Any, field: str) -> None:
    refused = say(nile, customers.wrote(nile), body)
    assert refused.status_code == 422, refused.text
    assert [one["field"] for one in refused.json()["errors"]] == [field]


def test_a_repeat_under_a_key_gets_the_same_answer_and_other_content_is_refused(
    nile: Brokerage, customers: Customers
) -> None:
    thread_id, key = customers.wrote(nile), {"Idempotency-Key": "mine-1"}
    first = say(nile, thread_id, {"text": "once"}, **key)
    assert say(nile, thread_id, {"text": "once"}, **key).json() == first.json()
    assert say(nile, thread_id, {"text": "other"}, **key).status_code == 422
    assert len(customers.sends(thread_id)) == 1


def test_another_brokerages_conversation_is_not_there(nile: Brokerage, delta: Brokerage, customers: Customers) -> None:
    thread_id = customers.wrote(nile)
    assert say(delta, thread_id, {"text": "hi"}).status_code == 404
    assert delta.operator.post(f"/api/conversations/{thread_id}/typing").status_code == 404
    assert say(nile, "no-such-thing", {"text": "hi"}).status_code == 404
    assert customers.sends(thread_id) == []


def test_a_readers_key_does_not_send(nile: Brokerage, customers: Customers) -> None:
    thread_id = customers.wrote(nile)
    assert nile.reader.post(f"/api/conversations/{thread_id}/messages", json={"text": "hi"}).status_code == 403


def test_only_a_send_of_unknown_outcome_or_a_refused_one_is_sent_again(nile: Brokerage, customers: Customers) -> None:
    thread_id = customers.wrote(nile)
    send_id = UUID(say(nile, thread_id, {"text": "did it arrive?"}).json()["send_id"])
    path = f"/api/conversations/{thread_id}/messages/{send_id}/resend"
    early = nile.operator.post(path)
    assert (early.status_code, early.json()["outcome"]) == (409, "on its way")
    lost = SendSettled(
        thread_id=thread_id, channel="whatsapp", account_id=customers.account(nile), send_id=send_id,
        outcome="unknown", by="answer", occurred_at=datetime.now(UTC),
    )  # fmt: skip
    customers.append(nile, lost, settled_id_of(send_id, "unknown", "answer"))
    again = nile.operator.post(path)
    assert again.status_code == 202, again.text
    assert nile.operator.post(path).json() == again.json()  # pressed twice it is one message
    first, second = customers.sends(thread_id)
    assert (second["text"], second["resends"]) == ("did it arrive?", first["send_id"])
    assert nile.operator.post(f"/api/conversations/{thread_id}/messages/{uuid4()}/resend").status_code == 404


def test_the_older_path_sends_to_a_number_that_wrote(nile: Brokerage, customers: Customers) -> None:
    thread_id = customers.wrote(nile, phone="+201001112233")
    body = {"platform": "whatsapp", "recipient_id": "01001112233", "text": "hello"}
    answer = nile.operator.post("/api/v1/integrations/whatsapp/send", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["conversation_id"] == str(thread_id)
    assert [one["text"] for one in customers.sends(thread_id)] == ["hello"]


def test_a_number_that_never_wrote_gets_a_template_first(nile: Brokerage, customers: Customers) -> None:
    account = customers.account(nile)
    path, to = "/api/v1/integrations/whatsapp/send", "+201009998877"
    refused = nile.operator.post(path, json={"to": to, "text": "hello"})
    assert (refused.status_code, refused.json()["window"]["why"]) == (409, "never_wrote")
    body = {"to": to, "template": {"name": "welcome", "language": "en"}}
    answer = nile.operator.post(path, json=body)
    assert answer.status_code == 202, answer.text
    (sent,) = customers.sends(UUID(answer.json()["conversation_id"]))
    assert (sent["account_id"], sent["template"]) == (account, "welcome")
    assert to.lstrip("+") not in str(sent)
    assert nile.operator.post(path, json={"to": "not a number", "text": "x"}).status_code == 422


def test_messenger_and_instagram_answer_only_those_who_wrote(nile: Brokerage, customers: Customers) -> None:
    path = "/api/v1/integrations/messenger/send"
    thread_id = customers.wrote(nile, channel="instagram", igsid="9001")
    body = {"platform": "instagram", "recipient_id": "9001", "text": "hello"}
    assert nile.operator.post(path, json=body).json()["conversation_id"] == str(thread_id)
    assert nile.operator.post(path, json={"recipient_id": "9001", "text": "hello"}).status_code == 404
    assert nile.operator.post(path, json={"text": "hello"}).status_code == 422


def test_typing_needs_credentials(nile: Brokerage, customers: Customers) -> None:
    thread_id = customers.wrote(nile)
    refused = nile.operator.post(f"/api/conversations/{thread_id}/typing")
    assert (refused.status_code, "no credentials" in refused.json()["detail"]) == (409, True)
