"""What each channel takes, in its own units, and how a long text becomes several messages.

Source: Meta, *Cloud API: messages, interactive messages* and *Messenger Platform: send API, quick replies, templates*,
*Instagram messaging*, checked in November 2026.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from application.outgoing import BadDraft, Draft
from application.ports.touchpoints import Problem
from domain.messaging.content import Choice, Content, OutgoingType
from domain.shared.fact import Channel

Unit = Literal["characters", "bytes", "things"]


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a part of a message may hold."""

    most: int
    unit: Unit = "characters"


# fmt: off
TAKES: Final[dict[Channel, frozenset[OutgoingType]]] = {
    "whatsapp":  frozenset({"text", "image", "video", "audio", "document", "sticker", "location", "buttons", "list",
                            "template", "reaction"}),
    "messenger": frozenset({"text", "image", "video", "audio", "document", "buttons", "quick_replies", "template"}),
    "instagram": frozenset({"text", "image", "video", "audio", "document", "buttons", "quick_replies", "template",
                            "reaction"}),
}
"""Kinds of message by channel."""

LIMITS: Final[dict[Channel, dict[str, Limit]]] = {
    "whatsapp": {
        "text":         Limit(4096),
        "caption":      Limit(1024),            # under an image, a video or a document
        "body":         Limit(1024),            # of a message with buttons
        "list_body":    Limit(4096),
        "header":       Limit(60),
        "footer":       Limit(60),
        "buttons":      Limit(3, "things"),
        "button_title": Limit(20),
        "button_id":    Limit(256),
        "sections":     Limit(10, "things"),
        "rows":         Limit(10, "things"),    # of all sections together
        "section_title": Limit(24),
        "row_title":    Limit(24),
        "row_text":     Limit(72),
        "row_id":       Limit(200),
        "list_button":  Limit(20),
    },
    "messenger": {
        "text":         Limit(2000),
        "body":         Limit(640),             # of a button template
        "buttons":      Limit(3, "things"),
        "button_title": Limit(20),
        "button_id":    Limit(1000),
        "quick_replies": Limit(13, "things"),
        "reply_title":  Limit(20),
        "reply_id":     Limit(1000),
    },
    "instagram": {
        "text":         Limit(1000, "bytes"),   # of UTF-8: about 500 letters of Arabic
        "body":         Limit(640),
        "buttons":      Limit(3, "things"),
        "button_title": Limit(20),
        "button_id":    Limit(1000),
        "quick_replies": Limit(13, "things"),
        "reply_title":  Limit(20),
        "reply_id":     Limit(1000),
    },
}
"""What a part may hold, by channel; a part without a row has no limit of its own."""

MEDIA: Final[frozenset[OutgoingType]] = frozenset({"image", "video", "audio", "document", "sticker"})
CAPTIONED: Final[frozenset[OutgoingType]] = frozenset({"image", "video", "document"})
"""On WhatsApp; the other channels take a file alone."""
# fmt: on

MOST_PARTS = 10
"""Messages that one text may become: more is no answer but a book."""
SENTENCE = re.compile(r".+?(?:[.!?؟۔…]+[\"'»”)\]]*(?=\s)\s*|\n+\s*|$)", re.DOTALL)
"""A sentence with the space behind it, in Latin or Arabic letters; a line is one too."""
WORD = re.compile(r"\S+\s*")


def size(text: str, unit: Unit) -> int:
    """Return the size of a text in characters (code points), or in bytes of UTF-8."""
    return len(text.encode()) if unit == "bytes" else len(text)


def check(channel: Channel, draft: Draft) -> None:
    """Refuse a message that the platform would not take. Raises BadDraft naming every field at fault."""
    problems = list(_problems(channel, draft))
    if problems:
        raise BadDraft(tuple(problems))


