"""The items of Messenger and Instagram, each into a fact of ours. Source: Meta, "Messenger Platform: Webhooks"."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from adapters.meta.webhooks.base import base_of, notice_of, problem_of, signal_or_notice
from adapters.meta.webhooks.pages_content import Message, message_of, referral_of
from adapters.meta.webhooks.parts import (
    choice_of,
    content_of,
    cut,
    hashed_name,
    hints_of,
    kept,
    label,
    mapping,
    others,
    ours,
    text_of,
    word,
)
from adapters.meta.webhooks.pieces import Named, Piece, Problem, Reading
from adapters.meta.webhooks.times import AHEAD, EARLIEST, time_of
from domain.messaging.content import AdReferral
from domain.messaging.events import MessageChanged, MessageEchoed, MessageReceived, ReceiptReceived, Signal
from domain.messaging.threads import message_name
from domain.people.hints import PersonHints

Found = Named | Problem


def fact_of_page(piece: Piece, reading: Reading) -> Found:
    """Return the fact of an item of Messenger or Instagram, or why there is none."""
    return KINDS.get(piece.kind, _other)(piece, reading)


# Who


def _side(piece: Piece, name: str) -> str | None:
    return word(mapping(piece.value.get(name)).get("id"))


def _by_us(piece: Piece) -> bool:
    """Tell whether our account did it: an echo, or what it sent itself."""
    if mapping(piece.value.get("message")).get("is_echo") is True:
        return True
    return piece.account is not None and _side(piece, "sender") == piece.account


def _customer(piece: Piece) -> PersonHints | None:
    """Return the customer of an item: of an echo who it went to, else who it came from; never our own account."""
    sides = ("recipient", "sender") if _by_us(piece) else ("sender", "recipient")
    found = next((one for side in sides if (one := _side(piece, side)) and one != piece.account), None)
    return _hints(piece, found)


def _hints(piece: Piece, customer: Any, **more: Any) -> PersonHints | None:
    if word(customer) is None:
        return None
    return hints_of(**{"psid" if piece.channel == "messenger" else "igsid": customer}, **more)


# Messages


def _message(piece: Piece, reading: Reading) -> Found:
    """Return the fact of a message of a customer, of an echo, or of a message taken back."""
    told, hints = mapping(piece.value.get("message")), _customer(piece)
    if not told:
        return problem_of(piece, "the message is empty")
    if hints is None:
        if told.get("is_self") is True:
            return notice_of(piece, reading, piece.value.get("timestamp"), about="message to oneself")
        if _by_us(piece):
            return problem_of(piece, "names no customer")
    if told.get("is_deleted") is True:
        return _changed(piece, reading, told.get("mid"), change="revoked")
    base = base_of(piece, reading, piece.value.get("timestamp"), hints)
    found = message_of(told)
    common = {
        **base,
        "message_type": found.message_type,
        "platform_id": _platform_id(told),
        "text": found.text,
        "content": found.content,
        "reply_to": reading.ref(message_name(found.quoted)) if found.quoted else None,
        "more_files": len(found.content.files) if found.content else 0,
    }
    name = _name(piece, told)
    if _by_us(piece):
        send_id = ours(told.get("metadata"))[1]
        return Named(name, MessageEchoed(**common, send_id=send_id, application=_application(told)))
    standby = piece.context.get("standby") is True
    return Named(name, MessageReceived(**common, referral=_click(piece, found), standby=standby))


def _click(piece: Piece, found: Message) -> AdReferral | None:
    """Return where the customer came from; the referral stands in the message, or beside it."""
    beside = mapping(piece.value.get("referral"))
    return found.referral or (referral_of(beside) if beside else None)


def _application(told: Mapping[str, Any]) -> str | None:
    found = label(told.get("app_id"))
    return found.replace("\x00", " ") if found else None


def _platform_id(told: Mapping[str, Any]) -> str | None:
    own = word(told.get("mid"))
    return own if own and len(own) <= 4_000 else None


def _name(piece: Piece, told: Mapping[str, Any]) -> str:
    own = word(told.get("mid"))
    return message_name(own) if own else _hashed(piece, "message")


def _hashed(piece: Piece, kind: str) -> str:
    """Return the name of what has no id: by who, when, what and all it says."""
    told = piece.value
    sides = _side(piece, "sender"), _side(piece, "recipient")
    return hashed_name(kind, piece.account, *sides, told.get("timestamp"), piece.kind, told.get(piece.kind) or told)


def _postback(piece: Piece, reading: Reading) -> Found:
    """Return the fact of a button of a message or a menu that the customer chose."""
    told, hints = mapping(piece.value.get("postback")), _customer(piece)
    base = base_of(piece, reading, piece.value.get("timestamp"), hints)
    referral = mapping(told.get("referral"))
    more: dict[str, JsonValue] = others(told, ("mid", "payload", "title"))
    return Named(
        message_name(own) if (own := word(told.get("mid"))) else _hashed(piece, "message"),
        MessageReceived(
            **base,
            message_type="postback",
            platform_id=_platform_id(told),
            text=text_of(told.get("title"), more),
            content=content_of(more, choice=choice_of(told.get("payload"), told.get("title"))),
            referral=referral_of(referral) if referral else None,
            standby=piece.context.get("standby") is True,
        ),
    )


# Changes of messages


def _reaction(piece: Piece, reading: Reading) -> Found:
    """Return that somebody reacted; the platform's word for it stands where there is no emoji."""
    told = mapping(piece.value.get("reaction"))
    taken_back = told.get("action") == "unreact"
    emoji = None if taken_back else cut(told.get("emoji")) or cut(told.get("reaction"))
    return _changed(
        piece, reading, told.get("mid"), change="unreacted" if taken_back or not emoji else "reacted", emoji=emoji
    )


