"""The identity registry: whose touchpoint this is, and the key that seals it."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from adapters.postgres.arrays import Blobs, Flags, Ids, Texts
from adapters.sealing import MasterKey
from domain.people.hints import STRONG

FIND = """
SELECT i.brokerage_id, i.hash, i.subject_id, s.known, s.known_as, s.wrapped_key
  FROM unnest(%b::uuid[], %b::bytea[]) AS wanted (brokerage_id, hash)
  JOIN registry.identities i USING (brokerage_id, hash)
  JOIN registry.subjects s ON s.subject_id = i.subject_id
"""
REGISTER = """
SELECT registry.register(%b::uuid[], %b::uuid[], %b::bytea[], %b::bool[], %b::uuid[],
                         %b::uuid[], %b::bytea[], %b::text[], %b::uuid[])
"""
LOCK = """
SELECT subject_id, known, known_as FROM registry.subjects WHERE subject_id = ANY(%b::uuid[])
 ORDER BY subject_id FOR NO KEY UPDATE
"""
MARK_KNOWN = """
UPDATE registry.subjects s SET known = m.known, known_as = m.known_as
  FROM unnest(%b::uuid[], %b::bool[], %b::uuid[]) AS m (subject_id, known, known_as)
 WHERE s.subject_id = m.subject_id
