"""Investors: type, experience and prospects, and what their steps and their portfolio tell Meta."""

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, Row, Rung, ScoreTable, Value


def _yes(fact: str) -> tuple[Condition, ...]:
    return (Condition(fact=fact, equals=True),)


def _at_least(fact: str, least: float) -> Condition:
    return Condition(fact=fact, at_least=least)


# fmt: off
_BULK       = Row(rule="bulk_inquiry",   fact="bulk_inquiry",           equals=True, points=1, why="asked for several")
_RETURNS    = Row(rule="returns",        fact="roi_calculations",       above=5,     points=1, why="calculates returns")
_YIELDS     = Row(rule="rental_yields",  fact="rental_yield_searches",  at_least=1,  points=1, why="looks for yields")
_COMPANY    = Row(rule="company_email",  fact="company_email",          equals=True, points=1, why="writes as a firm")
_PLAN       = Row(rule="portfolio_plan", fact="portfolio_plan",         equals=True, points=1, why="has a plan")
_CASH_FLOW  = Row(rule="cash_flow",      fact="cash_flow_calculations", at_least=1,  points=1, why="minds cash flow")
_FINANCING  = Row(rule="financing",      fact="financing_consultation", equals=True, points=1, why="asked for a loan")
_MANY_VIEWS = Row(rule="many_views",     fact="views",                  above=20,    points=1, why="looks all the time")
_PROPERTIES = Row(rule="many_homes",     fact="properties_viewed",      above=10,    points=1, why="saw many homes")
_LOCATIONS  = Row(rule="many_places",    fact="locations",              above=3,     points=1, why="looks far around")
_SPREAD     = Row(rule="price_spread",   fact="price_spread",           at_least=2,  points=1, why="cheap and dear")
_TIMING     = Row(rule="market_timing",  fact="market_timing",          equals=True, points=1, why="watches the market")
_PORTFOLIO  = Row(rule="portfolio",      fact="portfolio_signals",      at_least=1,  points=1, why="builds a portfolio")

SCORES = (
    ScoreTable(about="professional_indicators",
               rows=(_BULK, _RETURNS, _YIELDS, _COMPANY, _PLAN, _CASH_FLOW, _FINANCING, _MANY_VIEWS)),
    ScoreTable(about="investors", most=10,
               rows=(_PROPERTIES, _LOCATIONS, _SPREAD, _RETURNS, _YIELDS, _TIMING, _BULK, _COMPANY, _PLAN, _CASH_FLOW,
                     _FINANCING, _MANY_VIEWS, _PORTFOLIO)),
    ScoreTable(about="likely_deals", base=1, rows=(
        Row(rule="saves",     fact="saves",     at_least=3, points=1, why="keeps several in mind"),
        Row(rule="locations", fact="locations", above=3,    points=1, why="looks in many places"),
    )),
    ScoreTable(about="months_to_deal", base=12, rows=(), instead=(
        Row(rule="immediate",       fact="timeline", equals="immediate",       points=3, why="wants it at once"),
        Row(rule="now",             fact="timeline", equals="now",             points=3, why="wants it now"),
        Row(rule="soon",            fact="timeline", equals="soon",            points=6, why="wants it soon"),
        Row(rule="within_3_months", fact="timeline", equals="within_3_months", points=6, why="within three months"),
    )),
)

# One price range: three homes or more of which none costs half as much again as another, and nothing calculated.
LADDERS = (Ladder(name="investor_type", otherwise="unknown", rungs=(
    Rung(label="professional",  when=(Condition(fact="professional_indicators", above=5),), why="works like one"),
    Rung(label="experienced",   when=(Condition(fact="properties_viewed", above=10),
                                      Condition(fact="locations", above=3)),    why="saw many homes in many places"),
    Rung(label="first_time",    when=_yes("says_first_time"),                   why="says so"),
    Rung(label="first_time",    when=_yes("asked_how_buying_works"),            why="asked how it works"),
    Rung(label="first_time",    when=(_at_least("priced_homes", 3), Condition(fact="price_spread", at_most=1.5),
                                      Condition(fact="calculations", at_most=0)), why="one price, nothing calculated"),
    Rung(label="institutional", when=(_at_least("investor_signals", 1),),       why="shows something of an investor"),
)),)

