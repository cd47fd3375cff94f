"""Shows what came of the week, in about two screens."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from api.cli.demo.findings import Findings, Row
from api.cli.demo.posting import Tally
from api.cli.demo.settle import Backlog
from api.cli.demo.steps import steps_of

COLOURS = {"hot": "bold red", "warm": "yellow", "cold": "cyan"}
REASONS = {
    "no_consent": "consent withdrawn, or never given where it must be",
    "no_match_key": "nothing by which Meta could find the person",
    "too_old": "older than the 7 days Meta takes",
    "before_policy": "happened before the policy was active",
    "test_traffic": "test traffic",
    "no_dataset": "no dataset connected",
}
MOST_REFUSALS = 10
LONGEST_RULE = 52


def show(out: Console, tally: Tally, waited: tuple[Backlog, float], found: Findings) -> None:
    """Print the summary: the touchpoints, the people, one journey, the conversions."""
    for part in (
        _posted(tally), _refusals(tally), _people(found), _shown(found), _journey(found),
        _conversions(found), _withheld(found), _meta(found, waited),
    ):  # fmt: skip
        if part is not None:
            out.print(part)
            out.print()


def _posted(tally: Tally) -> RenderableType:
    rate = tally.posted / tally.seconds if tally.seconds else 0
    counts = " · ".join(f"{tally.verdicts[name]:,} {word}" for name, word in (
        ("accepted", "accepted"), ("duplicate", "duplicate"), ("conflict", "in conflict"), ("rejected", "refused"),
    ))  # fmt: skip
    text = Text.assemble(
        ("Posted ", "bold"), f"{tally.posted:,} touchpoints in {tally.requests:,} requests and {tally.seconds:.1f} s ",
        (f"({rate:,.0f}/s, each durable before its answer)", "dim"), "\n       ", counts,
    )  # fmt: skip
    if not tally.verdicts["accepted"]:
        text.append("\n       played here before, so nothing is new", "dim")
    if tally.surprises:
        text.append(f"\n       {len(tally.surprises)} not as expected, such as {tally.surprises[0]}", "red")
    return text


def _refusals(tally: Tally) -> RenderableType | None:
    table = _table("Refused, one by one, naming field and rule", "field", "rule", "times")
    table.columns[2].justify = "right"
    for (field, rule), times in Counter((one.field, one.rule) for one in tally.refused).most_common(MOST_REFUSALS):
        table.add_row(Text(field, "yellow"), Text(_short(rule)), str(times))
    return table if tally.refused else None


def _people(found: Findings) -> RenderableType:
    quality = Counter(row["quality"] for row in found.people)
    known = sum(bool(row["known"]) for row in found.people)
    tours = found.tours
    kinds = ", ".join(f"{one['sessions']} {one['tour_kind']}" for one in tours["by_kind"])
    bands = [part for band, style in COLOURS.items() for part in ((f"{quality[band]} {band}", style), " · ")][:-1]
    open_tours = tours["sessions"] - tours["closed"]
    left = (
        f"; {open_tours} left open, the system closes them a minute after their last touchpoint" if open_tours else ""
    )
    return Text.assemble(
        ("People ", "bold"), f"{len(found.people)}: {known} known, {len(found.people) - known} visitors · ", *bands,
        "\n", ("Tours  ", "bold"), f"{tours['sessions']} ({kinds}), mean score {tours['mean_score']:.0f}{left}",
    )  # fmt: skip


def _shown(found: Findings) -> RenderableType | None:
    table = _table("Some of them, and why", "score", "quality", "name", "tours", "because")
    table.columns[0].justify = table.columns[3].justify = "right"
    for row in found.shown:
        because = ", ".join(f"{one['why']} +{one['points']}" for one in row["reasons"])
        name = row["contact"].get("name") or row["contact"].get("email") or "a visitor"
        quality = Text(row["quality"], COLOURS[row["quality"]])
        table.add_row(str(row["score"]), quality, Text(_name(name)), str(len(row["tours"])), Text(because))
    return table if found.shown else None


def _journey(found: Findings) -> RenderableType | None:
    if found.journey is None:
        return None
    person = found.journey["person"]
    title = f"A visitor from an advertisement who became {_name(person['contact'].get('name'))}"
    table = _table(title, "when", "as", "what", "scored", "told to Meta")
    table.columns[3].justify = "right"
    for step in steps_of(found.journey["items"]):
        told = ", ".join(_told(one) for one in step.caused) or "–"
        who = Text("known", "green") if step.known else Text("visitor", "dim")
        table.add_row(f"{step.at:%a %H:%M}", who, Text(step.what), str(step.points) if step.points else "–", Text(told))
    return table


def _conversions(found: Findings) -> RenderableType:
    table = _table("Conversions", "event", "accepted", "value, EGP", "Meta counted", "waiting", "withheld")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = found.conversions["rows"]
    for event in sorted({row["event_name"] for row in rows}):
        table.add_row(*_line(event, [row for row in rows if row["event_name"] == event], found.counted))
    table.add_section()
    table.add_row(*_line(None, rows, found.counted), style="bold")
    return table


def _line(event: str | None, rows: list[Row], counted: dict[str, Row] | None) -> Iterable[str]:
    accepted = [row for row in rows if row["status"] == "accepted"]
    value = sum(float(row["value"]) for row in accepted)
    there = "–"
    if counted is not None:
        there = f"{sum(one['counted'] for name, one in counted.items() if event in (None, name)):,}"
    return (
        event or "all", f"{_sum(accepted):,}", f"{value:,.0f}" if value else "–", there,
        f"{_sum(row for row in rows if row['status'] not in ('accepted', 'withheld', 'merged')):,}",
        f"{_sum(row for row in rows if row['status'] == 'withheld'):,}",
    )  # fmt: skip


def _withheld(found: Findings) -> RenderableType | None:
    table = _table("Withheld, each with its reason", "times", "reason", "which means")
    table.columns[0].justify = "right"
    for reason, times in sorted(found.conversions["withheld"].items(), key=lambda one: -one[1]):
        table.add_row(f"{times:,}", Text(reason, "yellow"), REASONS.get(reason, ""))
    merged = found.conversions["by_status"].get("merged", 0)
    if merged:
        table.add_row(
            f"{merged:,}", Text("merged", "yellow"), "one pixel event sent twice: one conversion stands for both"
        )
    return table if table.rows else None


def _meta(found: Findings, waited: tuple[Backlog, float]) -> RenderableType:
    left, seconds = waited
    text = Text()
    if left.empty:
        text.append(f"All read, decided and delivered {seconds:.1f} s after the last post. ")
    else:
        text.append(
            f"After {seconds:.0f} s still on their way: {left.facts:,} facts to read, {left.conversions:,} conversions "
            "to deliver. ", "red",
        )  # fmt: skip
    if found.counted is None:
        text.append("No stand-in for Meta answers here, so the demo's dataset has no token and conversions wait.")
        return text
    accepted = found.conversions["total_conversions"]
    counted = sum(one["counted"] for one in found.counted.values())
    twice = sum(one["repeats"] for one in found.counted.values())
    same = counted == accepted
    text.append(
        f"Meta's stand-in counted {counted:,}, we say {accepted:,} accepted, {twice} counted twice"
        f"{': they agree.' if same else '.'}", "green" if same and not twice else "bold red",
    )  # fmt: skip
    return text


def _told(conversion: Row) -> str:
    value = f" {float(conversion['value']):,.0f}" if conversion["value"] is not None else ""
    withheld = f" ({conversion['withheld']})" if conversion["withheld"] else ""
    return f"{conversion['event_name']}{value}{withheld}"


def _sum(rows: Iterable[Row]) -> int:
    return sum(row["conversions"] for row in rows)


def _table(title: str, *columns: str) -> Table:
    return Table(
        *columns, title=title, title_justify="left", title_style="bold", header_style="dim", box=box.SIMPLE_HEAD,
        pad_edge=False, padding=(0, 2, 0, 0), show_edge=False,
    )  # fmt: skip


def _short(rule: str) -> str:
    return rule if len(rule) <= LONGEST_RULE else f"{rule[: LONGEST_RULE - 1]}…"


def _name(value: Any) -> str:
    """Return a person's name as text; an erased one has none."""
    return value if isinstance(value, str) else "somebody"
