"""A journey told shortly: one step per tour, conversation, form or save, with what it scored and caused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from api.cli.demo.diary import CAIRO
from domain.people.hints import STRONG

LOCAL = timezone(CAIRO)
# fmt: off
SAID = {
    "leads.form_submitted.v1":     "filled in a form",
    "properties.saved.v1":         "saved {property_id}",
    "properties.viewed.v1":        "looked at {property_id}",
    "conversations.completed.v1":  "talked with us",
    "conversations.analysed.v1":   "talked with us",
    "viewings.requested.v1":       "wanted to see {property_id}",
    "viewings.booked.v1":          "has a viewing with {broker_id}",
    "viewings.confirmed.v1":       "the viewing is confirmed",
    "viewings.completed.v1":       "saw {property_id}",
    "viewings.missed.v1":          "did not come",
    "viewings.cancelled.v1":       "cancelled the viewing",
    "viewings.followed_up.v1":     "said afterwards: {outcome}",
    "people.consent_given.v1":     "allowed {purpose}",
    "people.consent_withdrawn.v1": "forbade {purpose}",
    "people.subjects_linked.v1":   "turned out to be somebody we know",
}
"""Kind → what a broker would say, with fields of the fact."""
# fmt: on


@dataclass(slots=True)
class Step:
    """Something a person did: when (in Cairo), what, the points of it by rule, the conversions it caused.

    `known` once they told who they are, with this or before.
    """

    at: datetime
    known: bool
    about: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    rooms: set[str] = field(default_factory=set)
    seconds: float = 0.0
    actions: int = 0
    scored: dict[str, int] = field(default_factory=dict)
    caused: list[dict[str, Any]] = field(default_factory=list)

    @property
    def points(self) -> int:
        """The sum of the rules, capped as scores are."""
        return min(100, sum(self.scored.values()))

    @property
    def what(self) -> str:
        """What happened, in words."""
        if self.kind in SAID:
            return SAID[self.kind].format_map(self.fields)
        done = f", {_many(self.actions, 'action')}" if self.actions else ""
        return f"toured {self.about}: {_many(len(self.rooms), 'room')}, {self.seconds / 60:.0f} min{done}"


def steps_of(entries: Sequence[dict[str, Any]]) -> list[Step]:
    """Return the steps of a journey in order; all touchpoints of one tour are one step."""
    steps: dict[str, Step] = {}
    known = False
    for entry in entries:
        fields = entry["fields"]
        known = known or bool(set(STRONG) & set(fields.get("hint_kinds", ())))
        key = fields.get("session_id") or entry["id"]
        at = datetime.fromisoformat(entry["occurred_at"]).astimezone(LOCAL)
        _take(steps.setdefault(key, Step(at, known, fields.get("property_id", ""))), entry, fields)
    return [step for step in steps.values() if step.kind in SAID or step.kind.startswith("tours.")]


def _take(step: Step, entry: dict[str, Any], fields: dict[str, Any]) -> None:
    step.kind, step.fields = entry["kind"], fields
    if entry["kind"] == "tours.room_visited.v1":
        step.rooms.add(fields["room"])
        step.seconds += fields["dwell_s"]
    step.actions += entry["kind"] == "tours.acted.v1"
    step.scored |= _points(entry["scored"])
    step.caused += entry["caused"]


def _points(scored: Iterable[dict[str, Any]]) -> dict[str, int]:
    return {one["rule"]: one["points"] for one in scored}


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
