"""What a touchpoint may tell about who did it."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator

UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text that can be stored and shown. Raises ValueError for one that cannot."""
    if UNPRINTABLE.search(text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(printable)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(printable)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]

HASH = re.compile("[0-9a-fA-F]{64}")
Hashed = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hex, made by a producer as Meta wants it."""

HintKind = Literal[
    "person_id", "phone", "email", "session", "visitor_id", "fbp", "fbc", "fbclid", "ctwa_clid",
    "name", "first_name", "last_name", "ip", "user_agent", "city", "country", "lead_id",
    "psid", "igsid", "gender", "birth_date", "state", "zip", "madid", "referrer_url", "email_sha256", "phone_sha256",
    "bsuid", "parent_bsuid", "former_phone", "former_bsuid",
]  # fmt: skip

STRONG: tuple[HintKind, ...] = (
    "person_id", "former_phone", "phone", "email", "former_bsuid", "bsuid", "parent_bsuid",
)  # fmt: skip
"""Hints that name one human, the most trusted first."""

WEAK: tuple[HintKind, ...] = ("session", "visitor_id", "fbp", "fbc", "fbclid", "ctwa_clid", "psid", "igsid")
"""Hints that name a browser, a visit or one channel's account: they never join two known people."""

MATCHING: frozenset[str] = frozenset(
    {
        "phone", "email", "fbp", "fbc", "fbclid", "ip", "lead_id", "madid", "ctwa_clid", "psid", "igsid",
        "email_sha256", "phone_sha256",
    }
)  # fmt: skip
"""Hints with which Meta can find a person; without any of them a conversion is worth nothing."""


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and HASH.fullmatch(value) is not None


class Utm(BaseModel):
    """The campaign words of the link that was followed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: ShortText | None = None
    medium: ShortText | None = None
    campaign: ShortText | None = None
    content: ShortText | None = None
    term: ShortText | None = None


class PersonHints(BaseModel):
    """Every identifier and detail a producer may send along; all of it personal, sealed as one value.

    `person_id` is the producer's own id of the person, `visitor_id` of the browser. `ip` and `user_agent` are the
    browser's, never a server's. An e-mail or a phone that comes hashed, as Meta's own events have it, is kept as such:
    it is passed on to Meta as it is, and names nobody here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_id: ShortText | None = None
    visitor_id: ShortText | None = None
    name: ShortText | None = None
    first_name: ShortText | None = None
    last_name: ShortText | None = None
    email: Text | None = None
    phone: ShortText | None = None
    city: ShortText | None = None
    country: ShortText | None = None
    fbp: ShortText | None = None
    fbc: Text | None = None
    fbclid: Text | None = None
    ctwa_clid: Text | None = None
    lead_id: Annotated[str, StringConstraints(pattern=r"^\d{15,17}$")] | None = None
    ip: ShortText | None = None
    user_agent: LongText | None = None
    bsuid: ShortText | None = None  # WhatsApp's business-scoped user id, there where the phone is hidden
    parent_bsuid: ShortText | None = None  # the same across the businesses of one enterprise
    former_phone: ShortText | None = None  # the one that `phone` replaces
    former_bsuid: ShortText | None = None
    psid: ShortText | None = None  # page-scoped id of Messenger
    igsid: ShortText | None = None  # Instagram-scoped id
    gender: ShortText | None = None  # in any words; what nobody can read is not passed on
    birth_date: ShortText | None = None  # likewise: 1990-05-06, 19900506, 6/5/1990 (the day first), 6 May 1990
    state: ShortText | None = None
    zip: ShortText | None = None
    madid: ShortText | None = None  # the device's advertising id
    referrer_url: LongText | None = None
    email_sha256: Hashed | None = None
    phone_sha256: Hashed | None = None

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, given: Any) -> Any:
        """Put what came hashed where it belongs."""
        if not isinstance(given, dict):
            return given
        hashed = [one for one in ("email", "phone") if _is_hash(given.get(one))]
        moved = {f"{one}_sha256": given[one].lower() for one in hashed}
        return {name: value for name, value in given.items() if name not in hashed} | moved if hashed else given
