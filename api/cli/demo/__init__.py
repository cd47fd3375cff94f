"""The demo: a believable week of buyers played over the public API, and what came of it."""

from datetime import datetime
from urllib.parse import urlsplit

import httpx
import psycopg
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from api.cli.context import out
from api.cli.demo import desk
from api.cli.demo.diary import Item
from api.cli.demo.findings import counted_by, find
from api.cli.demo.ground import MESSAGING, NAME, Ground, fit_values, prepare
from api.cli.demo.inbox import Inbox, Told, connect, play_inbox
from api.cli.demo.posting import NotPlayed, Tally, play
from api.cli.demo.settle import Backlog, wait_until_ready, wait_until_settled
from api.cli.demo.signposts import anchor_of, signposts
from api.cli.demo.summary import show, show_inbox
from api.cli.demo.week import week, year_before
from api.logs import set_up_logs
from api.settings import BadSettings, Settings
from application.brokerages import AlreadyRegistered

META = "facebook.com"
NARROWEST = 100
"""Columns where the output is no terminal: enough for the tables."""


def run_demo(settings: Settings, *, people: int = 200, seed: int = 7) -> int:
    """Play the week against the API of these settings and show what came of it; return the exit code.

    The week ends when the brokerage was first registered, so a second run repeats the first and adds nothing.
    """
    set_up_logs("demo", settings.log_level, settings.log_format)
    console = out if out.is_terminal else Console(width=NARROWEST)
    address = f"http://{settings.host}:{settings.port}"
    if is_meta(settings.graph_url):
        console.print("[red]demo:[/red] its people are invented, so it plays against the stand-in for Meta only;")
        console.print("      start it with ./masar up --demo, or name the stand-in's address in MASAR_GRAPH_URL")
        return 2
    try:
        with _client(address) as anybody:
            if not wait_until_ready(anybody):
                console.print(f"[red]demo:[/red] {address} is not ready; start it with ./masar up --demo")
                return 1
        ground = prepare(settings, deliver=counted_by(settings.graph_url) is not None)
        return _run(console, settings, address, ground, people, seed)
    except (NotPlayed, AlreadyRegistered, httpx.HTTPError, psycopg.Error, BadSettings) as refusal:
        console.print("[red]demo:[/red]", escape(str(refusal)), highlight=False)
        return 1


def is_meta(graph_url: str) -> bool:
    """Tell whether an address is Meta itself."""
    host = urlsplit(graph_url).hostname or ""
    return host == META or host.endswith(f".{META}")


def _run(console: Console, settings: Settings, address: str, ground: Ground, people: int, seed: int) -> int:
    keys = (ground.producer_key, ground.reader_key, ground.operator_key)
    producer, reader, operator = (_client(address, key) for key in keys)
    with producer, reader, operator:
        anchor = anchor_of(reader)
        before, items = year_before(seed, anchor), week(people, seed, anchor)
        console.print(f"\n[bold]A week at {NAME}:[/bold] {people} people, played over {address}\n", highlight=False)
        _tell_kind(settings.graph_url)
        with _bars(console) as bars:
            tally = _play(bars, producer, before)
            fit_values(settings, ground, reader)
            tally = _play(bars, producer, items, tally)
            waited = _wait(bars, reader, _transcripts(items))
            mended = desk.mend(operator, items, tally, lambda: wait_until_settled(reader, lambda _: None))
            tried = desk.try_out(operator)
        told = _inbox(settings, ground, address, operator, anchor)
        found = find(reader, settings.graph_url, items, tally)
        show(console, tally, waited, found, mended, tried)
        show_inbox(console, told)
        signposts(console, address, ground, found, tried)
    return 1 if tally.surprises or told.surprises or not waited[0].empty else 0


def _inbox(settings: Settings, ground: Ground, address: str, operator: httpx.Client, anchor: datetime) -> Told:
    """Play the inbox where the stand-in is there to play the platforms."""
    elsewhere = {settings.dialog360_url, settings.instagram_url} != {settings.graph_url}
    if elsewhere or counted_by(settings.graph_url) is None:
        return Told(lines=["not every channel leads to the stand-in here, so nobody writes"])
    with httpx.Client(base_url=settings.graph_url, timeout=30, trust_env=False) as stand_in:
        connect(settings, ground, address, operator, stand_in)
        return play_inbox(Inbox(operator, stand_in), anchor)


def _transcripts(items: list[Item]) -> int:
    return sum("transcript" in item.body.get("payload", {}) for item in items if item.expected == "accepted")


def _tell_kind(graph_url: str) -> None:
    """Tell the stand-in that a dataset is of a WhatsApp account, so that it is as strict there as Meta."""
    if counted_by(graph_url) is not None:
        httpx.put(f"{graph_url}/_simulator/datasets/{MESSAGING}", json={"kind": "waba"}, timeout=5, trust_env=False)


def _play(bars: Progress, producer: httpx.Client, items: list[Item], tally: Tally | None = None) -> Tally:
    bar = bars.add_task("posting", total=len(items))
    return play(producer, items, lambda count: bars.advance(bar, count), tally)


def _wait(bars: Progress, reader: httpx.Client, transcripts: int) -> tuple[Backlog, float]:
    bar = bars.add_task("delivering", total=None)
    most = 1

    def tell(left: Backlog) -> None:
        nonlocal most
        open_ones = left.facts + left.conversions + left.transcripts
        most = max(most, open_ones)
        bars.update(bar, total=most, completed=most - open_ones)

    return wait_until_settled(reader, tell, transcripts)


def _bars(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _client(address: str, key: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False)
