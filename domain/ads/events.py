"""Facts about what we told Meta and what it answered."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.shared.fact import Fact, Label
from domain.shared.personal import Open

Outcome = Literal["accepted", "rejected", "withheld", "transient", "throttled", "parked", "unknown"]


class ConversionsSent(Fact):
    """One request to Meta, or one decision at the door not to make it, and its outcome for each conversion named.

    `accepted`: counted by Meta. `rejected`: refused for good. `withheld`: not sent, `message` says why.
    `transient`, `throttled`, `unknown` (no answer): will be tried again under the same ids. `parked`: waits for
    credentials. `fields` are the names of the user-data fields sent, never values.

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
    graph_version: Open[Label | None] = None
