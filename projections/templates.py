"""The templates of WhatsApp business accounts: as last synced, with what the platform told since."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.brokerage.rulebook import House
from domain.messaging.events import NoticeReceived, TemplateSynced
from domain.shared.changed import changed
from domain.shared.clock import millis, moment
from domain.shared.fact import Recorded
from projections.projection import Column, Projection

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
    evolve=_evolve,
)
