"""Appraisals: how likely the owner lists the home within six months, and what that tells Meta."""

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, Row, Rung, ScoreTable, Value

# fmt: off
SCORES = (ScoreTable(about="appraisals", rows=(
    Row(rule="express",       fact="express",                   equals=True, points=20, why="wants it within days"),
    Row(rule="premium",       fact="premium",                   equals=True, points=15, why="paid for more"),
    Row(rule="came_back",     fact="return_visits",             above=3,     points=10, why="kept coming back"),
    Row(rule="compared",      fact="similar_properties_viewed", above=5,     points=15, why="compared similar homes"),
    Row(rule="researched",    fact="market_research_s",         above=300,   points=10, why="studied the market"),
    Row(rule="asked_to_sell", fact="questions_about_selling",   at_least=1,  points=25, why="asked how to sell"),
    Row(rule="older_home",    fact="property_age_years",        above=10,    points=5,  why="the home is getting old"),
    Row(rule="needs_work",    fact="maintenance_issues",        at_least=1,  points=10, why="the home needs work"),
    Row(rule="inherited",     fact="inherited",                 equals=True, points=20, why="inherited it"),
)),)


def _if(fact: str, *, at_least: int) -> tuple[Condition, ...]:
    return (Condition(fact=fact, at_least=at_least),)


def _yes(fact: str) -> tuple[Condition, ...]:
    return (Condition(fact=fact, equals=True),)


LADDERS = (Ladder(name="seller_timeline", otherwise="exploring", rungs=(
    Rung(label="immediate",      when=_if("seller_likelihood", at_least=70), why="everything speaks for a sale"),
    Rung(label="immediate",      when=_yes("financial_urgency"),             why="needs the money"),
    Rung(label="within_month",   when=_if("seller_likelihood", at_least=50), why="much speaks for a sale"),
    Rung(label="within_month",   when=_yes("says_soon"),                     why="says so"),
    Rung(label="within_quarter", when=_if("seller_likelihood", at_least=30), why="something speaks for a sale"),
)),)

# What a request itself tells. A consultation that is wanted at once is not booked yet: who books it says so.
MILESTONES = tuple(
    MilestoneRow(name=name, about="appraisals", when=_yes(fact), why=why)
    for name, fact, why in (
        ("appraisal_ordered",        "requested", "asked what the home is worth"),
        ("premium_service_selected", "premium",   "chose the dearer service"),
        ("express_delivery_chosen",  "express",   "wants it within days"),
    )
)


def _outcome(
    event: str, factor: float, category: str, why: str, when: tuple[Condition, ...] = (), *extra: str
) -> ConversionRow:
    return ConversionRow(
        slot="appraisal_outcome", on="appraisal_requested", when=when, event_name=event,
        value=Value(base="commission_potential", factor=factor), category=category,
        extra=("seller_likelihood", *extra), once_per="appraisal", why=why,
    )


def _milestone(name: str, event: str, factor: float, why: str) -> ConversionRow:
    return ConversionRow(
        slot=f"appraisal_milestone:{name}", on="appraisal_progress", when=_yes(name), event_name=event,
        value=Value(base="commission_potential", factor=factor), category="appraisal_milestone",
        extra=("appraisal_id", "milestone"), once_per="appraisal", why=why,
    )


_ABOUT_TO_SELL = (Condition(fact="seller_likelihood", at_least=70), Condition(fact="timeline", equals="immediate"))

BRIEF = (
    _outcome("Purchase",         0.8, "high_intent_seller", "is about to sell", _ABOUT_TO_SELL,
             "timeline", "commission_potential"),
    _outcome("InitiateCheckout", 0.4, "qualified_seller",   "may well sell", _if("seller_likelihood", at_least=50)),
    _outcome("AddToCart",        0.1, "potential_seller",   "thinks about selling"),
    _milestone("appraisal_ordered",        "InitiateCheckout",     0.1, "asked what the home is worth"),
    _milestone("premium_service_selected", "AddPaymentInfo",       0.2, "chose the dearer service"),
    _milestone("express_delivery_chosen",  "AddPaymentInfo",       0.3, "wants it within days"),
    _milestone("consultation_booked",      "Schedule",             0.4, "will talk with us"),
    _milestone("report_downloaded",        "CompleteRegistration", 0.2, "took the report home"),
    _milestone("follow_up_requested",      "Subscribe",            0.5, "wants to hear from us"),
    _milestone("listing_inquiry_made",     "Purchase",             0.8, "asked to have the home listed"),
)


def _plainly(name: str, event: str, why: str) -> ConversionRow:
    return ConversionRow(
        slot=f"appraisal_milestone:{name}", on="appraisal_progress", when=_yes(name), event_name=event,
        category="appraisal_milestone", extra=("appraisal_id", "milestone"), once_per="appraisal", why=why,
    )


PLAIN = (
    ConversionRow(slot="appraisal_outcome", on="appraisal_requested", event_name="Lead",
                  messaging_name="LeadSubmitted", category="appraisal", extra=("appraisal_id",),
                  once_per="appraisal", why="an owner asked for an appraisal"),
    _plainly("consultation_booked",  "Schedule", "an owner booked a consultation"),
    _plainly("follow_up_requested",  "Contact",  "an owner asked to be called"),
    _plainly("listing_inquiry_made", "Contact",  "an owner asked to have the home listed"),
)

SILENT: dict[str, str] = {}
# fmt: on
