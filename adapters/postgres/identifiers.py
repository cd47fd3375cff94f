"""Which of a touchpoint's hints are usable, and the form in which the registry knows them."""

from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from adapters.meta.user_data import normalise, normalise_email, phone_e164_digits
from adapters.postgres.registry import Hint
from adapters.sealing import keyed_hash
from domain.people.hints import STRONG, WEAK, PersonHints
from domain.shared.fact import Touchpoint

DETAILS = (
    "name", "first_name", "last_name", "ip", "user_agent", "city", "country", "lead_id", "gender", "birth_date",
    "state", "zip", "madid", "referrer_url", "email_sha256", "phone_sha256",
)  # fmt: skip
"""Hints that describe a person without naming one."""

IDENTIFYING = frozenset((*STRONG, *WEAK))
KINDS = (*STRONG, *WEAK, *DETAILS)
PHONES = frozenset({"phone", "former_phone"})
DESCRIBING = {"birth_date": "db", "gender": "ge"}
"""Hints that people write in many ways → Meta's field: what nobody can read counts for nothing."""
CHECKED = frozenset({"email", "email_sha256", "phone_sha256", *PHONES, *DESCRIBING})
"""Hints that are not usable in every form."""

SENT_AS = {
    "ip": "client_ip_address", "user_agent": "client_user_agent", "fbp": "fbp", "fbc": "fbc", "fbclid": "fbc",
    "ctwa_clid": "ctwa_clid", "madid": "madid", "lead_id": "lead_id", "city": "ct", "state": "st", "zip": "zp",
    "country": "country",
}  # fmt: skip
"""Hints that Meta takes in some forms only → its field; others may still tell whose touchpoint it is."""
ANY_TIME = "1700000000000"

SAME_AS = {"former_phone": "phone", "former_bsuid": "bsuid", "parent_bsuid": "bsuid"}
"""Hints that name a person as another kind does: a number stays the same number once it is given up."""

RANDOM = ("visitor_id", "fbp")
"""Hints that only the visitor's own browser holds."""
SHARED = ("session", "fbc", "fbclid", "ctwa_clid")
"""Hints that others may come by."""


def usable(fact: Touchpoint, region: str) -> dict[str, str]:
    """Return the usable hints of a touchpoint in the form they are compared in, by kind.

    A phone or e-mail that is none is left out: the touchpoint goes on with what is left.
    """
    found: dict[str, str] = {}
    hints = fact.hints
    if isinstance(hints, PersonHints):
        told = hints.__dict__
        for kind in KINDS:
            if not (value := told.get(kind)):
                continue
            normal = _normal(kind, str(value), region)
            if normal is None and kind in PHONES and not fact.posted:
                normal = value.lstrip("+")  # a platform's word: it knows numbers that the plan does not have yet
            if normal:
                found[kind] = normal
    session = getattr(fact, "session_id", None)
    if session is not None:
        found["session"] = session
    return found


def _normal(kind: str, value: str, region: str) -> str | None:
    return _checked(kind, value, region) if kind in CHECKED else value.strip()


@lru_cache(maxsize=16_384)  # the same people come back
def _checked(kind: str, value: str, region: str) -> str | None:
    match kind:
        case "email":
            return normalise_email(value)
        case "phone" | "former_phone":
            return phone_e164_digits(value, region)
        case "birth_date" | "gender":
            return value if normalise(DESCRIBING[kind], value).dropped is None else None
        case _:
            return normalise("em", value).sha256  # a hash of nothing, or of a placeholder, finds nobody


def counted(found: Mapping[str, str]) -> dict[str, str]:
    """Return the usable hints without those that would be dropped before they are sent to Meta.

    What is estimated of a person, and what a conversion rests on, is then what can be told of them.
    """
    country = found.get("country")
    return {kind: one for kind, one in found.items() if kind not in SENT_AS or _taken(kind, one, country)}


@lru_cache(maxsize=65_536)  # the same browsers come back
def _taken(kind: str, value: str, country: str | None) -> bool:
    told = f"fb.1.{ANY_TIME}.{value}" if kind == "fbclid" else value
    known = normalise("country", country).normalised if country and kind in ("state", "zip") else None
    return normalise(SENT_AS[kind], told, country=known).dropped is None


def identifying(found: dict[str, str], brokerage_key: bytes) -> tuple[Hint, ...]:
    """Return the hints that the registry looks up, hashed with the brokerage's key."""
    return tuple([
        Hint(kind, keyed_hash(brokerage_key, SAME_AS.get(kind, kind), value))
        for kind, value in found.items()
        if kind in IDENTIFYING
    ])  # fmt: skip


def identifying_unverified(found: dict[str, str], brokerage_key: bytes, stream_id: UUID) -> tuple[Hint, ...]:
    """Return the hints by which the registry finds the visitor of a touchpoint that anybody could have sent.

    Whoever holds the browser's own random words is that visitor. What names a human is not looked up: it could be
    anybody's. Sessions can be guessed, and click ids travel in links that people share: those count within one
    browser only, so that a forged one finds nobody, and a click id still has its first sight.
    """
    own = [(kind, (kind, found[kind])) for kind in RANDOM if kind in found]
    browser = next((found[kind] for kind in (*RANDOM, "session") if kind in found), str(stream_id))
    within = [(kind, ("within_browser", kind, browser, found[kind])) for kind in SHARED if kind in found]
    return tuple(Hint(kind, keyed_hash(brokerage_key, *parts)) for kind, parts in own + within)
