"""Taking a message over Messenger or Instagram: rules, rates, the echo, and the marks that tell how far it got."""

from typing import Any

import orjson

from adapters.simulator.messages import payloads
from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer
from adapters.simulator.messages.errors import social
from adapters.simulator.messages.ground import Ground, Told
from adapters.simulator.messages.record import Processed
from adapters.simulator.messages.social_rules import Sight, check_message
from adapters.simulator.refusals import Refusal

AUDIO_VIDEO_PER_S = 10
"""Messages with sound or moving pictures that a page or Instagram account may send in one second."""


def take_social(ground: Ground, account_id: str, account: Account, body: dict[str, Any]) -> Told | Refusal:
    """Take a message or an action such as typing, or return why not."""
    body = _unpacked(body)
    recipient = body.get("recipient")
    named = str(recipient.get("id")) if isinstance(recipient, dict) else ""
    customer = ground.customers.find(account.channel, named)
    sight = Sight(account, account_id, customer, ground.knows_message, ground.clock(), ground.settings.strict)
    if refusal := check_message(body, sight):
        return refusal
    assert customer is not None
    if body.get("sender_action") is not None:
        ground.record.count(str(body["sender_action"]))
        return Told({"recipient_id": customer.id})
    kind = _kind_of(body["message"])
    if not _take_turn(ground, account_id, account, customer, heavy=kind in ("audio", "video")):
        return social(613, 2534040 if account.channel == "instagram" else None, "too many calls within one second")
    message = Processed(
        ground.new_id(account.channel), account.channel, account_id, customer.id, kind,
        body["message"].get("metadata"), body, ground.clock(),
    )  # fmt: skip
    ground.record.add(message)
    answer = {"recipient_id": customer.id, "message_id": message.id}
    return Told(answer, _hooks(ground, account, customer, message), message)


def _take_turn(ground: Ground, account_id: str, account: Account, customer: Customer, *, heavy: bool) -> bool:
    """Count a message against the account's rates, and say whether there was room for it."""
    now, slower = ground.clock(), f"{account_id} audio and video"
    if ground.rates.account_is_full(account_id, account.per_second(), now):
        return False
    if heavy and ground.rates.account_is_full(slower, AUDIO_VIDEO_PER_S, now):
        return False
    ground.rates.take(account_id, customer.id, now)
    if heavy:
        ground.rates.take(slower, customer.id, now)
    return True


def _hooks(ground: Ground, account: Account, customer: Customer, message: Processed) -> tuple[dict[str, Any], ...]:
    """Return the echo, and what becomes of the message: Instagram tells of no delivery."""
    hook, at = ground.hook_of(message.account_id), message.at
    events = [_echo(account, message)] if hook.echoes else []
    unsaid = {"sent"} | ({"delivered"} if account.channel == "instagram" else set())
    unsaid |= set() if customer.reads else {"read"}
    message.statuses = [name for name in hook.statuses if name not in unsaid]
    for name in message.statuses:
        content = _marked(account, message, name)
        events.append(payloads.social_event(message.account_id, account, customer, at + 1, content))
    groups = ground.arranged(message.account_id, events)
    return tuple(payloads.social_body(message.account_id, account, group, at) for group in groups)


def _marked(account: Account, message: Processed, name: str) -> dict[str, Any]:
    """Return how a platform says that a message was delivered or read; Messenger counts up to a time."""
    if account.channel == "instagram":
        return {"read": {"mid": message.id}}
    mark = int(message.at * 1_000)
    return {"read": {"watermark": mark}} if name == "read" else {"delivery": {"mids": [message.id], "watermark": mark}}


def _echo(account: Account, message: Processed) -> dict[str, Any]:
    """Return the echo of a message of ours; Instagram gives no metadata back."""
    sent = message.body["message"]
    more: dict[str, Any] = {}
    if account.channel == "messenger":
        more["app_id"] = int(account.app_id)
        if message.callback is not None:
            more["metadata"] = message.callback
    if "attachment" in sent:
        more["attachments"] = [sent["attachment"]]
    return payloads.social_echo(
        message.account_id, account, message.customer, message.at, message.id, sent.get("text"), **more
    )


def _kind_of(message: dict[str, Any]) -> str:
    return str(message["attachment"].get("type")) if "attachment" in message else "text"


def _unpacked(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body whose objects came as JSON text, as in a form or a query, with the objects themselves."""
    names = ("recipient", "message", "payload", "reply_to")
    packed: dict[str, Any] = {name: body[name] for name in names if name in body}
    for name, value in packed.items():
        if isinstance(value, str) and value.startswith("{"):
            try:
                packed[name] = orjson.loads(value)
            except orjson.JSONDecodeError:
                continue
    return {**body, **packed}
