"""Rentals: what a customer's value scores, which segment they are in, and what a booking tells Meta."""

from typing import Literal

from domain.scoring.policy import Condition, ConversionRow, Ladder, MilestoneRow, OncePer, Row, Rung, ScoreTable, Value

RAISE_PER_PLATFORM, RAISE_AT_MOST = 1.1, 1.5
"""A prediction is raised for each further platform that the person was met on, and how far at most."""

# fmt: off
_EDGES = (500, 1_000, 2_000, 3_500, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000)
"""What the value of the next twelve months reaches, for one point of the lifetime value score each."""

SCORES = (
    ScoreTable(about="rental_ltv", most=10, rows=tuple(
        Row(rule=f"reaches_{edge}", fact="value_12m", at_least=edge, points=1, why=f"may bring {edge:,} in a year")
        for edge in _EDGES
    )),
    ScoreTable(about="rentals", rows=(
        Row(rule="lifetime_value", fact="ltv_score", at_least=0, points=10, each=True, why="what they may still bring"),
    )),
    ScoreTable(about="rental_upsell", rows=(
        Row(rule="looks_higher",   fact="premium_share", above=0,      points=40, each=True, why="looks at dear homes"),
        Row(rule="spends_more",    fact="rising_value",  equals=True,  points=30, why="spends more than before"),
        Row(rule="still_active",   fact="active",        above=0,      points=30, each=True, why="is still with us"),
    )),
    ScoreTable(about="rental_referral", rows=(
        Row(rule="content",        fact="own_rating",    at_least=4,   points=50, why="gives four stars or more"),
        Row(rule="came_again",     fact="stays",         at_least=2,   points=25, why="stayed twice or more"),
        Row(rule="referred",       fact="referrals",     at_least=1,   points=25, why="sent somebody before"),
    )),
)
"""The lifetime value score 0–10 and the rental score 0–100; upsell and referral likelihood, 0–100 both."""


def _if(fact: str, *, above: float | None = None, at_least: float | None = None) -> Condition:
    return Condition(fact=fact, above=above, at_least=at_least)


def _yes(fact: str) -> Condition:
    return Condition(fact=fact, equals=True)


LADDERS = (
    Ladder(name="rental_segment", otherwise="budget_traveler", rungs=(
        Rung(label="business_traveler", why="travels for business, and not cheaply",
             when=(_if("business_bookings", at_least=1), _if("mean_booking_value", above=1_000))),
        Rung(label="property_investor", why="asked about buying",      when=(_yes("investment_interest"),)),
        Rung(label="luxury_seeker",     why="books dear homes",        when=(_if("mean_booking_value", above=2_000),)),
        Rung(label="local_resident",    why="looks close to home",     when=(_yes("searched_locally"),)),
        Rung(label="new_customer",      why="has not booked yet",      when=(Condition(fact="bookings", at_most=0),)),
    )),
    Ladder(name="rental_ltv_band", otherwise="low", rungs=(
        Rung(label="VIP",               why="among the dearest to us", when=(_if("ltv_score", at_least=9),)),
        Rung(label="high",              why="brings much",             when=(_if("ltv_score", at_least=7),)),
        Rung(label="medium",            why="brings something",        when=(_if("ltv_score", at_least=5),)),
    )),
)

MILESTONES = tuple(
    MilestoneRow(name=name, about=about, when=(when,), why=why)
    for name, about, when, why in (
        ("first_booking",           "bookings", Condition(fact="earlier_bookings", at_most=0), "a first booking"),
        ("repeat_booking",          "bookings", _if("earlier_bookings", at_least=1),           "booked again"),
        ("premium_property_booked", "bookings", _if("nightly_rate", at_least=2_000),           "booked a dear home"),
        ("extended_stay_booked",    "bookings", _if("nights", at_least=14),                    "stays for two weeks"),
        ("premium_search",          "rental_searches", _if("price_max", at_least=2_000),       "seeks a dear home"),
    )
)

Outcome = Literal["high_ltv_rental_customer", "recurring_rental_customer", "rental_booking"]


def _outcome(
    event: str, base: str, factor: float, category: Outcome, why: str, *when: Condition, extra: tuple[str, ...]
) -> ConversionRow:
    return ConversionRow(
        slot="rental_booking", on="booking_confirmed", when=when, event_name=event,
        value=Value(base=base, factor=factor), category=category, extra=extra, once_per="booking", why=why,
    )


