"""What an answer of the Graph API means for the one who asked.

Source: Meta, *Graph API: handling errors* and *Marketing API: error codes*, checked in November 2026. Titles and
texts are localised, so codes alone decide.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from application.ports.conversions import (
    Answer,
    NotAccepted,
    Parked,
    Rejected,
    Throttled,
    Transient,
    Unanswered,
)

# fmt: off
TRANSIENT: Final = frozenset({1, 2, 341, 5000, 21009})        # 21009: the data set is not ready for a moment
THROTTLING: Final = frozenset({4, 17, 32, 613, 80000, 80003, 80004, 80007, 80014, 130429})
NO_ENTRY: Final = frozenset({3, 10, 190, 368, *range(200, 300)})  # token dead, permission missing, blocked
INVALID, NO_SUCH_OBJECT = 100, 33                             # together: the dataset is not there, or not for us
ABOUT_EVENTS: Final = range(2_804_000, 2_805_000)             # subcodes of code 100 that name what an event lacks
# fmt: on
TOO_MANY_REQUESTS = 429
LONGEST_MESSAGE = 400


def kind_of(status: int, code: int | None, subcode: int | None, *, transient: bool = False) -> type[NotAccepted]:
    """Return which kind of no an answer is, by its code; the HTTP status decides only where the code says nothing."""
    if code in THROTTLING or status == TOO_MANY_REQUESTS:
        return Throttled
    if transient or code in TRANSIENT:
        return Transient
    if code in NO_ENTRY or (code, subcode) == (INVALID, NO_SUCH_OBJECT):
        return Parked
    if status >= 500:
        return Transient
    if code is None:
        return Parked if status in (401, 403) else Unanswered
    return Rejected


def refusal(status: int, headers: Mapping[str, str], error: Mapping[str, Any], dataset_id: str) -> NotAccepted:
    """Return what to raise for an error envelope."""
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    kind = kind_of(status, code, subcode, transient=error.get("is_transient") is True)
    answer = Answer(status, code, subcode, _message(error), _text(error.get("fbtrace_id")), wait_s(headers, dataset_id))
    if kind is Rejected:
        return Rejected(answer, blames_event=code == INVALID and subcode in ABOUT_EVENTS)
    return kind(answer)


def wait_s(headers: Mapping[str, str], dataset_id: str = "") -> float | None:
    """Return how long we are asked to wait, in seconds: the longest hint given.

    `Retry-After` counts seconds; `estimated_time_to_regain_access` in the usage headers counts minutes.
    """
    hints = [60.0 * minutes for minutes in _minutes(headers, dataset_id)]
    after = headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        hints.append(float(after))
    return max(hints, default=0.0) or None


def _minutes(headers: Mapping[str, str], dataset_id: str) -> list[float]:
    """Return the estimates of the usage headers, those for this dataset alone where it is named."""
    found: list[float] = []
    for name in ("x-business-use-case-usage", "x-ad-account-usage", "x-app-usage"):
        try:
            usage = orjson.loads(headers.get(name, "null"))
        except orjson.JSONDecodeError:
            continue
        if isinstance(usage, dict):
            cases = usage.get(dataset_id) or [case for value in usage.values() for case in _cases(value)] or [usage]
            found += [_number(case.get("estimated_time_to_regain_access")) for case in _cases(cases)]
    return found


def _cases(value: Any) -> list[dict[str, Any]]:
    return [case for case in value if isinstance(case, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _message(error: Mapping[str, Any]) -> str | None:
    """Return what a person is told: the sentence for users where there is one, else the technical one."""
    texts = [_text(error.get(name)) for name in ("error_user_title", "error_user_msg", "message")]
    title, sentence, technical = texts
    if sentence:
        return f"{title}: {sentence}"[:LONGEST_MESSAGE] if title else sentence[:LONGEST_MESSAGE]
    return technical[:LONGEST_MESSAGE] if technical else None


def _text(value: Any) -> str | None:
    """Return a text without control characters, which would break logs and tables."""
    return "".join(char for char in value if char.isprintable())[:LONGEST_MESSAGE] if isinstance(value, str) else None


def unanswered(why: str, status: int | None = None) -> Unanswered:
    """Return what to raise where nobody knows whether the events were received."""
    return Unanswered(Answer(status=status, message=why))
