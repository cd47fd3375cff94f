"""What becomes of a WhatsApp message that was accepted: it arrives, or fails by a status webhook with a code.

Source: WhatsApp Cloud API, *Error codes*: Meta answers 200 to these and tells the failure later.
"""

from dataclasses import dataclass
from typing import Any

from adapters.simulator.messages.customers import Customer, is_bsuid

WINDOW_S = 86_400

# fmt: off
UNREACHED: dict[str, tuple[int, str]] = {
    "undeliverable": (131026, "the recipient could not receive this message"),
    "unavailable":   (131026, "the recipient could not receive this message"),
    "blocked":       (131026, "the recipient could not receive this message"),
    "experiment":    (130472, "this number is part of an experiment"),
    "capped":        (131049, "this message was not delivered to keep the ecosystem healthy"),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Case:
    """What the outcome hangs on. `category` is that of the template, `service` for a free-form message."""

    account_id: str
    body: dict[str, Any]
    customer: Customer | None
    category: str
    now: float


def failure(case: Case) -> tuple[int, str] | None:
    """Return the code by which the message fails and a sentence, None where it arrives."""
    one = case.customer
    if one is None or is_bsuid(str(case.body.get("to"))):
        return UNREACHED["undeliverable"]
    if one.reach in UNREACHED and (one.reach != "capped" or case.category == "marketing"):
        return UNREACHED[one.reach]
    if case.category == "marketing" and one.stopped_marketing:
        return 131050, "the recipient has chosen to stop receiving marketing messages"
    wrote_at = one.wrote_at.get(case.account_id)
    if case.category == "service" and (wrote_at is None or case.now - wrote_at > WINDOW_S):
        return 131047, "more than 24 hours have passed since the recipient last replied"
    return None
