"""Facts about what people do with properties on offer."""

from typing import Literal

from domain.shared.fact import Label, Ref, Touchpoint
from domain.shared.personal import Open


class PropertySaved(Touchpoint):
    """A person put a property on their list.

    Source: `POST /api/properties/{id}/save`.
    """

    kind: Open[Literal["properties.saved.v1"]] = "properties.saved.v1"
    property_id: Open[Ref]
    saved_from: Open[Label] = "listing"  # the page: "listing", "tour", "comparison", "calculator", …
