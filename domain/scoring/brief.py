"""The policy named `brief`: the scores and conversions of a new brokerage."""

from domain.scoring.policy import Condition, ConversionRow, OncePer, Policy, Row, ScoreTable, Value

# fmt: off
TOURS = ScoreTable(about="tours", rows=(
    Row(rule="long_look",       fact="total_time_s",     above=300,    points=25, why="stayed five minutes"),
    Row(rule="very_long_look",  fact="total_time_s",     above=600,    points=25, why="stayed ten minutes"),
    Row(rule="many_rooms",      fact="rooms_visited",    at_least=5,   points=20, why="saw most of a home"),
    Row(rule="nearly_all",      fact="completion_rate",  above=0.8,    points=15, why="wanted to miss nothing"),
    Row(rule="slow_look",       fact="mean_dwell_s",     above=30,     points=10, why="took time in each room"),
    Row(rule="came_back",       fact="rooms_revisited",  at_least=1,   points=15, why="went back to a room"),
))

LEAD_FORMS = ScoreTable(about="lead_forms", rows=(
    Row(rule="price_range",     fact="has_price",        equals=True,              points=20, why="named a price"),
    Row(rule="location",        fact="has_location",     equals=True,              points=15, why="named a place"),
    Row(rule="now",             fact="timeline",         equals="now",             points=20, why="wants to move now"),
    Row(rule="three_months",    fact="timeline",         equals="within_3_months", points=15, why="within 3 months"),
    Row(rule="this_year",       fact="timeline",         equals="within_a_year",   points=8,  why="within a year"),
    Row(rule="type",            fact="has_type",         equals=True,              points=15, why="named a type"),
    Row(rule="email",           fact="has_email",        equals=True,              points=10, why="left an e-mail"),
    Row(rule="phone",           fact="has_phone",        equals=True,              points=10, why="left a phone"),
    Row(rule="from_an_ad",      fact="from_ad",          equals=True,              points=10, why="came from an ad"),
))


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


CONVERSIONS = (
    _outcome("hot",  "Purchase",    500, "high",   "a hot tour is worth a sale's first step", "tour_completion"),
    _outcome("warm", "AddToCart",   100, "medium", "a warm tour put the home on the list"),
    _outcome("cold", "ViewContent",  10, "low",    "a cold tour was a look"),
    _milestone("bedroom_focused",  "Search",               50,  "a minute in the bedrooms"),
    _milestone("kitchen_detailed", "Search",               75,  "looked into the kitchen"),
    _milestone("multiple_visits",  "AddToCart",            200, "came back to the same home"),
    _milestone("shared_tour",      "Share",                150, "showed it to somebody"),
    _milestone("tour_downloaded",  "CompleteRegistration", 300, "took it home"),
    ConversionRow(
        slot="lead_form", on="lead_form", event_name="Lead", value=Value(base="form_score"), category="lead_form",
        extra=("estimated_value", "conversion_probability", "quality"), once_per="touchpoint", why="asked to be called",
    ),
)
# fmt: on

NO_CONVERSION = {
    "tours.started.v1": "opening a tour says nothing yet: its outcome does",
    "properties.saved.v1": "a save shows on the person; it is worth something once prices are known",
    "people.consent_given.v1": "what a person allows is not something they bought",
    "people.consent_withdrawn.v1": "what a person forbids is respected, not reported",
}

BRIEF = Policy(name="brief", version=1, scores=(TOURS, LEAD_FORMS), conversions=CONVERSIONS, silent=NO_CONVERSION)