def parts_of(channel: Channel, draft: Draft) -> list[str | None]:
    """Return the texts of the messages that a draft becomes: one, but for a plain text that is too long.

    Raises BadDraft where that would be more than MOST_PARTS.
    """
    if draft.message_type != "text" or draft.text is None:
        return [draft.text]
    parts = split(draft.text, LIMITS[channel]["text"])
    if len(parts) > MOST_PARTS:
        raise BadDraft((Problem("text", f"would become {len(parts)} messages; at most {MOST_PARTS}"),))
    return list(parts)


def split(text: str, limit: Limit) -> list[str]:
    """Return a text in pieces within the limit: at sentences, else at words, else anywhere between two letters."""
    if size(text, limit.unit) <= limit.most:
        return [text]
    pieces: list[str] = []
    held = ""
    for segment in _segments(text, limit):
        if held and size((held + segment).rstrip(), limit.unit) > limit.most:
            pieces.append(held.strip())
            held = ""
        held += segment
    return [one for one in (*pieces, held.strip()) if one]


def _segments(text: str, limit: Limit) -> Iterator[str]:
    """Yield sentences; a sentence that is too long by itself in words, a word that is in letters."""

    def fits(part: str) -> bool:
        return size(part.rstrip(), limit.unit) <= limit.most

    for sentence in SENTENCE.findall(text):
        if fits(sentence):
            yield sentence
            continue
        for word in WORD.findall(sentence):
            if fits(word):
                yield word
            else:
                yield from _letters(word, fits)


def _letters(word: str, fits: Callable[[str], bool]) -> Iterator[str]:
    held = ""
    for letter in _clusters(word):
        if held and not fits(held + letter):
            yield held
            held = ""
        held += letter
    if held:
        yield held


def _clusters(word: str) -> Iterator[str]:
    """Yield letters with the marks that belong to them: a vowel sign or a skin colour is not torn off."""
    held = ""
    for one in word:
        joins = (
            unicodedata.combining(one) != 0
            or one in "\u200d\ufe0f"
            or "\U0001f3fb" <= one <= "\U0001f3ff"
            or held.endswith("\u200d")
        )
        if held and (not joins or len(held) > 32):
            yield held
            held = ""
        held += one
    if held:
        yield held


def _problems(channel: Channel, draft: Draft) -> Iterator[Problem]:
    kind, content = draft.message_type, draft.content or Content()
    if kind not in TAKES[channel]:
        yield Problem("type", f"{channel} takes {', '.join(sorted(TAKES[channel]))}, not {kind}")
        return
    if kind in MEDIA:
        yield from _media(channel, draft, content)
    elif kind == "text":
        yield from _needed("text", (draft.text or "").strip())
    elif kind == "location":
        yield from _needed("location", content.location)
    elif kind == "reaction":
        yield from _needed("reply_to", draft.reply_to)
        if content.emoji is None:
            yield Problem("emoji", "is missing; an empty one takes the reaction back")
    elif kind == "template":
        yield from _template(channel, draft, content)
    elif kind == "list":
        yield from _list(channel, draft, content)
    else:
        yield from _choices(channel, draft, content)


TAKES_UPLOADS: frozenset[Channel] = frozenset({"whatsapp"})
"""Channels that are given files which are kept here."""


def _media(channel: Channel, draft: Draft, content: Content) -> Iterator[Problem]:
    media = content.media
    if media is None or not (media.id or media.url or media.file):
        yield Problem("media", "needs an id, an https address, or a file that is kept here")
    elif media.file and channel not in TAKES_UPLOADS:
        yield Problem("media.file", f"cannot go to {channel}, which takes files by an https address")
    elif media.url and not media.url.startswith("https://"):
        yield Problem("media.url", "must begin with https://")
    if draft.text and (channel != "whatsapp" or draft.message_type not in CAPTIONED):
        yield Problem("text", f"cannot go with {draft.message_type} on {channel}: send it by itself")
    yield from _within(channel, "caption", "text", draft.text)


