"""Whom one can write to: customers with the names that each channel has for them, and when each wrote last.

On WhatsApp a customer has a phone number, a business-scoped user id, or both; either finds the same customer.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.simulator.messages.errors import Channel

is_bsuid = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}").fullmatch
"""Whether a text has the form of a business-scoped user id."""

Reach = Literal["reachable", "undeliverable", "blocked", "unavailable", "experiment", "capped"]


class Said(BaseModel):
    """What is told of a customer by registering them; what is None stays as it was."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    username: str | None = None
    phone: str | None = Field(default=None, pattern="^[0-9]{7,15}$")
    bsuid: str | None = Field(default=None, pattern=r"^[A-Z]{2}\.[A-Za-z0-9]{1,128}$")
    parent_bsuid: str | None = Field(default=None, pattern=r"^[A-Z]{2}\.ENT\.[A-Za-z0-9]{1,128}$")
    hides_phone: bool | None = None  # webhooks then carry no phone number
    stopped_marketing: bool | None = None  # 131050 on marketing templates
    reads: bool | None = None  # whether a `read` follows `delivered`
    reach: Reach | None = None


@dataclass(slots=True)
class Customer:
    """One customer of one channel. `id` is what Messenger and Instagram know them by; WhatsApp uses the others."""

    channel: Channel
    id: str
    name: str | None = None
    username: str | None = None
    phone: str | None = None
    bsuid: str | None = None
    parent_bsuid: str | None = None
    hides_phone: bool = False
    stopped_marketing: bool = False
    reads: bool = True
    reach: Reach = "reachable"
    wrote_at: dict[str, float] = field(default_factory=dict)  # by account, unix seconds of the newest message

    def shown(self) -> dict[str, Any]:
        """Return the customer as the control interface shows them."""
        return {name: getattr(self, name) for name in self.__slots__}


class Customers:
    """Everyone known, found by any of their names."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[Channel, str], Customer] = {}

    def forget(self) -> None:
        """Drop everyone."""
        self._by_name.clear()

    def find(self, channel: Channel, name: str) -> Customer | None:
        """Return the customer with this phone number or id, None where nobody has it."""
        return self._by_name.get((channel, name.lstrip("+")))

    def all(self) -> list[Customer]:
        """Return everyone once."""
        return list({id(one): one for one in self._by_name.values()}.values())

    def know(self, channel: Channel, name: str, said: Said | None = None) -> Customer:
        """Return the customer of this name, made where there is none, with what was told of them."""
        name = name.lstrip("+")
        one = self.find(channel, name) or _new(channel, name)
        for told, value in (said.model_dump(exclude_none=True) if said else {}).items():
            setattr(one, told, value)
        self.enter(one)
        return one

    def change_number(self, customer: Customer, phone: str) -> str | None:
        """Give a WhatsApp customer another number; their business-scoped id changes with it. Return the old id."""
        former = customer.bsuid
        for alias in (customer.phone, customer.bsuid, customer.id):
            if alias is not None:
                self._by_name.pop((customer.channel, alias), None)
        customer.id, customer.phone, customer.bsuid = phone, phone, bsuid_of(phone)
        self.enter(customer)
        return former

    def enter(self, one: Customer) -> None:
        """Let a customer be found by each of their names."""
        for alias in (one.id, one.phone, one.bsuid):
            if alias is not None:
                self._by_name[one.channel, alias] = one


def bsuid_of(phone: str) -> str:
    """Return the business-scoped id that a phone number has here, of Egypt."""
    return f"EG.{int(hashlib.sha256(phone.encode()).hexdigest()[:14], 16)}"


def _new(channel: Channel, name: str) -> Customer:
    if channel != "whatsapp":
        return Customer(channel, name)
    if is_bsuid(name):
        return Customer(channel, name, bsuid=name, hides_phone=True)
    return Customer(channel, name, phone=name, bsuid=bsuid_of(name))
