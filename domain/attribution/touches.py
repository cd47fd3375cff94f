"""Touches: the visits of a person, each with the channel that brought it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Channel = Literal["ad", "campaign", "organic", "message", "referral", "direct"]
"""`campaign`: a tagged link that is no paid ad, such as one in a newsletter; `direct`: nothing says what brought it."""

GAP_S: Final = 30 * 60
"""A visit is over after so many quiet seconds, as web analytics have it."""

# fmt: off
CLICK_HINTS: Final = frozenset({"fbclid", "ctwa_clid"})
"""Hints that are there because an ad was clicked just now. The cookie `fbc` is kept for months, so it is not one."""
MESSAGE_HINTS: Final = frozenset({"psid", "igsid"})
PAID: Final = frozenset({
    "cpc", "ppc", "cpm", "cpv", "cpa", "paid", "paidsocial", "paid_social", "paid-social", "paidsearch",
    "paid_search", "ad", "ads", "display", "banner", "retargeting", "remarketing",
})  # fmt: skip
ORGANIC: Final = frozenset({"organic", "social", "organic_social", "organic-social", "seo"})
MESSAGING: Final = frozenset({"message", "messenger", "whatsapp", "instagram_dm", "sms", "chat"})
"""Media of tagged links, in lower case."""
# fmt: on


@dataclass(frozen=True, slots=True)
class Mark:
    """What one touchpoint tells of how its visit came about. `place` orders marks of the same moment."""

    at_ms: int
    place: int
    hint_kinds: frozenset[str] = frozenset()
    utm: Mapping[str, str] | None = None
    messaging: bool = False  # it happened in a messaging channel


@dataclass(frozen=True, slots=True)
class Touch:
    """One visit: when it began (unix ms), its channel, and the campaign and source its link named, "" where none."""

    at_ms: int
    place: int
    channel: Channel
    campaign: str = ""
    source: str = ""

    def named(self, dimension: Literal["channel", "campaign", "source"]) -> str:
        """Return what the touch is called in a dimension."""
        return str(getattr(self, dimension))


def channel_of(mark: Mark) -> Channel:
    """Return what brought a visit: an ad's click first, then the words of the link, then where it came from."""
    medium = (mark.utm or {}).get("medium", "").lower()
    if mark.hint_kinds & CLICK_HINTS or medium in PAID:
        return "ad"
    if mark.messaging or mark.hint_kinds & MESSAGE_HINTS or medium in MESSAGING:
        return "message"
    if medium in ORGANIC:
        return "organic"
    if medium == "referral":
        return "referral"
    if mark.utm:
        return "campaign"
    return "referral" if "referrer_url" in mark.hint_kinds else "direct"


def touches(marks: Iterable[Mark]) -> tuple[Touch, ...]:
    """Return the visits that a person's touchpoints make, in order of time, whatever order they are given in.

    A visit ends after thirty quiet minutes, or where another click or another tagged link begins one. What brought it
    is what its first telling touchpoint says: a page's second request no longer knows.
    """
    found: list[Touch] = []
    last_ms: int | None = None
    for mark in sorted(marks, key=lambda one: (one.at_ms, one.place)):
        told = _touch(mark)
        if last_ms is None or mark.at_ms - last_ms > GAP_S * 1000:
            found.append(told)
        elif told.channel != "direct" and _tells(told) != _tells(found[-1]):
            before = found[-1]
            if before.channel == "direct":
                found[-1] = Touch(before.at_ms, before.place, told.channel, told.campaign, told.source)
            elif mark.hint_kinds & CLICK_HINTS or mark.utm:
                found.append(told)
        last_ms = mark.at_ms
    return tuple(found)


def within(touched: Sequence[Touch], at_ms: int, lookback_s: int) -> tuple[Touch, ...]:
    """Return the touches that may earn something of a conversion: not after it, not older than the look-back."""
    return tuple(one for one in touched if at_ms - lookback_s * 1000 <= one.at_ms <= at_ms)


def _touch(mark: Mark) -> Touch:
    words = mark.utm or {}
    return Touch(mark.at_ms, mark.place, channel_of(mark), words.get("campaign", ""), words.get("source", ""))


def _tells(touch: Touch) -> tuple[str, str, str]:
    return touch.channel, touch.campaign, touch.source
