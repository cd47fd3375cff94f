"""Which named facts a policy's rows may ask: of each occasion, each score, each ladder, and of a person."""

from collections.abc import Mapping

from domain.scoring.policy import Trigger


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TOUR = _words("""
    tour_id total_time_s rooms_visited rooms_available completion_rate tour_completion more_than_half mean_dwell_s
    rooms_revisited bedroom_s kitchen_s kitchen_actions actions shares downloads actions_per_minute interaction_burst
    earlier_sessions""")
TOUR_MILESTONES = _words("bedroom_focused kitchen_detailed multiple_visits shared_tour tour_downloaded")

HEARD = _words("""
    conversation_id buying_intent timeline questions objections price_asked turns minutes asked_price asked_financing
    requested_viewing gave_contact meeting_scheduled follow_up_agreed budget_discussed objection_resolved""")
CONVERSATION = HEARD | _words("engagement engagement_level")
CONVERSATION_MILESTONES = _words("""
    budget_discussed financing_inquiry viewing_requested contact_shared objection_resolved follow_up_agreed""")
TEXT_LEAD = _words("""
    answered_share budget_clarity informed location_clarity size_known type_known urgency""")

APPRAISAL = _words("""
    appraisal_id requested express premium return_visits similar_properties_viewed market_awareness several_appraisals
    market_research_s questions_about_selling says_soon motives property_age_years maintenance_issues inherited
    financial_urgency immediate_consultation photographer_assigned estimated_value commission_potential currency""")
APPRAISAL_MILESTONES = _words("""
    appraisal_ordered premium_service_selected express_delivery_chosen consultation_booked report_downloaded
    follow_up_requested listing_inquiry_made""")
ASKED_APPRAISAL = APPRAISAL | _words("seller_likelihood timeline")

VIEWING = _words("""
    viewing_id viewing_type status confirmed weekend party_size asked_for_broker repeat_viewing hot_tour
    conversation_score asked_financing interest_hours""")
BOOKED_VIEWING = VIEWING | _words("""
    price property_value price_currency commission property_type currency conversion_probability lead_quality_score
    timeline""")

SAVE = _words("saved_from earlier_views saves_in_7_days talked_about tour_quality")

INDICATORS = _words("""
    views properties_viewed saves saved_types saved_areas locations priced_homes price_spread roi_calculations
    rental_yield_searches yield_calculations cash_flow_calculations calculations market_reports market_looks
    market_timing views_before_new_area bulk_inquiry largest_inquiry_units financing_consultation portfolio_plan
    portfolio_plans portfolio_signals company_email says_first_time asked_how_buying_works timeline""")
INVESTOR = INDICATORS | _words("investor_signals professional_indicators")
INVESTOR_OCCASION = INVESTOR | _words("investor_value currency")
INVESTOR_MILESTONES = _words("""
    multiple_properties_saved roi_calculator_used market_analysis_requested financing_consultation_booked
    portfolio_plan_created first_property_offer_made deal_closed_first_property second_property_interest""")
PORTFOLIO_SIGNALS = _words("""
    diversification_strategy geographic_expansion property_type_diversification cash_flow_optimization
    market_timing_behavior bulk_inquiry_made""")

CUSTOMER = _words("""
    searches searched_locally premium_share bookings stays bookings_per_year business_bookings mean_booking_value
    rising_value own_rating referrals hosts investment_interest""")
CUSTOMER_OCCASION = CUSTOMER | _words("customer_segment predicted_ltv")
CONFIRMED_BOOKING = CUSTOMER_OCCASION | _words("""
    booking_id booking_total booking_value currency nights nightly_rate guests purpose earlier_bookings""")
NEWEST_BOOKING = CUSTOMER_OCCASION | _words("booking_id booking_total currency")

FORM = _words("timeline estimated_value from_ad has_email has_phone has_location has_price has_type")

GENERAL = _words("""
    price price_currency commission property_type platforms intent predicted_ltv conversion_probability user_id
    customer_id milestone""")
"""What every conversion knows where it is known at all: for conditions, values, fields sent along and multipliers."""

