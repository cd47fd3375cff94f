"""The two kinds of fact: observed by a producer, or decided by our own rules."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from domain.people.hints import PersonHints, Utm
from domain.properties.listing import Listing
from domain.shared.personal import Open, Personal


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


Label = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_without_nul)]
"""A short word from a list that somebody else keeps: a room, a district, an action."""

Ref = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]*$")]
"""An id that a producer gave to one of its things: a session, a property, a form."""

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
"""A duration within a day, in seconds."""

Origin = Literal[
    "website", "app", "chat", "phone_call", "email", "physical_store", "business_messaging",
    "system_generated", "other",
]  # fmt: skip
"""Where it happened, in Meta's words for `action_source`."""

Channel = Literal["whatsapp", "messenger", "instagram"]
"""A messaging channel, in Meta's words for `messaging_channel`."""


PageUrl = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_without_nul)]
"""The address of a page, query string and all."""


class Fact(BaseModel):
    """Something that happened. Stored for ever under its `kind`; times are aware UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", regex_engine="rust-regex")

    observed: ClassVar[bool] = False
    kind: Open[str]
    occurred_at: Open[AwareDatetime]


class BrowserEvent(BaseModel):
    """The pixel's event for the same action: one id on both sides lets Meta count it once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[\x20-\x7e]+$")]


class Touchpoint(Fact):
    """Something a person did, as a producer observed it; a stream of one.

    `hint_kinds` names the usable hints sealed in `hints`, so that a fold can choose without opening them. `listing`
    tells of the property on offer that it was about, as the producer's stock had it at that moment. `unverified` is
    said by the door, never by the producer.
    """

    observed: ClassVar[bool] = True
    posted: ClassVar[bool] = True  # False: only a platform's webhook brings it, no producer's key

    hints: Personal[PersonHints | None] = None
    hint_kinds: Open[tuple[str, ...]] = ()
    page_url: Personal[PageUrl | None] = None
    utm: Open[Utm | None] = None
    origin: Open[Origin] = "website"
    channel: Open[Channel | None] = None
    listing: Open[Listing | None] = None
    browser_event: Open[BrowserEvent | None] = None
    unverified: Open[bool | None] = None  # True: came with a public key, from a browser: anybody could have sent it
    test: Open[bool] = False


ENVELOPE = frozenset(Touchpoint.model_fields)
"""Fields that every touchpoint has; what a kind adds is its payload."""


class Recorded(NamedTuple):
    """A fact with its place in the log.

    `stream_id` and `version` name it for ever; `position` orders it among all facts of this server.
    """

    position: int
    stream_id: UUID
    version: int
    brokerage_id: UUID
    subject_id: UUID | None
    recorded_at: datetime
    cause_id: UUID | None
    correlation_id: UUID | None
    fact: Fact
