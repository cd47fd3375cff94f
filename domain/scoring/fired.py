"""Notes which rows of a policy fire while it is used, so that those that never did can be pointed out."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import PrivateAttr

from domain.scoring.policy import Condition, FactValue, MultiplierRow, Policy, Row

C = TypeVar("C", bound=Condition)


class Fired:
    """The rows of a policy by their places in the document, and which of them fired."""

    def __init__(self) -> None:
        self._places: dict[str, bool] = {}

    def add(self, place: str) -> str:
        """Take a row in; it has not fired yet."""
        self._places.setdefault(place, False)
        return place

    def fired(self, place: str) -> None:
        """Note that a row fired."""
        self._places[place] = True

    def never(self) -> list[str]:
        """Return the places of the rows that did not fire, in the order of the document."""
        return [place for place, fired in self._places.items() if not fired]


class _Noting(Condition):
    _place: str = PrivateAttr()
    _told: Fired | None = PrivateAttr(default=None)  # until it fired

    def holds(self, facts: Mapping[str, FactValue]) -> bool:
        """Tell whether it holds, and note it the first time."""
        held = super().holds(facts)
        if held and self._told is not None:
            self._told.fired(self._place)
            self._told = None
        return held


class _NotingCondition(_Noting):
    pass


class _NotingRow(_Noting, Row):
    pass


class _NotingMultiplier(_Noting, MultiplierRow):
    pass


def noted(policy: Policy) -> tuple[Policy, Fired]:
    """Return a policy that decides just the same, and what notes its rows.

    Its conversions say the place of their row for a reason (`why`); whoever takes them notes it. A row without
    conditions, beside those of conversions, is not noted: it cannot but fire.
    """
    fired = Fired()
    scores = tuple(
        table.model_copy(update={
            name: tuple(
                _noting(_NotingRow, row, f"scores[{nth}] {table.about}.{row.rule}", fired)
                for row in getattr(table, name)
            )
            for name in ("rows", "instead")
        })
        for nth, table in enumerate(policy.scores)
    )  # fmt: skip
    ladders = tuple(
        ladder.model_copy(update={"rungs": tuple(
            rung.model_copy(update={"when": _when(rung.when, f"ladders[{nth}] {ladder.name}.{rung.label}", fired)})
            for rung in ladder.rungs
        )})
        for nth, ladder in enumerate(policy.ladders)
    )  # fmt: skip
    milestones = tuple(
        row.model_copy(update={"when": _when(row.when, f"milestones[{nth}] {row.name}", fired)})
        for nth, row in enumerate(policy.milestones)
    )
    conversions = tuple(
        row.model_copy(update={"why": fired.add(f"conversions[{nth}] {row.slot}")})
        for nth, row in enumerate(policy.conversions)
    )
    tables = tuple(
        tuple(
            _noting(_NotingMultiplier, row, f"multipliers.tables[{nth}][{at}]", fired) for at, row in enumerate(table)
        )
        for nth, table in enumerate(policy.multipliers.tables)
    )
    changed: dict[str, Any] = {
        "scores": scores, "ladders": ladders, "milestones": milestones, "conversions": conversions,
        "multipliers": policy.multipliers.model_copy(update={"tables": tables}),
    }  # fmt: skip
    return policy.model_copy(update=changed), fired


def _noting(kind: type[C], row: Condition, place: str, fired: Fired) -> C:
    noting = kind.model_validate(row.model_dump())
    noting._place, noting._told = fired.add(place), fired  # type: ignore[attr-defined]
    return noting


def _when(conditions: Sequence[Condition], place: str, fired: Fired) -> tuple[Condition, ...]:
    """Return the conditions, of which the last is asked only where all others hold."""
    if not conditions:
        return ()
    return (*conditions[:-1], _noting(_NotingCondition, conditions[-1], place, fired))
