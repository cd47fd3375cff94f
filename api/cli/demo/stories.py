"""The stories that people of the demo live, each a few lines, and how often each one happens."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from api.cli.demo.diary import BROWSE, GLANCE, STUDY, Diary

Story = Callable[[Diary], None]
MINUTE = timedelta(minutes=1)


def just_looking(one: Diary) -> None:
    """A visitor, a glance, gone."""
    for at in one.visits(one.rng.choice((1, 1, 2))):
        one.tour(at, one.home(), GLANCE)


def kept_looking(one: Diary) -> None:
    """A visitor who compares several homes."""
    for at in one.visits(2):
        home = one.home()
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


# fmt: off
SHARES: tuple[tuple[Story, int], ...] = (
    (just_looking,       13),
    (kept_looking,       9),
    (fell_in_love,       4),
    (came_from_an_ad,    6),
    (filled_a_form,      4),
    (left_the_tab_open,  4),
    (changed_their_mind, 3),
    (used_two_devices,   2),
    (left_no_trace,      1),
    (called_in,          2),
    (tested_the_site,    1),
    (was_offline,        1),
)
"""Story → people of fifty who live it."""
# fmt: on

_ROUND = tuple(story for story, share in SHARES for _ in range(share))
_STEP = 7  # shares no factor with the fifty of a round, so that few people already live many stories


def story_of(number: int) -> Story:
    """Return the story of a person; it does not depend on how many people there are."""
    return _ROUND[number * _STEP % len(_ROUND)]
