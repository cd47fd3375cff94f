"""What would make a conversion worth more to Meta: what it lacks, what held it back, and what can be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from domain.ads import match_quality

Code = Literal[
    "missing_field", "withheld", "rejected", "dead", "late", "missing_value", "missing_currency", "missing_page",
    "no_browser_id", "no_click_id",
]  # fmt: skip
LATE_S: Final = 3600.0
"""Meta wants events as they happen; after an hour its delivery has learned less from them."""
PURCHASE: Final = "Purchase"
VALUED: Final = frozenset({PURCHASE, "Subscribe", "StartTrial", "AddToCart", "InitiateCheckout", "AddPaymentInfo"})
"""Events by whose value Meta optimises most often."""


@dataclass(frozen=True, slots=True)
class Mend:
    """What can be done about a reason for withholding; `again`: the same conversion can still be sent."""

    do: str
    again: bool


# fmt: off
MENDS: Final[Mapping[str, Mend]] = {
    "no_consent":    Mend("ask for consent to tracking; it holds for what comes after it",            again=False),
    "no_match_key":  Mend("send an e-mail, a phone or the click with the touchpoint",                 again=False),
    "too_old":       Mend("send touchpoints within seven days, best within the hour",                 again=False),
    "no_dataset":    Mend("connect a dataset of the role that the policy tells it to",                again=False),
    "no_value":      Mend("send the value of a purchase, or give its policy row one",                 again=False),
    "told_by_pixel": Mend("send the pixel's event id from the server too, and Meta joins both",       again=False),
}
"""Reason → what mends it. Test traffic, and what happened before the policy held, is withheld as it should be."""
# fmt: on


@dataclass(frozen=True, slots=True)
class Decided:
    """A conversion as it was decided, and where it stands."""

    event_name: str
    event_id: str
    own_event_id: str  # the id it has where no browser told one
    status: str
    reason: str | None
    action_source: str
    channel: str | None
    value: float | None
    currency: str | None
    kinds: frozenset[str]  # kinds of hints known, "page_url" among them
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Improvement:
    """One thing that would help: its code, the field or reason it is about, in numbers, what to do, and why.

    `now` and `then` are match quality from 0 to 10 for fields, seconds for what came late, else None. `again` says
    that this very conversion can be sent again.
    """

    code: Code
    about: str
    do: str
    why: str
    now: float | None = None
    then: float | None = None
    again: bool = False


def improvements(one: Decided) -> list[Improvement]:
    """Return what would improve a conversion, what holds it back first, then the best gain; none where it is good."""
    found = [*_held_back(one), *_lacking(one), *_fields(one), *_deduplication(one)]
    return [] if one.status == "withheld" and one.reason in ("test_traffic", "before_policy") else found


def _held_back(one: Decided) -> Iterable[Improvement]:
    if one.status == "withheld" and (mend := MENDS.get(one.reason or "")):
        yield Improvement("withheld", str(one.reason), mend.do, "it was decided and not sent", again=mend.again)
    if one.status in ("rejected", "dead"):
        code: Code = "rejected" if one.status == "rejected" else "dead"
        do = "correct what Meta names, and retry the conversion"
        yield Improvement(code, one.reason or "no reason given", do, "Meta did not take it", again=True)
    late_s = (one.recorded_at - one.occurred_at).total_seconds()
    if late_s > LATE_S:
        why = "Meta learns most from what it hears within the hour"
        yield Improvement("late", "recorded_at", "send touchpoints as they happen", why, round(late_s, 1), LATE_S)


def _lacking(one: Decided) -> Iterable[Improvement]:
    if one.value is None and one.event_name in VALUED:
        do = "send a value, or give the policy row one"
        yield Improvement("missing_value", "value", do, "without it Meta cannot optimise for value")
    if one.value is not None and not one.currency:
        yield Improvement("missing_currency", "currency", "send the currency", "a value without one is not counted")
    if one.action_source == "website" and "page_url" not in one.kinds:
        do = "send `page_url` with the touchpoint"
        yield Improvement("missing_page", "page_url", do, "Meta asks for the page of every event of a website")


def _fields(one: Decided) -> Iterable[Improvement]:
    channel = one.channel or ("crm" if one.action_source == "system_generated" else one.action_source)
    now = match_quality.estimate(one.kinds, channel=channel)
    if now.best_missing is not None:
        then = match_quality.estimate({*one.kinds, now.best_missing}, channel=channel)
        if then.score > now.score:
            why = "of all that is missing this would raise the estimated match quality most"
            yield Improvement(
                "missing_field", now.best_missing, f"send `{now.best_missing}` with the touchpoint", why, now.score,
                then.score,
            )  # fmt: skip


def _deduplication(one: Decided) -> Iterable[Improvement]:
    if one.action_source != "website":
        return
    if one.event_id == one.own_event_id:
        do = "send `browser_event` with the pixel's event id"
        yield Improvement("no_browser_id", "browser_event", do, "where a pixel tells it too, Meta counts it twice")
    if not one.kinds & {"fbc", "fbclid"}:
        now = match_quality.estimate(one.kinds, channel=one.action_source).score
        then = match_quality.estimate({*one.kinds, "fbclid"}, channel=one.action_source).score
        do = "send `fbc`, or `fbclid` from the address"
        yield Improvement("no_click_id", "fbc", do, "the click on the ad is the surest way back to it", now, then)
