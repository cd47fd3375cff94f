"""The transcript of a conversation, for people: who said what when, and what became of it; as text and as PDF."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.pdf.bidi import DROPPED
from adapters.pdf.document import Document, Style
from domain.conversations.analysis import Transcript as Words
from domain.conversations.transcript import turns_of

ISOLATE, END = "⁨", "⁩"
"""Around what somebody wrote: its direction does not turn what stands beside it (UAX 9, FSI and PDI)."""
ERASED = "(erased)"
# fmt: off
AUTHORS: Mapping[str | None, str] = {
    "customer":  "Customer",
    "assistant": "Assistant",
    "agent":     "Agent",
    "system":    "System",
    "elsewhere": "Agent (in the app of the platform)",
    None:        "—",
}
OUTCOMES: Mapping[str, str] = {
    "queued":    "waiting to be sent",
    "unknown":   "nobody knows whether it was sent",
    "cancelled": "cancelled",
    "refused":   "refused",
    "accepted":  "accepted by the platform",
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing said: when (None where nobody knows), by whom, the words, and what is to be noted of it."""

    at: datetime | None
    author: str
    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation in order; `about` are lines on top of it, `zone` is where its clock is read."""

    title: str
    about: tuple[str, ...]
    entries: tuple[Entry, ...]
    zone: ZoneInfo
    made_at: datetime


def of_messages(messages: Sequence[Mapping[str, Any]], customer: str | None, zone: ZoneInfo) -> list[Entry]:
    """Return the entries of a thread's messages as the API shows them."""
    return [
        Entry(_in(one["at"], zone), _author(one, customer), _words(one), tuple(_notes(one, zone))) for one in messages
    ]  # fmt: skip


def of_turns(items: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[Entry]:
    """Return the entries of a session: its transcript where there is one, else what was told turn by turn."""
    for item in items:
        if isinstance(whole := item["transcript"], Mapping) and "erased" not in whole and "sealed" not in whole:
            turns = turns_of(Words.model_validate(whole))
            return [Entry(None, AUTHORS.get(turn.by, turn.by), turn.text) for turn in turns]
        if whole:
            return [Entry(_in(item["at"], zone), AUTHORS[None], ERASED)]
    return [
        Entry(_in(one["at"], zone), "Customer" if one["direction"] == "in" else "Assistant", _plain(one["text"]))
        for one in items
        if one["text"] and one["direction"]
    ]


def as_text(transcript: Transcript) -> str:
    """Return a transcript as plain text: what people wrote is isolated, and cannot pose as a line of ours."""
    lines = [isolated(transcript.title), *map(isolated, transcript.about), ""]
    for one in transcript.entries:
        first, *others = one.text.splitlines() or [""]
        lines.append(f"[{_time(one.at)}] {isolated(one.author)}: {isolated(first)}".rstrip())
        lines += [f"    {isolated(line)}" for line in others]
        lines += [f"    ({isolated(note)})" for note in one.notes]
    return "\n".join(lines) + "\n"


def as_pdf(transcript: Transcript) -> bytes:
    """Return a transcript as a PDF document."""
    document = Document(transcript.title, transcript.made_at.astimezone(UTC))
    document.paragraph(transcript.title, Style(size=16, bold=True))
    for line in transcript.about:
        document.paragraph(line, Style(size=8.5, grey=0.4))
    day = ""
    for one in transcript.entries:
        if one.at is not None and (today := f"{one.at:%A, %d %B %Y}") != day:
            document.paragraph(today, Style(size=9, before=14, bold=True, grey=0.3))
            day = today
        clock = f"{one.at:%H:%M}  ·  " if one.at else ""
        document.paragraph(f"{clock}{one.author}", Style(size=8, before=7, grey=0.4))
        if one.text:
            document.paragraph(one.text)
        for note in one.notes:
            document.paragraph(note, Style(size=8, grey=0.5, indent=12))
    return document.to_bytes()


def isolated(text: str) -> str:
    """Return words of others isolated, without marks of direction and control characters of their own."""
    kept = "".join(
        one for one in text
        if unicodedata.bidirectional(one) not in DROPPED and (unicodedata.category(one) != "Cc" or one == "\t")
    )  # fmt: skip
    return f"{ISOLATE}{kept}{END}" if kept else ""


def _author(message: Mapping[str, Any], customer: str | None) -> str:
    name = AUTHORS.get(message["author"], str(message["author"]))
    who = customer if message["author"] == "customer" else message["by"]
    return f"{who} ({name.lower()})" if who else name


def _words(message: Mapping[str, Any]) -> str:
    if message["unsent"]:
        return "(taken back)"
    text, content = _plain(message["text"]), message["content"] or {}
    return text or (content.get("choice") or {}).get("title") or ("" if content else f"({message['type']})")


def _notes(message: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    """Yield what is to be noted: files, places, how far it got, reactions, edits."""
    content: Mapping[str, Any] = message["content"] if isinstance(message["content"], Mapping) else {}
    if "erased" in content:
        yield f"{message['type']}: {ERASED}"
    media, file = content.get("media") or {}, message["media"] or {}
    if media or file:
        yield _file(message["type"], media, file)
    kept = {one["nth"]: one for one in message["files"]}
    for nth, further in enumerate(content.get("files") or (), 1):
        yield _file(further["type"], further, kept.get(nth) or {})
    if place := content.get("location"):
        told = ", ".join(filter(None, (place.get("name"), place.get("address"))))
        yield f"place: {told} {place['latitude']}, {place['longitude']}".replace("  ", " ")
    for choice in content.get("buttons") or ():
        yield f"button: {choice.get('title')}"
    if message["edited"]:
        yield "edited"
    for one in message["reactions"]:
        yield f"reaction of {one['by']}: {_plain(one['emoji'])}"
    if message["direction"] == "out":
        yield from _receipts(message, zone)


def _file(kind: str, media: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    size = f", {file['size']:,} bytes" if file.get("size") else ""
    return f"{kind}: {media.get('filename') or 'without a name'} ({file.get('state') or 'unknown'}{size})"


def _receipts(message: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    times: Mapping[str, Any] = (message["receipts"] or {}).get("at") or {}
    reached = [
        f"{name} {_time(_in(at, zone))}" for name in ("sent", "delivered", "read", "played")
        if isinstance(at := times.get(name), datetime)
    ]  # fmt: skip
    if reached:
        yield " · ".join(reached)
    elif message["status"]:
        yield OUTCOMES.get(message["status"], message["status"])
    if message["reason"]:
        yield f"reason: {message['reason']}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else (ERASED if value else "")


def _in(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return at.astimezone(zone) if at else None


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "—"
