"""Facts of viewings: what a person asked for, the slots of brokers' calendars, and the steps of a viewing."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, ValidationInfo, field_validator

from domain.people.hints import Text
from domain.properties.listing import Currency, Minor
from domain.shared.fact import BrowserEvent, Channel, Fact, Label, Origin, Ref, Touchpoint
from domain.shared.personal import Open, Personal

ViewingType = Literal["in_person", "virtual", "self_guided"]
Outcome = Literal["offer", "second_viewing", "thinking", "not_interested", "no_answer"]
"""What a person said when asked how it was."""
Assigned = Literal["asked", "fewest_viewings", "property_calendar"]
"""How the broker was found: named in the request, the one with fewest viewings that day, or nobody yet."""

BrokerId = Annotated[
    str, StringConstraints(min_length=1, max_length=160, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]*$")
]  # fmt: skip
"""Whose calendar it is: a broker by the producer's id, or a property that no broker has yet."""
PartySize = Annotated[int, Field(ge=1, le=50)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{4}-[0-9A-Z]{4}$")]
Mark = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Tells a repeat of a request from another one."""

USUAL_LENGTH = timedelta(hours=1)
"""Of a viewing of which only the start was said."""
LONGEST = timedelta(hours=8)


class ViewingRequested(Touchpoint):
    """A person asked to see a property, at a time or at none yet.

    Source: `POST /api/properties/{id}/book-viewing`. It stays whether the slot was to be had or not: the person
    wanted a viewing. `asked_for_broker` says that the person named the broker; `broker_id` alone that the producer did.
    """

    kind: Open[Literal["viewings.requested.v1"]] = "viewings.requested.v1"
    property_id: Open[Ref]
    starts_at: Open[AwareDatetime | None] = None
    ends_at: Open[AwareDatetime | None] = None  # where it is not said: an hour later
    party_size: Open[PartySize] = 1
    viewing_type: Open[ViewingType] = "in_person"
    broker_id: Open[BrokerId | None] = None
    asked_for_broker: Open[bool] = False
    notes: Personal[Text | None] = None

    @field_validator("ends_at")
    @classmethod
    def _after_its_start(cls, ends_at: datetime | None, info: ValidationInfo) -> datetime | None:
        starts_at = info.data.get("starts_at")
        if ends_at is not None and "starts_at" in info.data:
            if starts_at is None:
                raise ValueError("needs starts_at beside it")
            if not timedelta(0) < ends_at - starts_at <= LONGEST:
                raise ValueError("must be after starts_at, by 8 hours at most")
        return ends_at

    def slot_ends_at(self) -> datetime | None:
        """Return when the wanted slot ends, None where no time was said."""
        return self.ends_at or (self.starts_at + USUAL_LENGTH if self.starts_at else None)


class SlotHeld(Fact):
    """A slot of a calendar is taken by a viewing. On the calendar's strict stream; decided with the booking."""

    kind: Open[Literal["calendars.slot_held.v1"]] = "calendars.slot_held.v1"
    broker_id: Open[BrokerId]
    viewing_id: Open[UUID]
    starts_at: Open[AwareDatetime]
    ends_at: Open[AwareDatetime]


class SlotFreed(Fact):
    """A viewing does not need its slot any more. On the calendar's strict stream; decided with the cancellation."""

    kind: Open[Literal["calendars.slot_freed.v1"]] = "calendars.slot_freed.v1"
    broker_id: Open[BrokerId]
    viewing_id: Open[UUID]


class ViewingStep(Fact):
    """What every step of a viewing names. `viewing_id` is the id of the request's fact, which is also its cause.

    `by` is the name of the key that told us.
    """

    viewing_id: Open[UUID]
    property_id: Open[Ref]
    broker_id: Open[BrokerId]
    by: Open[Label | None] = None


class ViewingBooked(ViewingStep):
    """A slot was given to a request: the viewing is scheduled.

    Where it came from, and the price it was asked at, are the request's, so that nobody needs to find that again.
    """

    kind: Open[Literal["viewings.booked.v1"]] = "viewings.booked.v1"
    starts_at: Open[AwareDatetime]
    ends_at: Open[AwareDatetime]
    confirmation_code: Open[Code]
    party_size: Open[PartySize] = 1
    viewing_type: Open[ViewingType] = "in_person"
    asked_for_broker: Open[bool] = False
    assigned: Open[Assigned] = "asked"
    price_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None
    origin: Open[Origin] = "website"
    channel: Open[Channel | None] = None
    browser_event: Open[BrowserEvent | None] = None
    unverified: Open[bool] = False
    test: Open[bool] = False


class ViewingConfirmed(ViewingStep):
    """Both sides know that they will meet. Source: `POST /api/viewings/{id}/confirm`."""

    kind: Open[Literal["viewings.confirmed.v1"]] = "viewings.confirmed.v1"


class ViewingCompleted(ViewingStep):
    """The property was shown. Source: `POST /api/viewings/{id}/complete`."""

    kind: Open[Literal["viewings.completed.v1"]] = "viewings.completed.v1"
    notes: Personal[Text | None] = None


class ViewingMissed(ViewingStep):
    """Nobody came. Source: `POST /api/viewings/{id}/no-show`."""

    kind: Open[Literal["viewings.missed.v1"]] = "viewings.missed.v1"
    notes: Personal[Text | None] = None


class ViewingCancelled(ViewingStep):
    """The viewing will not be; its slot is free again. Source: `POST /api/viewings/{id}/cancel`."""

    kind: Open[Literal["viewings.cancelled.v1"]] = "viewings.cancelled.v1"
    reason: Personal[Text | None] = None


class ViewingFollowedUp(ViewingStep):
    """Somebody asked the person how it was; there may be several of these. `mark` tells a repeat.

    Source: `POST /api/viewings/{id}/follow-up`.
    """

    kind: Open[Literal["viewings.followed_up.v1"]] = "viewings.followed_up.v1"
    outcome: Open[Outcome]
    notes: Personal[Text | None] = None
    mark: Open[Mark | None] = None