"""
KEYS = "SELECT subject_id, wrapped_key FROM registry.subjects WHERE subject_id = ANY(%b::uuid[])"

MOST_TRIES = 8


class LostRace(Exception):
    """Another process registered an identity, or told who a visitor is, before us: look again."""


class Hint(NamedTuple):
    """One identifier of a touchpoint: its kind, and its keyed hash within the brokerage."""

    kind: str
    hash: bytes


class Question(NamedTuple):
    """Whose is a touchpoint with these hints? Without any it is that of the subject `fallback`.

    Only one that may link tells who a visitor is: what anybody could have sent joins nobody to a person.
    """

    brokerage_id: UUID
    hints: tuple[Hint, ...]
    fallback: UUID | None = None
    may_link: bool = True


@dataclass(slots=True)
class Subject:
    """A subject as the registry knows it; `known` has a human's identifier, `known_as` was linked to one.

    `stored` is what the registry holds of these two, None for a new subject.
    """

    subject_id: UUID
    brokerage_id: UUID
    key: bytes | None
    known: bool = False
    known_as: UUID | None = None
    stored: tuple[bool, UUID | None] | None = None

    @property
    def told(self) -> bool:
        """Whether something was learned about it that the registry does not hold."""
        return (self.known, self.known_as) != self.stored


class Answer(NamedTuple):
    """The subject of a touchpoint, what else it told: visitors who joined, people who may be one, hints first seen."""

    subject: Subject
    joined: tuple[UUID, ...] = ()
    maybe_same: tuple[tuple[UUID, UUID], ...] = ()
    first_seen: frozenset[str] = frozenset()


Identity = tuple[UUID, bytes]


@dataclass(slots=True)
class _Draft:
    """What one batch of questions knows and adds; written in one transaction."""

    found: dict[Identity, Subject]
    subjects: dict[UUID, Subject] = field(default_factory=dict)
    identities: dict[Identity, tuple[str, UUID]] = field(default_factory=dict)
    changed: dict[UUID, Subject] = field(default_factory=dict)


class Registry:
    """Answers whose touchpoints are, on one connection as `masar_registry`; commits before the facts are appended."""

    def __init__(self, connection: Connection[Any], master: MasterKey) -> None:
        self._connection = connection
        self._master = master

    def resolve(self, questions: Sequence[Question]) -> list[Answer]:
        """Return an answer per question, registering what is new. Later questions see earlier answers."""
        for _ in range(MOST_TRIES):
            try:
                return self._resolve(questions)
            except LostRace:
                continue
        raise LostRace("identities kept changing under us")

    def _resolve(self, questions: Sequence[Question]) -> list[Answer]:
        draft = _Draft(self._find(questions))
        answers = [_answer(question, draft) for question in questions]
        told = [one for one in draft.changed.values() if one.subject_id not in draft.subjects and one.told]
        if told:
            with self._connection.transaction():
                self._register(draft)
                self._mark(told)
        elif draft.subjects or draft.identities:
            self._register(draft)
        return answers

    def _find(self, questions: Sequence[Question]) -> dict[Identity, Subject]:
        wanted = {(question.brokerage_id, hint.hash) for question in questions for hint in question.hints}
        if not wanted:
            return {}
        brokerages, hashes = zip(*wanted, strict=True)
        rows = self._connection.execute(FIND, (Ids(brokerages), Blobs(hashes)), binary=True).fetchall()
        subjects: dict[UUID, Subject] = {}
        found: dict[Identity, Subject] = {}
        for brokerage_id, digest, subject_id, known, known_as, wrapped in rows:
            if subject_id not in subjects:
                key = self._master.unwrap(wrapped, subject_id) if wrapped else None
                subjects[subject_id] = Subject(subject_id, brokerage_id, key, known, known_as, (known, known_as))
            found[brokerage_id, bytes(digest)] = subjects[subject_id]
        return found

    def _register(self, draft: _Draft) -> None:
        new = sorted(draft.subjects.values(), key=lambda one: one.subject_id.bytes)
        identities = sorted(draft.identities.items())
        try:
            row = self._connection.execute(REGISTER, (
                Ids(one.subject_id for one in new), Ids(one.brokerage_id for one in new),
                Blobs(self._master.wrap(one.key or b"", one.subject_id) for one in new),
                Flags(one.known for one in new), Ids(one.known_as for one in new),
                Ids(brokerage for (brokerage, _), _ in identities), Blobs(digest for (_, digest), _ in identities),
                Texts(hint for _, (hint, _) in identities), Ids(subject for _, (_, subject) in identities),
            )).fetchone()  # fmt: skip
        except psycopg.errors.SerializationFailure as lost:
            raise LostRace from lost
        if row and row[0]:
            self._take_stored_keys([draft.subjects[subject_id] for subject_id in row[0]])

    def _mark(self, subjects: Sequence[Subject]) -> None:
        """Write who is known, unless somebody else told meanwhile: a visitor becomes one person only."""
        rows = self._connection.execute(LOCK, (Ids(one.subject_id for one in subjects),), binary=True).fetchall()
        now = {subject_id: (known, known_as) for subject_id, known, known_as in rows}
        if any(now.get(one.subject_id) != one.stored for one in subjects):
            raise LostRace
        self._connection.execute(MARK_KNOWN, (
            Ids(one.subject_id for one in subjects), Flags(one.known for one in subjects),
            Ids(one.known_as for one in subjects),
        ))  # fmt: skip

    def _take_stored_keys(self, subjects: Iterable[Subject]) -> None:
        """A touchpoint without hints came again: its subject is there already, with its own key."""
        stored = self.keys([one.subject_id for one in subjects])
        for one in subjects:
            one.key = stored.get(one.subject_id, one.key)

    def keys(self, subject_ids: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """Return the data keys of subjects; None for a destroyed one, absent for an unknown one."""
        rows = self._connection.execute(KEYS, (Ids(subject_ids),), binary=True).fetchall()
        return {subject: self._master.unwrap(wrapped, subject) if wrapped else None for subject, wrapped in rows}


def _answer(question: Question, draft: _Draft) -> Answer:
    """Decide whose a touchpoint is. A human's identifiers come before a browser's, which never join two humans."""
    known = {hint.kind: subject for hint in question.hints if (subject := _lookup(question, hint, draft))}
    strong = [known[kind] for kind in STRONG if kind in known]
    weak = [known[hint.kind] for hint in question.hints if hint.kind in known and hint.kind not in STRONG]
    tells_human = any(hint.kind in STRONG for hint in question.hints)
    subject = _choose(question, strong, weak, tells_human, draft)
    first_seen = _register(question, subject, draft)
    if tells_human and not subject.known:
        subject.known = True
        draft.changed[subject.subject_id] = subject
    links = question.may_link and subject.known
    joined = tuple(_join(visitor, subject, draft) for visitor in _visitors(weak, subject)) if links else ()
    others = {one.subject_id for one in strong} - {subject.subject_id}
    return Answer(subject, joined, tuple((subject.subject_id, other) for other in sorted(others)), first_seen)


def _lookup(question: Question, hint: Hint, draft: _Draft) -> Subject | None:
    identity = (question.brokerage_id, hint.hash)
    if identity in draft.identities:
        return draft.subjects.get(draft.identities[identity][1]) or draft.changed.get(draft.identities[identity][1])
    return draft.found.get(identity)


def _choose(
    question: Question, strong: list[Subject], weak: list[Subject], tells_human: bool, draft: _Draft
) -> Subject:
    if strong:
        return strong[0]
    for visitor in weak:
        taken = visitor.known or visitor.known_as is not None
        if not tells_human or not taken:
            return visitor  # a visitor again; or one who tells for the first time who they are
    subject_id = uuid4() if question.hints or question.fallback is None else question.fallback
    subject = Subject(subject_id, question.brokerage_id, os.urandom(32))
    return draft.subjects.setdefault(subject_id, subject)


def _register(question: Question, subject: Subject, draft: _Draft) -> frozenset[str]:
    first_seen = set()
    for hint in question.hints:
        identity = (question.brokerage_id, hint.hash)
        if identity not in draft.found and identity not in draft.identities:
            draft.identities[identity] = (hint.kind, subject.subject_id)
            draft.changed.setdefault(subject.subject_id, subject)
            first_seen.add(hint.kind)
    return frozenset(first_seen)


def _visitors(weak: list[Subject], subject: Subject) -> list[Subject]:
    """The visitors of this touchpoint that nobody else was known to be; those joined before come again."""
    free = (None, subject.subject_id)
    seen = {one.subject_id: one for one in weak if one is not subject and not one.known and one.known_as in free}
    return list(seen.values())


def _join(visitor: Subject, subject: Subject, draft: _Draft) -> UUID:
    if visitor.known_as == subject.subject_id:
        return visitor.subject_id
    visitor.known_as = subject.subject_id
    draft.changed[visitor.subject_id] = visitor
    return visitor.subject_id
