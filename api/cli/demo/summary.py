"""Shows what came of the week, in about two screens."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from api.cli.demo.desk import Mended, TriedOut
from api.cli.demo.findings import Findings, Row
from api.cli.demo.ground import DATASETS
from api.cli.demo.inbox import Told, lines_of
from api.cli.demo.posting import Tally
from api.cli.demo.settle import Backlog
from api.cli.demo.steps import steps_of

COLOURS = {"hot": "bold red", "warm": "yellow", "cold": "cyan"}
REASONS = {
    "no_consent": "consent withdrawn, or never given where it must be",
    "no_match_key": "nothing by which Meta could find the person",
    "too_old": "older than the 7 days Meta takes",
    "before_policy": "happened before the policy was active: the stays of the year before",
    "test_traffic": "test traffic",
    "no_dataset": "no dataset connected",
}
BEST = {
    "tours": "tour", "conversations": "conversation", "viewings": "viewing", "appraisals": "appraisal",
    "rentals": "rental", "lead_forms": "form", "saves": "save",
}  # fmt: skip
MOST_REFUSALS, MOST_REASONS = 4, 4
LONGEST_RULE = 52
MOST_LINES = 24
"""Of a transcript."""


def show(
    out: Console, tally: Tally, waited: tuple[Backlog, float], found: Findings, mended: list[Mended], tried: TriedOut
) -> None:
    """Print the summary: the touchpoints, the people, one journey, the conversions, what the operator did."""
    for part in (
        _posted(tally), _refusals(tally), _people(found), _met(found, tally), _shown(found), _journey(found),
        _conversions(found), _withheld(found), _meta(found, waited), _desk(mended, tried),
    ):  # fmt: skip
        if part is not None:
            out.print(part)
            out.print()


def show_inbox(out: Console, told: Told) -> None:
    """Print what came of the inbox: threads, what the agents would tell, one thread as a transcript."""
    first, *others = lines_of(told)
    out.print(Text.assemble(("Inbox  ", "bold"), first))
    for line in others:
        out.print(Text(f"       {line}"))
    for surprise in told.surprises:
        out.print(Text(f"       not as expected: {surprise}", "red"))
    if told.transcript:
        out.print(Text("\nOne thread, as it is exported", "bold"))
        out.print(Text("\n".join(f"  {line}" for line in told.transcript.splitlines()[:MOST_LINES])))
    out.print()


def _posted(tally: Tally) -> RenderableType:
    rate = tally.posted / tally.seconds if tally.seconds else 0
    counts = " · ".join(f"{tally.verdicts[name]:,} {word}" for name, word in (
        ("accepted", "accepted"), ("duplicate", "duplicate"), ("conflict", "in conflict"), ("rejected", "refused"),
        ("taken", "wanted a slot that another has"),
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
    rules = Counter((one.field, one.rule) for one in tally.refused)
    left = len(rules) - MOST_REFUSALS
    more = f" (and {left} more rules)" if left > 0 else ""
    table = _table(f"Refused, one by one, naming field and rule{more}", "field", "rule", "times")
    table.columns[2].justify = "right"
    for (field, rule), times in rules.most_common(MOST_REFUSALS):
        table.add_row(Text(field, "yellow"), Text(_short(rule)), str(times))
    return table if tally.refused else None


def _people(found: Findings) -> RenderableType:
    quality = Counter(row["quality"] for row in found.people)
    known = sum(bool(row["known"]) for row in found.people)
    best = Counter(BEST.get(row["best"], row["best"]) for row in found.people if row["best"])
    bands = [part for band, style in COLOURS.items() for part in ((f"{quality[band]} {band}", style), " · ")][:-1]
    return Text.assemble(
        ("People ", "bold"), f"{len(found.people)}, guests of the year before among them: {known} known, ",
        f"{len(found.people) - known} visitors · ", *bands,
        "\n       scored best by ", " · ".join(f"{name} {count}" for name, count in best.most_common()),
    )  # fmt: skip


def _met(found: Findings, tally: Tally) -> RenderableType:
    """Return where people were met, a line each."""
    told = {name: sum(int(row[name]) for row in found.people) for name in ("conversations", "appraisals")}
    saves, investors = sum(len(row["saved"]) for row in found.people), Counter(_investors(found.people))
    return Text.assemble(
        ("Tours  ", "bold"), _tours(found.tours),
        ("\nTalks  ", "bold"), f"{told['conversations']} conversations · {saves} homes saved · ",
        f"{told['appraisals']} appraisals · investors: {_counts(investors)}",
        ("\nViewings ", "bold"), _counts(Counter(row["status"] for row in found.viewings)),
        f"; {tally.verdicts['taken']} refused, the slot was taken",
        ("\nRentals ", "bold"), f"{_counts(Counter(row['status'] for row in found.rentals))}; {_learned(found)}",
    )  # fmt: skip


def _tours(tours: Row) -> str:
    kinds = ", ".join(f"{one['sessions']} {one['tour_kind']}" for one in tours["by_kind"])
    still = tours["sessions"] - tours["closed"]
    left = f"; {still} left open, closed a minute after their last touchpoint" if still else ""
    return f"{tours['sessions']} ({kinds}), mean score {tours['mean_score']:.0f}{left}"


def _learned(found: Findings) -> str:
    """Return what past bookings let say of guests; whoever was not met since is told of on their own page only."""
    model, expected = found.value_model, [row["predicted_ltv"] for row in found.people if row["predicted_ltv"]]
    if model is None or not model["enough_data"]:
        return "not enough bookings to say what guests may still bring"
    return (
        f"a value model of {model['customers']} guests, {model['repeaters']} of whom came again: "
        f"{len(expected)} guests of this week may bring {sum(expected):,.0f} EGP within a year"
    )


def _investors(people: list[Row]) -> Iterable[str]:
    return (row["investor_type"] for row in people if row["investor_type"] not in (None, "unknown"))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counter.most_common()) or "none"


def _shown(found: Findings) -> RenderableType | None:
    table = _table("Some of them, and why", "score", "quality", "name", "best by", "intent", "because")
    table.columns[0].justify = table.columns[4].justify = "right"
    for row in found.shown:
        because = ", ".join(f"{one['why']} +{one['points']:g}" for one in _weightiest(row["reasons"]))
        name = row["contact"].get("name") or row["contact"].get("email") or "a visitor"
        table.add_row(
            str(row["score"]), Text(row["quality"], COLOURS[row["quality"]]), Text(_name(name)),
            BEST.get(row["best"], str(row["best"])), _intent(row), Text(because),
        )  # fmt: skip
    return table if found.shown else None


def _intent(row: Row) -> str:
    """Return how serious somebody is, 0 to 10, and by how much that multiplies values."""
    return f"{row['intent']:.1f} ×{row['multiplier']:g}" if row["intent"] is not None else f"– ×{row['multiplier']:g}"


def _weightiest(reasons: list[Row]) -> list[Row]:
    return sorted(reasons, key=lambda one: -one["points"])[:MOST_REASONS]


def _journey(found: Findings) -> RenderableType | None:
    if found.journey is None:
        return None
    person = found.journey["person"]
    title = f"The way of {_name(person['contact'].get('name'))}"
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


def _by_dataset(rows: list[Row]) -> str:
    accepted = {
        name: _sum(row for row in rows if row["dataset_id"] == dataset and row["status"] == "accepted")
        for dataset, name in DATASETS.items()
    }
    return ", ".join(f"{count:,} to {name}" for name, count in accepted.items())


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
        f"{': they agree. ' if same else '. '}", "green" if same and not twice else "bold red",
    )  # fmt: skip
    text.append(f"By dataset: {_by_dataset(found.conversions['rows'])}.")
    return text


def _desk(mended: list[Mended], tried: TriedOut) -> RenderableType:
    text = Text()
    for one in mended:
        text.append("Mended ", "bold")
        text.append(f"{one.event_name}: “{one.refused}”; sent again with {one.correction}: ")
        text.append(f"{one.status}\n", "green" if one.status == "accepted" else "red")
    text.append("Policy ", "bold")
    if tried.result is None:
        return text.append(f"{tried.label} was written and is still being simulated; {tried.in_force} stays in force")
    told, bands = tried.result["conversions"], tried.result["bands"]
    worth = ", ".join(f"{one['difference']['value']:+,.0f} {one['currency']}" for one in tried.result["totals"])
    return text.append(
        f"{tried.label} (a copy of {tried.in_force}, edited) simulated over {tried.result['facts']:,} facts in "
        f"{tried.result['seconds']:.1f} s: {told['same']:,} conversions the same, {told['other_value']:,} of other "
        f"value, {told['no_longer']:,} no longer, {told['newly']:,} newly; {worth}; {bands['changed']} people change "
        f"quality. {tried.in_force} stays in force."
    )


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
