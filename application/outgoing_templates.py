"""Templates as the platform has them: asked page by page, kept as facts where something changed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.outgoing import SENDS
from application.ports.channels import Account, NotSent, Templates
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled, State
from application.ports.touchpoints import Problem
from application.waits import doubled_s
from domain.messaging.events import TemplateSynced
from domain.shared.fact import Channel

MOST_TRIES = 8
EVERY_S = 6 * 3_600.0
"""Between two reads of an account's templates that nobody asks for."""
SOONEST_S, LATEST_S = 60.0, 3_600.0
"""How long a read that nobody asks for waits after the first refusal, and at most: twice as long after each."""
VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
"""A place for a parameter in a template's text, by number or by name."""
Name = tuple[str, str]
"""A template's name and its language."""


class KnownTemplates(Protocol):
    """The templates that the log tells of."""

    def known(self, brokerage_id: UUID, business_id: str) -> Mapping[Name, TemplateSynced]:
        """Return the templates of a business account as last told."""

    def account(self, brokerage_id: UUID, channel: Channel, account_id: str) -> Account | None:
        """Return an account with its token; None without one."""

    def number_of(self, brokerage_id: UUID, business_id: str) -> str | None:
        """Return a number of a business account of WhatsApp, None where none of the brokerage's is connected."""


@dataclass(frozen=True, slots=True)
class SyncTemplates:
    """The use case behind the message `sync_templates`, whose payload names a WhatsApp account by its number or itself.

    `standing` is the one message of each business account that is never over: it comes back every few hours, later and
    later while the platform refuses. `unasked` follows the platform's word about a template.
    """

    known: KnownTemplates
    platform: Templates
    records: Records
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Record what is new, changed or gone; tried again where the platform does not answer. Raises LeaseLost."""
        account = self._account(message)
        if account is None or not account.business_id:
            self._end(message, "the account has no token, or no business account is named for it")
            return
        try:
            told = self.platform.templates(account)
        except NotSent as no:
            self._again(message, no)
            return
        before = self.known.known(message.brokerage_id, account.business_id)
        facts = [self._new(message, one) for one in changes(before, told, self.clock())]
        self.records.record(Entry([self._done(message)], facts))

    def _account(self, message: Leased) -> Account | None:
        whose, told = message.brokerage_id, message.payload
        number = told.get("account_id") or self.known.number_of(whose, told["business_id"])
        return self.known.account(whose, "whatsapp", number) if number else None

    def _done(self, message: Leased) -> Settled:
        if not message.payload.get("standing"):
            return Settled(message, "done")
        return Settled(message, "waiting", self.clock() + timedelta(seconds=EVERY_S))

    def _new(self, message: Leased, fact: TemplateSynced) -> NewFact:
        own = uuid5(SENDS, f"template|{message.id}|{message.lease}|{fact.name}|{fact.language}")
        return NewFact(own, message.brokerage_id, fact, correlation_id=message.correlation_id)

    def _again(self, message: Leased, no: NotSent) -> None:
        if message.payload.get("standing"):
            wait_s = max(no.wait_s or 0.0, doubled_s(SOONEST_S, LATEST_S, message.attempts))
            later = self.clock() + timedelta(seconds=wait_s)
            self.records.record(Entry([Settled(message, "waiting", later, no.reason)]))
        elif no.no in ("transient", "throttled", "unknown") and message.attempts < MOST_TRIES:
            later = self.clock() + timedelta(seconds=no.wait_s or 2.0**message.attempts)
            self.records.record(Entry([Settled(message, "waiting", later, no.reason)]))
        else:
            self._end(message, no.reason)

    def _end(self, message: Leased, why: str) -> None:
        """Give up: where nobody asked for it there is nobody to tell, and the next sync may do better."""
        state: State = "done" if message.payload.keys() & {"unasked", "standing"} else "dead"
        self.records.record(Entry([Settled(message, state, error=why)]))


def changes(
    before: Mapping[Name, TemplateSynced], told: Sequence[TemplateSynced], now: datetime
) -> list[TemplateSynced]:  # fmt: skip
    """Return the templates that are new or other than before, and those that the platform no longer has."""
    listed = {(one.name, one.language): one for one in told}
    other = [one for name, one in listed.items() if name not in before or _content(before[name]) != _content(one)]
    gone = [
        one.model_copy(update={"gone": True, "occurred_at": now})
        for name, one in before.items()
        if name not in listed and not one.gone
    ]
    return other + gone


def misfits(components: Sequence[Mapping[str, Any]], given: Any) -> list[Problem]:
    """Return what is wrong with the parameters given for a template: as many as its header and body have places."""
    if not isinstance(given, Sequence) or not all(isinstance(one, Mapping) for one in given):
        return [Problem("template.components", "must be a list of objects")]
    problems = []
    for kind in ("header", "body"):
        takes, has = _places(_of_kind(components, kind)), _parameters(_of_kind(given, kind))
        if takes != has:
            problems.append(Problem(f"template.components.{kind}", f"has {has} parameters, the template takes {takes}"))
    return problems


def _of_kind(components: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    return next((one for one in components if str(one.get("type")).lower() == kind), {})


def _places(component: Mapping[str, Any]) -> int:
    """Return how many parameters a part of a template takes: its variables, or the file or place at its head."""
    if str(component.get("format", "TEXT")).upper() != "TEXT":
        return 1
    return len(set(VARIABLE.findall(str(component.get("text") or ""))))


def _parameters(component: Mapping[str, Any]) -> int:
    given = component.get("parameters")
    return len(given) if isinstance(given, Sequence) and not isinstance(given, str) else 0


def _content(one: TemplateSynced) -> dict[str, object]:
    return one.model_dump(mode="json", exclude={"occurred_at"})
