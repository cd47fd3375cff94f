"""An operator has a conversion sent again, corrected where that is needed: same id, same time, a new fact."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from application.delivery_rules import ON_THE_WAY
from application.ports.touchpoints import Problem
from domain.ads.events import ConversionCorrected, Plain

State = Literal["waiting", "leased", "parked", "done", "dead"]

# fmt: off
DROPPABLE: Mapping[str, tuple[str, ...]] = {  # Meta's field → the kinds of contact that it is made of
    "em": ("email", "email_sha256"),   "ph": ("phone", "phone_sha256"),  "fn": ("first_name", "name"),
    "ln": ("last_name", "name"),       "ct": ("city",),             "st": ("state",),
    "zp": ("zip",),                    "country": ("country",),     "ge": ("gender",),
    "db": ("birth_date",),             "fbp": ("fbp",),             "fbc": ("fbc", "fbclid"),
    "client_ip_address": ("ip",),      "client_user_agent": ("user_agent",),
    "lead_id": ("lead_id",),           "ctwa_clid": ("ctwa_clid",), "page_scoped_user_id": ("psid",),
    "ig_sid": ("igsid",),              "madid": ("madid",),         "event_source_url": ("page_url",),
    "referrer_url": ("referrer_url",),
}
# fmt: on
OF_ITS_OWN = frozenset({"value", "currency", "touchpoint_id"})
"""Custom data that has a field of its own here, or that must stay."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
CURRENCY = re.compile(r"[A-Z]{3}")
SOMEBODY = re.compile(r".*@.*|[+\d][\d\s()./-]{7,}")
"""What looks like an address or a number of somebody: it must not enter the log in the clear."""
LONGEST_NAME, LONGEST_TEXT, MOST_CUSTOM = 50, 100, 30
FIELDS = ("event_name", "value", "currency", "custom", "drop_fields", "confirm")


class CannotResend(Exception):
    """The conversion stands where nothing can be sent again; the message says why."""


