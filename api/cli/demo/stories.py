"""The stories that people of the demo live, each a few lines, and how often each one happens."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from api.cli.demo import stays
from api.cli.demo.cast import click_id
from api.cli.demo.diary import BROWSE, GLANCE, STUDY, Body, Diary, Slot
from api.cli.demo.homes import HOMES, LETS
from api.cli.demo.talks import COOL, FAIR, KEEN, chat, talk, transcript

Story = Callable[[Diary], None]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BROKERS = ("broker-hala", "broker-omar", "broker-dina", "broker-sami", "broker-rana")


def just_looking(one: Diary) -> None:
    """A visitor, a glance, gone."""
    for at in one.visits(one.rng.choice((1, 1, 2))):
        one.tour(at, one.home(), GLANCE)


def kept_looking(one: Diary) -> None:
    """A visitor who compares several homes."""
    for at in one.visits(2):
        home = one.home()
        one.view(at - MINUTE, home)
        end = one.tour(at, home, BROWSE)
        if one.rng.random() < 0.4:
            one.save(end + MINUTE, home)


def fell_in_love(one: Diary) -> None:
    """A customer with an account comes back to the same home again and again."""
    one.introduce("email", "phone", "person_id")
    home = one.home()
    one.consent(one.anchor - timedelta(days=6.9), allows=True)
    for nth, at in enumerate(one.visits(one.rng.choice((2, 3, 3)))):
        end = one.tour(at, home, STUDY)
        if nth == 1:
            one.save(end + MINUTE, home)
            if one.rng.random() < 0.5:
                one.form(end + 3 * MINUTE, home)


def came_from_an_ad(one: Diary) -> None:
    """Anonymous behind an advertisement at first; then a lead form tells who it was all along."""
    one.follow_ad()
    first, second = one.visits(2)
    home = one.home()
    end = one.tour(first, home, BROWSE)
    one.save(end + MINUTE, home)
    end = one.tour(second, home, one.rng.choice((BROWSE, STUDY)))
    one.form(end + 2 * MINUTE, home)


def filled_a_form(one: Diary) -> None:
    """No tour, only a form; the pixel saw it too, and now and then the button is pressed twice."""
    (at,) = one.visits(1)
    home = one.home() if one.rng.random() < 0.6 else None
    pixel = {"id": f"lead.{one.seed}.{one.anchor:%y%m%d%H%M%S}.{one.number}", "name": "Lead"}
    one.form(at, home, browser_event=pixel)
    if one.number % 3 == 0:
        one.form(at + timedelta(seconds=2), home, browser_event=pixel)


def left_the_tab_open(one: Diary) -> None:
    """Looked around and never closed the tour: the system ends it."""
    (at,) = one.visits(1)
    one.tour(at, one.home(), one.rng.choice((GLANCE, BROWSE, STUDY)), closes=False)


def changed_their_mind(one: Diary) -> None:
    """Allowed it, looked around, forbade it, and looked again: nothing of the second visit is told to Meta."""
    first, second = one.visits(2)
    one.consent(first, allows=True)
    end = one.tour(first + MINUTE, one.home(), BROWSE)
    one.consent(end + MINUTE, allows=False, source="privacy_page")
    one.tour(second, one.home(), one.rng.choice((BROWSE, STUDY)))


def used_two_devices(one: Diary) -> None:
    """A customer on the laptop and a stranger on the phone, until the form on the phone says it is one person."""
    first, second = one.visits(2)
    home = one.home()
    one.introduce("email")
    one.tour(first, home, STUDY)
    one.take_other_device()
    end = one.tour(second, home, BROWSE)
    one.introduce("email")
    one.form(end + MINUTE, home)


def left_no_trace(one: Diary) -> None:
    """A browser that tells nothing: a session and no more, so Meta could not find them."""
    one.tells = {}
    (at,) = one.visits(1)
    one.tour(at, one.home(), BROWSE)


def called_in(one: Diary) -> None:
    """Rang up; the agent filled in the form, and asked for consent."""
    one.tells = {}
    one.beside = {"origin": "phone_call"}
    (at,) = one.visits(1)
    one.form(at, one.home())
    one.introduce("phone")
    one.consent(at + MINUTE, allows=True, source="agent")


def tested_the_site(one: Diary) -> None:
    """One of our own, trying things out."""
    one.beside = {"test": True}
    one.buyer = replace(one.buyer, name="QA", email=f"qa{one.number}@nile-homes.example")
    one.introduce("email")
    (at,) = one.visits(1)
    end = one.tour(at, one.home(), STUDY)
    one.form(end, one.home())


def was_offline(one: Diary) -> None:
    """Two tours on a tablet without network: told too late for Meta, the first even from before the policy."""
    one.late_until = one.anchor - timedelta(minutes=5)
    one.tour(one.anchor - timedelta(days=10), one.home(), BROWSE)
    one.tour(one.anchor - timedelta(days=7.2), one.home(), BROWSE)


def talked_it_over(one: Diary) -> None:
    """Looks, talks with the voice assistant or the avatar about the home, and saves it."""
    (at,) = one.visits(1)
    home = one.home()
    one.introduce("phone", "name")
    one.view(at, home)
    end = one.tour(at + MINUTE, home, BROWSE)
    over = talk(one, end + MINUTE, home, ("avatar", "voice")[one.nth % 2], (KEEN, FAIR, COOL)[one.nth % 3])
    one.save(over + MINUTE, home)


def wrote_on_the_site(one: Diary) -> None:
    """Writes in the chat of the site; only the words reach us."""
    (at,) = one.visits(1)
    home = one.home()
    one.view(at, home)
    chat(one, at + MINUTE, home, "web_chat", transcript(one))


def wrote_on_whatsapp(one: Diary) -> None:
    """Clicks an advertisement that opens WhatsApp, and writes there."""
    (at,) = one.visits(1)
    one.tells = {"ctwa_clid": click_id(one.rng)}
    one.introduce("phone", "name")
    one.beside = {"channel": "whatsapp", "origin": "business_messaging"}
    chat(one, at, one.home() if one.nth % 2 else None, "text_thread", transcript(one))


def came_to_see_it(one: Diary) -> None:
    """Tours, talks, saves, and stands before the door: shown today; one of four does not come."""
    first, second = one.visits(2)
    home = HOMES[one.nth % len(HOMES)]
    one.introduce("email", "phone", "person_id", "name")
    one.view(first - MINUTE, home)
    one.tour(first, home, STUDY)
    over = talk(one, second, home, "voice", KEEN)
    one.save(over + MINUTE, home)
    starts_at = one.anchor + timedelta(minutes=5 * (one.nth // len(BROKERS)) - 8)
    slot = Slot(BROKERS[one.nth % len(BROKERS)], starts_at, starts_at + 5 * MINUTE)
    after = ("no-show", "follow-up:no_answer") if one.nth % 4 == 3 else ("complete", "follow-up:thinking")
    one.ask_viewing(one.anchor - 30 * MINUTE, home, slot, "confirm", *after, party_size=2)


def booked_a_viewing(one: Diary) -> None:
    """Books a viewing of the coming days; every third wants the slot of the one before at first, one cancels."""
    (at,) = one.visits(1)
    home = one.home()
    one.introduce("email", "phone", "name")
    one.tour(at, home, BROWSE)
    asked = one.anchor - timedelta(minutes=45)
    if one.nth % 3 == 1:
        one.ask_viewing(asked, home, _coming(one.anchor, one.nth - 1), expected="taken")
    then = (("confirm",), (), ("cancel",))[one.nth % 3]
    one.ask_viewing(asked + MINUTE, home, _coming(one.anchor, one.nth), *then, asked_for_broker=one.nth % 2 == 0)


def _coming(anchor: datetime, nth: int) -> Slot:
    """Return the nth slot of the coming days: five brokers, four viewings a day each."""
    day, hour = divmod(nth // len(BROKERS), 4)
    morning = (anchor + (1 + day) * DAY).replace(hour=8, minute=0, second=0)
    starts_at = morning + timedelta(hours=2 * hour)
    return Slot(BROKERS[nth % len(BROKERS)], starts_at, starts_at + 45 * MINUTE)


def wants_to_sell(one: Diary) -> None:
    """An owner asks what a home is worth, and goes on from there."""
    first, second = one.visits(2)
    one.introduce("email", "phone", "name")
    home, keen = one.home(), one.nth % 2 == 0
    appraisal = f"appraisal-{one.number}-{one.anchor:%y%m%d%H%M%S}"
    asked: Body = {"appraisal_id": appraisal, "estimated_value_minor": home.price * 100, "currency": "EGP",
                   "return_visits": 5 if keen else 1, "similar_properties_viewed": 8 if keen else 2}  # fmt: skip
    if keen:
        asked |= {"express": True, "premium": True, "questions_about_selling": 2, "inherited": True, "says_soon": True}
    listing = {name: home.listing[name] for name in ("property_type", "area")}
    one.note("appraisals.requested.v1", first, asked, listing=listing)
    for milestone in ("report_downloaded", *(("consultation_booked", "listing_inquiry_made") if keen else ())):
        second += MINUTE
        one.note("appraisals.milestone_reached.v1", second, {"appraisal_id": appraisal, "milestone": milestone})


def rented_a_home(one: Diary) -> None:
    """Rents for a few nights: some stay, review and send a friend; some cancel; one of them begins to let a home.

    Half of them were guests in the year before, so that the value model has something to say of them.
    """
    first, second = one.visits(2)
    if one.nth % 2 == 0:
        one.buyer = stays.guest(one.nth, one.seed, one.anchor).buyer
    one.introduce("email", "phone")
    home = LETS[one.nth % len(LETS)]
    booking = stays.book(one, first, home, purpose=("leisure", "business", "family")[one.nth % 3])
    match one.nth % 4:
        case 0:
            stays.stay(one, booking, second, rating=5)
            one.note("rentals.referral_made.v1", second + 5 * MINUTE, {"referral_id": f"friend-of-{booking}"})
        case 1:
            back = {"booking_id": booking, "by": "guest", "refund_minor": home.rate * 100}
            one.note("rentals.booking_cancelled.v1", second, back)
        case 2:
            stays.stay(one, booking, second, rating=4)
            one.note("rentals.interest_shown.v1", second + 5 * MINUTE, {"booking_id": booking})
        case _:
            own = {"property_id": f"own-{one.number}", "tourism_permit": "TP-2026-118", "response_rate": 0.9}
            one.note("rentals.hosting_started.v1", second, own)


def invests(one: Diary) -> None:
    """Looks around everywhere, does the sums, saves three kinds of homes in three places, wants several."""
    first, second = one.visits(2)
    one.introduce("email", "person_id", "name")
    for nth, home in enumerate(HOMES):
        one.view(first + nth * MINUTE, home, "map")
    for nth, home in enumerate((HOMES[0], HOMES[2], HOMES[5])):
        one.save(first + (20 + nth) * MINUTE, home)
    one.note("web.page_viewed.v1", second, {"page": "market_report"})
    for nth in range(6):
        one.note("investors.signal_observed.v1", second + (1 + nth) * MINUTE, {"signal": "roi_calculated"})
    asked: Body = {"signal": "bulk_inquiry", "units": 4, "property_id": HOMES[5].id}
    one.note("investors.signal_observed.v1", second + 8 * MINUTE, asked)
    budget: Body = {"signal": "budget_stated", "budget_minor": 4_000_000_000, "currency": "EGP"}
    one.note("investors.signal_observed.v1", second + 9 * MINUTE, budget)
    booked = {"milestone": "financing_consultation_booked"}
    one.note("investors.milestone_reached.v1", second + 12 * MINUTE, booked)


def came_by_instant_form(one: Diary) -> None:
    """Fills in a form on Facebook; the customer management tells every stage of the lead."""
    first, second = one.visits(2)
    one.tells = {"lead_id": f"{10**15 + one.rng.randrange(10**15)}"}
    one.introduce("phone", "email")
    stages = ("Intake", "Qualified", "Viewing agreed")[: 1 + one.nth % 3]
    for nth, stage in enumerate(stages):
        at = first if nth == 0 else second + nth * MINUTE
        one.note("leads.stage_reached.v1", at, {"stage": stage}, origin="system_generated")


def paid_in_the_office(one: Diary) -> None:
    """Signs in the office: the back office asks for a purchase by its order, or for an event with a wrong word."""
    (at,) = one.visits(1)
    home = one.home()
    one.tells = {}
    one.introduce("email", "phone", "name")
    one.beside = {"origin": "phone_call"}
    about: Body = {"property_id": home.id, "value_minor": 25_000_000, "currency": "EGP"}
    if one.nth % 2 == 1:
        order = f"order-{one.number}-{one.anchor:%y%m%d%H%M%S}"
        one.note("ads.conversion_asked.v1", at, {**about, "event_name": "Purchase", "order_id": order})
    else:
        custom = {"availability": "sold"}  # Meta's word is recently_sold: somebody has to mend it
        one.note("ads.conversion_asked.v1", at, {**about, "event_name": "DepositPaid", "custom": custom})


# fmt: off
SHARES: tuple[tuple[Story, int], ...] = (
    (just_looking,         18),
    (kept_looking,         11),
    (fell_in_love,         6),
    (came_from_an_ad,      9),
    (filled_a_form,        6),
    (left_the_tab_open,    6),
    (changed_their_mind,   4),
    (used_two_devices,     3),
    (left_no_trace,        2),
    (called_in,            3),
    (tested_the_site,      2),
    (was_offline,          2),
    (talked_it_over,       5),
    (wrote_on_the_site,    3),
    (wrote_on_whatsapp,    4),
    (came_to_see_it,       4),
    (booked_a_viewing,     4),
    (wants_to_sell,        2),
    (rented_a_home,        2),
    (invests,              1),
    (came_by_instant_form, 2),
    (paid_in_the_office,   1),
)
"""Story → people of a hundred who live it."""
# fmt: on

_ROUND = tuple(story for story, share in SHARES for _ in range(share))
_STEP = 7  # shares no factor with the hundred of a round, so that few people already live many stories


def story_of(number: int) -> Story:
    """Return the story of a person; it does not depend on how many people there are."""
    return _ROUND[number * _STEP % len(_ROUND)]


def nth_of(number: int) -> int:
    """Return how many people of lower numbers live the same story."""
    own = story_of(number)
    return sum(story_of(other) is own for other in range(1, number))
