"""Makes two people one because a human said so; both are folded again as if they had been one from the start."""

from datetime import datetime
from uuid import UUID

from domain.people.events import SubjectsLinked

BY_HAND = "merged_by_hand"


def decide(person_id: UUID, other_id: UUID, by: str, now: datetime) -> SubjectsLinked | None:
    """Return the fact that `other_id` is this person; None where both are one already."""
    if person_id == other_id:
        return None
    return SubjectsLinked(subject_id=other_id, into_subject_id=person_id, because=BY_HAND, by=by, occurred_at=now)
