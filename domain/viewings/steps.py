"""What may become of a viewing once it is booked, and what may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from domain.shared.fact import Fact
from domain.shared.personal import Erased
from domain.viewings.booking import TOLERANCE
from domain.viewings.events import (
    Outcome,
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingConfirmed,
    ViewingFollowedUp,
    ViewingMissed,
    ViewingStep,
)

StepName = Literal["confirm", "complete", "no_show", "cancel", "follow_up"]
F = TypeVar("F", bound=Fact)

SKEW = timedelta(minutes=5)
"""By how much the clocks of those who tell us may differ from ours."""


class StepRefused(Exception):
    """The viewing does not allow this step; the class names the rule, the message says it."""


class ViewingIsCancelled(StepRefused):
    """A cancelled viewing stays cancelled."""


class ViewingIsCompleted(StepRefused):
    """What was shown cannot be undone."""


class NobodyCame(StepRefused):
    """A viewing that nobody came to is over."""


class NotYetBegun(StepRefused):
    """Before it begins, a viewing can be neither completed nor missed."""


class NotYetOver(StepRefused):
    """There is nothing to follow up before a viewing was completed or missed."""


class ToldBeforeBooked(StepRefused):
    """A step cannot be older than its viewing."""


class KnownOtherwise(Exception):
    """The same request was told before, with other content."""


@dataclass(frozen=True, slots=True)
class TakeStep:
    """Somebody says what became of a viewing, at `at`; `words` are notes, or a reason. `mark` tells a repeat."""

    name: StepName
    at: datetime
    by: str | None = None
    words: str | None = None
    outcome: Outcome | None = None
    mark: str | None = None


def decide(command: TakeStep, facts: Sequence[ViewingStep]) -> ViewingStep:
    """Return the fact of a step: a new one, or the one among `facts` (of this viewing, in order) that told it before.

    Raises StepRefused where a rule says no, KnownOtherwise for another follow-up under a known mark.
    """
    booked = _the(facts, ViewingBooked)
    if booked is None:
        raise ValueError("a viewing begins with its booking")
    earlier = _told_before(command, facts)
    if earlier is not None:
        return earlier
    _check(command, booked, facts)
    return _fact(command, booked)


def _told_before(command: TakeStep, facts: Sequence[ViewingStep]) -> ViewingStep | None:
    match command.name:
        case "confirm":
            return _the(facts, ViewingConfirmed)
        case "complete":
            return _the(facts, ViewingCompleted)
        case "no_show":
            return _the(facts, ViewingMissed)
        case "cancel":
            return _the(facts, ViewingCancelled)
        case "follow_up":
            return _same_follow_up(command, [one for one in facts if isinstance(one, ViewingFollowedUp)])


def _same_follow_up(command: TakeStep, told: Sequence[ViewingFollowedUp]) -> ViewingFollowedUp | None:
    """Return the follow-up of the same mark; without a mark the newest one, where it says the same."""
    if command.mark is None:
        return told[-1] if told and _says(told[-1], command) else None
    known = next((one for one in told if one.mark == command.mark), None)
    if known is not None and not _says(known, command):
        raise KnownOtherwise("this key came with another outcome or other notes; the first holds")
    return known


def _says(told: ViewingFollowedUp, command: TakeStep) -> bool:
    return told.outcome == command.outcome and (isinstance(told.notes, Erased) or told.notes == command.words)


def _check(command: TakeStep, booked: ViewingBooked, facts: Sequence[ViewingStep]) -> None:
    if command.at < booked.occurred_at - SKEW:
        raise ToldBeforeBooked("the viewing was booked later than that")
    if _the(facts, ViewingCancelled):
        raise ViewingIsCancelled("the viewing is cancelled")
    over = _the(facts, ViewingCompleted) or _the(facts, ViewingMissed)
    if command.name == "follow_up":
        if over is None:
            raise NotYetOver("the viewing was neither completed nor missed yet")
    elif isinstance(over, ViewingCompleted):
        raise ViewingIsCompleted("the viewing is completed")
    elif over is not None:
        raise NobodyCame("nobody came to the viewing")
    if command.name in ("complete", "no_show") and command.at < booked.starts_at - TOLERANCE:
        raise NotYetBegun("the viewing has not begun yet")


def _fact(command: TakeStep, booked: ViewingBooked) -> ViewingStep:
    own = {
        "viewing_id": booked.viewing_id, "property_id": booked.property_id, "broker_id": booked.broker_id,
        "by": command.by, "occurred_at": command.at,
    }  # fmt: skip
    match command.name:
        case "confirm":
            return ViewingConfirmed.model_validate(own)
        case "complete":
            return ViewingCompleted.model_validate(own | {"notes": command.words})
        case "no_show":
            return ViewingMissed.model_validate(own | {"notes": command.words})
        case "cancel":
            return ViewingCancelled.model_validate(own | {"reason": command.words})
        case "follow_up":
            more = {"outcome": command.outcome, "notes": command.words, "mark": command.mark}
            return ViewingFollowedUp.model_validate(own | more)


def _the(facts: Sequence[Fact], kind: type[F]) -> F | None:
    return next((one for one in facts if isinstance(one, kind)), None)
