"""Facts about what people do with properties on offer."""

from typing import Literal

from domain.shared.fact import Label, Ref, Touchpoint
from domain.shared.personal import Open


class PropertyViewed(Touchpoint):
    """A person looked at a property's page.

    Source: the site or app, with the property's price and place in `listing` where it knows them.
    """

    kind: Open[Literal["properties.viewed.v1"]] = "properties.viewed.v1"
    property_id: Open[Ref]
    viewed_from: Open[Label] = "search"  # the page before: "search", "map", "message", …


class PropertySaved(Touchpoint):
    """A person put a property on their list.

    Source: `POST /api/properties/{id}/save`.
    """

    kind: Open[Literal["properties.saved.v1"]] = "properties.saved.v1"
    property_id: Open[Ref]
    saved_from: Open[Label] = "listing"  # the page: "listing", "tour", "comparison", "calculator", …
