"""An agent answers the message that told them of a customer: it is kept, and nothing takes them for a customer."""

from typing import Any

from adapters.postgres.notices import PostgresAgents
from application.ports.notices import AgentContact
from tests.assistant.stage import Talk
from tests.delivery.stage import MASTER

OURS = AgentContact("Nour", phone="+201005550101", template="wanted", language="ar")
ASKS = "عايز شقة في المعادي ب ٥ مليون، ممكن أشوفها؟"


def sets_agent(talk: Talk, contact: AgentContact = OURS) -> None:
    PostgresAgents(talk.line, MASTER).put(talk.brokerage_id, contact)


def test_what_an_agent_writes_is_kept_and_neither_answered_nor_learned_from(talking: Any) -> None:
    agent: Talk = talking(hints={"phone": OURS.phone, "name": "Nour"})
    sets_agent(agent)
    assert agent.hears(ASKS) == []
    assert (agent.events(), agent.facts("conversations.started.v1"), agent.wanted()) == ([], [], [])
    (closed,) = agent.facts("messaging.state_changed.v1")
    assert (closed["state"], closed["reason"]) == ("CLOSED", "Nour wrote, an agent of ours")
    assert (agent.desk().inbound, agent.desk().answered, agent.desk().waiting_since) == (1, 1, None)
    assert [one["message_type"] for one in agent.facts("messaging.message_received.v1")] == ["text"]
    agent.db.project("conversation_sessions", "people", "conversions", "threads")
    for model in ("conversation_sessions", "conversions"):
        assert agent.db.rows(f"SELECT 1 FROM read_models.{model} WHERE brokerage_id = %s", agent.brokerage_id) == []


def test_writing_again_is_put_away_again(talking: Any) -> None:
    agent: Talk = talking(hints={"phone": OURS.phone})
    sets_agent(agent)
    agent.hears(ASKS)
    assert agent.hears("ok") == []
    assert [one["state"] for one in agent.facts("messaging.state_changed.v1")] == ["CLOSED", "CLOSED"]


def test_the_same_number_is_a_customers_at_another_brokerage_and_without_the_agent(talking: Any) -> None:
    elsewhere: Talk = talking(hints={"phone": OURS.phone})
    sets_agent(talking())
    assert len(elsewhere.hears(ASKS)) == 1
    assert elsewhere.events() != []


def test_who_is_told_by_mail_alone_is_known_by_no_number(talking: Any) -> None:
    customer: Talk = talking()
    sets_agent(customer, AgentContact("Omar", email="omar@nile.example"))
    assert len(customer.hears(ASKS)) == 1
