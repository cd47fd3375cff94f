"""The templates of WhatsApp business accounts: as last synced, with what the platform told since."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from domain.brokerage.rulebook import House
from domain.messaging.events import NoticeReceived, TemplateSynced
from domain.shared.changed import changed
from domain.shared.clock import millis, moment
from domain.shared.fact import Recorded
from domain.shared.outbox import OutboxMessage
from projections.projection import NO_EFFECTS, Column, Effects, Projection

GATHERED_S = 60
"""What the platform tells within a minute is followed by one read."""
SYNCS = UUID("2f0b3f0e-5b7c-5a64-8d1b-96c7a1f0c3d8")
"""Namespace of these reads."""

# fmt: off
COLUMNS = (
    Column("account_id", "text"), Column("name", "text"),    Column("language", "text"), Column("status", "text"),
    Column("category", "text"),   Column("quality", "text"), Column("reason", "text"),   Column("gone", "bool"),
    Column("synced_at", "timestamptz"),
)
# fmt: on


@dataclass(frozen=True)
class Template:
    """A template as the platform has it; `components` as JSON objects. `at_ms` is the platform's last word."""

    account_id: str | None = None
    name: str = ""
    language: str = ""
    status: str | None = None
    category: str | None = None
    quality: str | None = None
    reason: str | None = None
    components: tuple[Any, ...] = ()
    gone: bool = False
    at_ms: int = 0


def key_of(account_id: str, name: str, language: str) -> str:
    """Return the key of a template: the business account that owns it, its name and its language."""
    return f"{account_id}/{name}/{language}"


def _key(recorded: Recorded) -> Iterable[str]:
    fact = recorded.fact
    if isinstance(fact, TemplateSynced):
        return (key_of(fact.account_id, fact.name, fact.language),)
    if isinstance(fact, NoticeReceived) and fact.template and fact.language:
        return (key_of(fact.account_id, fact.template, fact.language),)
    return ()


def _evolve(template: Template, recorded: Recorded, _house: House, _key: str) -> Template:
    fact = recorded.fact
    if not isinstance(fact, TemplateSynced | NoticeReceived):
        return template
    at_ms = millis(fact.occurred_at)
    if at_ms < template.at_ms:
        return template  # an old word, told late
    if isinstance(fact, TemplateSynced):
        return Template(
            fact.account_id, fact.name, fact.language, fact.status, fact.category, fact.quality, fact.reason,
            fact.components, fact.gone, at_ms,
        )  # fmt: skip
    told = {
        "status": fact.status.upper() if fact.status else None,
        "category": fact.category.upper() if fact.category else None,
        "quality": fact.quality,
        "reason": fact.reason,
    }
    news = {name: value for name, value in told.items() if value is not None}
    own = {"account_id": fact.account_id, "name": fact.template, "language": fact.language}
    return changed(template, **own, at_ms=at_ms, **news)


def _react(template: Template, recorded: Recorded, house: House, key: str) -> tuple[Template, Effects]:
    """Have the account's templates read again after the platform's word about one, which does not say all of it."""
    fact, after = recorded.fact, _evolve(template, recorded, house, key)
    if not isinstance(fact, NoticeReceived) or not fact.account_id:
        return after, NO_EFFECTS
    return after, ((), [_sync(recorded, fact.account_id)])


def _sync(recorded: Recorded, business_id: str) -> OutboxMessage:
    """Return the one read at the end of a minute in which the platform told of templates, however often it did."""
    minute = int(recorded.recorded_at.timestamp()) // GATHERED_S + 1
    return OutboxMessage(
        id=uuid5(SYNCS, f"{recorded.brokerage_id}|{business_id}|{minute}"),
        brokerage_id=recorded.brokerage_id,
        kind="sync_templates",
        due_at=moment(minute * GATHERED_S * 1_000),
        payload={"business_id": business_id, "unasked": True},
        cause_id=recorded.stream_id,
        position=recorded.position,
        correlation_id=recorded.correlation_id,
    )


def _row(template: Template, _house: House) -> tuple[Any, ...]:
    return (
        template.account_id, template.name, template.language, template.status, template.category, template.quality,
        template.reason, template.gone, moment(template.at_ms) if template.at_ms else None,
    )  # fmt: skip


TEMPLATES: Projection[Template] = Projection(
    name="templates",
    version=1,
    handles=(TemplateSynced, NoticeReceived),
    key=_key,
    initial=Template(),
    columns=COLUMNS,
    row=_row,
    react=_react,
)
