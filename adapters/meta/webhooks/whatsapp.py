"""The items of WhatsApp's webhooks, each into a fact of ours. Source: Meta, "WhatsApp Cloud API: Webhooks"."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from adapters.meta.webhooks.base import base_of, notice_of, problem_of, signal_or_notice
from adapters.meta.webhooks.parts import (
    bsuid_of,
    content_of,
    cut,
    hashed_name,
    hints_of,
    kept,
    label,
    mapping,
    number,
    objects,
    others,
    ours,
    phone_of,
    text_of,
    word,
)
from adapters.meta.webhooks.pieces import Named, Piece, Problem, Reading
from adapters.meta.webhooks.whatsapp_content import message_of
from domain.messaging.events import MessageChanged, MessageEchoed, MessageReceived, ReceiptReceived, Signal
from domain.messaging.threads import message_name
from domain.people.hints import PersonHints

RECEIPTS = frozenset({"sent", "delivered", "read", "played", "failed"})
Found = Named | Problem


def fact_of_whatsapp(piece: Piece, reading: Reading) -> Found:
    """Return the fact of an item of WhatsApp, or why there is none."""
    return KINDS.get(piece.kind, _notice)(piece, reading)


# Who


def _contact(piece: Piece, phone: Any, bsuid: Any) -> Mapping[str, Any]:
    """Return what is told beside a message of its customer: found by an id, or the only one there is."""
    known: Mapping[str, Any] = piece.context.get("contacts", {})
    ids = (phone if phone_of(phone) else None, bsuid if bsuid_of(bsuid) else None)
    for one in ids:
        name = word(one)
        if name and name in known:
            return mapping(known[name])
    alone = mapping(known.get(""))
    theirs = (alone.get("wa_id"), alone.get("user_id"))
    return {} if any(one and other and one != other for one, other in zip(ids, theirs, strict=True)) else alone


def _customer(piece: Piece, phone: Any, bsuid: Any, parent: Any, **more: Any) -> PersonHints | None:
    """Return who a customer is: a phone, a user id, or both; their number may be hidden."""
    return _hints(_contact(piece, phone, bsuid), phone, bsuid, parent, **more)


def _hints(contact: Mapping[str, Any], phone: Any, bsuid: Any, parent: Any, **more: Any) -> PersonHints | None:
    return hints_of(
        phone=phone_of(phone) or phone_of(contact.get("wa_id")),
        bsuid=bsuid_of(bsuid) or bsuid_of(phone) or bsuid_of(contact.get("user_id")),
        parent_bsuid=bsuid_of(parent) or bsuid_of(contact.get("parent_user_id")),
        name=mapping(contact.get("profile")).get("name"),
        **more,
    )


def _username(contact: Mapping[str, Any]) -> dict[str, JsonValue]:
    found = word(mapping(contact.get("profile")).get("username"))
    return {"username": found} if found else {}


# Messages


def _message(piece: Piece, reading: Reading, past: bool = False) -> Found:
    """Return the fact of what a customer sent: a message, a change of one, or a signal.

    A message of nobody we could name is kept all the same, for people to see.
    """
    told = piece.value
    match told.get("type"):
        case "reaction":
            return _reaction(piece, reading, by_us=False)
        case "edit" | "revoke":
            return _change(piece, reading, by_us=False)
        case "system":
            return _system(piece, reading)
        case "request_welcome":
            return _welcome(piece, reading)
    phone, bsuid = told.get("from"), told.get("from_user_id")
    contact = _contact(piece, phone, bsuid)
    more = _username(contact)
    found = message_of(told, more)
    click = mapping(told.get("referral")).get("ctwa_clid")
    hints = _hints(contact, phone, bsuid, told.get("from_parent_user_id"), ctwa_clid=click)
    base = base_of(piece, reading, told.get("timestamp"), hints)
    return Named(
        _name(piece),
        MessageReceived(
            **base,
            message_type=found.message_type,
            platform_id=_platform_id(told),
            text=found.text,
            content=found.content,
            reply_to=reading.ref(message_name(found.quoted)) if found.quoted else None,
            forwarded=found.forwarded,
            referral=found.referral,
            problem=found.problem,
            standby=past or piece.field == "standby",
            past=past,
        ),
    )


def _echo(piece: Piece, reading: Reading, past: bool = False) -> Found:
    """Return the fact of what somebody sent for us from the phone's app: its customer is who it went to."""
    told = piece.value
    match told.get("type"):
        case "reaction":
            return _reaction(piece, reading, by_us=True)
        case "edit" | "revoke":
            return _change(piece, reading, by_us=True)
    hints = _recipient(piece)
    if not _named(hints):
        return problem_of(piece, "names no customer")
    base = base_of(piece, reading, told.get("timestamp"), hints)
    found = message_of(told, {})
    return Named(
        _name(piece),
        MessageEchoed(
            **base,
            message_type=found.message_type,
            platform_id=_platform_id(told),
            text=found.text,
            content=found.content,
            reply_to=reading.ref(message_name(found.quoted)) if found.quoted else None,
            send_id=ours(told.get("biz_opaque_callback_data"))[1],
            past=past,
        ),
    )


