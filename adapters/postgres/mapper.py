"""Between facts and their stored form: sealed on the way in, opened or left sealed on the way out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from pydantic import BaseModel, TypeAdapter

from adapters.sealing import seal, unseal
from domain.brokerage.events import PolicyActivated, PolicyDrafted
from domain.catalogue import BY_KIND, UPCASTERS, kind_of, upcast
from domain.scoring.policy import Policy
from domain.shared.fact import Fact
from domain.shared.personal import ERASED, Erased, Sealed, personal_fields

KeyOf = Callable[[str], bytes | None]
"""Returns the data key of a sealed token, None once it is destroyed."""

MARK = "sealed"


class UnknownKind(ValueError):
    """The log holds a kind that this release does not know: an older process reading a newer log."""


class Envelope(NamedTuple):
    """A fact about to be appended, with everything the log keeps beside it.

    `key` seals its personal fields; a fact without any needs none. `hint_kinds` are stored in place of a touchpoint's
    own.
    """

    originator_id: UUID
    originator_version: int
    fact: Fact
    brokerage_id: UUID
    subject_id: UUID | None = None
    cause_id: UUID | None = None
    correlation_id: UUID | None = None
    fingerprint: bytes | None = None
    key: bytes | None = None
    hint_kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, init=False)
class StoredFact(StoredEvent):
    """The library's stored event with the columns that ours has beside it.

    Filled in one go: a frozen class's own way sets each column by itself, and costs a fact as much as its seal.
    """

    originator_id: UUID
    brokerage_id: UUID
    subject_id: UUID | None
    occurred_at: Any
    cause_id: UUID | None = None
    correlation_id: UUID | None = None
    fingerprint: bytes | None = None

    def __init__(
        self, originator_id: UUID, originator_version: int, topic: str, state: bytes, brokerage_id: UUID,
        subject_id: UUID | None, occurred_at: Any, cause_id: UUID | None = None, correlation_id: UUID | None = None,
        fingerprint: bytes | None = None,
    ) -> None:  # fmt: skip
        vars(self).update(
            originator_id=originator_id, originator_version=originator_version, topic=topic, state=state,
            brokerage_id=brokerage_id, subject_id=subject_id, occurred_at=occurred_at, cause_id=cause_id,
            correlation_id=correlation_id, fingerprint=fingerprint,
        )  # fmt: skip


@cache
def _personal(model: type[Fact]) -> tuple[str, ...]:
    return personal_fields(model)


@cache
def _left_out(model: type[Fact]) -> set[str]:
    return {"kind", *_personal(model)}


@cache
def _validator(kind: str) -> Callable[[dict[str, Any]], Fact]:
    model = BY_KIND.get(kind)
    if model is None:
        raise UnknownKind(f"unknown kind {kind!r}")
    return TypeAdapter(model).validator.validate_python


def context(stream_id: UUID | str, version: int, field: str) -> str:
    """Return the place of a sealed value, its associated data."""
    return f"{stream_id}|{version}|{field}"


def encode(envelope: Envelope) -> bytes:
    """Return the stored state: JSON, personal fields sealed with the subject's key."""
    fact, model = envelope.fact, type(envelope.fact)
    state = fact.model_dump(mode="json", exclude=_left_out(model), exclude_none=True)
    if envelope.hint_kinds is not None:
        state["hint_kinds"] = envelope.hint_kinds
    stream_id, fields = str(envelope.originator_id), vars(fact)
    for field in _personal(model):
        value = fields[field]
        if value is not None and not isinstance(value, Erased):
            state[field] = {MARK: _token(envelope, stream_id, field, value)}
    return orjson.dumps(state)


def _token(envelope: Envelope, stream_id: str, field: str, value: Any) -> str:
    if isinstance(value, Sealed):
        return value.token
    if envelope.key is None or envelope.subject_id is None:
        raise ValueError(f"{envelope.fact.kind}: {field} is personal and has no subject's key to seal it")
    is_model = isinstance(value, BaseModel)
    plain = value.model_dump_json(exclude_none=True).encode() if is_model else orjson.dumps(value)
    place = context(stream_id, envelope.originator_version, field)
    return seal(envelope.key, envelope.subject_id, plain, place)


def is_sealed(value: Any) -> bool:
    """Tell whether a field of a stored state is a sealed value."""
    return isinstance(value, dict) and value.keys() == {MARK}


def decode(kind: str, state: bytes, stream_id: UUID, version: int, key_of: KeyOf | None = None) -> Fact:
    """Return the fact of a stored state, lifted to the newest version of its kind.

    Without `key_of` personal fields come back Sealed; with it opened, or Erased where the key is gone.
    Raises UnknownKind, or pydantic's ValidationError for a state that its kind does not allow.
    """
    fields = orjson.loads(state)
    if not isinstance(fields, dict):
        raise ValueError("a stored state is a JSON object")
    for name, value in fields.items():
        if type(value) is dict and is_sealed(value):
            sealed = Sealed(value[MARK], stream_id, version, name)
            fields[name] = sealed if key_of is None else open_sealed(sealed, key_of)
    if kind in UPCASTERS:
        kind, fields = upcast(kind, fields)
    if kind in WITH_A_POLICY and "policy" in fields:
        fields["policy"] = _policy(fields["policy"])
    return _validator(kind)(fields)


WITH_A_POLICY = frozenset({kind_of(PolicyActivated), kind_of(PolicyDrafted)})


def _policy(document: Any) -> Any:
    """Return a stored policy, read once where many brokerages have the same: it is large, and each runner reads all.

    What is no document is left to the fact's own validation.
    """
    if not isinstance(document, dict):
        return document
    since = document.pop("effective_from_s", 0)
    if type(since) is not int or since < 0:
        raise ValueError(f"effective_from_s of a policy is {since!r}")
    return _read_policy(orjson.dumps(document)).model_copy(update={"effective_from_s": since})


@lru_cache(maxsize=512)
def _read_policy(document: bytes) -> Policy:
    return Policy.model_validate_json(document)


def open_sealed(sealed: Sealed, key_of: KeyOf) -> Any:
    """Return the plain value of a sealed one, ERASED where the key is gone or the token does not open."""
    key = key_of(sealed.token)
    plain = unseal(key, sealed.token, context(sealed.stream_id, sealed.version, sealed.field)) if key else None
    return ERASED if plain is None else orjson.loads(plain)


class SealingMapper(Mapper[UUID]):
    """The library's mapper for our facts. Reading leaves personal fields sealed: the key service opens them."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredFact:
        """Return the stored form of an Envelope."""
        if not isinstance(domain_event, Envelope):
            raise TypeError(f"the log takes envelopes, not {type(domain_event).__name__}")
        return StoredFact(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=domain_event.fact.kind,
            state=encode(domain_event),
            brokerage_id=domain_event.brokerage_id,
            subject_id=domain_event.subject_id,
            occurred_at=domain_event.fact.occurred_at,
            cause_id=domain_event.cause_id,
            correlation_id=domain_event.correlation_id,
            fingerprint=domain_event.fingerprint,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the envelope of a stored event, its personal fields sealed."""
        stream_id, version = UUID(str(stored_event.originator_id)), stored_event.originator_version
        fact = decode(stored_event.topic, stored_event.state, stream_id, version)
        brokerage_id = stored_event.brokerage_id if isinstance(stored_event, StoredFact) else UUID(int=0)
        return Envelope(stream_id, version, fact, brokerage_id)
