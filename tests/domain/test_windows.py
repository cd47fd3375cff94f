"""When we may write to a customer, on which channel, and what is allowed instead."""

from datetime import datetime, timedelta

import pytest

from domain.messaging.windows import Clock, Decision, WindowRules, Wish, decide
from domain.shared.fact import Channel
from tests.cast import at
from tests.cast_messaging import DAY, HOUR

HUMAN, ASSISTANT, SYSTEM = Wish("agent"), Wish("assistant"), Wish("system")
TEMPLATE = Wish("assistant", "template", "notice")
CAMPAIGN = Wish("agent", "template", "marketing")


def whatsapp(wrote: float | None = 0, clicked: float | None = None, answered: float | None = None) -> Clock:
    return Clock("whatsapp", moment(wrote), moment(clicked), moment(answered))


def chat(wrote: float | None = 0, channel: Channel = "messenger") -> Clock:
    return Clock(channel, moment(wrote))


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else at(seconds)


def told(clock: Clock, wish: Wish, hours: float, rules: WindowRules | None = None) -> Decision:
    """Decide so many hours after noon."""
    return decide(clock, wish, at(hours * HOUR), rules or WindowRules())


@pytest.mark.parametrize("wish", [HUMAN, ASSISTANT, SYSTEM])
@pytest.mark.parametrize("clock", [whatsapp(), chat(), chat(channel="instagram")], ids=lambda one: one.channel)
def test_for_a_day_after_the_customer_wrote_anybody_may_answer_freely(clock: Clock, wish: Wish) -> None:
    just_open = told(clock, wish, 24 - 1 / 3600)
    assert (just_open.allowed, just_open.why, just_open.until) == (True, "customer_wrote", at(DAY))
    assert not just_open.human_tag
    assert told(clock, wish, 24).why != "customer_wrote"


def test_after_a_day_whatsapp_takes_templates_only() -> None:
    closed = told(whatsapp(), HUMAN, 24)
    assert not closed.allowed
    assert (closed.why, closed.closed_at, closed.instead) == ("window_closed", at(DAY), ("template",))
    assert "the 24-hour window closed 2026-03-02 12:00 UTC" in closed.says
    assert told(whatsapp(), TEMPLATE, 24).allowed
    assert told(whatsapp(None), TEMPLATE, 0).allowed


def test_who_never_wrote_on_whatsapp_gets_a_template_first() -> None:
    refused = told(whatsapp(None), ASSISTANT, 0)
    assert (refused.allowed, refused.why, refused.instead) == (False, "never_wrote", ("template",))


def test_an_advertisement_that_was_answered_in_time_opens_three_days() -> None:
    clock = whatsapp(wrote=0, clicked=0, answered=HOUR)
    open_still = told(clock, ASSISTANT, 71)
    assert (open_still.allowed, open_still.why, open_still.until) == (True, "came_from_ad", at(72 * HOUR))
    closed = told(clock, ASSISTANT, 72)
    assert (closed.allowed, closed.closed_at) == (False, at(72 * HOUR))
    assert "72-hour" in closed.says


@pytest.mark.parametrize("answered", [None, 24 * HOUR, 30 * HOUR])
def test_an_advertisement_that_was_answered_too_late_opens_nothing(answered: float | None) -> None:
    assert not told(whatsapp(0, 0, answered), ASSISTANT, 40).allowed


def test_the_advertisements_window_can_be_switched_off() -> None:
    assert not told(whatsapp(0, 0, HOUR), ASSISTANT, 40, WindowRules(after_ad=False)).allowed


def test_a_newer_message_counts_beside_an_older_advertisement() -> None:
    clock = whatsapp(wrote=60 * HOUR, clicked=0, answered=HOUR)
    assert told(clock, ASSISTANT, 61).until == at(84 * HOUR)


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
def test_a_humans_late_answer_has_seven_days_under_its_tag(channel: Channel) -> None:
    late = told(chat(channel=channel), HUMAN, 24)
    assert (late.allowed, late.why, late.human_tag) == (True, "human_agent", True)
    assert (late.until, late.closed_at) == (at(7 * DAY), at(DAY))
    over = told(chat(channel=channel), HUMAN, 7 * 24)
    assert (over.allowed, over.why, over.closed_at) == (False, "human_window_closed", at(7 * DAY))
    assert over.instead == ("wait_for_customer",)


@pytest.mark.parametrize("wish", [ASSISTANT, SYSTEM, Wish("assistant", "template"), Wish("agent", "text", "marketing")])
def test_the_tag_is_for_humans_and_never_for_marketing(wish: Wish) -> None:
    opted = Wish(wish.author, wish.message_type, wish.purpose, opted_in=True)
    refused = told(chat(), opted, 25)
    assert (refused.allowed, refused.why) == (False, "window_closed")
    assert refused.instead == ("human_agent",)


def test_nobody_writes_first_on_messenger() -> None:
    assert told(chat(None), HUMAN, 0).instead == ("wait_for_customer",)


def test_marketing_needs_an_opt_in_in_the_window_too() -> None:
    assert told(whatsapp(), CAMPAIGN, 1).why == "no_opt_in"
    assert told(whatsapp(), Wish("agent", "text", "marketing", opted_in=False), 1).why == "opted_out"
    assert told(whatsapp(None), Wish("agent", "template", "marketing", opted_in=True), 1).allowed


def test_who_cannot_be_reached_is_left_to_humans() -> None:
    clock = Clock("whatsapp", at(), unreachable=True)
    assert told(clock, ASSISTANT, 1).why == "unreachable"
    assert told(clock, HUMAN, 1).allowed


def test_a_clock_a_little_ahead_is_borne_and_lengthens_nothing() -> None:
    ahead = Clock("whatsapp", at(30))
    assert decide(ahead, ASSISTANT, at()).until == at(DAY)
    assert decide(Clock("whatsapp", at(61)), ASSISTANT, at()).why == "never_wrote"
    assert timedelta(hours=24) == WindowRules().free