def _recipient(piece: Piece) -> PersonHints | None:
    told, thread = piece.value, mapping(piece.context.get("thread"))
    about = mapping(thread.get("context"))
    return _customer(
        piece,
        told.get("to") or about.get("wa_id") or thread.get("id"),
        told.get("to_user_id") or about.get("user_id"),
        told.get("to_parent_user_id") or about.get("parent_user_id"),
    )


def _past(piece: Piece, reading: Reading) -> Found:
    """Return the fact of a message from before the number joined, in either direction.

    A customer's is a `standby` one too: whatever answers those that come now leaves it alone.
    """
    ours_too = phone_of(piece.value.get("from")) is not None and phone_of(piece.value.get("from")) == phone_of(
        _digits(piece.context.get("our_number"))
    )
    if ours_too or (piece.value.get("to") and "from" not in piece.value):
        return _echo(piece, reading, past=True)
    return _message(piece, reading, past=True)


def _digits(value: Any) -> str:
    return "".join(one for one in word(value) or "" if one in "0123456789")


def _name(piece: Piece) -> str:
    """Return the name of a message: by the platform's id, else by all it says."""
    own = word(piece.value.get("id"))
    return message_name(own) if own else hashed_name("message", piece.account, piece.value)


def _platform_id(told: Mapping[str, Any]) -> str | None:
    own = word(told.get("id"))
    return own if own and len(own) <= 4_000 else None


def _named(hints: PersonHints | None) -> bool:
    return hints is not None and bool(hints.phone or hints.bsuid or hints.parent_bsuid)


# Changes of messages


def _changed_by(piece: Piece, by_us: bool) -> PersonHints | None:
    told = piece.value
    if by_us:
        return _recipient(piece)
    return _customer(piece, told.get("from"), told.get("from_user_id"), told.get("from_parent_user_id"))


def _reaction(piece: Piece, reading: Reading, by_us: bool) -> Found:
    """Return that somebody reacted; without an emoji they took the reaction back."""
    part = mapping(piece.value.get("reaction"))
    emoji = cut(part.get("emoji"))
    return _changed(
        piece, reading, by_us, part.get("message_id"), change="reacted" if emoji else "unreacted", emoji=emoji
    )


def _change(piece: Piece, reading: Reading, by_us: bool) -> Found:
    """Return that a message was edited, with what it says now, or taken back."""
    kind = "edit" if piece.value.get("type") == "edit" else "revoke"
    part = mapping(piece.value.get(kind))
    if kind == "revoke":
        return _changed(piece, reading, by_us, part.get("original_message_id"), change="revoked")
    now = message_of(mapping(part.get("message")), {})
    original = part.get("original_message_id")
    return _changed(piece, reading, by_us, original, change="edited", text=now.text, content=now.content)


def _changed(piece: Piece, reading: Reading, by_us: bool, original: Any, **what: Any) -> Found:
    target, hints = word(original), _changed_by(piece, by_us)
    if target is None:
        return problem_of(piece, "does not say which message changed")
    if not _named(hints):
        return problem_of(piece, "names no customer")
    base = base_of(piece, reading, piece.value.get("timestamp"), hints)
    own = _platform_id(piece.value)
    return Named(
        f"change|{own}" if own else hashed_name("change", piece.account, piece.value),
        MessageChanged(**base, ref=reading.ref(message_name(target)), by_us=by_us, platform_id=own, **what),
    )


