"""What kind of investor somebody is: named facts, type, experience, buying power and what comes of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from domain.brokerage.rulebook import House
from domain.investors.events import PortfolioSignal
from domain.investors.interest import PAGE, Interest, Money
from domain.properties.homes import Homes
from domain.properties.listing import Listing
from domain.scoring.policy import FactValue, Score, label, reached, score

EXPERIENCE, PROFESSIONAL, DEALS, MONTHS = "investors", "professional_indicators", "likely_deals", "months_to_deal"
TYPE, STEPS, PORTFOLIO = "investor_type", "investors", "portfolio"
PORTFOLIO_SIGNALS: frozenset[str] = frozenset(get_args(PortfolioSignal))
QUARTILES = 0.25, 0.75
MOST_PREFERRED = 3


def facts_of(state: Interest, homes: Homes, house: House, timeline: str | None = None) -> dict[str, FactValue]:
    """Return the named facts that policies speak of. `homes` is what is known of the properties.

    `timeline` is the newest word on when they want to buy, wherever it was told; else a signal's is taken.
    """
    facts = counted(state, homes, house) | {"timeline": timeline or (state.timeline.word if state.timeline else None)}
    steps, signs = steps_of(state, facts, house), signs_of(state, facts, house)
    known: dict[str, FactValue] = {
        **facts,
        "bulk_inquiry": "bulk_inquiry_made" in signs,
        "market_timing": "market_timing_behavior" in signs,
        "portfolio_plan": "portfolio_plan_created" in steps,
        "financing_consultation": "financing_consultation_asked" in state.signals
        or "financing_consultation_booked" in steps,
    }
    return known | {
        "investor_signals": _rows_that_hold(house, EXPERIENCE, known),
        "professional_indicators": _rows_that_hold(house, PROFESSIONAL, known),
    }


def counted(state: Interest, homes: Homes, house: House) -> dict[str, FactValue]:
    """Return what can be counted of views, saves, signals and pages.

    The same calculation may be told by its page and by a signal, so the larger count of the two is what surely
    happened.
    """
    listings, saves = _listings(state, homes), [_listing(homes, home) for home in state.saved]
    prices = _prices(listings, house)
    yields, cash_flows = _count(state, "rental_yield_searched"), _count(state, "cash_flow_calculated")
    returns = _told_twice(state, "roi_calculated", "calculator")
    reports = _told_twice(state, "market_report_opened", "market_report")
    return {
        "views": len(state.views),
        "properties_viewed": len({view.property_id for view in state.views}),
        "saves": len(state.saved),
        "locations": len(_distinct(map(_area, listings))),
        "priced_homes": len(prices),
        "price_spread": prices[-1] / prices[0] if len(prices) > 1 and prices[0] > 0 else None,
        "roi_calculations": returns,
        "rental_yield_searches": yields,
        "cash_flow_calculations": cash_flows,
        "yield_calculations": yields + cash_flows,
        "calculations": returns + yields + cash_flows,
        "market_reports": reports,
        "market_looks": reports + _told_twice(state, "price_history_opened", "price_history"),
        "largest_inquiry_units": state.largest_inquiry[0] if state.largest_inquiry else None,
        "saved_types": len(_distinct(map(_type, saves))),
        "saved_areas": len(_distinct(map(_area, saves))),
        "views_before_new_area": _views_before_new_area(state, homes),
        "portfolio_plans": _count(state, "portfolio_plan_made"),
        "company_email": "company_email_used" in state.signals,
        "says_first_time": "says_first_time" in state.signals,
        "asked_how_buying_works": "asked_how_buying_works" in state.signals,
        "portfolio_signals": len(PORTFOLIO_SIGNALS & state.signals.keys()),
    }


def steps_of(state: Interest, facts: Mapping[str, FactValue], house: House) -> list[str]:
    """Return the milestones reached, by a producer's word or by the policy's rows."""
    return list(dict.fromkeys((*(row.name for row in reached(house.policy, STEPS, facts)), *sorted(state.milestones))))


def signs_of(state: Interest, facts: Mapping[str, FactValue], house: House) -> list[str]:
    """Return the portfolio signals shown, by a producer's word or by the policy's rows."""
    return list(dict.fromkeys((*(row.name for row in reached(house.policy, PORTFOLIO, facts)), *_posted(state))))


def _rows_that_hold(house: House, about: str, facts: Mapping[str, FactValue]) -> int:
    return sum(row.holds(facts) for row in house.policy.score_table(about).rows)


def _posted(state: Interest) -> dict[str, tuple[str, ...]]:
    """Return the portfolio signals that a producer saw, with their log entries."""
    posted = {name: _events(marks) for name, marks in sorted(state.signals.items()) if name in PORTFOLIO_SIGNALS}
    if "bulk_inquiry" in state.signals and state.largest_inquiry is None:
        posted.setdefault("bulk_inquiry_made", _events(state.signals["bulk_inquiry"]))  # bulk by the producer's word
    return posted


def milestones_of(state: Interest, facts: Mapping[str, FactValue], house: House) -> dict[str, tuple[str, ...]]:
    """Return the milestones reached, with the log entries behind each."""
    posted = {name: (event,) for name, (_, event) in sorted(state.milestones.items())}
    return _reached(state, STEPS, facts, house) | posted


def portfolio_of(state: Interest, facts: Mapping[str, FactValue], house: House) -> dict[str, tuple[str, ...]]:
    """Return the portfolio signals shown, with the log entries behind each."""
    return _reached(state, PORTFOLIO, facts, house) | _posted(state)


def _reached(
    state: Interest, about: str, facts: Mapping[str, FactValue], house: House
) -> dict[str, tuple[str, ...]]:  # fmt: skip
    evidence, found = evidence_of(state), {}
    for row in reached(house.policy, about, facts):
        events = dict.fromkeys(event for test in row.when for event in evidence.get(test.fact, ()))
        found[row.name] = tuple(events)
    return found


def evidence_of(state: Interest) -> dict[str, tuple[str, ...]]:
    """Return, for each named fact that scores, the log entries it was counted from."""
    views = tuple(view.event for view in state.views)
    saves = tuple(sorted(save.event for save in state.saved.values()))
    yields, cash_flows = _of(state, "rental_yield_searched"), _of(state, "cash_flow_calculated")
    returns, reports = _of(state, "roi_calculated", "calculator"), _of(state, "market_report_opened", "market_report")
    looks = (*reports, *_of(state, "price_history_opened", "price_history"))
    plans, consultations = _of(state, "portfolio_plan_made"), _of(state, "financing_consultation_asked")
    return {
        **dict.fromkeys(("views", "properties_viewed", "views_before_new_area"), views),
        **dict.fromkeys(("locations", "price_spread", "priced_homes"), (*views, *saves)),
        **dict.fromkeys(("saves", "saved_types", "saved_areas"), saves),
        "roi_calculations": returns,
        "rental_yield_searches": yields,
        "cash_flow_calculations": cash_flows,
        "yield_calculations": (*yields, *cash_flows),
        "calculations": (*returns, *yields, *cash_flows),
        "market_reports": reports,
        "market_looks": looks,
        "market_timing": (*looks, *_of(state, "market_timing_behavior")),
        "largest_inquiry_units": (state.largest_inquiry[1],) if state.largest_inquiry else (),
        "bulk_inquiry": (*_of(state, "bulk_inquiry"), *_of(state, "bulk_inquiry_made")),
        "portfolio_plans": plans,
        "portfolio_plan": (*plans, *_step(state, "portfolio_plan_created")),
        "financing_consultation": (*consultations, *_step(state, "financing_consultation_booked")),
        "company_email": _of(state, "company_email_used"),
        "portfolio_signals": tuple(event for name in sorted(PORTFOLIO_SIGNALS) for event in _of(state, name)),
    }


def investor_type(facts: Mapping[str, FactValue], house: House) -> str:
    """Return what kind of investor the facts show, in the policy's words."""
    return label(house.policy, TYPE, facts)


