"""What is odd about a policy: rows that would never fire, names that nobody knows. Warnings, not errors."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from domain.ads.routes import MESSAGING_NAMES
from domain.scoring import vocabulary as words
from domain.scoring.policy import Condition, ConversionRow, Policy, Row, ScoreTable, Value

PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One odd thing: where in the document, what is odd, and whether the row can never fire because of it."""

    place: str
    says: str
    never_fires: bool = True


def lint(policy: Policy) -> list[Finding]:
    """Return everything odd about a policy, in the order of the document; the names are those of the vocabulary."""
    return [
        *_scores(policy),
        *_ladders(policy),
        *_milestones(policy),
        *_conversions(policy),
        *_multipliers(policy),
        *_actions(policy),
    ]


def _scores(policy: Policy) -> Iterable[Finding]:
    met: set[str] = set()
    for nth, table in enumerate(policy.scores):
        place = f"scores[{nth}] {table.about}"
        if table.about in met:
            yield Finding(place, f"another table above is about {table.about!r} already")
        elif table.about not in words.SCORES:
            yield Finding(place, f"nothing is scored as {table.about!r}")
        else:
            yield from _score_rows(policy, table, place)
        met.add(table.about)


def _score_rows(policy: Policy, table: ScoreTable, place: str) -> Iterable[Finding]:
    for row in (*table.rows, *table.instead):
        yield from _asks(f"{place}.{row.rule}", (row,), words.SCORES[table.about])
    yield from _in_turn(place, [(row.rule, (row,)) for row in table.instead])
    most = min(table.most, table.base + sum(_most(row) for row in table.rows))
    for name, bound in (("warm", policy.bands.warm), ("hot", policy.bands.hot)):
        if table.about in BANDED and table.rows and most < bound:
            yield Finding(
                place, f"can reach {most:g} at most, so nothing is ever {name} ({bound:g})", never_fires=False
            )


BANDED = frozenset({"tours", "conversations", "lead_forms", "saves", "appraisals"})
"""Scores whose quality band is shown; others are read as numbers."""


def _most(row: Row) -> float:
    if not row.each:
        return row.points
    return inf if row.most is None else row.most


def _ladders(policy: Policy) -> Iterable[Finding]:
    for nth, ladder in enumerate(policy.ladders):
        place = f"ladders[{nth}] {ladder.name}"
        if ladder.name not in words.LADDERS:
            yield Finding(place, f"nobody asks for a ladder called {ladder.name!r}")
            continue
        for rung in ladder.rungs:
            yield from _asks(f"{place}.{rung.label}", rung.when, words.LADDERS[ladder.name])
        yield from _in_turn(place, [(rung.label, rung.when) for rung in ladder.rungs])


def _milestones(policy: Policy) -> Iterable[Finding]:
    for nth, row in enumerate(policy.milestones):
        place = f"milestones[{nth}] {row.name}"
        if row.about not in words.MILESTONES:
            yield Finding(place, f"nothing reaches milestones about {row.about!r}")
        else:
            yield from _asks(place, row.when, words.MILESTONES[row.about])


def _conversions(policy: Policy) -> Iterable[Finding]:
    for nth, row in enumerate(policy.conversions):
        place = f"conversions[{nth}] {row.slot}"
        known = words.OCCASIONS.get(row.on, frozenset()) | _reached(policy, row)
        if row.on not in words.OCCASIONS:
            yield Finding(place, f"nothing makes the occasion {row.on!r} yet")
            continue
        yield from _asks(place, row.when, known | words.GENERAL)
        yield from _tells(place, row, known | words.GENERAL)
        for earlier in policy.conversions[:nth]:
            if (earlier.slot, earlier.on) == (row.slot, row.on) and _covers(earlier.when, row.when):
                yield Finding(place, "never comes to its turn: a row above it in the same slot holds whenever it does")
                break


