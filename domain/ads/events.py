"""Facts about what we told Meta and what it answered."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from domain.shared.fact import Fact, Label
from domain.shared.personal import Open

Outcome = Literal["accepted", "rejected", "withheld", "transient", "throttled", "parked", "unknown"]


class ConversionsSent(Fact):
    """One request to Meta, or one decision at the door not to make it, and its outcome for each conversion named.

    `accepted`: counted by Meta. `rejected`: refused for good. `withheld`: not sent, `message` says why.
    `transient`, `throttled`, `unknown` (no answer): will be tried again under the same ids, unless `final` says that
    an `unknown` one is not, because Meta would count it twice. `parked`: waits for credentials. `received` is what
    Meta says it received. `fields` are the names of the user-data fields sent, never values.

    Source: the conversion worker, once per request.
    """

    kind: Open[Literal["ads.conversions_sent.v1"]] = "ads.conversions_sent.v1"
    dataset_id: Open[str]
    conversion_ids: Open[tuple[UUID, ...]] = Field(max_length=1000)
    outcome: Open[Outcome]
    fields: Open[tuple[str, ...]] = ()
    status: Open[int | None] = None  # HTTP status, None where no answer came
    code: Open[int | None] = None  # Graph error code
    subcode: Open[int | None] = None
    message: Open[str | None] = Field(default=None, max_length=500)
    fbtrace_id: Open[str | None] = None
    graph_version: Open[Label | None] = None  # None where no request was made
    received: Open[int | None] = Field(default=None, ge=0)  # events_received; None where the answer did not say
    final: Open[bool | None] = None  # True: unknown, and not sent again unless an operator says so


Plain = str | bool | int | float
"""A value of the custom data: what the policy may send as well."""


class ConversionCorrected(Fact):
    """An operator had a conversion sent again that was refused or of which nobody knows, corrected where named.

    What is None or empty stays as it was. Id and time of the event never change. `dropped` names kinds of contact
    that are no longer sent.

    Source: `POST /api/conversions/{id}/retry`.
    """

    kind: Open[Literal["ads.conversion_corrected.v1"]] = "ads.conversion_corrected.v1"
    conversion_id: Open[UUID]
    dataset_id: Open[str]
    by: Open[Label]  # the key of whoever asked for it
    event_name: Open[Annotated[str, StringConstraints(min_length=1, max_length=50)] | None] = None
    value: Open[float | None] = Field(default=None, ge=0, allow_inf_nan=False)
    currency: Open[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None] = None
    custom: Open[dict[str, Plain | None]] = Field(default_factory=dict)  # None: no longer sent
    dropped: Open[tuple[Label, ...]] = ()
