"""Hunts for an order of arrival that matters: scores and consent must not know it."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.brokerage.rulebook import House
from domain.people import consent, contact
from domain.people import person as people
from domain.people.consent import Consents
from domain.people.contact import Contact
from domain.people.person import Person
from domain.people.scores import best_of, intent, scores_of
from domain.scoring.policy import Score
from domain.shared.fact import Fact, Touchpoint
from domain.tours import session as tour
from domain.tours.session import TourSession
from projections.people import PEOPLE
from tests.cast import ANNA, allowed, forbade, recorded
from tests.laws.histories import other_facts, tour_facts

some = settings(max_examples=150)
shuffled = st.randoms(use_true_random=False)


def points(scored: Score) -> tuple[Any, ...]:
    """What a score says, without the order in which its evidence came."""
    reasons = [(one.rule, one.points, one.value) for one in scored.reasons]
    return scored.score, scored.quality, scored.policy, reasons


@some
@given(facts=st.lists(tour_facts, min_size=1, max_size=25), random=shuffled)
def test_a_tour_scores_the_same_in_whatever_order_it_arrives(facts: list[Fact], random: Any) -> None:
    entries = [recorded(ANNA.did(fact), position) for position, fact in enumerate(facts, 1)]
    outcomes = []
    for _ in range(3):
        session = TourSession()
        for entry in entries:
            session = tour.evolve(session, entry)
        milestones = {name: sorted(events) for name, events in tour.milestones_of(session, House()).items()}
        derived = {name: events for name, events in milestones.items() if name not in session.milestones}
        named = {key: value for key, value in tour.facts_of(session).items() if key != "tour_id"}
        outcomes.append((points(tour.score_of(session, House())), named, derived, session.total_ms))
        random.shuffle(entries)
    assert outcomes[1:] == outcomes[:-1]


@some
@given(facts=st.lists(st.one_of(tour_facts, other_facts), min_size=1, max_size=25), random=shuffled)
def test_a_person_is_the_same_in_whatever_order_they_are_met(facts: list[Fact], random: Any) -> None:
    entries = [recorded(ANNA.did(fact), position) for position, fact in enumerate(facts, 1)]
    outcomes = []
    for _ in range(3):
        person = Person()
        for entry in entries:
            person = people.evolve(person, entry, House())
        scores = {(one.about, one.key): points(one.score) for one in scores_of(person, House())}
        best = best_of(scores_of(person, House()))
        row = [value for column, value in zip(PEOPLE.columns, PEOPLE.row(person, House()), strict=True)
               if column.name != "reasons"]  # fmt: skip
        outcomes.append((scores, best and points(best.score), intent(person, House(), person.last_ms), row,
                         person.consents, person.contact))  # fmt: skip
        random.shuffle(entries)
    assert outcomes[1:] == outcomes[:-1]


words = st.one_of(
    st.builds(allowed, st.just("meta_tracking"), st.integers(0, 3)),
    st.builds(forbade, st.just("meta_tracking"), st.integers(0, 3)),
)


@some
@given(said=st.lists(words, min_size=1), random=shuffled)
def test_consent_is_the_latest_word_and_a_withdrawal_wins_a_tie(said: list[Any], random: Any) -> None:
    random.shuffle(said)
    folded = Consents()
    for word in said:
        folded = consent.evolve(folded, word)
    latest = max(word.occurred_at for word in said)
    last_words = {word.kind for word in said if word.occurred_at == latest}
    assert folded.allows("meta_tracking", ask_first=True) is (last_words == {"people.consent_given.v1"})


@some
@given(facts=st.lists(tour_facts, max_size=8), random=shuffled)
def test_the_newest_contact_is_kept(facts: list[Fact], random: Any) -> None:
    touchpoints = [one for fact in facts if isinstance(one := ANNA.did(fact).fact, Touchpoint)]
    random.shuffle(touchpoints)
    folded = Contact()
    for touchpoint in touchpoints:
        folded = contact.evolve(folded, touchpoint)
    newest = max((round(one.occurred_at.timestamp() * 1000) for one in touchpoints), default=None)
    assert {held.at_ms for held in folded.newest.values()} == ({newest} if newest is not None else set())
