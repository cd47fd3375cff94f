"""Makes two people of one because a human said so; each is folded again as if they had never been one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.people.events import SubjectsParted
from domain.people.links import Link, leading_to


class NotOnePerson(Exception):
    """The two are not the same person, so there is nothing to part."""


def decide(
    person_id: UUID, subject_id: UUID, links: Sequence[Link], by: str, now: datetime
) -> list[tuple[Link, SubjectsParted]]:
    """Return the links to part, each with the fact that parts it, so that a subject is no longer this person.

    `links` are those that stand around the two. Parted are the subject's own links that lead to the person, so
    whoever hangs on the subject leaves with it. Raises NotOnePerson.
    """
    leading = leading_to(links, subject_id, person_id)
    if person_id == subject_id or not leading:
        raise NotOnePerson(f"{subject_id} is not the same person as {person_id}")
    return [(link, _parting(link, subject_id, by, now)) for link in leading]


def _parting(link: Link, subject_id: UUID, by: str, now: datetime) -> SubjectsParted:
    other = link.other(subject_id) or link.into_subject_id
    return SubjectsParted(subject_id=subject_id, from_subject_id=other, by=by, occurred_at=now)
