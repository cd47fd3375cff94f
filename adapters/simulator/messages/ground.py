"""What the messaging platforms know here: accounts, customers, files, templates, messages, and where webhooks go."""

import base64
import hashlib
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict

from adapters.simulator.faults import Faults
from adapters.simulator.messages.accounts import Accounts
from adapters.simulator.messages.customers import Customer, Customers
from adapters.simulator.messages.errors import Channel
from adapters.simulator.messages.hooks import Hook, Sender
from adapters.simulator.messages.media import Media
from adapters.simulator.messages.rates import Rates
from adapters.simulator.messages.record import Processed, Record
from adapters.simulator.messages.templates import Templates

MESSAGE_ACTS_S = 30 * 86_400
"""How long a message can be marked as read, or reacted to."""


class MessageSettings(BaseModel):
    """How strict the platforms are here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strict: bool = True  # refuse unknown fields and what is documented as required
    accept_any_token: bool = True  # for accounts registered without a token of their own
    unknown_customers: Literal["undeliverable", "reachable"] = "undeliverable"  # WhatsApp numbers never heard of
    late_failures: Literal["status", "answer"] = "status"  # 131047 and its like: by webhook, or at once with 400
    bsuid_in_to: Literal["refuse", "drop"] = "refuse"  # 131009 at once, or accepted and then 131026
    known_messages_only: bool = True  # reactions, replies and marks must name a message known here


@dataclass(frozen=True, slots=True)
class Told:
    """A message or mark that was taken: what the caller is told, and the bodies of the webhooks that follow."""

    content: dict[str, Any]
    hooks: tuple[dict[str, Any], ...] = ()
    message: Processed | None = None


class Ground:
    """The memory of the platforms, shared by everything that answers calls or plays a customer."""

    def __init__(
        self, faults: Faults, clock: Callable[[], float], transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.faults = faults
        self.clock = clock
        self.accounts = Accounts()
        self.customers = Customers()
        self.templates = Templates()
        self.media = Media(clock)
        self.rates = Rates()
        self.record = Record()
        self.sender = Sender(transport)
        self.settings = MessageSettings()
        self._hook = Hook()
        self._hooks: dict[str, Hook] = {}
        self._failing: dict[str, list[int]] = {}
        self._known_messages: dict[str, float] = {}  # of customers, by the platform's id: when
        self._ids = itertools.count(1)
        self._start = secrets.token_hex(8)  # so that no id comes again after a restart

    def reset(self) -> None:
        """Return to the state of a fresh start."""
        for part in (self.accounts, self.customers, self.templates, self.media, self.rates, self.record, self.sender):
            part.forget()
        self.settings = MessageSettings()
        self._hook, self._hooks = Hook(), {}
        self._failing.clear()
        self._known_messages.clear()

    def set_hook(self, hook: Hook, account_id: str | None = None) -> None:
        """Put an address and its disorder in force, for all accounts or one; that for all ends those of single ones."""
        self.sender.seed(hook.seed)
        if account_id is None:
            self._hook, self._hooks = hook, {}
            self._failing = {"": list(hook.fail_next)}
        else:
            self._hooks[account_id] = hook
            self._failing[account_id] = list(hook.fail_next)

    def hook_of(self, account_id: str | None) -> Hook:
        """Return where webhooks of an account go, and how."""
        return self._hooks.get(account_id or "", self._hook)

    def hooks(self) -> list[tuple[str | None, Hook]]:
        """Return every hook in force: that for all first, then those of single accounts."""
        return [(None, self._hook), *self._hooks.items()]

    def new_id(self, channel: Channel) -> str:
        """Return an id for a message, in the form that the channel has for them."""
        number = next(self._ids)
        inside = hashlib.sha256(f"{channel}|{number}|{self._start}".encode()).digest()
        if channel == "whatsapp":
            return "wamid." + base64.b64encode(b"HBgM" + inside[:24]).decode()
        return ("m_" if channel == "messenger" else "aWdf") + base64.urlsafe_b64encode(inside * 2).decode().rstrip("=")

    def customer_wrote(self, account_id: str, customer: Customer, message_id: str, at: float) -> None:
        """Open the window of a customer; a message that comes late never shortens it."""
        customer.wrote_at[account_id] = max(at, customer.wrote_at.get(account_id, at))
        self._known_messages[message_id] = at

    def knows_message(self, message_id: str) -> bool:
        """Say whether a message can be answered, marked or reacted to: known, and not older than 30 days."""
        if not self.settings.known_messages_only:
            return True
        ours = self.record.get(message_id)
        at = ours.at if ours is not None else self._known_messages.get(message_id)
        return at is not None and self.clock() - at <= MESSAGE_ACTS_S

    def failure_asked_for(self, account_id: str) -> tuple[int, str] | None:
        """Return the code by which the next message is to fail, None where it may arrive; each is used once."""
        queue = self._failing.get(account_id if account_id in self._hooks else "")
        code = queue.pop(0) if queue else 0
        return (code, "asked for") if code else None

    def arranged(self, account_id: str, told: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """Return what is told of one message in the order asked for, in groups of one request each."""
        hook = self.hook_of(account_id)
        match hook.order:
            case "natural":
                pass
            case "reversed":
                told = told[::-1]
            case "shuffled":
                told = self.sender.shuffled(told)
        return [told] if hook.together and told else [[one] for one in told]
