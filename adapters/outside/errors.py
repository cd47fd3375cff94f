"""Why something outside was not reached: a small closed set, each with words for a person."""

from typing import Literal

Reason = Literal[
    "bad_address", "refused_address", "unknown_host", "unreachable", "tls", "timeout", "redirect", "status",
    "wrong_type", "too_large", "broken",
]  # fmt: skip

# fmt: off
WORDS: dict[Reason, str] = {
    "bad_address":     "the address is none that we call",
    "refused_address": "the address is none of the public internet, or its port is not allowed",
    "unknown_host":    "there is no such host",
    "unreachable":     "nobody takes the connection",
    "tls":             "the certificate is not good for this host",
    "timeout":         "it took too long",
    "redirect":        "it leads elsewhere, too often or to a place that is refused",
    "status":          "the answer is no",
    "wrong_type":      "the answer is of another type than was asked for",
    "too_large":       "the answer is larger than allowed",
    "broken":          "the answer broke off or is no HTTP",
}
# fmt: on

PASSING: frozenset[Reason] = frozenset({"unknown_host", "unreachable", "timeout", "broken"})
"""What may be better in a moment; everything else stays as it is until somebody changes something."""


class NotReached(Exception):
    """Nothing came of a call to the outside. `reason` is one of a closed set, `status` of an answer that is no.

    `str()` is for a person and names no credentials: neither the query string nor what came back.
    """

    def __init__(self, reason: Reason, detail: str = "", status: int | None = None) -> None:
        super().__init__(f"{WORDS[reason]}: {detail}" if detail else WORDS[reason])
        self.reason, self.detail, self.status = reason, detail, status

    @property
    def passing(self) -> bool:
        """Whether the same call may do it later."""
        return self.reason in PASSING or (self.status is not None and (self.status == 429 or self.status >= 500))
