"""Knows a brokerage's own agents among those who write to it: by the number on which they are told of customers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.meta.user_data import phone_e164_digits
from adapters.postgres.identifiers import identifying
from adapters.postgres.notices import PostgresAgents
from adapters.sealing import MasterKey

HAS = "SELECT FROM registry.identities WHERE brokerage_id = %s AND subject_id = %s AND hash = ANY(%s)"
NO_REGION = ""
"""Agents' numbers are set in full, with the country's code."""


class PostgresColleagues:
    """The Colleagues of a worker: compares keyed hashes, and writes neither number nor hash anywhere.

    A hash is keyed by brokerage, so the same number is a customer's elsewhere. `registry` gives an autocommit
    connection as `masar_registry`.
    """

    def __init__(self, agents: PostgresAgents, registry: Callable[[], Connection[Any]], master: MasterKey) -> None:
        self._agents, self._registry, self._master = agents, registry, master

    def name_of(self, brokerage_id: UUID, subject_id: UUID) -> str | None:
        """Return the agent of the brokerage whose number a subject has, None for anybody else."""
        secret = self._master.for_brokerage(brokerage_id)
        for agent in self._agents.agents(brokerage_id):
            number = phone_e164_digits(agent.phone, NO_REGION) if agent.phone else None
            hashes = [one.hash for one in identifying({"phone": number}, secret)] if number else []
            if hashes and self._registry().execute(HAS, (brokerage_id, subject_id, hashes)).fetchone() is not None:
                return agent.agent
        return None