class InvalidCorrections(Exception):
    """What was asked for breaks a rule; `problems` name field and rule."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a conversion stands in the outbox; `payload` is None once it is over and done with."""

    dataset_id: str
    state: State
    payload: Mapping[str, Any] | None
    expires_at: datetime | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asks for. None and empty change nothing; in `custom` None takes a name away."""

    event_name: str | None = None
    value: float | None = None
    currency: str | None = None
    custom: Mapping[str, Plain | None] = field(default_factory=dict)
    drop_fields: tuple[str, ...] = ()
    confirm: bool = False

    @property
    def corrects(self) -> bool:
        """Whether anything is to be sent otherwise."""
        return bool(
            self.event_name or self.value is not None or self.currency or self.custom or self.drop_fields
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resent:
    """What is to be written: the payload to send, and the fact; no fact where it only goes sooner."""

    payload: Mapping[str, Any]
    fact: ConversionCorrected | None


def decide(conversion_id: UUID, now_at: Standing, wish: Wish, by: str, now: datetime) -> Resent:
    """Return what sending again takes. Raises CannotResend."""
    payload = _sendable(now_at, wish, now)
    fact = None
    if now_at.state == "dead" or wish.corrects:
        fact = ConversionCorrected(
            conversion_id=conversion_id,
            dataset_id=now_at.dataset_id,
            by=by,
            event_name=wish.event_name,
            value=wish.value,
            currency=wish.currency,
            custom=dict(wish.custom),
            dropped=_kinds(wish.drop_fields),
            occurred_at=now,
        )
    return Resent(corrected(payload, wish), fact)


def _sendable(now_at: Standing, wish: Wish, now: datetime) -> Mapping[str, Any]:
    if now_at.state == "done" or now_at.payload is None:
        raise CannotResend("it is done: accepted, or withheld for good; nothing of it is left to be sent")
    if now_at.state == "leased":
        raise CannotResend("it is being sent right now: look again in a moment")
    if now_at.expires_at is not None and now_at.expires_at - ON_THE_WAY <= now:
        raise CannotResend(f"it is too old: Meta takes it until {now_at.expires_at.isoformat()} only")
    unknown = now_at.state == "dead" and (now_at.error or "").startswith("unknown")
    if unknown and not wish.confirm:
        raise CannotResend(
            'Meta may have counted it already and would count it again: say {"confirm": true} to send it'
        )
    return now_at.payload


def corrected(payload: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    """Return the payload as it is sent from now on; id and time are left alone."""
    dropped = _kinds(wish.drop_fields)
    custom = {name: value for name, value in {**payload.get("custom", {}), **wish.custom}.items() if value is not None}
    contact = {kind: held for kind, held in payload["contact"].items() if kind not in dropped}
    changed = {"event_name": wish.event_name, "value": wish.value, "currency": wish.currency}
    gone = [*payload.get("dropped", ()), *(one for one in dropped if one not in payload.get("dropped", ()))]
    return {**payload, **{name: one for name, one in changed.items() if one is not None}} | {
        "custom": custom,
        "contact": contact,
        **({"dropped": gone} if gone else {}),  # nor is it to be made of what is left, as the country of a phone is
    }


def _kinds(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for one in fields for kind in DROPPABLE[one]))


def read_wish(body: Any) -> Wish:
    """Return what a request's body asks for; nothing at all is a wish to send it again as it was.

    Raises InvalidCorrections.
    """
    if body is None:
        return Wish()
    if not isinstance(body, dict):
        raise InvalidCorrections([Problem("", "must be an object")])
    problems = [_unknown(name) for name in body if name not in FIELDS]
    problems += [problem for name in FIELDS if body.get(name) is not None for problem in CHECKS[name](body[name])]
    if problems:
        raise InvalidCorrections(problems)
    given = {name: body[name] for name in FIELDS if body.get(name) is not None}
    if "drop_fields" in given:
        given["drop_fields"] = tuple(given["drop_fields"])
    return Wish(**given)


def _unknown(name: str) -> Problem:
    if name in ("event_time", "event_id", "occurred_at"):
        return Problem(name, "is fixed: Meta is told the same on every attempt")
    return Problem(name, f"is not one of {', '.join(FIELDS)}")


def _event_name(value: Any) -> list[Problem]:
    good = isinstance(value, str) and value.strip() == value and 0 < len(value) <= LONGEST_NAME and value.isprintable()
    return [] if good else [Problem("event_name", f"must be 1 to {LONGEST_NAME} printable characters")]


def _value(value: Any) -> list[Problem]:
    good = type(value) in (int, float) and math.isfinite(value) and value >= 0
    return [] if good else [Problem("value", "must be a number, not below 0")]


def _currency(value: Any) -> list[Problem]:
    good = isinstance(value, str) and CURRENCY.fullmatch(value)
    return [] if good else [Problem("currency", "must be an ISO 4217 code such as EGP")]


def _custom(value: Any) -> list[Problem]:
    if not isinstance(value, dict) or len(value) > MOST_CUSTOM:
        return [Problem("custom", f"must be an object of at most {MOST_CUSTOM} names")]
    return [Problem(f"custom.{name}", why) for name, one in value.items() if (why := _wrong(name, one))]


def _wrong(name: Any, value: Any) -> str | None:
    if not NAME.fullmatch(name):
        return "a name is made of lower-case letters, digits and underscores"
    if name in OF_ITS_OWN:
        return "has a field of its own, or is fixed"
    if value is None or isinstance(value, bool):
        return None
    if type(value) in (int, float):
        return None if math.isfinite(value) and abs(value) < 1e15 else "must be a number that can be held"
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.isprintable():
        return f"must be a number, true, false, null, or a text of at most {LONGEST_TEXT} printable characters"
    return "must not tell of a person: custom data is not sealed" if SOMEBODY.fullmatch(value) else None


def _drop_fields(value: Any) -> list[Problem]:
    if not isinstance(value, list) or any(not isinstance(one, str) or one not in DROPPABLE for one in value):
        return [Problem("drop_fields", f"must be a list of some of {', '.join(DROPPABLE)}")]
    return []


def _confirm(value: Any) -> list[Problem]:
    return [] if isinstance(value, bool) else [Problem("confirm", "must be true or false")]


CHECKS: Mapping[str, Callable[[Any], list[Problem]]] = {
    "event_name": _event_name, "value": _value, "currency": _currency, "custom": _custom, "drop_fields": _drop_fields,
    "confirm": _confirm,
}  # fmt: skip