def _tells(place: str, row: ConversionRow, known: frozenset[str]) -> Iterable[Finding]:
    """Return what a row would tell, and nobody knows: it fires all the same."""
    value = row.value or Value(fixed=0)
    asked = [
        ("value", value.base, "it would have no value"),
        ("event_name_from", row.event_name_from, f"it is always told as {row.event_name!r}"),
        *(("extra", name, "it is never sent along") for name in row.extra if name not in row.also),
        *(("slot", name, "its place in the slot stays empty") for name in PLACE.findall(row.slot)),
    ]
    for field, name, so in asked:
        if name is not None and name not in known:
            yield Finding(f"{place}.{field}", f"no fact is called {name!r}: {so}", never_fires=False)
    if row.messaging_name is not None and row.messaging_name not in MESSAGING_NAMES:
        said = (
            f"Meta takes no {row.messaging_name!r} of conversations: what is earned in one is told as a website's chat"
        )
        yield Finding(f"{place}.messaging_name", said, never_fires=False)
    if row.event_name == "Purchase" and row.value is None:
        yield Finding(
            f"{place}.value", "Meta takes no Purchase without a value: it is always withheld", never_fires=False
        )


def _reached(policy: Policy, row: ConversionRow) -> frozenset[str]:
    """Return the policy's own milestones that the row's occasion brings."""
    about = words.REACHED_ON.get(row.on)
    return frozenset(one.name for one in policy.milestones if one.about == about)


def _multipliers(policy: Policy) -> Iterable[Finding]:
    for nth, table in enumerate(policy.multipliers.tables):
        place = f"multipliers.tables[{nth}]"
        for at, row in enumerate(table):
            yield from _asks(f"{place}[{at}]", (row,), words.MULTIPLIERS)
        yield from _in_turn(place, [(f"[{at}]", (row,)) for at, row in enumerate(table)])


def _actions(policy: Policy) -> Iterable[Finding]:
    for nth, row in enumerate(policy.actions):
        yield from _asks(f"actions[{nth}] {row.do}", row.when, words.ACTIONS)
    yield from _in_turn("actions", [(row.do, row.when) for row in policy.actions])


def _in_turn(place: str, rows: Sequence[tuple[str, Sequence[Condition]]]) -> Iterable[Finding]:
    """Find rows, of which only the first that holds counts, that an earlier one always comes before."""
    for nth, (name, when) in enumerate(rows):
        before = next((earlier for earlier, wider in rows[:nth] if _covers(wider, when)), None)
        if before is not None:
            yield Finding(f"{place}.{name}", f"never comes to its turn: {before!r} holds whenever it does")


def _asks(place: str, conditions: Sequence[Condition], known: frozenset[str]) -> Iterable[Finding]:
    by_fact: Mapping[str, list[Condition]] = {test.fact: [] for test in conditions}
    for test in conditions:
        by_fact[test.fact].append(test)
    for fact, tests in by_fact.items():
        if fact not in known:
            yield Finding(place, f"no fact is called {fact!r}")
        elif not _passable(fact, tests):
            yield Finding(place, f"no value of {fact!r} can pass")


def _passable(fact: str, tests: Sequence[Condition]) -> bool:
    """Tell whether some value of a fact passes all of these conditions on it."""
    equal = {test.equals for test in tests if test.equals is not None}
    if len(equal) > 1:
        return False
    if equal:
        (value,) = equal
        known = words.ANSWERS.get(fact)
        return all(test.holds({fact: value}) for test in tests) and (known is None or value in known)
    spans = [_span(test) for test in tests]
    least, most = words.SPANS.get(fact, (-inf, inf))
    low, high = max(least, *(low for low, _ in spans)), min(most, *(high for _, high in spans))
    shut = any(test.above == low or test.below == high for test in tests)
    return low < high or (low == high and not shut)


def _span(test: Condition) -> tuple[float, float]:
    low = max(-inf if test.above is None else test.above, -inf if test.at_least is None else test.at_least)
    high = min(inf if test.below is None else test.below, inf if test.at_most is None else test.at_most)
    return low, high


def _covers(wide: Sequence[Condition], narrow: Sequence[Condition]) -> bool:
    """Tell whether the conditions `wide` hold whenever `narrow` do: each is implied by one of them."""
    return all(any(_implied(test, by) for by in narrow) for test in wide)


def _implied(test: Condition, by: Condition) -> bool:
    if test.fact != by.fact:
        return False
    if test.equals is not None:
        return test == by
    if by.equals is not None:
        return False
    (low, high), (low2, high2) = _span(test), _span(by)
    above = test.above is None or test.above < low or low2 > low or by.above == test.above
    below = test.below is None or test.below > high or high2 < high or by.below == test.below
    return low2 >= low and high2 <= high and above and below
