"""A person as read now, or as of a moment in the past: the pages show both in the same shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from pydantic import AwareDatetime

from adapters.postgres.connections import as_brokerage
from adapters.postgres.looking_back import fold_as_of, position_at
from adapters.postgres.queries import events as events_of
from adapters.postgres.queries import people as queries
from api import person_page
from api.errors import Refusal
from api.wiring import Services
from application.ports.touchpoints import Problem
from domain.brokerage.rulebook import House
from domain.people.person import Person
from domain.shared.clock import millis
from projections.people import PEOPLE

AsOf = Annotated[
    AwareDatetime | None,
    Query(description="Show what the log held at this time (of recording), by the rules that held then."),
]
"""A moment to look back at, with its offset from UTC."""

SETTLED = "SELECT key FROM read_models.deliveries WHERE key = ANY(%s) AND settled_at <= %s"


@dataclass(frozen=True, slots=True)
class Seen:
    """A person at a moment. `row` is what lists show, None where the read model has none; `at_ms` is in unix ms.

    `until` is the last position that counts, and `as_of` says the moment; both None for now.
    """

    subjects: Sequence[UUID]
    row: Mapping[str, Any] | None
    person: Person
    house: House
    at_ms: int
    conversions: Sequence[Mapping[str, Any]]
    until: int | None = None
    as_of: Mapping[str, Any] | None = None

    @property
    def moment(self) -> dict[str, Any]:
        """Return what a page says of the moment it shows: nothing of now."""
        return {"as_of": self.as_of} if self.as_of else {}


async def see(own: Services, brokerage_id: UUID, subject_id: UUID, as_of: datetime | None) -> Seen:
    """Return the person of a subject, now or as of a time. Raises Refusal 422 for a time that has not come."""
    if as_of is None:
        return await _now(own, brokerage_id, subject_id)
    if as_of > datetime.now(UTC):
        raise Refusal(422, "Invalid request", errors=[Problem("as_of", "must not be in the future")])
    return await _then(own, brokerage_id, subject_id, as_of)


async def _now(own: Services, brokerage_id: UUID, subject_id: UUID) -> Seen:
    async with as_brokerage(own.pool, brokerage_id, snapshot=True) as connection:
        subjects = await queries.subjects_of(connection, subject_id)
        row = await queries.one_person(connection, subjects[0])
        conversions = await queries.conversions_of(connection, subjects)
    person = person_page.read_person(row.pop("state")) if row else Person()
    house = await own.houses.house(brokerage_id)
    return Seen(subjects, row, person, house, millis(datetime.now(UTC)), conversions)


async def _then(own: Services, brokerage_id: UUID, subject_id: UUID, time: datetime) -> Seen:
    """Fold the person as of a time; one of whom the log has something, but not yet then, is there with nothing."""
    async with as_brokerage(own.pool, brokerage_id, snapshot=True) as connection:
        position = await position_at(connection, time)
        then = await fold_as_of(connection, PEOPLE, brokerage_id, subject_id, position)
        known = then.facts or await events_of.list_events(
            connection, brokerage_id, after=0, limit=1, subjects=[subject_id]
        )
        caused = {fact.stream_id for fact in then.facts}
        conversions = await _decided_by_then(connection, then.subjects, caused, time)
    row = {"id": str(then.person_id), **then.row}
    if not then.facts:
        row |= {"first_at": None, "last_at": None}
    as_of = {"time": time, "position": position}
    return Seen(
        then.subjects, row if known else None, then.state, then.house, millis(time), conversions, position, as_of
    )


async def _decided_by_then(
    connection: AsyncConnection[DictRow], subjects: Sequence[UUID], caused: set[UUID], time: datetime
) -> list[dict[str, Any]]:
    """Return the conversions that these facts caused; an outcome is told where it was there by then."""
    rows = [one for one in await queries.conversions_of(connection, list(subjects)) if one["cause_id"] in caused]
    ids = [str(one["id"]) for one in rows]
    settled = {one["key"] for one in await (await connection.execute(SETTLED, (ids, time))).fetchall()}
    return [
        {**one, "outcome": one["outcome"] if str(one["id"]) in settled else None, "outbox": None} for one in rows
    ]  # fmt: skip