def _template(channel: Channel, draft: Draft, content: Content) -> Iterator[Problem]:
    if channel == "whatsapp":
        yield from _needed("template", draft.template)
        yield from _needed("language", draft.language)
        components = (content.template or {}).get("components", [])
        if not isinstance(components, list) or not all(isinstance(one, dict) for one in components):
            yield Problem("components", "must be a list of objects")
    else:
        yield from _needed("template", content.template)


def _choices(channel: Channel, draft: Draft, content: Content) -> Iterator[Problem]:
    """Check buttons, or quick replies, of which there may be more."""
    quick = draft.message_type == "quick_replies"
    many, title, name = (
        ("quick_replies", "reply_title", "reply_id") if quick else ("buttons", "button_title", "button_id")
    )
    yield from _needed("text", (draft.text or "").strip())
    yield from _within(channel, "text" if quick else "body", "text", draft.text)
    yield from _needed("buttons", content.buttons)
    yield from _within(channel, many, "buttons", content.buttons)
    yield from _within(channel, "header", "header", content.header)
    yield from _within(channel, "footer", "footer", content.footer)
    yield from _each("buttons", channel, content.buttons, title, name)
    if channel == "whatsapp":
        titles = [one.title for one in content.buttons]
        for nth in range(1, len(titles)):
            if titles[nth] in titles[:nth]:
                yield Problem(f"buttons.{nth}.title", "is used twice")
    if content.url and len(content.buttons) != 1:
        yield Problem("buttons", "a button that opens an address stands alone")


def _list(channel: Channel, draft: Draft, content: Content) -> Iterator[Problem]:
    rows = [row for section in content.sections for row in section.rows]
    yield from _needed("text", (draft.text or "").strip())
    yield from _within(channel, "list_body", "text", draft.text)
    yield from _needed("list_button", content.list_button)
    yield from _within(channel, "list_button", "list_button", content.list_button)
    yield from _within(channel, "header", "header", content.header)
    yield from _within(channel, "footer", "footer", content.footer)
    yield from _needed("sections", rows)
    yield from _within(channel, "sections", "sections", content.sections)
    yield from _within(channel, "rows", "sections", rows, "rows in all")
    for nth, section in enumerate(content.sections):
        yield from _within(channel, "section_title", f"sections.{nth}.title", section.title)
        if len(content.sections) > 1 and not section.title:
            yield Problem(f"sections.{nth}.title", "is needed where there is more than one section")
        for row_nth, row in enumerate(section.rows):
            yield from _within(channel, "row_text", f"sections.{nth}.rows.{row_nth}.description", row.description)
    yield from _each("sections.rows", channel, rows, "row_title", "row_id")


def _each(
    field: str, channel: Channel, choices: tuple[Choice, ...] | list[Choice], title: str, name: str
) -> Iterator[Problem]:  # fmt: skip
    seen: set[str] = set()
    for nth, choice in enumerate(choices):
        if not choice.title.strip():
            yield Problem(f"{field}.{nth}.title", "is missing")
        if not choice.id:
            yield Problem(f"{field}.{nth}.id", "is missing")
        elif choice.id in seen:
            yield Problem(f"{field}.{nth}.id", "is used twice")
        seen.add(choice.id)
        yield from _within(channel, title, f"{field}.{nth}.title", choice.title)
        yield from _within(channel, name, f"{field}.{nth}.id", choice.id)


def _needed(field: str, value: Any) -> Iterator[Problem]:
    if not value:
        yield Problem(field, "is missing")


def _within(channel: Channel, part: str, field: str, value: Any, things: str = "") -> Iterator[Problem]:
    limit = LIMITS[channel].get(part)
    if limit is None or value is None:
        return
    has = len(value) if limit.unit == "things" else size(value, limit.unit)
    if has > limit.most:
        what = things or ("" if limit.unit == "things" else limit.unit)
        yield Problem(field, f"has {has} {what}".rstrip() + f", {channel} takes {limit.most}")
