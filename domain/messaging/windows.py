"""Whether a message of ours may be sent now: which window is open, which closed when, and what is allowed instead."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from domain.messaging.content import OutgoingType
from domain.messaging.events import Author, Purpose
from domain.shared.fact import Channel

Why = Literal[
    "customer_wrote",        # within 24 hours of the customer's last message
    "came_from_ad",          # WhatsApp: within 72 hours of the click on an advertisement that we answered in time
    "human_agent",           # Messenger, Instagram: a human's late answer, under the platform's tag
    "template",              # WhatsApp: an approved template needs no window
    "window_closed",         # it was open, and is not any more
    "never_wrote",           # the customer wrote nothing yet: there was no window
    "human_window_closed",   # nor is a human's late answer allowed any more
    "no_opt_in",             # marketing to somebody who did not ask for it
    "opted_out",             # marketing to somebody who forbade it
    "unreachable",           # the platform said that this customer cannot be reached, and they did not write since
]  # fmt: skip
"""Why a message may be sent, or may not."""
Instead = Literal["template", "human_agent", "wait_for_customer", "ask_for_opt_in"]
"""What is allowed instead: an approved template, a human's own message under the human-agent tag, nothing before the
customer writes, to ask for a consent."""

SKEW = timedelta(seconds=60)
"""How far ahead of ours a platform's clock may be: what is later than this has not happened."""


@dataclass(frozen=True, slots=True)
class WindowRules:
    """The lengths of the windows. Source: the platforms' messaging policies, as of 2026.

    `after_ad`: whether a click on an advertisement that opens WhatsApp widens the window; Meta's pages call it one of
    prices, so it can be switched off.
    """

    free: timedelta = timedelta(hours=24)
    after_ad: bool = True
    ad: timedelta = timedelta(hours=72)
    ad_answered: timedelta = timedelta(hours=24)
    human: timedelta = timedelta(days=7)


RULES = WindowRules()


@dataclass(frozen=True, slots=True)
class Clock:
    """What opened windows in a thread: the customer's last message, the last click on an advertisement (both by the
    platform's time), and our first answer after that click.
    """

    channel: Channel
    last_inbound_at: datetime | None = None
    ad_at: datetime | None = None
    ad_answered_at: datetime | None = None
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent. `opted_in`: the customer's word about marketing, None where there was none."""

    author: Author = "assistant"
    message_type: OutgoingType = "text"
    purpose: Purpose = "answer"
    opted_in: bool | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may be sent. `says` tells it in words, `why` to machines.

    `until` is when what is allowed ends, None where it does not; `closed_at` when the window that is missing closed.
    `human_tag`: it has to go under the platform's tag for a human's late answer.
    """

    allowed: bool
    why: Why
    says: str
    until: datetime | None = None
    closed_at: datetime | None = None
    instead: tuple[Instead, ...] = ()
    human_tag: bool = False

    def shown(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "allowed": self.allowed, "why": self.why, "says": self.says, "until": self.until,
            "closed_at": self.closed_at, "instead": list(self.instead), "human_tag": self.human_tag,
        }  # fmt: skip


def decide(clock: Clock, wish: Wish, now: datetime, rules: WindowRules = RULES) -> Decision:
    """Return whether a message may be sent at a moment. At the very end of a window it is closed.

    Whether a template is approved is not asked here. Raises nothing.
    """
    refused = _unwanted(clock, wish)
    if refused is not None:
        return refused
    if clock.channel == "whatsapp" and wish.message_type == "template":
        return Decision(True, "template", "an approved template needs no window")
    free = _end(clock.last_inbound_at, rules.free, now)
    if free is not None and now < free:
        says = f"the customer wrote {_told(clock.last_inbound_at)}: anything may be sent until {_told(free)}"
        wider = _ad_end(clock, rules, now)
        if wider is not None and wider > free:
            return Decision(True, "came_from_ad", _of_ad(clock, wider), until=wider)
        return Decision(True, "customer_wrote", says, until=free)
    return _beyond_whatsapp(clock, free, rules, now) if clock.channel == "whatsapp" else _beyond(
        clock, wish, free, rules, now
    )  # fmt: skip


def _unwanted(clock: Clock, wish: Wish) -> Decision | None:
    """Refuse what the customer does not want, whatever the window."""
    if wish.purpose == "marketing" and wish.opted_in is False:
        return Decision(False, "opted_out", "the customer forbade messages of marketing")
    if wish.purpose == "marketing" and not wish.opted_in:
        says = "messages of marketing need the customer's consent"
        return Decision(False, "no_opt_in", says, instead=("ask_for_opt_in",))
    if clock.unreachable and wish.author != "agent":
        says = "the platform said that this customer cannot be reached; only a human may try again"
        return Decision(False, "unreachable", says, instead=("wait_for_customer",))
    return None


def _beyond_whatsapp(clock: Clock, free: datetime | None, rules: WindowRules, now: datetime) -> Decision:
    ad = _ad_end(clock, rules, now)
    if ad is not None and now < ad:
        return Decision(True, "came_from_ad", _of_ad(clock, ad), until=ad)
    ends = [one for one in (free, ad) if one is not None]
    if not ends:
        says = "the customer never wrote here: only an approved template may be sent"
        return Decision(False, "never_wrote", says, instead=("template",))
    hours = _hours(rules.ad if ad == max(ends) and ad != free else rules.free)
    says = f"the {hours}-hour window closed {_told(max(ends))}: only an approved template may be sent"
    return Decision(False, "window_closed", says, closed_at=max(ends), instead=("template",))


def _beyond(clock: Clock, wish: Wish, free: datetime | None, rules: WindowRules, now: datetime) -> Decision:
    """Messenger and Instagram: a human's own message has longer; nothing of ours else, whatever it is."""
    late = _end(clock.last_inbound_at, rules.human, now)
    if free is None or late is None:
        says = "the customer never wrote here, and must write first"
        return Decision(False, "never_wrote", says, instead=("wait_for_customer",))
    human = wish.author == "agent" and wish.purpose != "marketing"
    closed = f"the {_hours(rules.free)}-hour window closed {_told(free)}"
    if now >= late:
        says = f"{closed}, and a human's late answer was allowed until {_told(late)}: the customer must write first"
        return Decision(False, "human_window_closed", says, closed_at=late, instead=("wait_for_customer",))
    if human:
        says = f"{closed}; a human's own answer may be sent under the human-agent tag until {_told(late)}"
        return Decision(True, "human_agent", says, until=late, closed_at=free, human_tag=True)
    says = f"{closed}: only a human's own answer may be sent, until {_told(late)}"
    return Decision(False, "window_closed", says, closed_at=free, instead=("human_agent",))


def _end(at: datetime | None, length: timedelta, now: datetime) -> datetime | None:
    """Return when a window ends that something opened, None where that has not happened."""
    return None if at is None or at > now + SKEW else min(at, now) + length


def _ad_end(clock: Clock, rules: WindowRules, now: datetime) -> datetime | None:
    """Return when the window of an advertisement ends, None where there is none: we did not answer in time."""
    end, answered = _end(clock.ad_at, rules.ad, now), clock.ad_answered_at
    if not rules.after_ad or clock.channel != "whatsapp" or end is None or clock.ad_at is None or answered is None:
        return None
    in_time = clock.ad_at - SKEW <= answered < clock.ad_at + rules.ad_answered and answered <= now + SKEW
    return end if in_time else None


def _of_ad(clock: Clock, until: datetime) -> str:
    return f"the customer came from an advertisement {_told(clock.ad_at)}: anything may be sent until {_told(until)}"


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:g}"


def _told(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else "never"
