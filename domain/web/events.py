"""Facts about what people look at on a website."""

from typing import Literal

from domain.shared.fact import Ref, Touchpoint
from domain.shared.personal import Open

Page = Literal[
    "listing", "search", "calculator", "comparison", "guide", "market_report", "price_history", "other",
]  # fmt: skip
"""What kind of page it was; its address is in `page_url`, and its title is nobody's business."""


class WebPageViewed(Touchpoint):
    """A person opened a page of the website.

    Source: the tracker on the page (`/masar.js`), `masar('page', 'calculator')`.
    """

    kind: Open[Literal["web.page_viewed.v1"]] = "web.page_viewed.v1"
    page: Open[Page] = "other"
    property_id: Open[Ref | None] = None  # the property the page is about, where it is about one
