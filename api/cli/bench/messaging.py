"""Messaging, measured with every process it needs, on databases of its own."""

from collections.abc import Callable, Iterator

from api.cli.bench.ground import Ground
from api.cli.bench.http import api_process
from api.cli.bench.messaging_answers import burst_rows
from api.cli.bench.messaging_disorder import disorder_rows
from api.cli.bench.messaging_ground import housed, platform, workers
from api.cli.bench.messaging_live import live_rows, resume_rows
from api.cli.bench.messaging_rates import Crowd, rate_rows
from api.cli.bench.rows import Row
from api.cli.bench.sizes import Sizes


def messaging_rows(calm: Ground, stormy: Ground, sizes: Sizes, tell: Callable[[str], None]) -> Iterator[Row]:
    """Measure answers, the live stream and the rates on one database, disorder and kills on another."""
    house = housed(calm)
    with api_process(calm) as port, platform(calm, port) as meta, calm.process("projector"):
        with workers(calm):
            tell("answering customers")
            yield from burst_rows(house, sizes, meta)
            tell("following webhooks to a subscriber")
            yield from live_rows(house, sizes, port, meta)
        crowd = Crowd(house, sizes.crowd)
        tell("coming back to a stream")
        yield from resume_rows(house, port, lambda: crowd.writes(port, meta))
        tell("sending more than is allowed")
        yield from rate_rows(house, sizes, meta, crowd)
    tell("killing the API and the projector under webhooks")
    yield from disorder_rows(stormy, sizes)
