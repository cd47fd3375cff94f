"""Webhooks about the accounts and customers registered here, made by the builders of `adapters.simulator.webhooks`."""

from typing import Any

from adapters.simulator import webhooks
from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer
from adapters.simulator.messages.errors import UNKNOWN, WHATSAPP
from adapters.simulator.webhooks import Guest, Line

Body = dict[str, Any]


def line_of(account_id: str, account: Account) -> Line:
    """Return an account as the builders know it."""
    return Line(account_id, account.waba_id or "", account.display_phone_number or "")


def guest_of(customer: Customer) -> Guest:
    """Return a customer as the builders know them: without a number that they hide."""
    phone = None if customer.hides_phone else customer.phone
    name = customer.name or "Customer"
    return Guest(name, phone, customer.bsuid, customer.parent_bsuid, customer.username, customer.id)


def whatsapp_body(account_id: str, account: Account, field: str, value: Body, *people: Customer) -> Body:
    """Return the body of one change of a number: a field, its value, and who the customers in it are."""
    line = line_of(account_id, account)
    return webhooks.whatsapp(line, webhooks.change(line, field, value, [guest_of(one) for one in people]))


def whatsapp_message(customer: Customer, message_id: str, at: float, content: Body) -> Body:
    """Return a message from a customer, as it stands in `messages`."""
    return webhooks.message(guest_of(customer), message_id, at, content)


def whatsapp_status(
    customer: Customer | None, to: str, message_id: str, status: str, at: float, *, callback: str | None,
    category: str, code: int | None = None, details: str = "",
) -> Body:  # fmt: skip
    """Return what became of a message of ours, as it stands in `statuses`; `to` where nobody is known by that name."""
    guest = guest_of(customer) if customer else Guest("", to.lstrip("+"))
    more: Body = {} if callback is None else {"biz_opaque_callback_data": callback}
    if code is not None:
        known = WHATSAPP.get(code, UNKNOWN)
        more |= webhooks.failed(code, known.title, details)
    elif status in ("sent", "delivered"):
        free = category == "service"
        kind = "free_customer_service" if free else "regular"
        more["pricing"] = {"billable": not free, "pricing_model": "PMP", "category": category, "type": kind}
    return webhooks.status(guest, message_id, at, status, **more)


def social_body(account_id: str, account: Account, events: list[Body], at: float) -> Body:
    """Return the body that carries events of one page or Instagram account."""
    build = webhooks.page if account.channel == "messenger" else webhooks.instagram
    return build(line_of(account_id, account), at, *events)


def social_event(account_id: str, account: Account, customer: Customer, at: float, content: Body) -> Body:
    """Return what a customer did towards an account."""
    return webhooks.item(line_of(account_id, account), guest_of(customer), at, content)


def social_echo(
    account_id: str, account: Account, person: str, at: float, mid: str, text: str | None, **more: Any
) -> Body:  # fmt: skip
    """Return a message that went out for an account, whoever wrote it."""
    echo = webhooks.page_echo(line_of(account_id, account), Guest("", scoped_id=person), at, mid, text or "", **more)
    if text is None:
        del echo["message"]["text"]
    return echo
