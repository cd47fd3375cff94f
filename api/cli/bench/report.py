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
    table = Table("figure", "measured", "against", "ratio", "to reach", "", title="masar bench")
    for row in rows:
        target = TARGETS.get(row.name)
        against = f"{row.against}: {row.against_value:,.10g}" if row.against_value is not None else ""
        table.add_row(
            row.name, f"{row.value:,.10g} {row.unit}", against, f"{row.ratio:.2f} ×" if row.ratio is not None else "",
            target.words() if target else "", _verdict(row),
        )  # fmt: skip
    console.print(table)
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    console.print(f"{about}; fsync {fsync_ms} ms", highlight=False)
    console.print(NOTE, highlight=False)


def _verdict(row: Row) -> str:
    target = TARGETS.get(row.name)
    if target is None:
        return ""
    return "[green]met[/green]" if target.met(row) else "[red]missed[/red]"