def _milestone(
    name: str, event: str, factor: float, why: str,
    on: Literal["booking_confirmed", "rental_referral", "rental_interest", "hosting_started"] = "booking_confirmed",
    once_per: OncePer = "booking",
) -> ConversionRow:
    return ConversionRow(
        slot=f"rental_milestone:{name}", on=on, when=(_yes(name),), event_name=event,
        value=Value(base="booking_total", factor=factor), category="rental_customer_milestone",
        extra=("customer_id", "milestone"), once_per=once_per, why=why,
    )


_HIGH, _SECOND = ("customer_segment", "predicted_ltv", "booking_value"), ("predicted_ltv",)
_PREDICTED, _INVESTOR = _if("predicted_ltv", at_least=0), Condition(fact="customer_segment", equals="property_investor")

_SEARCH = ConversionRow(
    slot="rental_search", on="rental_search", event_name="Search", category="rental_search",
    extra=("filter_sophistication",), once_per="touchpoint", why="looked for a stay",
)
_CHECKOUT = ConversionRow(
    slot="rental_checkout", on="booking_initiated", event_name="InitiateCheckout", category="rental_checkout",
    extra=("booking_value",), once_per="booking", why="began to book a stay",
)
_REVIEW = ConversionRow(
    slot="rental_review", on="rental_review", when=(Condition(fact="by", equals="guest"),), event_name="Contact",
    category="rental_review", extra=("rating",), once_per="touchpoint", why="told us how the stay was",
)

# Only a personal prediction counts: without one an investor's booking counts by its total, any other by the third row.
BRIEF = (
    _outcome("Purchase",  "predicted_ltv", 0.3, "high_ltv_rental_customer", "may bring very much",
             _if("predicted_ltv", above=10_000), extra=_HIGH),
    _outcome("Purchase",  "predicted_ltv", 0.3, "high_ltv_rental_customer", "a guest who thinks of buying",
             _INVESTOR, _PREDICTED, extra=_HIGH),
    _outcome("Purchase",  "booking_total", 0.3, "high_ltv_rental_customer", "a guest who thinks of buying",
             _INVESTOR, extra=_HIGH),
    _outcome("Subscribe", "predicted_ltv", 0.2, "recurring_rental_customer", "may bring much",
             _if("predicted_ltv", above=5_000), extra=_SECOND),
    _outcome("Subscribe", "predicted_ltv", 0.2, "recurring_rental_customer", "books more than twice a year",
             _if("bookings_per_year", above=2), _PREDICTED, extra=_SECOND),
    _outcome("CompleteRegistration", "booking_total", 1, "rental_booking", "booked a stay",
             extra=("customer_segment",)),
    _milestone("first_booking",               "CompleteRegistration", 1,   "booked the first time", once_per="person"),
    _milestone("repeat_booking",              "Subscribe",            1.5, "booked again"),
    _milestone("premium_property_booked",     "AddPaymentInfo",       1.2, "booked a dear home"),
    _milestone("extended_stay_booked",        "Purchase",             1.3, "stays for two weeks or more"),
    _milestone("referral_made",               "Share",                0.5, "sent somebody our way",
               "rental_referral", "referral"),
    _milestone("property_investment_inquiry", "Purchase",             2,   "asked about buying a home to let",
               "rental_interest"),
    _milestone("became_host",                 "StartTrial",           3,   "began to let a home",
               "hosting_started", "person"),
    _SEARCH, _CHECKOUT, _REVIEW,
)

PLAIN = (
    _SEARCH, _CHECKOUT, _REVIEW,
    ConversionRow(slot="rental_booking", on="booking_confirmed", event_name="Purchase",
                  value=Value(base="booking_total"), category="rental_booking", extra=("booking_id",),
                  once_per="booking", why="somebody booked a stay at this price"),
    ConversionRow(slot="rental_milestone:referral_made", on="rental_referral", event_name="Share",
                  category="rental_referral", once_per="referral", why="a customer sent somebody our way"),
    ConversionRow(slot="rental_milestone:became_host", on="hosting_started", event_name="CompleteRegistration",
                  category="rental_host", once_per="person", why="somebody registered a home to let"),
    ConversionRow(slot="rental_milestone:property_investment_inquiry", on="rental_interest", event_name="Contact",
                  category="rental_investment", once_per="touchpoint", why="a guest asked about buying"),
)

SILENT = {
    "rentals.paid.v1": "the booking that it pays for was told when it was confirmed",
    "rentals.booking_cancelled.v1": "it lowers what we think of them; of a booking that was told nothing is taken back",
    "rentals.stay_completed.v1": "the stay was told when it was booked",
}
# fmt: on