# Receipts


def _status(piece: Piece, reading: Reading) -> Found:
    """Return how far a message of ours got. A status that is not known is kept as a notice."""
    told = piece.value
    if told.get("type") == "call":
        return _call(piece, reading)
    own, status = word(told.get("id")), told.get("status")
    if own is None:
        return problem_of(piece, "does not say which message it is about")
    parent = told.get("recipient_parent_user_id") or told.get("parent_recipient_user_id")
    hints = _customer(piece, told.get("recipient_id"), told.get("recipient_user_id"), parent)
    if not isinstance(status, str) or status not in RECEIPTS:
        return notice_of(piece, reading, told.get("timestamp"), about=f"status {status}", hints=hints)
    base = base_of(piece, reading, told.get("timestamp"), hints)
    thread_id, send_id = ours(told.get("biz_opaque_callback_data"))
    code, reason = _error(told)
    return Named(
        f"status|{own}|{status}",
        ReceiptReceived(
            **base,
            status=status,
            ref=reading.ref(message_name(own)),
            thread_id=thread_id,
            send_id=send_id,
            code=code,
            reason=reason,
            pricing=label(mapping(told.get("pricing")).get("category")),
        ),
    )


def _error(told: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """Return the code and the reason of the first error told; the most detailed words there are."""
    errors = objects(told.get("errors"))
    if not errors:
        return None, None
    first = errors[0]
    details = mapping(first.get("error_data")).get("details")
    words = (details, first.get("details"), first.get("message"), first.get("title"))
    return number(first.get("code")), next((text for one in words if (text := label(one, 300))), None)


# Signals


def _system(piece: Piece, reading: Reading) -> Found:
    """Return that a customer has another number or another user id; both the old and the new name the same person.

    The message comes from the old number; older forms name the new one in `new_wa_id`, newer ones in `wa_id`.
    """
    told, part = piece.value, mapping(piece.value.get("system"))
    kind = word(part.get("type")) or ""
    phone, before = phone_of(part.get("wa_id") or part.get("new_wa_id")), phone_of(told.get("from"))
    bsuid = bsuid_of(part.get("user_id")) or bsuid_of(told.get("from_user_id"))
    hints = hints_of(
        phone=phone or before,
        former_phone=before if phone and before != phone else None,
        bsuid=bsuid,
        former_bsuid=bsuid_of(part.get("previous_user_id")),
        parent_bsuid=bsuid_of(part.get("parent_user_id")) or bsuid_of(told.get("from_parent_user_id")),
        name=mapping(_contact(piece, told.get("from"), told.get("from_user_id")).get("profile")).get("name"),
    )
    signal: Signal = "other"
    if kind in ("user_changed_number", "customer_changed_number"):
        signal = "number_changed"
    elif kind in ("user_changed_user_id", "customer_identity_changed"):
        signal = "user_id_changed" if kind == "user_changed_user_id" else "other"
    more: dict[str, JsonValue] = {"system": kept(part)}
    body = text_of(part.get("body"), more)
    return _signal(piece, reading, signal, hints, more, text=body)


def _welcome(piece: Piece, reading: Reading) -> Found:
    told = piece.value
    hints = _customer(piece, told.get("from"), told.get("from_user_id"), told.get("from_parent_user_id"))
    return _signal(piece, reading, "welcome_asked", hints, others(told, ("type", "from", "id", "timestamp")))


def _user_id(piece: Piece, reading: Reading) -> Found:
    """Return that a customer's user id was made anew, as it is when their number changes."""
    told = piece.value
    now, before = _old_and_new(told.get("user_id"), told.get("previous_user_id"))
    parent, _ = _old_and_new(told.get("parent_user_id"), None)
    hints = hints_of(phone=phone_of(told.get("wa_id")), bsuid=now, former_bsuid=before, parent_bsuid=parent)
    return _signal(piece, reading, "user_id_changed", hints, {"user_id_update": kept(told)})


def _old_and_new(value: Any, previous: Any) -> tuple[str | None, str | None]:
    if isinstance(value, dict):
        return bsuid_of(value.get("current")), bsuid_of(value.get("previous"))
    return bsuid_of(value), bsuid_of(previous)


def _preference(piece: Piece, reading: Reading) -> Found:
    """Return that a customer wants no marketing any more, or wants it again."""
    told = piece.value
    hints = _customer(piece, told.get("wa_id"), told.get("user_id"), told.get("parent_user_id"))
    signal: Signal = "other"
    if told.get("category") == "marketing_messages" and told.get("value") in ("stop", "resume"):
        signal = "marketing_stopped" if told.get("value") == "stop" else "marketing_resumed"
    return _signal(piece, reading, signal, hints, {"preference": kept(told)})


def _call(piece: Piece, reading: Reading) -> Found:
    """Return that there was a call, each of its events for itself; the customer is the end that is not our number."""
    told, ours_is = piece.value, _digits(piece.context.get("our_number"))
    ends = [one for one in (told.get("from"), told.get("to"), told.get("recipient_id")) if word(one)]
    other = next((one for one in ends if not ours_is or _digits(one) != ours_is), None)
    bsuid = told.get("from_user_id") or told.get("to_user_id") or told.get("recipient_user_id")
    event = word(told.get("event")) or word(told.get("status")) or ""
    own = word(told.get("id"))
    name = f"call|{own}|{event}" if own else hashed_name("call", piece.account, told)
    hints = _customer(piece, other, bsuid, told.get("from_parent_user_id"))
    return _signal(piece, reading, "called", hints, {"call": kept(told)}, name=name)


def _signal(
    piece: Piece,
    reading: Reading,
    signal: Signal,
    hints: PersonHints | None,
    more: Mapping[str, JsonValue],
    text: str | None = None,
    name: str | None = None,
) -> Found:
    own = _platform_id(piece.value)
    by_content = hashed_name("signal", piece.account, piece.field, piece.value)
    return signal_or_notice(
        piece,
        reading,
        piece.value.get("timestamp"),
        name=name or (f"signal|{own}" if own else by_content),
        signal=signal,
        hints=hints if _named(hints) else None,
        text=text,
        content=content_of(more),
    )


# About an account of ours


def _contact_book(piece: Piece, reading: Reading) -> Found:
    """Return that a contact in the phone's book changed; the person did nothing."""
    contact = mapping(piece.value.get("contact"))
    hints = hints_of(
        phone=phone_of(contact.get("phone_number")),
        bsuid=bsuid_of(contact.get("user_id")),
        name=contact.get("full_name") or contact.get("first_name"),
    )
    time = mapping(piece.value.get("metadata")).get("timestamp")
    return notice_of(piece, reading, time, status=piece.value.get("action"), hints=hints)


def _error_notice(piece: Piece, reading: Reading) -> Found:
    return notice_of(
        piece, reading, piece.context.get("time"), about="errors", reason=_error({"errors": [piece.value]})[1]
    )


def _notice(piece: Piece, reading: Reading) -> Found:
    """Return what the platform tells of an account or a template, or of a field that is not known."""
    told = piece.value
    time = told.get("timestamp") or piece.context.get("time")
    return notice_of(
        piece,
        reading,
        time,
        template=told.get("message_template_name"),
        language=told.get("message_template_language"),
        status=told.get("event") or told.get("decision"),
        category=told.get("new_category") or told.get("message_template_category"),
        quality=told.get("new_quality_score") or told.get("current_limit"),
        reason=_reason(told),
    )


def _reason(told: Mapping[str, Any]) -> Any:
    info = mapping(told.get("rejection_info"))
    given = told.get("reason")
    return info.get("reason") or (given if given != "NONE" else None) or told.get("rejection_reason")


# fmt: off
KINDS: Mapping[str, Callable[[Piece, Reading], Found]] = {
    "message":     _message,
    "echo":        _echo,
    "past":        _past,
    "status":      _status,
    "call":        _call,
    "preference":  _preference,
    "user_id":     _user_id,
    "contact":     _contact_book,
    "error":       _error_notice,
    "notice":      _notice,
}
# fmt: on
