"""Touchpoints that name their person by our own id: they go straight onto that person."""

from typing import Literal
from uuid import UUID

from adapters.postgres.connections import connect
from adapters.postgres.mapper import Envelope, SealingMapper
from adapters.postgres.recorder import FlushedRecorder
from adapters.postgres.registry import Registry
from adapters.sealing import MasterKey, fingerprint, keyed_hash, keyed_uuid
from application.ports.touchpoints import Observed, Problem, Verdict

WHOSE = """
SELECT EXISTS (SELECT FROM registry.subjects
                WHERE subject_id = %b AND brokerage_id = %b AND wrapped_key IS NOT NULL),
       EXISTS (SELECT FROM registry.identities WHERE brokerage_id = %b AND hash = %b)
"""


class OntoPerson:
    """Connections per call: few producers know our ids. Thread-safe."""

    def __init__(self, url: str, master: MasterKey) -> None:
        self._url, self._master = url, master
        self._mapper = SealingMapper()

    def whose(self, brokerage_id: UUID, ours: UUID, theirs: str) -> Literal["ours", "producer"] | None:
        """Tell whether an id is one of ours or one that a producer gave to a person; None where nobody has it.

        Raises psycopg.OperationalError when the database is away.
        """
        digest = keyed_hash(self._master.for_brokerage(brokerage_id), "person_id", theirs)
        with connect(self._url, "masar_registry", name="onto") as connection:
            found = connection.execute(WHOSE, (ours, brokerage_id, brokerage_id, digest), binary=True).fetchone()
        is_ours, is_theirs = found or (False, False)
        return "ours" if is_ours else "producer" if is_theirs else None

    def append(self, observed: Observed, person_id: UUID) -> Verdict:
        """Append a touchpoint without hints onto a known person; durable on return.

        The same id with other content, or about another person, is a conflict. Raises psycopg.OperationalError.
        """
        key = self._keys(person_id).get(person_id)
        content = observed.body + f"|{person_id}".encode()
        stream_id = keyed_uuid(
            self._master.for_brokerage(observed.brokerage_id),
            str(observed.brokerage_id), observed.producer, observed.item_id,
        )  # fmt: skip
        fact = observed.fact if key else observed.fact.model_copy(update={"page_url": None})
        envelope = Envelope(
            stream_id, 1, fact, observed.brokerage_id, person_id, correlation_id=observed.correlation_id, key=key,
            fingerprint=fingerprint(key, content) if key else None,
        )  # fmt: skip
        with connect(self._url, "masar_ingest", by_index=True, name="onto") as connection:
            stored = self._mapper.to_stored_event(envelope)
            result = FlushedRecorder.append_touchpoints(connection, [stored])[0]
        if result.fresh:
            return Verdict("accepted", stream_id, result.position)
        whose = result.stored_subject or person_id
        first = self._keys(whose).get(whose)
        if first is None or fingerprint(first, content) == bytes(result.stored_fingerprint or b""):
            return Verdict("duplicate", stream_id, result.position)
        known = Problem("id", "is known with other content; the first holds")
        return Verdict("conflict", stream_id, result.position, (known,))

    def _keys(self, subject_id: UUID) -> dict[UUID, bytes | None]:
        with connect(self._url, "masar_registry", by_index=True, name="onto") as connection:
            return Registry(connection, self._master).keys([subject_id])
