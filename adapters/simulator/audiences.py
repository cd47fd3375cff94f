"""Custom audiences as far as lists of people go: create one, add, remove or replace its people in numbered batches."""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from adapters.simulator.datasets import NO_SUCH_OBJECT
from adapters.simulator.refusals import Refusal
from adapters.simulator.vocabulary import SHA256_OF_NOTHING

MAX_ROWS = 10_000
_KEYS = "EXTERN_ID EMAIL PHONE GEN DOBY DOBM DOBD LN FN FI CT ST ZIP MADID COUNTRY LOOKALIKE_VALUE"
KEYS = frozenset(_KEYS.split())
UNHASHED = frozenset({"EXTERN_ID", "MADID", "LOOKALIKE_VALUE"})
SAMPLES = 5

# Meta's texts and codes of these are not all known: the code is what a client may build on.
TERMS_NOT_ACCEPTED = Refusal(200, 1870090, "Terms of service", "(#200) Custom Audience terms were not accepted", 403)
_HASH = re.compile(r"[0-9a-f]{64}")

Verb = Literal["add", "remove", "replace"]


def _bad(message: str) -> Refusal:
    return Refusal(100, None, "Invalid parameter", f"(#100) {message}")


def _out_of_order(message: str) -> Refusal:
    return Refusal(2650, None, "Invalid session", f"(#2650) {message}")


@dataclass(slots=True)
class _Session:
    verb: Verb
    next_batch: int = 1
    closed: bool = False
    received: int = 0
    rows: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Audience:
    """One list of people, each a row of keys as it was sent, and the sessions that changed it."""

    id: str
    account: str
    name: str
    rows: set[str] = field(default_factory=set)
    sessions: dict[str, _Session] = field(default_factory=dict)


class Audiences:
    """The custom audiences of all ad accounts."""

    def __init__(self) -> None:
        self.terms_accepted = True
        self._known: dict[str, Audience] = {}
        self._ids = itertools.count(880_000_001)

    def forget(self) -> None:
        """Drop every audience; the terms are accepted again."""
        self._known.clear()
        self.terms_accepted = True

    def sizes(self) -> list[dict[str, Any]]:
        """Return every audience with the number of its people."""
        return [
            {"id": one.id, "account": one.account, "name": one.name, "people": len(one.rows)}
            for one in self._known.values()
        ]

    def create(self, account: str, parameters: dict[str, Any]) -> dict[str, Any] | Refusal:
        """Answer `POST /act_{id}/customaudiences`."""
        if not self.terms_accepted:
            return TERMS_NOT_ACCEPTED
        if not isinstance(parameters.get("name"), str) or not parameters["name"]:
            return _bad("name is required")
        if parameters.get("subtype") != "CUSTOM":
            return _bad("subtype must be CUSTOM")
        if parameters.get("customer_file_source") not in _SOURCES:
            return _bad("customer_file_source is required")
        audience = Audience(str(next(self._ids)), account, parameters["name"])
        self._known[audience.id] = audience
        return {"id": audience.id}

    def change(self, audience_id: str, verb: Verb, parameters: dict[str, Any]) -> dict[str, Any] | Refusal:
        """Answer `POST` or `DELETE /{audience}/users`, or `POST /{audience}/usersreplace`: one batch of a session."""
        audience = self._known.get(audience_id)
        if audience is None:
            return NO_SUCH_OBJECT
        if not self.terms_accepted:
            return TERMS_NOT_ACCEPTED
        payload, said = _object(parameters.get("payload")), _object(parameters.get("session"))
        rows = _rows(payload)
        if isinstance(rows, Refusal):
            return rows
        session = _session_of(audience, verb, said)
        if isinstance(session, Refusal):
            return session
        schema = _schema(payload)
        good = {orjson.dumps(row).decode() for row in rows if _is_usable(row, schema)}
        invalid = [row for row in rows if not _is_usable(row, schema)]
        _enter(audience, session, good, len(rows), closed=said.get("last_batch_flag") is True if said else True)
        return {
            "audience_id": audience_id,
            "session_id": str(said.get("session_id", "0")),
            "num_received": session.received,
            "num_invalid_entries": len(invalid),
            "invalid_entry_samples": {str(place): row for place, row in enumerate(invalid[:SAMPLES])},
        }


_SOURCES = frozenset({"USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED"})


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):  # forms carry JSON as text
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def _schema(payload: dict[str, Any]) -> list[str]:
    schema = payload.get("schema")
    return [schema] if isinstance(schema, str) else schema if isinstance(schema, list) else []


def _rows(payload: dict[str, Any]) -> list[list[Any]] | Refusal:
    """Return the rows of a batch, one list per person, or why they cannot be read."""
    schema, data = _schema(payload), payload.get("data")
    if not schema or not all(isinstance(key, str) and key in KEYS for key in schema):
        return _bad("payload.schema must name keys of custom audiences")
    if not isinstance(data, list) or not data:
        return _bad("payload.data must be a non-empty list of rows")
    if len(data) > MAX_ROWS:
        return _bad(f"payload.data holds more than {MAX_ROWS} rows")
    return [row if isinstance(row, list) else [row] for row in data]


def _session_of(audience: Audience, verb: Verb, said: dict[str, Any]) -> _Session | Refusal:
    """Return the session of a batch: batches are numbered from 1 without a gap, and none follows the last."""
    if not said:
        return _Session(verb)
    session_id, number = said.get("session_id"), said.get("batch_seq")
    if type(session_id) is not int or type(number) is not int:
        return _bad("session needs session_id and batch_seq as whole numbers")
    session = audience.sessions.get(str(session_id)) or _Session(verb)
    if session.closed:
        return _out_of_order("the session has had its last batch")
    if session.verb != verb:
        return _out_of_order("the session was begun with another call")
    if number != session.next_batch:
        return _out_of_order(f"batch_seq must be {session.next_batch}")
    audience.sessions[str(session_id)] = session
    return session


def _is_usable(row: list[Any], schema: list[str]) -> bool:
    """Say whether a row has a value per key, hashed where it must be, and any at all; "" stands for not known."""
    if len(row) != len(schema) or not any(row):
        return False
    return all(value == "" or _is_good(key, value) for key, value in zip(schema, row, strict=True))


def _is_good(key: str, value: Any) -> bool:
    if key in UNHASHED:
        return type(value) in (str, int, float)
    return isinstance(value, str) and _HASH.fullmatch(value) is not None and value != SHA256_OF_NOTHING


def _enter(audience: Audience, session: _Session, good: set[str], received: int, *, closed: bool) -> None:
    session.next_batch += 1
    session.received += received
    session.closed = closed
    match session.verb:
        case "add":
            audience.rows |= good
        case "remove":
            audience.rows -= good
        case "replace":
            session.rows |= good
            if closed:
                audience.rows = session.rows
