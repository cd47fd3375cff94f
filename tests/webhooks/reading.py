"""How the tests read a webhook: body to named facts, with a clock that stands still."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

import orjson

from adapters.meta.webhooks.body import read_body
from adapters.meta.webhooks.facts import fact_of
from adapters.meta.webhooks.pieces import Named, Problem
from adapters.meta.webhooks.split import split
from adapters.simulator.webhooks import Line
from domain.messaging.content import Content
from domain.messaging.events import PlatformTouchpoint
from domain.people.hints import PersonHints

AT = 1_795_197_600.0
"""Unix seconds of the time below."""
NOW = datetime(2026, 11, 20, 18, 0, 30, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
NAMES = UUID(int=7)

LINE = Line("106540000000042", "102290000000010", "20227000000")
PAGE = Line("3000111")
GRAM = Line("17841400000000099")

F = TypeVar("F", bound=PlatformTouchpoint)


def ref(name: str) -> UUID:
    """Return a ref by a name, as the log would with a key."""
    return uuid5(NAMES, name)


def read(body: dict[str, Any], now: datetime = NOW) -> list[Named | Problem]:
    """Return what every item of a body becomes, through bytes as in life."""
    pieces = split(read_body(orjson.dumps(body)))
    return [one if isinstance(one, Problem) else fact_of(one, ref, now) for one in pieces]


def only(body: dict[str, Any], kind: type[F], now: datetime = NOW) -> F:
    """Return the only fact of a body, of the kind expected."""
    return named(body, kind, now)[1]


def named(body: dict[str, Any], kind: type[F], now: datetime = NOW) -> tuple[str, F]:
    """Return the only fact of a body with its name."""
    (found,) = read(body, now)
    assert isinstance(found, Named), found
    assert isinstance(found.fact, kind), found.fact
    return found.name, found.fact


def hints(fact: PlatformTouchpoint) -> dict[str, Any]:
    """Return the hints that a fact has."""
    assert fact.hints is None or isinstance(fact.hints, PersonHints)
    return fact.hints.model_dump(exclude_none=True) if fact.hints else {}


def content(fact: Any) -> dict[str, Any]:
    """Return what a fact holds beside its words."""
    assert fact.content is None or isinstance(fact.content, Content)
    return fact.content.shown() if fact.content else {}
