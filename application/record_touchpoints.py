"""Takes in what producers observed: each item judged for itself, the good ones durable before the answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from application.parse_touchpoint import Sender, parse
from application.ports.touchpoints import Observed, TouchpointLog, Verdict


async def record_touchpoints(items: Sequence[Any], sender: Sender, log: TouchpointLog, now: datetime) -> list[Verdict]:
    """Return a verdict per item, in order. Raises Busy; then nothing was promised and all may be sent again."""
    parsed = [parse(item, sender, now) for item in items]
    good = [one for one in parsed if isinstance(one, Observed)]
    verdicts = iter(await log.append(good))
    return [next(verdicts) if isinstance(one, Observed) else Verdict("rejected", errors=one) for one in parsed]
