"""Conversions asked for directly: told as they were asked."""

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, ScoreTable, Value

SCORES: tuple[ScoreTable, ...] = ()
LADDERS: tuple[Ladder, ...] = ()
MILESTONES: tuple[MilestoneRow, ...] = ()

# fmt: off
_ASKED = (
    ConversionRow(
        slot="asked:{event_name}", on="direct", when=(Condition(fact="has_order_id", equals=True),),
        event_name="CustomEvent", event_name_from="event_name", messaging_name="LeadSubmitted",
        value=Value(base="asked_value"), exact=True, category="direct", once_per="order",
        why="a producer asked for it, by order",
    ),
    ConversionRow(
        slot="asked", on="direct", when=(Condition(fact="has_order_id", equals=False),),
        event_name="CustomEvent", event_name_from="event_name", messaging_name="LeadSubmitted",
        value=Value(base="asked_value"), exact=True, category="direct", once_per="touchpoint",
        why="a producer asked for it",
    ),
)
# fmt: on
BRIEF = _ASKED
PLAIN = _ASKED
SILENT: dict[str, str] = {}
