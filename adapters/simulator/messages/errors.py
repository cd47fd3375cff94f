"""What the messaging platforms say no with: one table of codes, and the two envelopes they travel in.

The codes and what they mean are Meta's (WhatsApp Cloud API, *Error codes*; Messenger Platform, *Error codes*). The HTTP
statuses are not all documented; a client should build on `code`, and on `error_subcode` for Messenger and Instagram.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from adapters.simulator.faults import PlannedOutcome, refusal_of
from adapters.simulator.refusals import Refusal, envelope

Channel: TypeAlias = Literal["whatsapp", "messenger", "instagram"]


@dataclass(frozen=True, slots=True)
class Known:
    """A code of a platform: its title, the HTTP status it comes with, and whether it calls itself passing."""

    title: str
    status: int = 400
    transient: bool = False


# fmt: off
WHATSAPP: Final[dict[int, Known]] = {
    0:      Known("AuthException", 401),
    1:      Known("API Unknown", 400),
    2:      Known("API Service", 503, transient=True),
    4:      Known("API Too Many Calls", 400),
    10:     Known("API Permission Denied", 403),
    33:     Known("Parameter value is not valid", 400),
    100:    Known("Invalid parameter", 400),
    190:    Known("Access token has expired", 401),
    368:    Known("Temporarily blocked for policies violations", 403),
    80007:  Known("Rate limit issues", 400),
    130403: Known("Message blocked by the business", 400),
    130429: Known("Rate limit hit", 400),
    130472: Known("User's number is part of an experiment", 400),
    130497: Known("Business account is restricted from messaging users in this country", 403),
    131000: Known("Something went wrong", 500, transient=True),
    131005: Known("Access denied", 403),
    131008: Known("Required parameter is missing", 400),
    131009: Known("Parameter value is not valid", 400),
    131016: Known("Service unavailable", 500, transient=True),
    131021: Known("Recipient cannot be sender", 400),
    131026: Known("Message undeliverable", 400),
    131030: Known("Recipient phone number not in allowed list", 400),
    131031: Known("Business account locked", 403),
    131037: Known("Display name not approved", 400),
    131042: Known("Business eligibility payment issue", 400),
    131045: Known("Incorrect certificate", 500),
    131047: Known("Re-engagement message", 400),
    131048: Known("Spam rate limit hit", 400),
    131049: Known("Meta chose not to deliver", 400),
    131050: Known("User has stopped receiving marketing messages from the business", 400),
    131051: Known("Unsupported message type", 400),
    131052: Known("Media download error", 400),
    131053: Known("Media upload error", 400),
    131056: Known("(Business Account, Consumer Account) pair rate limit hit", 400),
    131057: Known("Account in maintenance mode", 500, transient=True),
    131062: Known("Business-scoped user ids are not supported for this message", 400),
    131063: Known("Marketing messages are disabled for the conversions of this account", 400),
    131064: Known("Limit of the account reached", 400),
    132000: Known("Number of parameters does not match the expected number of params", 400),
    132001: Known("Template name does not exist in the translation", 404),
    132005: Known("Template hydrated text too long", 400),
    132007: Known("Template format character policy violated", 400),
    132012: Known("Parameter format does not match format in the created template", 400),
    132015: Known("Template is paused", 400),
    132016: Known("Template is disabled", 400),
    133016: Known("Account register deregister rate limit exceeded", 400),
    135000: Known("Generic user error", 400),
}

# Messenger and Instagram: what a code means hangs on its subcode.
SOCIAL: Final[dict[tuple[int, int | None], Known]] = {
    (1, 1357046):   Known("The message may have been sent", 500),
    (2, None):      Known("Service temporarily unavailable", 503, transient=True),
    (4, None):      Known("Application request limit reached", 400),
    (10, 1893063):  Known("The page is restricted", 403),
    (10, 2018278):  Known("Message sent outside of the allowed window", 403),
    (10, 2534022):  Known("Message sent outside of the allowed window", 403),
    (100, None):    Known("Invalid parameter", 400),
    (100, 2018001): Known("No matching user found", 400),
    (100, 2018108): Known("This person isn't receiving messages from you right now", 400),
    (100, 2534014): Known("No matching user found", 400),
    (100, 2534029): Known("The person cannot be reached", 400),
    (190, None):    Known("Access token has expired", 401),
    (200, 2534041): Known("Access to direct messages is switched off", 403),
    (551, 1545041): Known("This person isn't available right now", 400),
    (613, None):    Known("Calls to this API have exceeded the rate limit", 400),
    (613, 2534040): Known("Calls to this API have exceeded the rate limit", 400),
}
# fmt: on

UNKNOWN: Final = Known("Something went wrong")
"""What is said of a code that is not in the table."""
RATE_LIMITS: Final = frozenset({4, 613, 80007, 130429, 131048, 131056, 131064})
"""Codes that a careful sender never earns."""


def whatsapp(code: int, details: str) -> Refusal:
    """Return a refusal of WhatsApp's table with the sentence that explains this case."""
    known = WHATSAPP.get(code, UNKNOWN)
    return Refusal(code, None, known.title, details, known.status, known.transient)


def social(code: int, subcode: int | None, details: str) -> Refusal:
    """Return a refusal of Messenger's and Instagram's table with the sentence that explains this case."""
    known = SOCIAL[code, subcode]
    return Refusal(code, subcode, known.title, details, known.status, known.transient)


def planned_refusal(planned: PlannedOutcome, channel: Channel) -> Refusal | None:
    """Return the error that a planned fault answers with, in the words and with the status of the channel."""
    refusal = refusal_of(planned)
    if refusal is None or planned.outcome not in ("throttle", "error"):
        return refusal
    code, subcode = refusal.code, planned.subcode
    known = _known(channel, code, subcode)
    if known is None and planned.outcome == "throttle":  # a code of conversions: the channel has its own
        code, subcode = (80007 if channel == "whatsapp" else 613), None
        known = _known(channel, code, subcode)
    if known is None:
        return refusal
    status = planned.status or known.status
    return Refusal(code, subcode, known.title, f"{known.title} (planned)", status, known.transient)


def _known(channel: Channel, code: int, subcode: int | None) -> Known | None:
    return WHATSAPP.get(code) if channel == "whatsapp" else SOCIAL.get((code, subcode))


def told(refusal: Refusal, channel: Channel, trace_id: str) -> dict[str, Any]:
    """Return the error as the channel puts it on the wire; WhatsApp explains itself in `error_data.details`."""
    content = envelope(refusal, trace_id)
    if channel == "whatsapp" and refusal.code in WHATSAPP:
        error = content["error"]
        error["message"] = f"(#{refusal.code}) {refusal.title}"
        error["error_data"] = {"messaging_product": "whatsapp", "details": refusal.message}
        del error["error_user_title"], error["error_user_msg"]
    return content


def among(value: Any, known: frozenset[str]) -> bool:
    """Say whether a value of any kind is one of these texts."""
    return isinstance(value, str) and value in known


def part(value: Any) -> dict[str, Any]:
    """Return an object, an empty one where the value is none."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """Return a list, an empty one where the value is none."""
    return value if isinstance(value, list) else []
