"""Facts about audiences: how they are defined, and what became of each synchronisation with Meta."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from domain.audiences.segment import Segment
from domain.shared.fact import Fact, Label
from domain.shared.personal import Open

AdAccountId = Annotated[str, StringConstraints(pattern=r"^\d{1,20}$")]
Outcome = Literal["done", "too_small", "failed"]
"""`too_small`: nobody was added, for too few may be told; removals were made all the same. `failed`: Meta said no, or
nothing; what it had taken until then is kept, and the next one goes on from there."""


class AudienceDefined(Fact):
    """Somebody said whom an audience is of; a later version of the same name takes its place.

    Source: an operator, `POST /api/audiences`, `POST /api/conversions/create-audience`.
    """

    kind: Open[Literal["audiences.defined.v1"]] = "audiences.defined.v1"
    audience_id: Open[UUID]
    name: Open[Label]
    version: Open[int] = Field(ge=1)
    segment: Open[Segment]
    ad_account_id: Open[AdAccountId]
    by: Open[Label | None] = None  # the key of whoever defined it


class AudienceSynced(Fact):
    """Meta's list of an audience was brought in line with ours, or that was tried. Numbers only, nobody's data.

    Source: an operator, `POST /api/audiences/{id}/sync`.
    """

    kind: Open[Literal["audiences.synced.v1"]] = "audiences.synced.v1"
    audience_id: Open[UUID]
    version: Open[int] = Field(ge=1)  # of the definition
    outcome: Open[Outcome]
    meta_audience_id: Open[str | None] = Field(default=None, max_length=40)
    size: Open[int] = Field(ge=0)  # people of ours on Meta's list afterwards
    added: Open[int] = Field(default=0, ge=0)
    removed: Open[int] = Field(default=0, ge=0)
    invalid: Open[int] = Field(default=0, ge=0)  # rows that Meta could not read
    message: Open[str | None] = Field(default=None, max_length=400)  # Meta's words where it said no
    by: Open[Label | None] = None