def experience(state: Interest, facts: Mapping[str, FactValue], house: House) -> Score:
    """Return the experience 0–10: one point for each signal that is present, with its reason."""
    return score(house.policy, EXPERIENCE, facts, evidence_of(state))


def prices_of(state: Interest, homes: Homes, house: House) -> list[float]:
    """Return the prices of the properties viewed or saved, in currency units, rising.

    Prices in another currency than the brokerage's are left out: nobody knows the rate of that day.
    """
    return _prices(_listings(state, homes), house)


def _prices(listings: Iterable[Listing | None], house: House) -> list[float]:
    known = [one for one in listings if one and one.currency in (None, house.currency)]
    return sorted(one.price_minor / 100 for one in known if one.price_minor is not None)


def buying_power(state: Interest, homes: Homes, house: House) -> tuple[float, str] | None:
    """Return what they can pay, in units of a currency: the budget stated last, else the 75th percentile of prices.

    The percentile lies between the two nearest prices in proportion (linear interpolation).
    """
    if state.budget is not None and state.budget.high_minor is not None:
        return state.budget.high_minor / 100, state.budget.currency or house.currency
    prices = prices_of(state, homes, house)
    return (_percentile(prices, QUARTILES[1]), house.currency) if prices else None


def value_facts(state: Interest, homes: Homes, house: House) -> dict[str, FactValue]:
    """Return `investor_value`, the commission on their buying power, and the `currency` it is in."""
    power = buying_power(state, homes, house)
    if power is None:
        return {"investor_value": None}
    return {"investor_value": round(power[0] * house.policy.commission_rate, 2), "currency": power[1]}


