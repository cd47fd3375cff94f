"""Which alerts to raise and which to clear: what is wrong now, against what is known to be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from domain.operations.events import AlertCleared, AlertRaised, Subject

ALERTS = UUID("8d0f7c52-7a41-5a0e-9b7c-52f1d0c9a3e7")
"""Namespace of alerts and of the streams of their facts."""

LONGEST_WORDS = 300
DAILY: frozenset[Subject] = frozenset({"deadline_near"})
"""What is told again on the next day; everything else is told once until it is over."""

About = tuple[UUID, Subject, str, datetime | None]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong now. `since` tells one occurrence from the next."""

    brokerage_id: UUID
    subject: Subject
    dataset_id: str
    says: str
    since: datetime
    count: int | None = None

    @property
    def about(self) -> About:
        """What can be open once at a time."""
        return self.brokerage_id, self.subject, self.dataset_id, self.since if self.subject in DAILY else None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that was raised and not cleared yet."""

    id: UUID
    brokerage_id: UUID
    subject: Subject
    dataset_id: str
    since: datetime

    @property
    def about(self) -> About:
        """What it is about."""
        return self.brokerage_id, self.subject, self.dataset_id, self.since if self.subject in DAILY else None


@dataclass(frozen=True, slots=True)
class News:
    """One alert raised or cleared: the stream of its fact, whose it is, and the fact."""

    stream_id: UUID
    brokerage_id: UUID
    fact: AlertRaised | AlertCleared
    since: datetime


def alert_id_of(condition: Condition) -> UUID:
    """Return the id of an occurrence: the same however often, and wherever, it is noticed."""
    one = condition
    return uuid5(ALERTS, f"{one.brokerage_id}|{one.subject}|{one.dataset_id}|{one.since.isoformat()}")


def review(conditions: Sequence[Condition], known: Sequence[Alert], now: datetime) -> list[News]:
    """Return what is news: conditions without an open alert are raised, alerts without their condition cleared."""
    wrong = {one.about: one for one in conditions}
    still = {one.about for one in known}
    raised = [
        News(uuid5(ALERTS, f"{alert_id_of(one)}|raised"), one.brokerage_id, _raised(one, now), one.since)
        for one in wrong.values()
        if one.about not in still
    ]
    cleared = [
        News(uuid5(ALERTS, f"{one.id}|cleared"), one.brokerage_id, _cleared(one, now), now)
        for one in known
        if one.about not in wrong
    ]
    return [*cleared, *raised]


def _raised(one: Condition, now: datetime) -> AlertRaised:
    return AlertRaised(
        alert_id=alert_id_of(one),
        subject=one.subject,
        dataset_id=one.dataset_id,
        says=one.says[:LONGEST_WORDS],
        count=one.count,
        occurred_at=now,
    )


def _cleared(one: Alert, now: datetime) -> AlertCleared:
    return AlertCleared(alert_id=one.id, subject=one.subject, dataset_id=one.dataset_id, occurred_at=now)
