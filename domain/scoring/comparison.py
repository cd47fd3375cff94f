"""What a policy would have told Meta of a history, against what was told; and whom it would have judged otherwise."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappush, heappushpop
from typing import Any, NamedTuple
from uuid import UUID

from domain.scoring.policy import Quality, Score

MOST_PEOPLE = 200
"""People shown of those whose quality band changes."""


class Counted(NamedTuple):
    """A conversion as it is counted: `value` in currency units, `match_quality` 0–10, `withheld` why, if it is."""

    id: UUID
    event_name: str
    at: datetime
    value: float | None
    currency: str
    match_quality: float | None
    withheld: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's best score: of what, how much, in which band; cold where they have none."""

    about: str | None = None
    score: int = 0
    quality: Quality = "cold"
    reasons: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, about: str, score: Score) -> "Standing":
        """Return a score as a standing."""
        reasons = tuple(one.model_dump(mode="json", exclude={"events"}) for one in score.reasons)
        return cls(about, score.score, score.quality, reasons)

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {
            "about": self.about, "score": self.score, "quality": self.quality, "reasons": [*map(dict, self.reasons)],
        }  # fmt: skip


Line = tuple[str, str, str]
"""Event name, ISO week, currency."""


def week_of(at: datetime) -> str:
    """Return the ISO week of an aware moment in UTC, such as `2026-W09`."""
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02}"


@dataclass(slots=True)
class Sum:
    """Conversions added up: those told, and those withheld by reason. `value` in hundredths of the currency unit."""

    count: int = 0
    value: int = 0
    quality: float = 0
    rated: int = 0
    withheld: Counter[str] = field(default_factory=Counter)

    def add(self, one: Counted) -> None:
        """Add one conversion."""
        if one.withheld is not None:
            self.withheld[one.withheld] += 1
            return
        self.count += 1
        self.value += round((one.value or 0) * 100)
        if one.match_quality is not None:
            self.quality += one.match_quality
            self.rated += 1

    def take(self, other: "Sum") -> None:
        """Add another sum."""
        self.count += other.count
        self.value += other.value
        self.quality += other.quality
        self.rated += other.rated
        self.withheld += other.withheld

    def document(self) -> dict[str, Any]:
        """Return count, value in currency units, mean match quality 0–10 (null for none), withheld by reason."""
        return {
            "count": self.count,
            "value": self.value / 100,
            "match_quality": round(self.quality / self.rated, 2) if self.rated else None,
            "withheld": dict(sorted(self.withheld.items())),
        }


class Comparison:
    """Takes what would have been, what was, and people's standings; gives the result of a simulation."""

    def __init__(self) -> None:
        self._would: dict[UUID, tuple[int | None, bool]] = {}  # id → value in hundredths, told
        self._lines: dict[Line, tuple[Sum, Sum]] = {}
        self._agree: Counter[str] = Counter()
        self._bands: Counter[tuple[Quality, Quality]] = Counter()
        self._shown: list[tuple[int, str, Standing, Standing]] = []
        self.people = 0

    def would(self, one: Counted) -> None:
        """Take a conversion that the candidate decided; each id once."""
        self._line(one)[0].add(one)
        self._would[one.id] = (_hundredths(one.value), one.withheld is None)

    def was(self, one: Counted) -> None:
        """Take a conversion that was decided; all those of the candidate come before."""
        self._line(one)[1].add(one)
        value, told = self._would.pop(one.id, (None, False))
        if one.withheld is None:
            same = "same" if value == _hundredths(one.value) else "other_value"
            self._agree[same if told else "no_longer"] += 1
        elif told:
            self._agree["newly"] += 1

    def person(self, person_id: str, before: Standing, after: Standing) -> None:
        """Take a person as the policies in force judge them, and as the candidate does."""
        self.people += 1
        if before.quality == after.quality:
            return
        self._bands[before.quality, after.quality] += 1
        shown = (abs(after.score - before.score), person_id, before, after)
        if len(self._shown) < MOST_PEOPLE:
            heappush(self._shown, shown)
        else:
            heappushpop(self._shown, shown)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON shows it."""
        newly = self._agree["newly"] + sum(told for _, told in self._would.values())
        told = {name: self._agree[name] for name in ("same", "other_value", "no_longer")} | {"newly": newly}
        totals: dict[str, tuple[Sum, Sum]] = {}
        for (_, _, currency), sums in self._lines.items():
            for total, own in zip(totals.setdefault(currency, (Sum(), Sum())), sums, strict=True):
                total.take(own)
        return {
            "conversions": told,
            "totals": [{"currency": currency, **_sides(*sums)} for currency, sums in sorted(totals.items())],
            "by_event_and_week": [
                {"event_name": name, "week": week, "currency": currency, **_sides(*sums)}
                for (name, week, currency), sums in sorted(self._lines.items())
            ],
            "bands": {
                "people": self.people,
                "changed": sum(self._bands.values()),
                "moves": [
                    {"from": before, "to": after, "people": count}
                    for (before, after), count in sorted(self._bands.items())
                ],
                "shown": [
                    {"person_id": person, "before": before.document(), "after": after.document()}
                    for _, person, before, after in sorted(self._shown, key=lambda one: (-one[0], one[1]))
                ],
            },
        }

    def _line(self, one: Counted) -> tuple[Sum, Sum]:
        return self._lines.setdefault((one.event_name, week_of(one.at), one.currency), (Sum(), Sum()))


def _sides(would: Sum, was: Sum) -> dict[str, Any]:
    difference = {"count": would.count - was.count, "value": (would.value - was.value) / 100}
    return {"would": would.document(), "was": was.document(), "difference": difference}


def _hundredths(value: float | None) -> int | None:
    return None if value is None else round(value * 100)