def _edit(piece: Piece, reading: Reading) -> Found:
    """Return that a message was edited, with what it says now."""
    told = mapping(piece.value.get("message_edit"))
    more: dict[str, JsonValue] = others(told, ("mid", "text"))
    text = text_of(told.get("text"), more)
    return _changed(piece, reading, told.get("mid"), change="edited", text=text, content=content_of(more))


def _changed(piece: Piece, reading: Reading, mid: Any, **what: Any) -> Found:
    target, hints = word(mid), _customer(piece)
    if target is None:
        return problem_of(piece, "does not say which message changed")
    if hints is None:
        return problem_of(piece, "names no customer")
    base = base_of(piece, reading, piece.value.get("timestamp"), hints)
    ref = reading.ref(message_name(target))
    return Named(_hashed(piece, "change"), MessageChanged(**base, ref=ref, by_us=_by_us(piece), **what))


# Receipts


def _read(piece: Piece, reading: Reading) -> Found:
    """Return what was read: one message of Instagram, all up to a time on Messenger."""
    told = mapping(piece.value.get("read"))
    return _receipt(piece, reading, "read", told.get("mid"), told.get("watermark"))


def _delivery(piece: Piece, reading: Reading) -> Found:
    """Return what was delivered: a message that is named, else all up to a time."""
    told = mapping(piece.value.get("delivery"))
    return _receipt(piece, reading, "delivered", piece.context.get("mid"), told.get("watermark"))


def _receipt(piece: Piece, reading: Reading, status: Any, mid: Any, watermark: Any) -> Found:
    target, hints = word(mid), _customer(piece)
    up_to = time_of(watermark) if target is None else None
    if target is None and (up_to is None or up_to < EARLIEST):
        return problem_of(piece, "says neither which message it is about nor up to when")
    if hints is None:
        return problem_of(piece, "names no customer")
    if up_to is not None and up_to > reading.now + AHEAD:
        up_to = reading.now
    base = base_of(piece, reading, piece.value.get("timestamp"), hints)
    ref = reading.ref(message_name(target)) if target else None
    name = f"status|{target}|{status}" if target else _hashed(piece, status)
    return Named(name, ReceiptReceived(**base, status=status, ref=ref, up_to=up_to))


# Signals


