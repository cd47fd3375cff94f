"""Where the log keeps that two subjects are one person, or may be."""

from uuid import UUID, uuid5

LINKS = UUID("8f5cf2f6-3d55-5a4e-9b0f-0b6f7f0c1f0a")
"""Namespace of the streams of links and merge proposals."""


def link_stream(subject_id: UUID, into_subject_id: UUID) -> UUID:
    """Return the stream of a link: the same link said twice is one fact."""
    return uuid5(LINKS, f"{subject_id}|{into_subject_id}")


def proposal_stream(one: UUID, other: UUID) -> UUID:
    """Return the stream of a merge proposal, whichever of the two was met first."""
    return uuid5(LINKS, f"same|{min(one, other)}|{max(one, other)}")
