"""Facts about who a person is and what they allow."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.shared.fact import Fact, Label, Touchpoint
from domain.shared.personal import Open

Purpose = Literal["meta_tracking", "marketing_messages", "profiling"]


class ConsentGiven(Touchpoint):
    """A person allowed one use of their data.

    Source: the cookie banner or form of a site, an agent noting it, `POST /api/people/{id}/consent`.
    """

    kind: Open[Literal["people.consent_given.v1"]] = "people.consent_given.v1"
    purpose: Open[Purpose]
    source: Open[Label] = "website"
    text_version: Open[Label] = "unversioned"  # which wording they saw


class ConsentWithdrawn(Touchpoint):
    """A person forbade one use of their data; wins over a consent of the same moment.

    Source: as for `ConsentGiven`, and opt-out words in a chat.
    """

    kind: Open[Literal["people.consent_withdrawn.v1"]] = "people.consent_withdrawn.v1"
    purpose: Open[Purpose]
    source: Open[Label] = "website"
    text_version: Open[Label] = "unversioned"


class SubjectsLinked(Fact):
    """Two subjects turned out to be one person: a visitor became known, or an agent merged two people.

    Source: ingest, when a touchpoint carries a known person's identifier beside a visitor's; `POST /merge`.
    """

    kind: Open[Literal["people.subjects_linked.v1"]] = "people.subjects_linked.v1"
    subject_id: Open[UUID]  # the one that joins
    into_subject_id: Open[UUID]  # the one whose person it joins
    because: Open[Label] = Field(default="visitor_became_known")
    by: Open[Label | None] = None  # the key of whoever said so, where a human did


class SubjectsParted(Fact):
    """Two subjects are not one person after all: the link between them no longer stands, whoever said it.

    The ingest cannot link the same two again; a human can. Source: an operator, `POST /api/people/{id}/unmerge`.
    """

    kind: Open[Literal["people.subjects_parted.v1"]] = "people.subjects_parted.v1"
    subject_id: Open[UUID]  # the one that leaves
    from_subject_id: Open[UUID]  # the other end of the link
    because: Open[Label] = Field(default="parted_by_hand")
    by: Open[Label | None] = None  # the key of whoever said so


class MergeProposed(Fact):
    """Two known people share an identifier; a human has to say whether they are one.

    Source: ingest, when strong identifiers of one touchpoint point to different people.
    """

    kind: Open[Literal["people.merge_proposed.v1"]] = "people.merge_proposed.v1"
    subject_id: Open[UUID]
    other_subject_id: Open[UUID]
    because: Open[Label]