OCCASIONS: Mapping[Trigger, frozenset[str]] = {
    "tour_progress": TOUR | TOUR_MILESTONES,
    "tour_closed": TOUR | TOUR_MILESTONES | _words("quality engagement_score"),
    "conversation_progress": CONVERSATION | CONVERSATION_MILESTONES,
    "conversation_closed": CONVERSATION | CONVERSATION_MILESTONES | _words("quality lead_score qualification"),
    "appraisal_requested": ASKED_APPRAISAL | APPRAISAL_MILESTONES,
    "appraisal_progress": ASKED_APPRAISAL | APPRAISAL_MILESTONES,
    "viewing_requested": _words("viewing_type party_size asked_for_broker slot_wanted"),
    "viewing_scheduled": BOOKED_VIEWING,
    "viewing_completed": BOOKED_VIEWING,
    "viewing_missed": BOOKED_VIEWING,
    "viewing_cancelled": BOOKED_VIEWING,
    "rental_search": CUSTOMER_OCCASION | _words("filter_sophistication local price_max"),
    "booking_initiated": CUSTOMER_OCCASION | _words("booking_id booking_value currency"),
    "booking_paid": CUSTOMER_OCCASION | _words("booking_id amount currency refund method instalments"),
    "booking_confirmed": CONFIRMED_BOOKING,
    "booking_cancelled": CUSTOMER_OCCASION,
    "stay_completed": CUSTOMER_OCCASION,
    "rental_review": CUSTOMER_OCCASION | _words("rating by"),
    "rental_referral": NEWEST_BOOKING | _words("referral_made"),
    "hosting_started": NEWEST_BOOKING | _words("became_host"),
    "rental_interest": NEWEST_BOOKING | _words("property_investment_inquiry"),
    "property_viewed": _words("viewed_from"),
    "page_viewed": _words("page"),
    "property_saved": SAVE | _words("save_score scored_price currency"),
    "investor_progress": INVESTOR_OCCASION | INVESTOR_MILESTONES,
    "investor_referral": INVESTOR_OCCASION | _words("referral_to_other_investors"),
    "portfolio_progress": (INVESTOR_OCCASION - {"currency"})
    | PORTFOLIO_SIGNALS
    | _words("portfolio_signal signal_data"),
    "lead_form": FORM | _words("form_score quality conversion_probability"),
    "lead_stage": _words("stage crm has_lead_id"),
    "direct": _words("event_name conversion_type asked_value currency source has_order_id"),
}
"""What may cause a conversion → the named facts it brings."""

SCORES: Mapping[str, frozenset[str]] = {
    "tours": TOUR,
    "conversations": CONVERSATION,
    "conversation_engagement": HEARD,
    "text_leads": TEXT_LEAD,
    "appraisals": APPRAISAL,
    "viewings": VIEWING,
    "completed_viewings": _words("conversion_probability"),
    "viewing_leads": _words("conversion_probability"),
    "saves": SAVE,
    "investors": INVESTOR,
    "professional_indicators": INDICATORS,
    "likely_deals": INVESTOR,
    "months_to_deal": INVESTOR,
    "lead_forms": FORM,
    "rental_ltv": _words("value_12m"),
    "rentals": _words("ltv_score"),
    "rental_upsell": CUSTOMER | _words("active"),
    "rental_referral": CUSTOMER | _words("active"),
}
"""What is scored → the named facts that its rows may ask."""

MILESTONES: Mapping[str, frozenset[str]] = {
    "tours": TOUR,
    "conversations": CONVERSATION,
    "appraisals": APPRAISAL,
    "investors": INVESTOR_OCCASION,
    "portfolio": INVESTOR_OCCASION,
    "bookings": CONFIRMED_BOOKING,
    "rental_searches": _words("price_max"),
}
"""What a milestone is about → the named facts that its conditions may ask."""

LADDERS: Mapping[str, frozenset[str]] = {
    "engagement_level": HEARD | _words("engagement"),
    "investor_type": INVESTOR,
    "seller_timeline": APPRAISAL | _words("seller_likelihood"),
    "viewing_timeline": _words("conversion_probability"),
    "viewing_competition": _words("viewings_in_14_days"),
    "rental_segment": CUSTOMER,
    "rental_ltv_band": _words("ltv_score"),
}
"""The ladders that somebody goes down → the named facts that their rungs may ask."""

ACTIONS = _words("""
    viewing_wanted outcome_missing seller_likelihood hot_tour contacted price_asked was_hot silent_days""")
"""What the table of next actions may ask of a person."""

REACHED_ON: Mapping[Trigger, str] = {
    "tour_progress": "tours", "tour_closed": "tours",
    "conversation_progress": "conversations", "conversation_closed": "conversations",
    "appraisal_requested": "appraisals", "appraisal_progress": "appraisals",
    "investor_progress": "investors", "portfolio_progress": "portfolio", "booking_confirmed": "bookings",
}  # fmt: skip
"""An occasion that brings the milestones reached, each a named fact that is true → what they are about."""

MULTIPLIERS: frozenset[str] = GENERAL.union(*OCCASIONS.values())
"""What the multipliers may ask; a fact that only some occasions bring multiplies on those alone."""

# fmt: off
SPANS: Mapping[str, tuple[float, float]] = {
    "completion_rate":        (0, 1),   "tour_completion":    (0, 1),    "intent":            (0, 10),
    "engagement_score":       (0, 100), "lead_score":         (0, 100),  "form_score":        (0, 100),
    "save_score":             (0, 100), "seller_likelihood":  (0, 100),
    "conversion_probability": (0, 100), "lead_quality_score": (0, 100),  "qualification":     (1, 10),
    "answered_share":         (0, 1),   "premium_share":      (0, 1),    "own_rating":        (0, 5),
    "ltv_score":              (0, 10),  "conversation_score": (0, 100),
}
"""Named facts that cannot leave a span: least and most. A fraction, a score, or what is told from 1 to 10."""

ANSWERS: Mapping[str, frozenset[str]] = {
    "quality":      _words("hot warm cold"),
    "tour_quality": _words("hot warm cold"),
}
"""Named facts that are one of some words."""
# fmt: on