def _referral(piece: Piece, reading: Reading) -> Found:
    told = mapping(piece.value.get("referral"))
    return _signal(piece, reading, "referral", told, referral_of(told))


def _optin(piece: Piece, reading: Reading) -> Found:
    """Return that a customer opted in; the same item says when they stop or resume messages on a topic."""
    told = mapping(piece.value.get("optin"))
    status = told.get("notification_messages_status")
    signals: dict[Any, Signal] = {
        "STOP_NOTIFICATIONS": "marketing_stopped",
        "RESUME_NOTIFICATIONS": "marketing_resumed",
    }
    signal = signals.get(status, "opted_in") if isinstance(status, str) else "opted_in"
    return _signal(piece, reading, signal, told)


def _linked(piece: Piece, reading: Reading) -> Found:
    return _signal(piece, reading, "account_linked", mapping(piece.value.get("account_linking")))


def _handover(piece: Piece, reading: Reading) -> Found:
    """Return that the thread went to another application of ours, or came from one."""
    signals: dict[str, Signal] = {
        "pass_thread_control": "thread_passed",
        "take_thread_control": "thread_taken",
        "request_thread_control": "thread_requested",
    }
    return _signal(piece, reading, signals[piece.kind], mapping(piece.value.get(piece.kind)))


def _other(piece: Piece, reading: Reading) -> Found:
    """Return a signal of a customer of a kind that is not known, whole; without a customer a notice."""
    told = others(piece.value, ("sender", "recipient", "timestamp"))
    if not told:
        return problem_of(piece, "says nothing")
    return _signal(piece, reading, "other", told)


def _signal(
    piece: Piece, reading: Reading, signal: Signal, told: Mapping[str, Any], referral: AdReferral | None = None
) -> Found:
    content = content_of({piece.kind: kept(told)} if piece.kind != "other" else mapping(kept(told)))
    return signal_or_notice(
        piece,
        reading,
        piece.value.get("timestamp"),
        name=_hashed(piece, "signal"),
        signal=signal,
        hints=_customer(piece),
        content=content,
        referral=referral,
    )


# Changes: comments and mentions


def _change(piece: Piece, reading: Reading) -> Found:
    """Return that somebody commented on a post of ours or mentioned us; anything else is kept as a notice."""
    told = piece.value
    whose = mapping(told.get("from"))
    author = word(whose.get("id"))
    name = whose.get("name") or whose.get("username")
    hints = _hints(piece, author, name=name) if author != piece.account else None
    time = told.get("timestamp") or told.get("created_time") or piece.context.get("time")
    signal = _about(piece)
    if hints is None or signal is None:
        return notice_of(piece, reading, time, status=told.get("verb"))
    more: dict[str, JsonValue] = others(told, ("from", "text", "message"))
    text = text_of(told.get("text") or told.get("message"), more)
    return signal_or_notice(
        piece,
        reading,
        time,
        name=hashed_name("signal", piece.account, piece.field, piece.context.get("time"), told),
        signal=signal,
        hints=hints,
        text=text,
        content=content_of({**more, "field": piece.field}),
    )


def _about(piece: Piece) -> Signal | None:
    gone = piece.value.get("verb") in ("remove", "hide", "delete")
    if piece.field in ("comments", "live_comments") or piece.value.get("item") == "comment":
        return "other" if gone else "commented"
    if piece.field in ("mention", "mentions"):
        return "mentioned"
    return "other" if mapping(piece.value.get("from")) else None


# fmt: off
KINDS: Mapping[str, Callable[[Piece, Reading], Found]] = {
    "message":                 _message,
    "postback":                _postback,
    "reaction":                _reaction,
    "message_edit":            _edit,
    "read":                    _read,
    "delivery":                _delivery,
    "referral":                _referral,
    "optin":                   _optin,
    "account_linking":         _linked,
    "pass_thread_control":     _handover,
    "take_thread_control":     _handover,
    "request_thread_control":  _handover,
    "change":                  _change,
}
"""How each kind of item is read; any other is kept."""
# fmt: on
