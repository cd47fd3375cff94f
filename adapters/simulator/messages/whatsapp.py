"""Taking a message over WhatsApp: rules, rates, what becomes of it, and the statuses that tell so."""

from typing import Any

from adapters.simulator.messages import payloads
from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer
from adapters.simulator.messages.errors import whatsapp
from adapters.simulator.messages.ground import Ground, Told
from adapters.simulator.messages.outcomes import Case, failure
from adapters.simulator.messages.record import Processed
from adapters.simulator.messages.whatsapp_rules import Sight, check_message
from adapters.simulator.refusals import Refusal

Failed = tuple[int, str]
"""A code and a sentence."""


def take_whatsapp(ground: Ground, account_id: str, account: Account, body: dict[str, Any]) -> Told | Refusal:
    """Take a message, or a mark as read, or return why not."""
    if body.get("status") is not None:
        return _mark(ground, body)
    settings = ground.settings
    sight = Sight(
        account, account_id, ground.templates, ground.media, ground.knows_message, settings.strict, settings.bsuid_in_to
    )
    if refusal := check_message(body, sight):
        return refusal
    to = str(body["to"] if body.get("to") is not None else body["recipient"])
    customer = ground.customers.find("whatsapp", to)
    if customer is None and settings.unknown_customers == "reachable":
        customer = ground.customers.know("whatsapp", to)
    person = customer.id if customer else to.lstrip("+")
    if refusal := _too_fast(ground, account_id, account, person):
        return refusal
    category = _category(ground, account, body)
    case = Case(account_id, body, customer, category, ground.clock())
    failed = failure(case) or ground.failure_asked_for(account_id)
    if failed and settings.late_failures == "answer":
        return whatsapp(*failed)
    message = _enter(ground, account_id, person, body)
    return Told(_accepted(body, to, customer, message), _statuses(ground, account, message, case, to, failed), message)


def _mark(ground: Ground, body: dict[str, Any]) -> Told | Refusal:
    """Take a mark as read, with a typing indicator or without."""
    if body.get("messaging_product") != "whatsapp" or body.get("status") != "read":
        return whatsapp(131009, "messaging_product must be whatsapp and status read")
    typing = body.get("typing_indicator")
    if typing is not None and typing != {"type": "text"}:
        return whatsapp(131009, "typing_indicator.type must be text")
    named = body.get("message_id")
    if not isinstance(named, str) or not named:
        return whatsapp(131008, "message_id is required")
    if ground.record.get(named) is not None or not ground.knows_message(named):
        return whatsapp(131009, "message_id names no message of a customer of the last 30 days")
    ground.record.count("read" if typing is None else "typing")
    return Told({"success": True})


def _too_fast(ground: Ground, account_id: str, account: Account, person: str) -> Refusal | None:
    now = ground.clock()
    if ground.rates.account_is_full(account_id, account.per_second(), now):
        return whatsapp(130429, f"more than {account.per_second()} messages within one second")
    if ground.rates.pair_is_full(account_id, person, now):
        return whatsapp(131056, "too many messages to this recipient in a short time")
    return None


def _category(ground: Ground, account: Account, body: dict[str, Any]) -> str:
    """Return what a message counts as: `service` where it is free-form, else the template's category."""
    if body.get("type") != "template":
        return "service"
    sent = body["template"]
    found = ground.templates.get(account.waba_id or "", sent["name"], sent["language"]["code"])
    return found.category.lower() if found else "utility"


def _enter(ground: Ground, account_id: str, person: str, body: dict[str, Any]) -> Processed:
    now, kind = ground.clock(), str(body.get("type", "text"))
    ground.rates.take(account_id, person, now)
    callback = body.get("biz_opaque_callback_data")
    message = Processed(ground.new_id("whatsapp"), "whatsapp", account_id, person, kind, callback, body, now)
    ground.record.add(message)
    return message


def _statuses(
    ground: Ground, account: Account, message: Processed, case: Case, to: str, failed: Failed | None
) -> tuple[dict[str, Any], ...]:
    """Return the webhooks that tell what becomes of a message, and note it on the message."""
    customer = case.customer
    names: list[str] = ["failed"] if failed else list(ground.hook_of(message.account_id).statuses)
    if customer is not None and not customer.reads:
        names = [name for name in names if name != "read"]
    code, details = failed or (None, "")
    message.statuses, message.failed_code = names, code
    told = [
        payloads.whatsapp_status(
            customer, to, message.id, name, message.at + number, callback=message.callback, category=case.category,
            code=code, details=details,
        )
        for number, name in enumerate(names)
    ]  # fmt: skip
    people = [customer] if customer else []
    return tuple(
        payloads.whatsapp_body(message.account_id, account, "messages", {"statuses": group}, *people)
        for group in ground.arranged(message.account_id, told)
    )


def _accepted(body: dict[str, Any], to: str, customer: Customer | None, message: Processed) -> dict[str, Any]:
    contact: dict[str, Any] = {"input": to}
    if body.get("to") is not None:
        contact["wa_id"] = to.lstrip("+")
    if customer is not None and customer.bsuid:
        contact["user_id"] = customer.bsuid
    entry = {"id": message.id}
    if message.type == "template":
        entry["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [entry]}
