"""Virtual tours: what a session scores, and what it tells Meta."""

from domain.scoring.policy import TOUR_MILESTONES, Condition, ConversionRow, OncePer, Row, ScoreTable, Value

# fmt: off
SCORES = (ScoreTable(about="tours", rows=(
    Row(rule="long_look",       fact="total_time_s",     above=300,    points=25, why="stayed five minutes"),
    Row(rule="very_long_look",  fact="total_time_s",     above=600,    points=25, why="stayed ten minutes"),
    Row(rule="many_rooms",      fact="rooms_visited",    at_least=5,   points=20, why="saw most of a home"),
    Row(rule="nearly_all",      fact="completion_rate",  above=0.8,    points=15, why="wanted to miss nothing"),
    Row(rule="slow_look",       fact="mean_dwell_s",     above=30,     points=10, why="took time in each room"),
    Row(rule="came_back",       fact="rooms_revisited",  at_least=1,   points=15, why="went back to a room"),
)),)
LADDERS = ()
MILESTONES = TOUR_MILESTONES


def _outcome(quality: str, event: str, value: float, level: str, why: str, *extra: str) -> ConversionRow:
    return ConversionRow(
        slot="tour_outcome", on="tour_closed", when=(Condition(fact="quality", equals=quality),),
        event_name=event, value=Value(fixed=value), category=f"virtual_tour_{level}_engagement",
        extra=("engagement_score", *extra), once_per="session", why=why,
    )


def _milestone(name: str, event: str, value: float, why: str) -> ConversionRow:
    once_per: OncePer = "person_and_property" if name == "multiple_visits" else "session"
    return ConversionRow(
        slot=f"tour_milestone:{name}", on="tour_progress", when=(Condition(fact=name, equals=True),),
        event_name=event, value=Value(fixed=value), category="virtual_tour_milestone",
        extra=("tour_id", "milestone"), once_per=once_per, why=why,
    )


BRIEF = (
    _outcome("hot",  "Purchase",    500, "high",   "a hot tour is worth a sale's first step", "tour_completion"),
    _outcome("warm", "AddToCart",   100, "medium", "a warm tour put the home on the list"),
    _outcome("cold", "ViewContent",  10, "low",    "a cold tour was a look"),
    _milestone("bedroom_focused",  "Search",               50,  "a minute in the bedrooms"),
    _milestone("kitchen_detailed", "Search",               75,  "looked into the kitchen"),
    _milestone("multiple_visits",  "AddToCart",            200, "came back to the same home"),
    _milestone("shared_tour",      "Share",                150, "showed it to somebody"),
    _milestone("tour_downloaded",  "CompleteRegistration", 300, "took it home"),
)

PLAIN = (
    ConversionRow(slot="tour_outcome", on="tour_closed", event_name="ViewContent", category="virtual_tour",
                  extra=("engagement_score", "tour_completion"), once_per="session", why="somebody looked at a home"),
    ConversionRow(slot="tour_milestone:shared_tour", on="tour_progress",
                  when=(Condition(fact="shared_tour", equals=True),), event_name="Share",
                  category="virtual_tour_milestone", extra=("tour_id",), once_per="session",
                  why="somebody shared a tour"),
)

SILENT = {
    "tours.started.v1": "opening a tour says nothing yet: its outcome does",
}
# fmt: on