def profile_of(state: Interest, homes: Homes, house: House, timeline: str | None = None) -> dict[str, Any]:
    """Return what a broker wants to know of an investor; money in currency units.

    `investor_type`, `experience` 0–10 with `reasons`, `signals`, `professional_indicators`, `milestones` and
    `portfolio_signals` (each with log entries), `buying_power`, `likely_deals`, `months_to_deal`,
    `commission_potential`, `financing_approach`, `target_price_ranges`, `preferred_types`, `preferred_locations`.
    """
    facts, power = facts_of(state, homes, house, timeline), buying_power(state, homes, house)
    scored = experience(state, facts, house)
    return {
        "investor_type": investor_type(facts, house),
        "experience": scored.score,
        "reasons": [reason.model_dump(mode="json") for reason in scored.reasons],
        "signals": {name: len(marks) for name, marks in sorted(state.signals.items())},
        "professional_indicators": facts["professional_indicators"],
        "milestones": milestones_of(state, facts, house),
        "portfolio_signals": portfolio_of(state, facts, house),
        "buying_power": power[0] if power else None,
        "currency": power[1] if power else house.currency,
        "likely_deals": score(house.policy, DEALS, facts).score,
        "months_to_deal": score(house.policy, MONTHS, facts).score,
        "timeline": facts["timeline"],
        "commission_potential": value_facts(state, homes, house)["investor_value"],
        "financing_approach": state.financing.word if state.financing else None,
        "target_price_ranges": _ranges(state, homes, house),
        "preferred_types": _preferred(state, homes, _type),
        "preferred_locations": _preferred(state, homes, _area),
    }


def _ranges(state: Interest, homes: Homes, house: House) -> list[dict[str, Any]]:
    """Return the ranges stated, the last first; without any the middle half of the prices viewed or saved."""
    if state.ranges:
        return [_range(one, house) for one in reversed(state.ranges)]
    prices = prices_of(state, homes, house)
    if len(prices) < 2:
        return []
    low, high = (_percentile(prices, share) for share in QUARTILES)
    return [{"min": low, "max": high, "currency": house.currency}]


def _range(told: Money, house: House) -> dict[str, Any]:
    low, high = (None if minor is None else minor / 100 for minor in (told.low_minor, told.high_minor))
    return {"min": low, "max": high, "currency": told.currency or house.currency}


def _percentile(rising: Sequence[float], share: float) -> float:
    place = (len(rising) - 1) * share
    below = int(place)
    above = min(below + 1, len(rising) - 1)
    return round(rising[below] + (rising[above] - rising[below]) * (place - below), 2)


def _views_before_new_area(state: Interest, homes: Homes) -> int:
    """Return how many looks elsewhere came before the first look at a new area, at most: 0 while there is one area."""
    seen: set[str] = set()
    elsewhere, most = 0, 0
    for view in state.views:
        area = _area(_listing(homes, view.property_id))
        if area is None:
            continue
        if area not in seen:
            most = max(most, elsewhere)
        seen.add(area)
        elsewhere += 1
    return most


def _preferred(state: Interest, homes: Homes, word: Any) -> list[str]:
    """Return the words met most often among views and saves, the most frequent first."""
    told = [_listing(homes, home) for home in (*(view.property_id for view in state.views), *state.saved)]
    counted = Counter(name for one in told if (name := word(one)) is not None)
    return [name for name, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))][:MOST_PREFERRED]


def _listings(state: Interest, homes: Homes) -> list[Listing | None]:
    return [_listing(homes, home) for home in {*(view.property_id for view in state.views), *state.saved}]


def _listing(homes: Homes, home: str) -> Listing | None:
    told = homes.get(home)
    return told.listing if told else None


def _area(listing: Listing | None) -> str | None:
    """Return the district, else the city, so that spellings in capitals are the same place."""
    place = (listing.area or listing.city) if listing else None
    return place.strip().casefold() if place else None


def _type(listing: Listing | None) -> str | None:
    return listing.property_type.strip().casefold() if listing and listing.property_type else None


def _distinct(words: Iterable[str | None]) -> set[str]:
    return {word for word in words if word is not None}


def _count(state: Interest, signal: str) -> int:
    return len(state.signals.get(signal, ()))


def _told_twice(state: Interest, signal: str, page: str) -> int:
    return max(_count(state, signal), _count(state, PAGE + page))


def _events(marks: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(event for _, event in marks)


def _of(state: Interest, signal: str, page: str | None = None) -> tuple[str, ...]:
    """Return the log entries of the larger count, the signal's or its page's."""
    told, opened = state.signals.get(signal, ()), state.signals.get(f"{PAGE}{page}", ())
    return _events(opened if len(opened) > len(told) else told)


def _step(state: Interest, milestone: str) -> tuple[str, ...]:
    return (state.milestones[milestone][1],) if milestone in state.milestones else ()
