"""Where the demo begins, and where to look when it is over."""

from datetime import datetime

import httpx
from rich.console import Console

from api.cli.demo.desk import TriedOut
from api.cli.demo.findings import Findings
from api.cli.demo.ground import Ground
from api.reading import encode_cursor


def anchor_of(reader: httpx.Client) -> datetime:
    """Return the end of the demo's week: when the brokerage was registered, the same in every run."""
    answer = reader.get("/api/events", params={"kind": "brokerage.registered.v1", "limit": "1"}).raise_for_status()
    return datetime.fromisoformat(answer.json()["items"][0]["occurred_at"]).replace(microsecond=0)


def signposts(console: Console, address: str, ground: Ground, found: Findings, tried: TriedOut) -> None:
    """Print where to look next: the documentation, calls ready to paste, commands."""
    person = found.journey["person_id"] if found.journey else found.people[0]["id"] if found.people else None
    calls = ["people?quality=hot"]
    calls += [f"people/{person}", f"people/{person}/journey"] if person else []
    calls += ["conversions?summary=true", "conversions?status=withheld"]
    calls += [f"conversions/{found.one_conversion}"] if found.one_conversion else []
    calls += ["conversations", f"conversations/stream?cursor={encode_cursor(0)}", "webhook-deliveries"]
    calls += ["admin/analytics/meta", "policies", f"policies/simulations/{tried.simulation_id}"]
    console.print(f"[bold]Where to look next[/bold]   {address}/docs", highlight=False)
    lines = [f"  OPERATOR={ground.operator_key}   # answers, takes over, changes rules: see /docs"]
    lines += [f"  KEY={ground.reader_key}"]
    lines += [f'  curl -sN -H "Authorization: Bearer $KEY" "{address}/api/{call}"' for call in calls]
    lines += [f"  ./masar log --person {person}"] if person else []
    lines += ["  ./masar backlog", "  ./masar replay people"]
    lines += [f"  docs/embedding/index.html is a page that is tracked with {address}/masar.js"]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
