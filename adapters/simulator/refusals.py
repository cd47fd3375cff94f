"""What the stand-in says no with: Graph API errors as values, and the envelope they travel in."""

from dataclasses import dataclass
from typing import Any

# Meta documents no text for most 28040xx subcodes. Those named in its documentation or seen in live answers
# are used for exactly that; the rest of the split is ours, and a client should build on `code` alone.
MALFORMED = 2804001
TOO_OLD = 2804003
BAD_TIME = 2804007
MISSING_FIELD = 2804016
BAD_USER_DATA = 2804017
BAD_PURCHASE = 2804019
BAD_LEAD_ID = 2804036
BAD_CUSTOM_DATA = 2804048
WEAK_USER_DATA = 2804050
MESSAGING_EVENT_NOT_ALLOWED = 2804066
MESSAGING_IDS_MISSING = 2804116
DATASET_NEEDS_PAGE = 2804131
DATASET_NOT_WHATSAPP = 2804132

TOO_MANY_PARAMETERS = 105  # a code of its own, without subcode


@dataclass(frozen=True, slots=True)
class Refusal:
    """One Graph API error: its code and subcode, a title, a sentence and the HTTP status."""

    code: int
    subcode: int | None
    title: str
    message: str
    status: int = 400
    transient: bool = False


def invalid(subcode: int, title: str, message: str) -> Refusal:
    """Return the refusal of one event: code 100 with the given subcode."""
    return Refusal(100, subcode, title, message)


def outcome_of(refusal: Refusal) -> str:
    """Return the short name under which requests are counted, `code` or `code/subcode`."""
    return str(refusal.code) if refusal.subcode is None else f"{refusal.code}/{refusal.subcode}"


def envelope(refusal: Refusal, trace_id: str) -> dict[str, Any]:
    """Return Graph's error envelope as plain data.

    The rule that failed is told in `error_user_title` and `error_user_msg`, as Meta does for event errors;
    `message` alone says little.
    """
    error: dict[str, Any] = {
        "message": "Invalid parameter" if refusal.code == 100 and refusal.subcode else refusal.message,
        "type": "OAuthException",
        "code": refusal.code,
        "is_transient": refusal.transient,
        "error_user_title": refusal.title,
        "error_user_msg": refusal.message,
        "fbtrace_id": trace_id,
    }
    if refusal.subcode is not None:
        error["error_subcode"] = refusal.subcode
    return {"error": error}
