"""Writes one batch of touchpoints: identities first, then the facts, then the flush, then the verdicts."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import psycopg
from psycopg import Connection

from adapters.postgres.connections import Connect, connect
from adapters.postgres.identifiers import counted, identifying, identifying_unverified, usable
from adapters.postgres.mapper import Envelope, SealingMapper, StoredFact
from adapters.postgres.recorder import Appended, FlushedRecorder, chunks
from adapters.postgres.registry import Answer, Question, Registry
from adapters.sealing import MasterKey, fingerprint, keyed_uuid
from application.ports.touchpoints import Observed, Problem, Verdict
from domain.people.events import MergeProposed, SubjectsLinked
from domain.people.links import link_stream, proposal_stream
from domain.shared.personal import personal_fields

MOST_REMEMBERED = 20_000

Append = Callable[[Connection[Any], Sequence[StoredFact], Sequence[int]], list[Appended | Problem]]
"""Stores facts with distinct ids, durable on return, and tells what became of each.

The numbers tell, for each touchpoint of the batch, which of the facts it is: those that are repeated share one.
"""


class _Draft(NamedTuple):
    """A touchpoint with its place in the log and what its hints say."""

    observed: Observed
    stream_id: UUID
    question: Question
    kinds: dict[str, str]


class Writer:
    """One pipeline to the database; a connection that broke is opened again at the next batch. Not thread-safe.

    `connect` opens connections: those of `on_loop` where it is the event loop that writes.
    """

    def __init__(self, url: str, master: MasterKey, connect: Connect = connect) -> None:
        self._url, self._master, self._connect = url, master, connect
        self._mapper = SealingMapper()
        self._ingest: Connection[Any] | None = None
        self._registry: Connection[Any] | None = None
        self._linked: OrderedDict[UUID, None] = OrderedDict()

    def write(self, batch: Sequence[Observed], append: Append | None = None) -> list[Verdict]:
        """Return a verdict per touchpoint once all are durable; `append` stores them together with something else.

        Raises psycopg.OperationalError when the database cannot say what became of them.
        """
        try:
            return self._write(batch, append or self._append)
        except psycopg.OperationalError:
            self.close()
            raise

    def close(self) -> None:
        """Close both connections."""
        for connection in (self._ingest, self._registry):
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()
        self._ingest = self._registry = None

    def _connections(self) -> tuple[Connection[Any], Registry]:
        if self._ingest is None or self._ingest.closed:
            self._ingest = self._connect(self._url, "masar_ingest", by_index=True, name="ingest")
        if self._registry is None or self._registry.closed:
            self._registry = self._connect(self._url, "masar_registry", synchronous=False, by_index=True, name="ingest")
        return self._ingest, Registry(self._registry, self._master)

    def _write(self, batch: Sequence[Observed], append: Append) -> list[Verdict]:
        connection, registry = self._connections()
        drafts = [self._draft(observed) for observed in batch]
        unique, places = _once_each(drafts)
        answers = registry.resolve([draft.question for draft in unique])
        stored = [self._stored(draft, answer) for draft, answer in zip(unique, answers, strict=True)]
        results = append(connection, stored, places)
        keys = self._keys_of_repeats(registry, results)
        verdicts = [
            _verdict(draft, unique[place], results[place], keys) for draft, place in zip(drafts, places, strict=True)
        ]
        self._link(connection, [
            (draft, answers[place])
            for draft, place, verdict in zip(drafts, places, verdicts, strict=True)
            if draft is unique[place] and verdict.status in ("accepted", "duplicate")
        ])  # fmt: skip
        return verdicts

    def _draft(self, observed: Observed) -> _Draft:
        key = self._master.for_brokerage(observed.brokerage_id)
        stream_id = keyed_uuid(key, str(observed.brokerage_id), observed.producer, observed.item_id)
        kinds = usable(observed.fact, observed.region)
        unverified = observed.fact.unverified
        hints = identifying_unverified(kinds, key, stream_id) if unverified else identifying(kinds, key)
        fallback = None if hints else uuid5(stream_id, "subject")
        question = Question(observed.brokerage_id, hints, fallback, may_link=not unverified)
        return _Draft(observed, stream_id, question, kinds)

    def _stored(self, draft: _Draft, answer: Answer) -> StoredFact:
        fact, key, told = draft.observed.fact, answer.subject.key, None
        if key is None:  # the person was erased: nothing personal is kept
            fact = fact.model_copy(update=dict.fromkeys(personal_fields(type(fact))))
        else:
            told = tuple([kind for kind in counted(draft.kinds) if kind != "session" and _news(kind, answer)])
        return self._mapper.to_stored_event(
            Envelope(
                draft.stream_id, 1, fact, draft.observed.brokerage_id, answer.subject.subject_id,
                correlation_id=draft.observed.correlation_id, key=key,
                fingerprint=fingerprint(key, draft.observed.body) if key else None, hint_kinds=told,
            )
        )  # fmt: skip

    def _append(
        self, connection: Connection[Any], stored: Sequence[StoredFact], _places: Sequence[int]
    ) -> list[Appended | Problem]:
        """Append all; where the database refuses a value, one by one, so that a bad one costs only itself."""
        results: list[Appended | Problem] = []
        for chunk in chunks(stored):
            try:
                results += FlushedRecorder.append_touchpoints(connection, chunk)
            except (psycopg.DataError, psycopg.IntegrityError):
                results += [self._append_one(connection, fact) for fact in chunk]
        return results

    def _append_one(self, connection: Connection[Any], fact: StoredFact) -> Appended | Problem:
        try:
            return FlushedRecorder.append_touchpoints(connection, [fact])[0]
        except (psycopg.DataError, psycopg.IntegrityError) as refusal:
            return Problem("payload", f"the log refuses it: {refusal.diag.message_primary or 'bad value'}")

    def _keys_of_repeats(
        self, registry: Registry, results: Iterable[Appended | Problem]
    ) -> dict[UUID, bytes | None]:  # fmt: skip
        """Return the keys of those whose touchpoint was there before: with them its content was fingerprinted."""
        subjects = {
            result.stored_subject
            for result in results
            if isinstance(result, Appended) and not result.fresh and result.stored_subject
        }
        return registry.keys(list(subjects)) if subjects else {}

    def _link(self, connection: Connection[Any], told: Sequence[tuple[_Draft, Answer]]) -> None:
        """Record who turned out to be whom; again on a repeat, in case a crash came between."""
        stored: dict[UUID, StoredFact] = {}
        for draft, answer in told:
            for envelope in _links(draft, answer):
                if envelope.originator_id not in self._linked:
                    stored[envelope.originator_id] = self._mapper.to_stored_event(envelope)
        for chunk in chunks(list(stored.values())):
            FlushedRecorder.append_touchpoints(connection, chunk)
        self._linked.update(dict.fromkeys(stored))
        while len(self._linked) > MOST_REMEMBERED:
            self._linked.popitem(last=False)


def _once_each(drafts: Sequence[_Draft]) -> tuple[list[_Draft], list[int]]:
    """Return the first draft of each id, and for every draft the place of that one."""
    first: dict[UUID, int] = {}
    unique: list[_Draft] = []
    places = []
    for draft in drafts:
        place = first.setdefault(draft.stream_id, len(unique))
        if place == len(unique):
            unique.append(draft)
        places.append(place)
    return unique, places


def _news(kind: str, answer: Answer) -> bool:
    """A click id counts once, at first sight: its time is the time of the click."""
    return kind != "fbclid" or kind in answer.first_seen


def _links(draft: _Draft, answer: Answer) -> list[Envelope]:
    if not answer.joined and not answer.maybe_same:
        return []
    brokerage_id, now, subject = draft.observed.brokerage_id, datetime.now(UTC), answer.subject.subject_id

    def envelope(stream_id: UUID, fact: SubjectsLinked | MergeProposed) -> Envelope:
        return Envelope(
            stream_id, 1, fact, brokerage_id, fact.subject_id,
            cause_id=draft.stream_id, correlation_id=draft.observed.correlation_id,
        )  # fmt: skip

    links = [
        envelope(
            link_stream(visitor, subject),
            SubjectsLinked(subject_id=visitor, into_subject_id=subject, occurred_at=now),
        )
        for visitor in answer.joined
    ]
    return links + [
        envelope(
            proposal_stream(one, other),
            MergeProposed(subject_id=one, other_subject_id=other, because="shared_identifiers", occurred_at=now),
        )
        for one, other in answer.maybe_same
    ]


def _verdict(
    draft: _Draft, first: _Draft, result: Appended | Problem, keys: dict[UUID, bytes | None]
) -> Verdict:  # fmt: skip
    """Return the verdict of an item; `first` is the one of this batch that brought its id to the log."""
    if isinstance(result, Problem):
        return Verdict("rejected", errors=(result,))
    body = draft.observed.body
    if result.fresh:
        accepted = Verdict("accepted", draft.stream_id, result.position)
        return accepted if draft is first else _duplicate(draft, result.position, body == first.observed.body)
    key = keys.get(result.stored_subject) if result.stored_subject else None
    same = key is None or fingerprint(key, body) == bytes(result.stored_fingerprint or b"")
    return _duplicate(draft, result.position, same)


def _duplicate(draft: _Draft, position: int, same: bool) -> Verdict:
    if same:
        return Verdict("duplicate", draft.stream_id, position)
    known = Problem("id", "is known with other content; the first holds")
    return Verdict("conflict", draft.stream_id, position, (known,))
