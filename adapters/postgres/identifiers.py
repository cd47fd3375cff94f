"""Which of a touchpoint's hints are usable, and the form in which the registry knows them."""

from adapters.meta.user_data import normalise_email, phone_e164_digits
from adapters.postgres.registry import Hint
from adapters.sealing import keyed_hash
from domain.people.hints import STRONG, WEAK, PersonHints
from domain.shared.fact import Touchpoint

DETAILS = (
    "name", "first_name", "last_name", "ip", "user_agent", "city", "country", "lead_id", "gender", "birth_date",
    "state", "zip", "madid", "referrer_url",
)  # fmt: skip
"""Hints that describe a person without naming one."""

IDENTIFYING = frozenset((*STRONG, *WEAK))


def usable(fact: Touchpoint, region: str) -> dict[str, str]:
    """Return the usable hints of a touchpoint in the form they are compared in, by kind.

    A phone or e-mail that is none is left out: the touchpoint goes on with what is left.
    """
    found: dict[str, str] = {}
    hints = fact.hints
    if isinstance(hints, PersonHints):
        for kind in (*STRONG, *WEAK, *DETAILS):
            value = getattr(hints, kind, None)
            normal = _normal(kind, str(value), region) if value else None
            if normal:
                found[kind] = normal
    session = getattr(fact, "session_id", None)
    if session is not None:
        found["session"] = session
    return found


def _normal(kind: str, value: str, region: str) -> str | None:
    match kind:
        case "email":
            return normalise_email(value)
        case "phone":
            return phone_e164_digits(value, region)
        case _:
            return value.strip()


def identifying(found: dict[str, str], brokerage_key: bytes) -> tuple[Hint, ...]:
    """Return the hints that the registry looks up, hashed with the brokerage's key."""
    return tuple(
        Hint(kind, keyed_hash(brokerage_key, kind, value)) for kind, value in found.items() if kind in IDENTIFYING
    )
