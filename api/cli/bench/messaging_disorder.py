"""Webhooks in the greatest disorder while the API and the projector are killed: nothing lost, doubled or misplaced."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from uuid import uuid4

from adapters.postgres.connections import connect
from adapters.postgres.positions import newest_position
from adapters.simulator.webhooks import Body, Guest, app_echo, became, change, failed, guest, said, text, whatsapp
from api.cli.bench.ground import Ground, Process, free_port, wait_until
from api.cli.bench.messaging_ground import LINE, House, housed, load, webhook
from api.cli.bench.messaging_load import Report
from api.cli.bench.rows import Row
from api.cli.bench.sizes import Sizes

KILL_EVERY_S = 3.0
COPIES = 0.5
"""Share of the deliveries that are copies of others."""
SAID, ECHO_AFTER = 16, (4, 8, 12)
"""Messages of each customer, and after how many of them somebody of ours wrote from the phone's own app."""
APART_S, AGO_S = 3, 6 * 3600
# fmt: off
STATUSES = (
    # what is told of a message of ours   and what holds in the end, in whatever order it was told
    (("delivered", "read"),               "read"),
    (("sent", "delivered"),               "delivered"),
    (("sent", "failed"),                  "failed"),
    (("failed", "delivered"),             "delivered"),
)
# fmt: on
FIRST_TALK, FIRST_OF_PAIRS = 1_000_000, 2_000_000
"""Numbers of the first customers: those of one figure are nobody in another."""
PATIENCE_S = 180.0

COUNTED = (
    "SELECT topic, count(*) FROM log.masar_events WHERE topic LIKE 'messaging.%%' AND notification_id > %s GROUP BY 1"
)
THREADS = """
SELECT thread_id, array_agg(ref ORDER BY at, arrived_at, key),
       array_agg(status ORDER BY at, arrived_at, key) FILTER (WHERE direction <> 'in')
  FROM read_models.messages WHERE direction IS NOT NULL GROUP BY thread_id
"""
COUNTS = "SELECT key::uuid, inbound, echoed FROM read_models.threads"
DESKS = """
SELECT thread_id, inbound, last_ref, extract(epoch FROM last_inbound_at)::int8, inbound > answered,
       waiting_since IS NOT NULL
  FROM messaging.desks
"""
MOST_DESKS = "SELECT count(*) FROM messaging.desks WHERE subject_id IS NOT NULL"


@dataclass(slots=True)
class Talk:
    """What one customer and we said, as the platform knows it: ids and times (unix seconds), in order."""

    whose: Guest
    said: list[tuple[str, int]] = field(default_factory=list)
    all: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    """What holds of each message of ours, in their order."""


def disorder_rows(ground: Ground, sizes: Sizes) -> list[Row]:
    """Measure on a database of its own: pairs of first messages, then the storm of webhooks."""
    house = housed(ground)
    return [_parallel_firsts(house, sizes.firsts), *_killed(house, sizes.talks)]


def talks(customers: int, now: int, run: str, first: int = FIRST_TALK) -> tuple[list[Talk], list[Body]]:
    """Return so many customers' talks, and a webhook for each thing that is told of them."""
    found, bodies = [], []
    for nth in range(customers):
        talk, at = Talk(guest(first + nth)), now - AGO_S + nth % 3600
        for count in range(1, SAID + 1):
            at += APART_S
            message_id = f"wamid.{run}{nth:06d}i{count:02d}"
            talk.said.append((message_id, at))
            talk.all.append(message_id)
            bodies.append(said(LINE, talk.whose, message_id, at, text(f"Message {count}: is the villa still there?")))
            if count in ECHO_AFTER:
                at += APART_S
                bodies += _echo(talk, f"wamid.{run}{nth:06d}o{count:02d}", at, (nth + count // 4) % len(STATUSES))
        found.append(talk)
    return found, bodies


def _echo(talk: Talk, message_id: str, at: int, nth: int) -> Iterator[Body]:
    """Yield what is told of a message of ours; to the talk add what has to come of it."""
    told, final = STATUSES[nth]
    talk.all.append(message_id)
    talk.statuses.append(final)
    echoed = app_echo(LINE, talk.whose, message_id, at, text("It is, would you like to see it?"))
    yield whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echoed]}, [talk.whose]))
    for later, status in enumerate(told):
        why = failed(131026, "Message undeliverable") if status == "failed" else {}
        yield became(LINE, talk.whose, message_id, at + later, status, **why)


def disordered(distinct: int, seed: int = 7) -> list[int]:
    """Return numbers up to `distinct`, each at least once, with copies among them, shuffled."""
    chance = random.Random(seed)  # noqa: S311 - repeatable chance, no secret
    copies = round(distinct * COPIES / (1 - COPIES))
    turns = [*range(distinct), *chance.choices(range(distinct), k=copies)]
    chance.shuffle(turns)
    return turns


