"""Lead forms and what becomes of leads: what they score, and what they tell Meta."""

from domain.scoring.policy import Condition, ConversionRow, Row, ScoreTable, Value

# fmt: off
SCORES = (ScoreTable(about="lead_forms", rows=(
    Row(rule="price_range",     fact="has_price",        equals=True,              points=20, why="named a price"),
    Row(rule="location",        fact="has_location",     equals=True,              points=15, why="named a place"),
    Row(rule="now",             fact="timeline",         equals="now",             points=20, why="wants to move now"),
    Row(rule="three_months",    fact="timeline",         equals="within_3_months", points=15, why="within 3 months"),
    Row(rule="this_year",       fact="timeline",         equals="within_a_year",   points=8,  why="within a year"),
    Row(rule="type",            fact="has_type",         equals=True,              points=15, why="named a type"),
    Row(rule="email",           fact="has_email",        equals=True,              points=10, why="left an e-mail"),
    Row(rule="phone",           fact="has_phone",        equals=True,              points=10, why="left a phone"),
    Row(rule="from_an_ad",      fact="from_ad",          equals=True,              points=10, why="came from an ad"),
)),)
LADDERS = ()
MILESTONES = ()

_STAGE = ConversionRow(
    slot="lead_stage", on="lead_stage", when=(Condition(fact="has_lead_id", equals=True),), extra=("crm",),
    event_name="Lead", event_name_from="stage", category="lead_stage", once_per="touchpoint",
    why="the lead of an Instant Form reached a stage",
)

BRIEF = (
    ConversionRow(
        slot="lead_form", on="lead_form", event_name="Lead", messaging_name="LeadSubmitted",
        value=Value(base="form_score"), category="lead_form",
        extra=("estimated_value", "conversion_probability", "quality"), once_per="touchpoint", why="asked to be called",
    ),
    _STAGE,
)

PLAIN = (
    ConversionRow(slot="lead_form", on="lead_form", event_name="Lead", messaging_name="LeadSubmitted",
                  category="lead_form", once_per="touchpoint", why="somebody asked to be called"),
    _STAGE,
)

SILENT: dict[str, str] = {}
# fmt: on
