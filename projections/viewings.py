"""Every viewing that was booked, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.brokerage.rulebook import House
from domain.shared.changed import changed
from domain.shared.clock import moment
from domain.shared.fact import Recorded
from domain.viewings import viewing
from domain.viewings.events import (
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingConfirmed,
    ViewingFollowedUp,
    ViewingMissed,
    ViewingStep,
)
from domain.viewings.viewing import Status, Viewing
from projections.projection import Column, Projection

# fmt: off
COLUMNS = (
    Column("property_id", "text"),         Column("broker_id", "text"),          Column("subject_id", "uuid"),
    Column("viewing_type", "text"),        Column("status", "text"),             Column("party_size", "int4"),
    Column("starts_at", "timestamptz"),    Column("ends_at", "timestamptz"),     Column("booked_at", "timestamptz"),
    Column("asked_for_broker", "bool"),    Column("assigned", "text"),           Column("confirmation_code", "text"),
    Column("confirmed_at", "timestamptz"), Column("completed_at", "timestamptz"), Column("missed_at", "timestamptz"),
    Column("cancelled_at", "timestamptz"), Column("followed_up_at", "timestamptz"), Column("outcome", "text"),
    Column("test", "bool"),
)
# fmt: on


@dataclass(frozen=True)
class Listed:
    """A viewing, and whose it was when it was booked."""

    viewing: Viewing = field(default_factory=Viewing)
    subject_id: str | None = None


def _key(recorded: Recorded) -> Iterable[str]:
    fact = recorded.fact
    return (str(fact.viewing_id),) if isinstance(fact, ViewingStep) else ()


def _evolve(listed: Listed, recorded: Recorded, house: House, _key: str) -> Listed:
    after = viewing.evolve_one(listed.viewing, recorded, house)
    if isinstance(recorded.fact, ViewingBooked) and after is not listed.viewing and recorded.subject_id:
        return changed(listed, viewing=after, subject_id=str(recorded.subject_id))
    return changed(listed, viewing=after)


def _row(listed: Listed, house: House) -> tuple[Any, ...]:
    one, booked, followed = listed.viewing, listed.viewing.booked, listed.viewing.followed
    return (
        one.property_id, one.broker_id, listed.subject_id,
        one.viewing_type, one.status, one.party_size,
        moment(one.starts_ms) if booked else None, moment(one.ends_ms) if booked else None,
        moment(booked.at_ms) if booked else None,
        one.asked_for_broker, one.assigned, one.confirmation_code,
        _at(one, "confirmed"), _at(one, "completed"), _at(one, "no_show"),
        _at(one, "cancelled"), moment(followed.at_ms) if followed else None, followed.outcome if followed else None,
        one.test,
    )  # fmt: skip


def _at(one: Viewing, status: Status) -> datetime | None:
    step = one.steps.get(status)
    return moment(step.at_ms) if step else None


VIEWINGS: Projection[Listed] = Projection(
    name="viewings",
    version=1,
    handles=(
        ViewingBooked,
        ViewingConfirmed,
        ViewingCompleted,
        ViewingMissed,
        ViewingCancelled,
        ViewingFollowedUp,
    ),
    key=_key,
    initial=Listed(),
    columns=COLUMNS,
    row=_row,
    evolve=_evolve,
)
