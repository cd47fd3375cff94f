"""What has to change on Meta's list so that it holds the people of a segment and nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LEAST_PEOPLE: Final = 100
"""Below it nobody is added: a list so small could point to single people, and Meta would not use it."""
MOST_ROWS: Final = 10_000
"""Rows that Meta takes in one request. Source: *Customer file custom audiences*."""

Row = tuple[str, ...]
"""What Meta is told of one person: a value per key of the schema, "" where one is not known."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row that may be on Meta's list; `sure` once Meta said that it took it."""

    row: Row
    sure: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Whom to take off and whom to put on, by person; `too_small` where nobody is put on for that reason."""

    remove: Mapping[str, Row]
    add: Mapping[str, Row]
    too_small: bool


def difference(wanted: Mapping[str, Row], listed: Mapping[str, Listed], least: int = LEAST_PEOPLE) -> Difference:
    """Return the changes from what may be on the list to what should be.

    Who is not wanted any more is removed whatever the size: a withdrawal holds at once. A row that changed is removed
    as it was and added as it is.
    """
    remove = {person: one.row for person, one in listed.items() if wanted.get(person) != one.row}
    too_small = len(wanted) < least
    missing = {
        person: row for person, row in wanted.items()
        if person not in listed or listed[person].row != row or not listed[person].sure
    }  # fmt: skip
    return Difference(remove, {} if too_small else missing, too_small)


def batches(rows: Mapping[str, Row], most: int = MOST_ROWS) -> Sequence[Mapping[str, Row]]:
    """Return rows in requests of at most `most`, in a stable order."""
    people = sorted(rows)
    return [{one: rows[one] for one in people[at : at + most]} for at in range(0, len(people), most)]
