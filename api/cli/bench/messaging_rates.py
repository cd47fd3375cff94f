"""Far more to be sent than the platform allows, by two workers: it never has to say that we go too fast."""

import time
from uuid import uuid4

from adapters.simulator.webhooks import guest, said, text
from api.cli.bench.ground import BenchFailed, wait_until
from api.cli.bench.messaging_ground import LINE, House, Platform, load, sending, webhook, workers
from api.cli.bench.rows import Row
from api.cli.bench.sizes import Sizes

FIRST_CUSTOMER = 5_000_000
SENDERS = 16
"""Connections by which agents send."""
TO_ONE = 10
"""Of so many messages one more goes to the same customer."""
LEFT = "SELECT count(*) FROM outbox.messages WHERE kind = %s AND state IN ('waiting', 'leased')"
GIVEN_UP = "SELECT count(*) FROM outbox.messages WHERE kind = 'send_message' AND state IN ('parked', 'dead')"
SENDING, LOOKING = "send_message", "reconcile_send"
"""A message whose answer did not come is looked into, and never sent again by itself."""


class Crowd:
    """Customers who wrote, and what agents want to send them all at once: one message each, and many to one of them."""

    def __init__(self, house: House, size: int) -> None:
        self._house = house
        self._customers = [guest(FIRST_CUSTOMER + nth) for nth in range(size)]
        self.sends = size + max(1, size // TO_ONE)

    def writes(self, port: int, platform: Platform) -> None:
        """Have everybody write, and every agent send; no worker may run, so that all of it waits."""
        run, now = uuid4().hex[:8], int(time.time())
        load(self._house, [port], [
            webhook(said(LINE, one, f"wamid.{run}{nth:06d}", now, text("Please send me the brochure")))
            for nth, one in enumerate(self._customers)
        ])  # fmt: skip
        platform.hears(str(one.phone) for one in self._customers)
        whom = [*self._customers, *[self._customers[0]] * (self.sends - len(self._customers))]
        load(self._house, [port], [
            sending(self._house, str(one.phone), f"Brochure {nth}") for nth, one in enumerate(whom)
        ], connections=SENDERS, tries=3)  # fmt: skip


def rate_rows(house: House, sizes: Sizes, platform: Platform, crowd: Crowd) -> list[Row]:
    """Let two workers send for a while; count how often the platform said that we go too fast.

    Raises BenchFailed where a message is neither sent nor waiting nor looked into, or was sent twice.
    """
    before = platform.summary()["processed"]
    with workers(house.ground):
        wait_until(lambda: platform.summary()["processed"] > before, "the first message to be sent")
        started, first = time.monotonic(), platform.summary()["processed"]
        while time.monotonic() - started < sizes.shaped_s and house.number(LEFT, SENDING):
            time.sleep(0.1)
        took_s = time.monotonic() - started
        rate = (platform.summary()["processed"] - first) / took_s
    summary = platform.summary()
    sent, left, unknown = summary["processed"] - before, house.number(LEFT, SENDING), house.number(LEFT, LOOKING)
    found = 0 <= crowd.sends - sent - left <= unknown
    if house.number(GIVEN_UP) or not found or summary["callbacks"]["repeated"]:
        raise BenchFailed(
            f"of {crowd.sends} messages {sent} were sent, {left} wait, {unknown} are looked into: {summary}"
        )
    return [
        Row("shaper_rate_codes", sum(summary["rate_limits"].values()), "answers that we go too fast"),
        Row("shaper_per_s", round(rate, 1), "messages/s, of 80 allowed"),
    ]
