"""The bench's document, and the same as a table for people."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from api.cli.bench.rows import TARGETS, Row

NOTE = (
    "Each figure compares two things that were measured in turn in this run (medians); the load generator shares the "
    "cores with the server. Compare ratios, not figures of different machines."
)


def document(machine: dict[str, Any], fsync_ms: float, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the bench as one document."""
    return {"machine": machine, "fsync_ms": fsync_ms, "rows": [row.document() for row in rows]}


def show(console: Console, machine: dict[str, Any], fsync_ms: float, rows: Sequence[Row]) -> None:
    """Print the bench for people, with what each figure has to reach."""
    table = Table(title="masar bench")
    for name in ("figure", "ours", "against", "ratio", "to reach"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("figure", "to reach") else "right")
    for row in rows:
        against = f"{row.against_value:,.10g}" if row.against_value is not None else ""
        ratio = f"{row.ratio:.2f} ×" if row.ratio is not None else row.unit
        table.add_row(row.name, f"{row.value:,.10g}", against, ratio, _verdict(row))
    console.print(table)
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    console.print(f"{about}; fsync {fsync_ms} ms", highlight=False)
    console.print(NOTE, highlight=False)


def _verdict(row: Row) -> str:
    target = TARGETS.get(row.name)
    if target is None:
        return ""
    return f"{target.words()} [green]met[/green]" if target.met(row) else f"{target.words()} [red]missed[/red]"
