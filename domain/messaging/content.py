"""What a message can hold, on whichever channel, in one shape."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

MessageType = Literal[
    "text", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts",
    "button_reply", "list_reply", "flow_reply", "template_reply", "quick_reply", "postback", "call_permission",
    "order", "story_reply", "story_mention", "share", "template", "unsupported", "unknown",
]  # fmt: skip
"""What came, or what an app of ours sent. `unknown`: the platform has a type that this release does not know."""

OutgoingType = Literal[
    "text", "image", "video", "audio", "document", "sticker", "location", "buttons", "list", "quick_replies",
    "template", "reaction",
]  # fmt: skip
"""What can be sent; which of them a channel takes is a matter of the channel."""

MEDIA_TYPES: frozenset[str] = frozenset(
    {"image", "video", "audio", "voice", "document", "sticker", "story_reply", "story_mention", "share"}
)
"""Types that may bring a file to be fetched."""


UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: what no database keeps."""


def stored(text: str) -> str:
    """Return a text as it can be kept everywhere: NUL and lone surrogates become the replacement character."""
    return UNSTORABLE.sub("�", text)


MessageText = Annotated[str, StringConstraints(min_length=1, max_length=65_536), AfterValidator(stored)]
"""The words of a message, with its line breaks."""
Piece = Annotated[str, StringConstraints(max_length=4_000), AfterValidator(stored)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Media(_Part):
    """A file of a message: the platform's id or address of it, and what the platform says of it.

    `file` is our own name of one that we keep: it is given to the platform when the message is sent.
    """

    id: Piece | None = None
    file: UUID | None = None
    url: Piece | None = None
    mime_type: Piece | None = None
    filename: Piece | None = None
    sha256: Piece | None = None
    animated: bool = False


class FurtherFile(Media):
    """A file beside the first of its message; `type` is what a message with this file alone would be."""

    type: MessageType


class Location(_Part):
    """A place on the map, in degrees."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    name: Piece | None = None
    address: Piece | None = None


class Choice(_Part):
    """A button, row or quick reply: the id or payload that comes back when it is chosen, and its title."""

    id: Piece
    title: Piece
    description: Piece | None = None


class Section(_Part):
    """A part of a list with its own heading."""

    title: Piece | None = None
    rows: tuple[Choice, ...]


class Content(_Part):
    """Everything of a message beside its words; what does not apply is None. `more` keeps what has no place here."""

    media: Media | None = None
    files: tuple[FurtherFile, ...] = ()  # beside `media`, in the platform's order
    location: Location | None = None
    choice: Choice | None = None  # what the customer chose: a button, a row, a quick reply, a postback
    buttons: tuple[Choice, ...] = ()  # what we offer to choose from
    sections: tuple[Section, ...] = ()
    list_button: Piece | None = None  # what opens the list
    header: Piece | None = None
    footer: Piece | None = None
    url: Piece | None = None  # of a share, a story, an advertisement
    emoji: Piece | None = None
    template: dict[str, JsonValue] | None = None  # components with their parameters
    product: Piece | None = None  # the catalogue's id of the property asked about
    more: dict[str, JsonValue] = Field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return what there is, for JSON."""
        return self.model_dump(mode="json", exclude_defaults=True)


class AdReferral(_Part):
    """The advertisement or post that a customer came from. Its click id and texts are personal and kept elsewhere."""

    source: Literal["ad", "post", "short_link", "other"] = "other"
    source_id: Annotated[str, StringConstraints(max_length=128)] | None = None
    ref: Annotated[str, StringConstraints(max_length=500), AfterValidator(stored)] | None = None
    click_id: bool = False  # whether a ctwa_clid came along

    @property
    def of_ad(self) -> bool:
        """Whether it was a click on an advertisement: one on a post that is advertised brings a click id too."""
        return self.source == "ad" or self.click_id
