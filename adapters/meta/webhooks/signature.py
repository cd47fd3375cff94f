"""Is a webhook really Meta's: the signature of its body, and the question asked when its address is registered.

Source: Meta, "Webhooks from Meta: Validating Payloads" and "Verification Requests".
"""

import hmac
import re
from collections.abc import Mapping, Sequence

from adapters.sealing import mac

HEADER = re.compile(r"sha256=([0-9a-f]{64})")
"""`X-Hub-Signature-256` as Meta writes it: lower-case hexadecimal, nothing around it."""
CHALLENGE = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
"""What is repeated to whoever asks: nothing that a browser could take for a page."""


def signature(raw: bytes, secret: str) -> str:
    """Return the header that Meta would send with these bytes: HMAC-SHA256 under the secret of the app."""
    return f"sha256={mac(secret.encode(), raw).hex()}"


def check(raw: bytes, header: str | bytes | None, secrets: Sequence[str]) -> int | None:
    """Return the place in `secrets` of the one that signed exactly these bytes; None where none did.

    Any header that is no signature is simply none. All secrets are tried, so that the time tells nothing of which one
    it was; an empty secret signs nothing.
    """
    given = _given(header)
    if given is None:
        return None
    matched = [bool(one) and hmac.compare_digest(signature(raw, one), given) for one in secrets]
    return matched.index(True) if True in matched else None


def is_signed(raw: bytes, header: str | bytes | None, secret: str) -> bool:
    """Tell whether one secret signed these bytes."""
    return check(raw, header, (secret,)) is not None


def challenge_answer(query: Mapping[str, str], tokens: Sequence[str]) -> str | None:
    """Return the text to answer a verification with; None where it must be refused.

    Refused are: another mode than `subscribe`, a token that is none of ours, a challenge of anything but letters,
    digits, `_`, `.` and `-`.
    """
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    known = [bool(one) and hmac.compare_digest(one.encode("utf-8", "surrogatepass"), given) for one in tokens]
    challenge = query.get("hub.challenge", "")
    asked = query.get("hub.mode") == "subscribe" and CHALLENGE.fullmatch(challenge)
    return challenge if True in known and asked else None


def _given(header: str | bytes | None) -> str | None:
    if isinstance(header, bytes):
        header = header.decode("ascii", "replace")
    return header if header is not None and HEADER.fullmatch(header) else None
