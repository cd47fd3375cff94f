"""Who is whom: the links between subjects that stand, the people they make, and where the log keeps them.

A link stands from the fact that says it until a fact parts it; said again by a human it stands again, said again by
the ingest it does not: a human's word holds. A person is what hangs together by links that stand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from domain.people.events import SubjectsLinked, SubjectsParted
from domain.shared.fact import Fact, Recorded

LINKS = UUID("8f5cf2f6-3d55-5a4e-9b0f-0b6f7f0c1f0a")
"""Namespace of the streams of links, partings and merge proposals."""

LINK_FACTS: tuple[type[Fact], ...] = (SubjectsLinked, SubjectsParted)
"""The facts that say who is whom."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that stands: `subject_id` joined the person of `into_subject_id`, said by the fact `said_by`."""

    subject_id: UUID
    into_subject_id: UUID
    said_by: UUID

    def other(self, subject_id: UUID) -> UUID | None:
        """Return the other end, None where the subject is at neither."""
        if subject_id == self.subject_id:
            return self.into_subject_id
        return self.subject_id if subject_id == self.into_subject_id else None


def link_stream(subject_id: UUID, into_subject_id: UUID, after: UUID | None = None) -> UUID:
    """Return the stream of a link: the same link said twice is one fact.

    `after` is the newest fact that parted one of them, where one did: a link said after it is a fact of its own.
    """
    return uuid5(LINKS, f"{subject_id}|{into_subject_id}" + (f"|after|{after}" if after else ""))


def parting_stream(said_by: UUID) -> UUID:
    """Return the stream that parts a link, named by the fact that said it: a link is parted once."""
    return uuid5(LINKS, f"parted|{said_by}")


def proposal_stream(one: UUID, other: UUID) -> UUID:
    """Return the stream of a merge proposal, whichever of the two was met first."""
    return uuid5(LINKS, f"same|{min(one, other)}|{max(one, other)}")


def ends(fact: Fact) -> tuple[UUID, ...]:
    """Return the two subjects that a fact links or parts; none for any other fact."""
    match fact:
        case SubjectsLinked():
            return fact.subject_id, fact.into_subject_id
        case SubjectsParted():
            return fact.subject_id, fact.from_subject_id
        case _:
            return ()


def standing(facts: Iterable[Recorded]) -> list[Link]:
    """Return the links that stand after some facts, which are in order; in the order in which they came to stand."""
    links: dict[frozenset[UUID], Link | None] = {}  # None: parted
    for recorded in facts:
        fact, pair = recorded.fact, frozenset(ends(recorded.fact))
        if isinstance(fact, SubjectsParted):
            links[pair] = None
        elif isinstance(fact, SubjectsLinked) and links.get(pair) is None and (pair not in links or fact.by):
            links.pop(pair, None)  # it takes its place behind the others
            links[pair] = Link(fact.subject_id, fact.into_subject_id, recorded.stream_id)
    return [link for link in links.values() if link]


def people_of(links: Iterable[Link], subjects: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the person of each of some subjects, by the links between them, in the order in which these came to stand.

    The id of a person is that of one of their subjects: whose person is joined keeps their id. So it follows from the
    links that stand and from nothing else, as if those parted had never been said.
    """
    person = {subject: subject for subject in subjects}
    members = {subject: [subject] for subject in person}
    for link in links:
        if link.subject_id not in person or link.into_subject_id not in person:
            continue
        joins, stays = person[link.subject_id], person[link.into_subject_id]
        if joins != stays:
            moved = members.pop(joins)
            members[stays] += moved
            person.update(dict.fromkeys(moved, stays))
    return person


def leading_to(links: Sequence[Link], subject_id: UUID, other_id: UUID) -> list[Link]:
    """Return the links of a subject that hold it together with another: parted, the two are two people.

    They are those whose other end hangs together with `other_id` without the subject; none where they are not one.
    """
    own = [link for link in links if link.other(subject_id)]
    rest = [link for link in links if not link.other(subject_id)]
    known = {one for link in links for one in (link.subject_id, link.into_subject_id)} | {other_id}
    person = people_of(rest, known)
    return [link for link in own if person[link.other(subject_id) or subject_id] == person[other_id]]