# A consultation asked for is not booked, and an offer, a deal or a referral is nothing that we see ourselves.
MILESTONES = tuple(
    MilestoneRow(name=name, about=about, when=tuple(_at_least(fact, least) for fact, least in when), why=why)
    for about, name, why, when in (
        ("investors", "multiple_properties_saved", "saved three homes",        (("saves", 3),)),
        ("investors", "roi_calculator_used",       "calculated a return",      (("roi_calculations", 1),)),
        ("investors", "market_analysis_requested", "opened a market report",   (("market_reports", 1),)),
        ("investors", "portfolio_plan_created",    "made a plan",              (("portfolio_plans", 1),)),
        ("portfolio", "diversification_strategy",  "spreads what they buy", (("saved_types", 3), ("saved_areas", 3))),
        ("portfolio", "geographic_expansion",      "looked beyond the area",   (("views_before_new_area", 5),)),
        ("portfolio", "property_type_diversification", "saved a second type",  (("saved_types", 2),)),
        ("portfolio", "cash_flow_optimization",    "calculated often",         (("yield_calculations", 3),)),
        ("portfolio", "market_timing_behavior",    "watches the market",       (("market_looks", 3),)),
        ("portfolio", "bulk_inquiry_made",         "asked for three or more",  (("largest_inquiry_units", 3),)),
    )
)


def _milestone(name: str, event: str, factor: float, why: str) -> ConversionRow:
    referral = name == "referral_to_other_investors"
    return ConversionRow(
        slot=f"investor_milestone:{name}", on="investor_referral" if referral else "investor_progress",
        when=_yes(name), event_name=event, value=Value(base="investor_value", factor=factor),
        category="investor_milestone", extra=("user_id", "milestone", "investor_value"),
        once_per="referral" if referral else "person", why=why,
    )


def _portfolio(name: str, event: str, value: float, why: str) -> ConversionRow:
    return ConversionRow(
        slot=f"portfolio_signal:{name}", on="portfolio_progress", when=_yes(name), event_name=event,
        value=Value(fixed=value), category="portfolio_building_signal",
        extra=("user_id", "portfolio_signal", "signal_data"), once_per="person", why=why,
    )


BRIEF = (
    _milestone("multiple_properties_saved",     "AddToWishlist",        0.1,  "saved three homes"),
    _milestone("roi_calculator_used",           "Search",               0.15, "calculated a return"),
    _milestone("market_analysis_requested",     "ViewContent",          0.2,  "studies the market"),
    _milestone("financing_consultation_booked", "Schedule",             0.4,  "will talk about financing"),
    _milestone("portfolio_plan_created",        "CompleteRegistration", 0.3,  "made a plan"),
    _milestone("first_property_offer_made",     "InitiateCheckout",     0.6,  "made an offer"),
    _milestone("deal_closed_first_property",    "Purchase",             0.8,  "bought the first one"),
    _milestone("second_property_interest",      "Purchase",             1.2,  "wants a second one"),
    _milestone("referral_to_other_investors",   "Share",                0.5,  "told other investors"),
    _portfolio("diversification_strategy",      "Search",               200,  "saved three types in three areas"),
    _portfolio("geographic_expansion",          "ViewContent",          150,  "looked beyond the area"),
    _portfolio("property_type_diversification", "AddToCart",            100,  "saved a second type"),
    _portfolio("cash_flow_optimization",        "AddPaymentInfo",       300,  "calculated three times"),
    _portfolio("market_timing_behavior",        "Search",               75,   "watches the market"),
    _portfolio("bulk_inquiry_made",             "Purchase",             500,  "asked for three or more"),
)


def _plainly(slot: str, on: str, when: tuple[Condition, ...], event: str, why: str, *extra: str) -> ConversionRow:
    return ConversionRow.model_validate({
        "slot": slot, "on": on, "when": when, "event_name": event, "category": slot.partition(":")[0],
        "extra": extra, "once_per": "referral" if on == "investor_referral" else "person", "why": why,
    })


PLAIN = (
    _plainly("investor_milestone:financing_consultation_booked", "investor_progress",
             _yes("financing_consultation_booked"), "Schedule", "an investor booked a consultation", "milestone"),
    _plainly("investor_milestone:referral_to_other_investors", "investor_referral",
             _yes("referral_to_other_investors"), "Share", "an investor told others", "milestone"),
    _plainly("portfolio_signal:bulk_inquiry_made", "portfolio_progress",
             _yes("bulk_inquiry_made"), "Contact", "somebody asked about several homes", "portfolio_signal"),
)

SILENT: dict[str, str] = {}
# fmt: on
