"""Facts of virtual tours: 3D walks, RealSee scans and videos."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from domain.shared.fact import Fact, Label, Ref, Seconds, Touchpoint
from domain.shared.personal import Open

TourKind = Literal["virtual_3d", "realsee", "video"]
Milestone = Literal["bedroom_focused", "kitchen_detailed", "multiple_visits", "shared_tour", "tour_downloaded"]
RoomCount = Annotated[int, Field(ge=1, le=500)]


class TourTouchpoint(Touchpoint):
    """What every touchpoint of a tour names: the session of the player, and the property shown where it knows."""

    session_id: Open[Ref]
    property_id: Open[Ref | None] = None
    tour_kind: Open[TourKind | None] = None
    rooms_available: Open[RoomCount | None] = None


class TourStarted(TourTouchpoint):
    """A person opened a virtual tour.

    Source: tour player webhook `tour.start`.
    """

    kind: Open[Literal["tours.started.v1"]] = "tours.started.v1"
    property_id: Open[Ref]


class TourRoomVisited(TourTouchpoint):
    """A person looked around one room of a virtual tour.

    Source: tour player webhook `room.exit`, sent once when the person leaves the room.
    """

    kind: Open[Literal["tours.room_visited.v1"]] = "tours.room_visited.v1"
    property_id: Open[Ref]
    room: Open[Label]  # label in the tour player, e.g. "kitchen"
    dwell_s: Open[Seconds]  # time in the room, seconds
    entered_at: Open[AwareDatetime | None] = None
    left_at: Open[AwareDatetime | None] = None

    @model_validator(mode="after")
    def _left_after_entering(self) -> Self:
        if self.entered_at and self.left_at and self.left_at < self.entered_at:
            raise ValueError("left_at must not be before entered_at")
        return self


class TourActed(TourTouchpoint):
    """A person did something inside a tour: zoomed, measured, opened a hotspot, shared it, downloaded it.

    Source: tour player webhook `interaction`.
    """

    kind: Open[Literal["tours.acted.v1"]] = "tours.acted.v1"
    property_id: Open[Ref]
    action: Open[Label]  # "zoom", "measure", "hotspot", "floor_plan", "share", "download", …
    room: Open[Label | None] = None


class TourMilestoneReached(TourTouchpoint):
    """The tour player itself saw a milestone; it shares its slot with the one that we derive.

    Source: `POST /api/tours/{session_id}/milestone`.
    """

    kind: Open[Literal["tours.milestone_reached.v1"]] = "tours.milestone_reached.v1"
    milestone: Open[Milestone]


class TourCompleted(TourTouchpoint):
    """A person closed the tour, or reached its end.

    Source: `POST /api/tours/{session_id}/complete`.
    """

    kind: Open[Literal["tours.completed.v1"]] = "tours.completed.v1"
    started_at: Open[AwareDatetime | None] = None
    ended_at: Open[AwareDatetime | None] = None
    finished: Open[bool] = True  # False: closed half-way

    @model_validator(mode="after")
    def _ended_after_starting(self) -> Self:
        if self.started_at and self.ended_at and self.ended_at < self.started_at:
            raise ValueError("ended_at must not be before started_at")
        return self


class TourEnded(Fact):
    """Nothing came from a tour for thirty minutes, so our rules ended it; `occurred_at` is its last activity.

    Source: the reminder that a tour's first touchpoint sets.
    """

    kind: Open[Literal["tours.ended.v1"]] = "tours.ended.v1"
    session_id: Open[Ref]
    property_id: Open[Ref | None] = None  # where any touchpoint of the tour named it
