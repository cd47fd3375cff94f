"""User data as Meta matches it: each field normalised and hashed, passed on, or dropped with a reason.

Rules: Meta's customer information parameters. Where the official SDKs differ from them, or harm Arabic text
and Egyptian numbers, the documentation and libphonenumber win.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.meta import normalise_contacts, normalise_ids, normalise_people, normalise_places
from adapters.meta.normalise_text import PLACEHOLDERS, UnusableValueError, clean_text, refuse_placeholder


@dataclass(frozen=True, slots=True)
class Normalised:
    """One field as Meta would see it.

    `normalised` is what was hashed, or what is passed through; None when dropped, and when the value came
    hashed. `sha256` is 64 lower-case hex digits (with the `.XXXXXXXX` appendix a hash came with), None when
    dropped or never hashed. `dropped` is the reason in plain words, None when kept.
    """

    field: str
    normalised: str | None
    sha256: str | None
    dropped: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    region: str  # where a phone number without country code belongs, ISO alpha-2
    country: str | None  # the person's country where known, ISO alpha-2 in lower case


@dataclass(frozen=True, slots=True)
class _Rule:
    apply: Callable[[str, _Place], str]  # raises UnusableValueError
    limit: int  # longest raw value worth reading, characters


# fmt: off
_HASHED: Final = {
    "em":          _Rule(lambda text, _: normalise_contacts.email(text), 320),
    "ph":          _Rule(lambda text, place: normalise_contacts.phone(text, place.region), 128),
    "fn":          _Rule(lambda text, _: normalise_people.name(text), 256),
    "ln":          _Rule(lambda text, _: normalise_people.name(text), 256),
    "db":          _Rule(lambda text, _: normalise_people.birth_date(text), 128),
    "ge":          _Rule(lambda text, _: normalise_people.gender(text), 128),
    "ct":          _Rule(lambda text, _: normalise_places.city(text), 256),
    "st":          _Rule(lambda text, place: normalise_places.state(text, place.country), 256),
    "zp":          _Rule(lambda text, place: normalise_places.postcode(text, place.country), 128),
    "country":     _Rule(lambda text, _: normalise_places.country(text), 128),
    "external_id": _Rule(lambda text, _: normalise_ids.external_id(text), 512),
}
_PASSED: Final = {
    "client_ip_address": _Rule(lambda text, _: normalise_ids.ip_address(text), 128),
    "client_user_agent": _Rule(lambda text, _: normalise_ids.user_agent(text), 2048),
    "fbc":               _Rule(lambda text, _: normalise_ids.click_cookie(text), 1024),
    "fbp":               _Rule(lambda text, _: normalise_ids.browser_cookie(text), 1024),
    "lead_id":           _Rule(lambda text, _: normalise_ids.lead_id(text), 128),
} | dict.fromkeys(
    (
        "subscription_id", "fb_login_id", "anon_id", "madid", "page_id", "page_scoped_user_id", "ctwa_clid",
        "ig_account_id", "ig_sid", "whatsapp_business_account_id", "instagram_business_account_id",
    ),
    _Rule(lambda text, _: normalise_ids.opaque_id(text), 1024),
)
# fmt: on
HASHED_FIELDS: Final = frozenset(_HASHED)
PASSED_FIELDS: Final = frozenset(_PASSED)

_SHA256: Final = re.compile(r"([0-9a-fA-F]{64})(\.[A-Za-z0-9]{8})?")  # the appendix names the tool that hashed
_OTHER_DIGEST: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{56}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}")
SHA256_OF_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_OF_PLACEHOLDERS: Final = frozenset(hashlib.sha256(word.encode()).hexdigest() for word in (*PLACEHOLDERS, " ", "0"))


def normalise(field: str, value: object, *, region: str = "EG", country: str | None = None) -> Normalised:
    """Return one field of Meta's `user_data` as Meta would see it; never raises.

    `region` is the brokerage's, for phone numbers without country code; `country` (ISO alpha-2) the person's
    where known, which decides how a state and a postcode are read. A SHA-256 is passed on in lower case,
    never hashed again; other digests are dropped, Meta knows SHA-256 alone.
    """
    place = _Place(region, country.lower() if country else None)
    try:
        if rule := _HASHED.get(field):
            return _hashed(field, clean_text(value, rule.limit), rule, place)
        if rule := _PASSED.get(field):
            return _passed(field, clean_text(value, rule.limit), rule, place)
    except UnusableValueError as unusable:
        return Normalised(field, None, None, unusable.reason)
    return Normalised(field, None, None, "not a field of Meta's user data")


def _hashed(field: str, text: str, rule: _Rule, place: _Place) -> Normalised:
    if match := _SHA256.fullmatch(text):
        digest = match[1].lower()
        if digest == SHA256_OF_NOTHING:
            raise UnusableValueError("the hash of an empty value")
        if digest in _OF_PLACEHOLDERS or len(set(digest)) == 1:
            raise UnusableValueError("the hash of a placeholder, or none")
        return Normalised(field, None, digest + (match[2] or ""), None)
    _refuse_other_digest(text)
    normalised = rule.apply(text, place)
    # Stripping can uncover what was hidden between dots and blanks: "n.u.l.l", "d41d 8cd9 …".
    refuse_placeholder(normalised)
    _refuse_digest(normalised)
    return Normalised(field, normalised, hashlib.sha256(normalised.encode()).hexdigest(), None)


def _passed(field: str, text: str, rule: _Rule, place: _Place) -> Normalised:
    if _SHA256.fullmatch(text) or _OTHER_DIGEST.fullmatch(text):
        raise UnusableValueError("looks hashed, and Meta wants this field as it is")
    return Normalised(field, rule.apply(text, place), None, None)


def _refuse_digest(text: str) -> None:
    if _SHA256.fullmatch(text):
        raise UnusableValueError("looks like a hash with other characters in it")
    _refuse_other_digest(text)


def _refuse_other_digest(text: str) -> None:
    if _OTHER_DIGEST.fullmatch(text):
        raise UnusableValueError("looks like another hash than SHA-256, such as MD5 or SHA-1")


def phone_e164_digits(value: str, region: str = "EG") -> str | None:
    """Return a valid number as its E.164 digits without "+", "201001234567", or None."""
    return normalise("ph", value, region=region).normalised


def country_of_phone(value: str, region: str = "EG") -> str | None:
    """Return the country that a number belongs to, ISO alpha-2 in lower case, or None where it tells none."""
    digits = phone_e164_digits(value, region)
    return normalise_contacts.country_of(digits) if digits else None


def normalise_email(value: str) -> str | None:
    """Return the address in the form that is hashed, or None where it is none."""
    return normalise("em", value).normalised


def hash_user_data(raw: Mapping[str, object], *, region: str = "EG") -> tuple[dict[str, object], dict[str, str]]:
    """Return (`user_data` ready for Meta, reason by field for what was dropped); never raises.

    Hashed fields come as lists without repeats in the order given, the others as text. A hashed field may be
    given as one value or a list of them; where only some of a list are usable the field is in both results.
    Fields that are None are absent, not dropped.
    """
    user_data: dict[str, object] = {}
    dropped: dict[str, str] = {}
    country = _known_country(raw.get("country"))
    for field, value in raw.items():
        if value is None:
            continue
        values = value if isinstance(value, list | tuple) and field in HASHED_FIELDS else [value]
        results = [normalise(field, one, region=region, country=country) for one in values]
        reasons = [result.dropped for result in results if result.dropped is not None]
        if reasons:
            dropped[field] = reasons[0]
        if hashes := [result.sha256 for result in results if result.sha256 is not None]:
            user_data[field] = list(dict.fromkeys(hashes))
        elif field in PASSED_FIELDS and results[0].normalised is not None:
            user_data[field] = results[0].normalised
    return user_data, dropped


def _known_country(value: object) -> str | None:
    first = value[0] if isinstance(value, list | tuple) and value else value
    return normalise("country", first).normalised
