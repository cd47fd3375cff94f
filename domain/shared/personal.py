"""What is personal and what is not: every field of every fact says so in its type."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import core_schema


class Privacy(Enum):
    """How a field is kept in the log."""

    OPEN = "open"
    PERSONAL = "personal"


class Sealed(NamedTuple):
    """A personal value as the log holds it: readable only with its subject's key.

    `token` is `<format>:<key id>:<base64 of nonce, ciphertext and tag>`; `stream_id`, `version` and `field`
    are the associated data it was sealed with, so a token moved elsewhere does not open.
    """

    token: str
    stream_id: UUID | str
    version: int
    field: str

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls)


@dataclass(frozen=True, slots=True)
class Erased:
    """A personal value whose key is gone: the fact stays, the value is not to be had by anyone."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls)


ERASED = Erased()

T = TypeVar("T")
Open = Annotated[T, Privacy.OPEN]
Personal = Annotated[T | Sealed | Erased, Privacy.PERSONAL]


def privacy_of(model: type[BaseModel], field: str) -> Privacy | None:
    """Return how `field` of `model` is declared; None when nobody decided (a test refuses that)."""
    for mark in model.model_fields[field].metadata:
        if isinstance(mark, Privacy):
            return mark
    return None


def personal_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of the fields that are sealed in the log, in declaration order."""
    return tuple(name for name in model.model_fields if privacy_of(model, name) is Privacy.PERSONAL)


def opened(value: T | Sealed | Erased) -> T | None:
    """Return the value where it is readable, None where it is sealed or erased."""
    return None if isinstance(value, Sealed | Erased) else value