def wrong_things(house: House, told: Sequence[Talk], after: int) -> Counter[str]:
    """Count what is not as it was told: facts in the log after a position, threads, statuses, desks."""
    wrong: Counter[str] = Counter()
    topics = dict(house.query(COUNTED, after))
    expected = {
        "messaging.message_received.v1": sum(len(one.said) for one in told),
        "messaging.message_echoed.v1": sum(len(one.statuses) for one in told),
        "messaging.receipt_received.v1": sum(len(one.statuses) * 2 for one in told),
    }
    for topic, count in expected.items():
        wrong[f"facts {topic}"] = abs(topics.get(topic, 0) - count)
    threads = {refs[0]: (thread_id, refs, statuses) for thread_id, refs, statuses in house.query(THREADS)}
    counts = {key: (came, echoed) for key, came, echoed in house.query(COUNTS)}
    desks = {row[0]: row[1:] for row in house.query(DESKS)}
    for talk in told:
        refs = [house.ref(one) for one in talk.all]
        thread_id, found, statuses = threads.get(refs[0], (None, [], []))
        wrong["threads out of order"] += found != refs
        wrong["statuses not final"] += statuses != talk.statuses
        wrong["threads counted wrong"] += counts.get(thread_id) != (len(talk.said), len(talk.statuses))
        newest, at = talk.said[-1]
        wrong["desks"] += desks.get(thread_id) != (len(talk.said), house.ref(newest), at, True, True)
    return +wrong


def _killed(house: House, customers: int) -> list[Row]:
    told, bodies = talks(customers, int(time.time()), uuid4().hex[:8])
    requests, turns = [webhook(one) for one in bodies], disordered(len(bodies))
    with connect(house.ground.url, "masar_projector", name="bench") as connection:
        before = newest_position(connection)
    port, done = free_port(), threading.Event()
    outcome: list[Report | BaseException] = []

    def post() -> None:
        try:
            outcome.append(load(house, [port], requests, turns=turns))
        except BaseException as failure:
            outcome.append(failure)
        finally:
            done.set()

    with _Victims(house.ground, port) as victims:
        posting = threading.Thread(target=post, name="storm")
        posting.start()
        while not done.wait(KILL_EVERY_S):
            victims.kill_next()
        posting.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        wait_until(house.is_folded, "the read models after the storm", PATIENCE_S)
        kills = victims.kills
    wrong = wrong_things(house, told, before)
    what = f"wrong: {dict(wrong)}" if wrong else "facts, threads, statuses or desks wrong"
    return [
        Row("webhooks_killed_wrong", sum(wrong.values()), what),
        Row("webhooks_killed_deliveries", len(turns), f"deliveries, half of them copies, in {kills} kills"),
        Row("webhooks_killed_per_s", round(len(turns) / outcome[0].took_s), "deliveries/s"),
    ]


class _Victims:
    """The API and a projector, killed in turn and started again."""

    def __init__(self, ground: Ground, port: int) -> None:
        self._ground, self._port = ground, port
        self._stack = ExitStack()
        self._running: dict[str, tuple[Process, ExitStack]] = {}
        self.kills = 0

    def __enter__(self) -> "_Victims":
        self._start("api")
        self._start("projector")
        return self

    def __exit__(self, *_: object) -> None:
        for _process, stack in self._running.values():
            stack.close()

    def kill_next(self) -> None:
        """Kill the one whose turn it is, and start it again."""
        name = ("api", "projector")[self.kills % 2]
        process, stack = self._running[name]
        process.kill()
        stack.close()
        self.kills += 1
        self._start(name)

    def _start(self, name: str) -> None:
        stack = ExitStack()
        given = {"MASAR_HOST": "127.0.0.1", "MASAR_PORT": str(self._port)} if name == "api" else {}
        process = stack.enter_context(self._ground.process(name, **given))
        self._running[name] = process, stack
        if name == "api":
            process.wait_for(f"http://127.0.0.1:{self._port}/healthz")


def _parallel_firsts(house: House, customers: int) -> Row:
    """Post two first messages of each customer at the same moment, to two processes; count the threads."""
    run, now = uuid4().hex[:8], int(time.time())
    whose = [guest(FIRST_OF_PAIRS + nth) for nth in range(customers)]
    pairs = [
        [said(LINE, one, f"wamid.{run}{nth:06d}{which}", now, text("Good morning")) for which in "ab"]
        for nth, one in enumerate(whose)
    ]
    before = house.number(MOST_DESKS)
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        for port in ports:
            process = stack.enter_context(house.ground.process("api", MASAR_HOST="127.0.0.1", MASAR_PORT=str(port)))
            process.wait_for(f"http://127.0.0.1:{port}/healthz")
        load(house, ports, [webhook(one) for one in chain.from_iterable(pairs)])
    threads = house.number(MOST_DESKS) - before
    return Row("parallel_firsts_extra_threads", abs(threads - customers), f"threads beside {customers}")
