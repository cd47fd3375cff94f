"""The Postman: sends a subscriber's message through the guarded client."""

import time
from collections.abc import Mapping

from adapters.outside.client import GuardedClient
from adapters.outside.errors import NotReached
from application.ports.subscriptions import Reply

WITHIN_S = 15.0
"""What a subscriber has to answer, looking up its name included."""
LONGEST_EXCERPT = 500


class GuardedPostman:
    """Sends to addresses that subscribers gave us; to be used from any thread."""

    def __init__(self, client: GuardedClient, within_s: float = WITHIN_S) -> None:
        self._client, self._within_s = client, within_s

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body; whatever the subscriber does comes back as a reply."""
        started = time.monotonic()
        try:
            answered = self._client.post(url, headers=headers, body=body, within_s=self._within_s)
        except NotReached as why:
            return Reply(duration_ms=round(1000 * (time.monotonic() - started)), why=str(why))
        return Reply(
            status=answered.status,
            duration_ms=answered.duration_ms,
            excerpt=_readable(answered.excerpt),
            retry_after=answered.headers.get("retry-after"),
        )


def _readable(excerpt: bytes) -> str:
    """Return the beginning of an answer as text that a terminal and a database can hold."""
    text = excerpt.decode("utf-8", "replace")
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)[:LONGEST_EXCERPT]
