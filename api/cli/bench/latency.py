"""How soon a posted touchpoint is in the read models, at a steady rate."""

import json
import threading
import time
from bisect import bisect_left

from adapters.postgres.connections import connect
from api.cli.bench.ground import Ground, wait_until
from api.cli.bench.http import STEADY_CONNECTIONS, STEADY_PER_S, WARM_UP_S, post
from api.cli.bench.rows import Row, percentile
from api.cli.bench.sizes import Sizes

READ_MODELS = ["people", "tour_sessions"]
LOOK_S = 0.002
POSITION = "SELECT min(position) FROM projection.builds WHERE status = 'live' AND name = ANY(%s)"


class Follower:
    """Watches how far the live read models have come; a position and its rows become visible at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._positions: list[int] = []
        self._seen_at: list[float] = []
        self._thread = threading.Thread(target=self._watch, name="follower", daemon=True)

    def __enter__(self) -> "Follower":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def reached(self, position: int) -> bool:
        """Tell whether the read models have taken a position in."""
        return bool(self._positions) and self._positions[-1] >= position

    def visible_at(self, position: int) -> float:
        """Return the moment (monotonic clock) at which a position was seen to be taken in."""
        return self._seen_at[bisect_left(self._positions, position)]

    def _watch(self) -> None:
        with connect(self._url, "masar_projector", name="bench") as connection:
            while not self._stop.wait(LOOK_S):
                row = connection.execute(POSITION, (READ_MODELS,)).fetchone()
                if row and not self.reached(row[0]):
                    self._seen_at.append(time.monotonic())
                    self._positions.append(row[0])


def latency_rows(ground: Ground, sizes: Sizes, port: int) -> list[Row]:
    """Post at a steady rate and follow each touchpoint, from the moment it was due until both read models have it.

    The projector has to run.
    """
    with Follower(ground.url) as follower:
        _wait_for(follower, json.loads(post(ground, port, 1, WARM_UP_S, keep=True).kept[-1][2]))
        report = post(ground, port, STEADY_CONNECTIONS, sizes.latency_s, per_s=float(STEADY_PER_S), keep=True)
        answers = [(due, json.loads(text)) for due, _, text in report.kept]
        for _, answer in answers:
            _wait_for(follower, answer)
        took_ms = [(follower.visible_at(answer["items"][0]["position"]) - due) * 1000 for due, answer in answers]
    return [
        Row("append_to_read_model_p50_ms", round(percentile(took_ms, 0.5), 1), "ms"),
        Row("append_to_read_model_p99_ms", round(percentile(took_ms, 0.99), 1), "ms"),
    ]


def _wait_for(follower: Follower, answer: dict[str, list[dict[str, int]]]) -> None:
    position = answer["items"][0]["position"]
    wait_until(lambda: follower.reached(position), f"the read models to reach position {position}")
