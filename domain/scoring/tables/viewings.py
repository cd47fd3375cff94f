"""What viewings score, and what they tell Meta."""

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, Row, Rung, ScoreTable, Value

# fmt: off
SCORES = (
    ScoreTable(about="viewings", base=40, most=95, rows=(
        Row(rule="hot_tour",       fact="hot_tour",           equals=True,           points=15, why="toured it well"),
        Row(rule="good_talk",      fact="conversation_score", at_least=70,           points=10, why="talked business"),
        Row(rule="fair_talk",      fact="conversation_score", at_least=40, below=70, points=5,  why="talked with us"),
        Row(rule="repeat_viewing", fact="repeat_viewing",     equals=True,           points=15, why="comes again"),
        Row(rule="party",          fact="party_size",         at_least=2,            points=5,  why="brings others"),
        Row(rule="financing",      fact="asked_financing",    equals=True,           points=10, why="asked how to pay"),
        Row(rule="quick",          fact="interest_hours",     at_most=24,            points=5,  why="within a day"),
        Row(rule="weekend",        fact="weekend",            equals=True,           points=3,  why="gives a day off"),
        Row(rule="by_name",        fact="asked_for_broker",   equals=True,           points=5,  why="named a broker"),
        Row(rule="confirmed",      fact="confirmed",          equals=True,           points=5,  why="confirmed it"),
    ), instead=(
        Row(rule="no_show",        fact="status",             equals="no_show",      points=10, why="did not come"),
        Row(rule="cancelled",      fact="status",             equals="cancelled",    points=5,  why="cancelled it"),
    )),
    ScoreTable(about="completed_viewings", base=20, most=100, rows=(
        Row(rule="before",  fact="conversion_probability", at_least=0, points=1,   each=True, why="as it was before"),
    )),
    ScoreTable(about="viewing_leads", most=10, rows=(
        Row(rule="quality", fact="conversion_probability", at_least=0, points=0.1, each=True, why="a tenth of it"),
    )),
)
"""The probability 0–95 that a viewing leads to a deal; the same once they came, 0–100; the lead's quality, 1–10."""

LADDERS = (
    Ladder(name="viewing_timeline", otherwise="within_quarter", rungs=(
        Rung(label="immediate",    when=(Condition(fact="conversion_probability", at_least=70),), why="is deciding"),
        Rung(label="within_month", when=(Condition(fact="conversion_probability", at_least=50),), why="means it"),
    )),
    Ladder(name="viewing_competition", otherwise="low", rungs=(
        Rung(label="high",         when=(Condition(fact="viewings_in_14_days", at_least=6),),     why="many see it"),
        Rung(label="medium",       when=(Condition(fact="viewings_in_14_days", at_least=3),),     why="some see it"),
    )),
)
MILESTONES: tuple[MilestoneRow, ...] = ()

BRIEF = (
    ConversionRow(
        slot="viewing_scheduled", on="viewing_scheduled", when=(Condition(fact="repeat_viewing", equals=True),),
        event_name="Purchase", value=Value(base="price", factor=0.08), category="repeat_viewing_requested",
        also={"conversion_probability": 85}, once_per="viewing", why="wants to see the same home again",
    ),
    ConversionRow(
        slot="viewing_scheduled", on="viewing_scheduled",
        event_name="Purchase", value=Value(base="price", factor=0.025), category="property_viewing_scheduled",
        extra=("conversion_probability", "property_value", "viewing_type", "party_size", "lead_quality_score",
               "timeline"),
        once_per="viewing", why="booked a viewing: the strongest intent",
    ),
    ConversionRow(
        slot="viewing_completed", on="viewing_completed",
        event_name="Purchase", value=Value(base="price", factor=0.05), category="property_viewing_completed",
        extra=("property_value", "conversion_probability"), once_per="viewing", why="came and saw the home",
    ),
)

PLAIN = (
    ConversionRow(
        slot="viewing_scheduled", on="viewing_scheduled", event_name="Schedule", messaging_name="LeadSubmitted",
        category="property_viewing_scheduled", extra=("viewing_type", "party_size"), once_per="viewing",
        why="somebody booked a viewing",
    ),
)

SILENT = {
    "viewings.requested.v1": "asking for a viewing is worth something once a slot is booked",
}
# fmt: on
