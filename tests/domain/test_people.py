"""What is known of a person: consent, best score, saves, and where their details are."""

from itertools import permutations
from typing import Any

import pytest

from domain.people import consent
from domain.people.consent import Consents
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.people.scores import best_of
from domain.people.signals import tour_signals
from domain.shared.personal import Sealed
from domain.tours.rooms import room_kind
from tests.cast import (
    ANNA,
    NOBODY,
    TOUR,
    TOUR_2,
    VILLA,
    VISITOR,
    Told,
    acted,
    allowed,
    completed,
    forbade,
    form,
    room,
    saved,
    started,
)
from tests.spec import given

# fmt: off
WORDS: list[tuple[Any, ...]] = [
    ([allowed(when=1)],                                     True),
    ([forbade(when=1)],                                     False),
    ([forbade(when=1), allowed(when=2)],                    True),
    ([allowed(when=1), forbade(when=2)],                    False),
    ([allowed(when=5), forbade(when=5)],                    False),  # at the same moment the withdrawal wins
    ([allowed(when=5), forbade(when=5), allowed(when=6)],   True),
]
# fmt: on


@pytest.mark.parametrize(("words", "verdict"), WORDS)
def test_the_latest_word_holds_in_whatever_order_it_arrives(
    words: list[ConsentGiven | ConsentWithdrawn], verdict: bool
) -> None:
    for order in permutations(words):
        said = Consents()
        for word in order:
            said = consent.evolve(said, word)
        assert said.allows("meta_tracking", ask_first=not verdict) is verdict


@pytest.mark.parametrize("ask_first", [True, False])
def test_without_a_word_the_brokerages_default_holds(ask_first: bool) -> None:
    assert Consents().allows("meta_tracking", ask_first=ask_first) is not ask_first


def test_each_purpose_has_its_own_word() -> None:
    said = consent.evolve(Consents(), forbade("profiling"))
    assert said.allows("meta_tracking", ask_first=False)
    assert not said.allows("profiling", ask_first=False)


def test_a_persons_quality_is_that_of_their_best_score() -> None:
    hot_tour = [room("salon", 700), room("salon", 10), completed()]
    story = given(ANNA.did(form()), *map(ANNA.did, hot_tour))
    best = best_of(story.scores())
    assert best is not None
    assert (best.score.score, best.score.quality) == (75, "hot")
    assert best_of(given(ANNA.did(started())).scores()[1:]) is None


def test_a_person_is_known_by_an_identifier_of_a_human() -> None:
    assert given(ANNA.did(started())).people[ANNA.subject_id].known
    assert not given(VISITOR.did(started())).people[VISITOR.subject_id].known


def test_saves_are_a_set_and_touchpoints_are_counted() -> None:
    person = given(*(NOBODY.did(saved(VILLA, when)) for when in (5, 2, 9))).people[NOBODY.subject_id]
    assert set(person.interest.saved) == {VILLA}
    assert (person.touchpoints, person.last_ms - person.first_ms) == (3, 7000)


def test_the_newest_value_of_a_kind_is_kept_whatever_arrives_last() -> None:
    def told(token: str, when: float) -> Told:
        sealed = Sealed(token, "stream", 1, "hints")
        return Told(started(when=when, hints=sealed, hint_kinds=("email",)), ANNA.subject_id)

    new, old = told("1:new:AAAA", 60), told("1:old:AAAA", 0)
    for order in ((new, old), (old, new)):
        assert given(*order).people[ANNA.subject_id].contact.newest["email"].token == "1:new:AAAA"


# fmt: off
LABELS: list[tuple[Any, ...]] = [
    ("Kitchen", "kitchen"), ("open_kitchen", "kitchen"), ("مطبخ", "kitchen"), ("matbakh", "kitchen"),
    ("Master Bedroom", "bedroom"), ("bed-room 2", "bedroom"), ("غرفة نوم رئيسية", "bedroom"), ("nursery", "bedroom"),
    ("Salon", "other"), (TOUR, "other"), ("Master Bathroom", "other"),
]
# fmt: on


@pytest.mark.parametrize(("label", "kind"), LABELS)
def test_a_rooms_label_tells_its_kind(label: str, kind: str) -> None:
    assert room_kind(label) == kind


def test_a_tour_shows_what_it_tells_beside_its_points() -> None:
    first = [room("salon", 40), acted("share", when=50), completed(when=60)]
    second = [room("salon", 40, session=TOUR_2, when=3600), completed(session=TOUR_2, when=3700)]
    person = given(*map(ANNA.did, [*first, *second, saved(VILLA)])).people[ANNA.subject_id]
    once, again = tour_signals(person, TOUR), tour_signals(person, TOUR_2)
    assert (once["return_session"], again["return_session"]) == (False, True)
    assert (once["shared_the_tour"], again["shared_the_tour"]) == (True, False)
    assert once["saved_the_property"] is True
    assert once["actions_per_minute"] == 1.5
