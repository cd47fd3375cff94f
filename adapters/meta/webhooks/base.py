"""What the facts of all channels have in common."""

from datetime import datetime
from typing import Any, TypedDict

from adapters.meta.webhooks.parts import content_of, hashed_name, kept, label, mapping
from adapters.meta.webhooks.pieces import Named, Piece, Problem, Reading
from adapters.meta.webhooks.times import when
from domain.messaging.content import AdReferral, Content
from domain.messaging.events import Clock, NoticeReceived, Provider, Signal, SignalReceived
from domain.people.hints import PersonHints
from domain.shared.fact import Channel, Origin


class Base(TypedDict):
    """The envelope of a fact that a platform reports."""

    occurred_at: datetime
    clock: Clock
    origin: Origin
    channel: Channel
    account_id: str
    provider: Provider
    hints: PersonHints | None


def problem_of(piece: Piece, why: str) -> Problem:
    """Return that a piece could not be read."""
    return Problem(piece.path, why)


def base_of(piece: Piece, reading: Reading, time: Any, hints: PersonHints | None) -> Base:
    """Return the envelope of a piece's fact; the piece names an account."""
    occurred_at, clock = when(time, reading.now)
    return {
        "occurred_at": occurred_at,
        "clock": clock,
        "origin": "business_messaging",
        "channel": piece.channel,
        "account_id": piece.account or piece.business_id or "",
        "provider": reading.provider,
        "hints": hints,
    }


def notice_of(
    piece: Piece, reading: Reading, time: Any, about: Any = None, hints: PersonHints | None = None, **told: Any
) -> Named:
    """Return what the platform tells of an account, all of it kept; `about` is the field unless given."""
    base = base_of(piece, reading, time, hints)
    name = hashed_name("notice", base["account_id"], piece.field, piece.kind, piece.context.get("time"), piece.value)
    kept_value = kept(dict(piece.value))
    words = {key: label(one, 300 if key == "reason" else 80) for key, one in told.items()}
    return Named(
        name,
        NoticeReceived(
            **base,
            about=_clean(label(about) or label(piece.field)) or "unknown",
            content=content_of(mapping(kept_value)),
            **{key: _clean(one) for key, one in words.items()},
        ),
    )


def signal_or_notice(
    piece: Piece,
    reading: Reading,
    time: Any,
    *,
    name: str,
    signal: Signal,
    hints: PersonHints | None,
    text: str | None = None,
    content: Content | None = None,
    referral: AdReferral | None = None,
) -> Named:
    """Return the signal of a customer; where none is named it is a notice about our account."""
    if hints is None:
        return notice_of(piece, reading, time, about=signal if signal != "other" else piece.kind)
    base = base_of(piece, reading, time, hints)
    return Named(name, SignalReceived(**base, signal=signal, text=text, content=content, referral=referral))


def _clean(text: str | None) -> str | None:
    """Return a text for an open field: those take no NUL."""
    return text.replace("\x00", " ") if text else text
