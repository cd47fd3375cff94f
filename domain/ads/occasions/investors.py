"""Investors: milestones and portfolio signals, as producers see them and as we see them ourselves."""

import json
from collections.abc import Mapping
from typing import Any

from domain.ads.occasion import Moment, Occasion, occasion
from domain.investors import investor
from domain.investors.events import InvestorMilestoneReached, InvestorSignalObserved
from domain.people import investors
from domain.properties.events import PropertySaved, PropertyViewed
from domain.scoring.policy import FactValue, OncePer, Policy
from domain.shared.fact import Fact, Touchpoint
from domain.web.events import WebPageViewed

HANDLES: frozenset[type[Fact]] = frozenset(
    {PropertyViewed, PropertySaved, WebPageViewed, InvestorSignalObserved, InvestorMilestoneReached}
)
REFERRAL = "referral_to_other_investors"


def occasions(moment: Moment) -> list[Occasion]:
    """Return the steps of an investor, each portfolio signal that shows, and a referral where there is one."""
    fact = moment.recorded.fact
    if not isinstance(fact, Touchpoint):
        return []
    person, house = moment.after, moment.house
    known = investors.facts_of(person, house)
    steps = dict.fromkeys(investor.steps_of(person.interest, known, house), True)
    home = fact.property_id if isinstance(fact, InvestorMilestoneReached) else None
    progress = {**known, **{name: True for name in steps if name != REFERRAL}}
    found = [occasion("investor_progress", fact, progress, home=home), *_portfolio(moment, fact, known)]
    if isinstance(fact, InvestorMilestoneReached) and fact.milestone == REFERRAL:
        ids: dict[OncePer, str] = {"referral": fact.referral_id} if fact.referral_id else {}
        found.append(occasion("investor_referral", fact, {**known, REFERRAL: True}, ids, home))
    return found


def _portfolio(moment: Moment, fact: Touchpoint, known: Mapping[str, FactValue]) -> list[Occasion]:
    """Return one occasion for each portfolio signal that shows; its fixed value is in the brokerage's currency."""
    house = moment.house
    return [
        occasion(
            "portfolio_progress",
            fact,
            {
                **{name: value for name, value in known.items() if name != "currency"},
                signal: True,
                "portfolio_signal": signal,
                "signal_data": _data(fact, signal, known, house.policy),
            },
        )
        for signal in investor.signs_of(moment.after.interest, known, house)
    ]


def _data(fact: Touchpoint, signal: str, known: Mapping[str, FactValue], policy: Policy) -> str | None:
    """Return what a signal was seen in, as JSON text: the facts its row asks for, and what the producer told of it."""
    asked = {test.fact for row in policy.milestones if row.name == signal for test in row.when}
    data: dict[str, Any] = {name: known[name] for name in asked if known.get(name) is not None}
    if isinstance(fact, InvestorSignalObserved) and fact.signal == signal:
        data |= fact.signal_data
    return json.dumps(data, sort_keys=True, ensure_ascii=False) if data else None
