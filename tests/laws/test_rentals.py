"""Laws of rental customers: no order of arrival matters, scores are capped, and a model holds from its place on."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.brokerage.rulebook import House
from domain.people import person as people
from domain.people.person import Person
from domain.rentals import customer as customers
from domain.rentals import profile
from domain.shared.fact import Fact
from domain.shared.outbox import OutboxMessage
from projections.rentals import RENTAL_BOOKINGS, RENTAL_CUSTOMERS
from tests.cast import ANNA, NILE_HOMES, OPEN_HOUSE, Told, recorded
from tests.cast_rentals import DAY, called_off, fitted, paid, searched, stay, worth
from tests.laws.histories import in_order
from tests.laws.rentals import rental_facts
from tests.memory import MemoryStorage

some = settings(max_examples=100)
HOUSE = House(value_model=worth(5_000))


@some
@given(facts=st.lists(rental_facts, min_size=1, max_size=25), random=st.randoms(use_true_random=False))
def test_a_customer_is_the_same_in_whatever_order_they_are_met(facts: list[Fact], random: Any) -> None:
    entries = [recorded(ANNA.did(fact), position) for position, fact in enumerate(facts, 1)]
    found = []
    for _ in range(3):
        person = Person()
        for entry in entries:
            person = people.evolve(person, entry, HOUSE)
        state, now = person.rentals, person.last_ms
        shown = profile.profile_of(state, HOUSE, 2, now)
        found.append((state, shown, customers.segment(state, HOUSE), customers.rental_score(state, HOUSE, 2, now)))
        random.shuffle(entries)
    assert found[1:] == found[:-1]


@some
@given(facts=st.lists(rental_facts, max_size=25), days=st.integers(0, 4_000), platforms=st.integers(0, 6))
def test_scores_are_capped_and_values_are_never_negative(facts: list[Fact], days: int, platforms: int) -> None:
    person = Person()
    for position, fact in enumerate(facts, 1):
        person = people.evolve(person, recorded(ANNA.did(fact), position), HOUSE)
    state, at_ms = person.rentals, days * 86_400_000
    assert customers.rental_score(state, HOUSE, platforms, at_ms) in (None, *range(0, 101, 10))
    assert (customers.predicted_ltv(state, HOUSE, platforms, at_ms) or 0) >= 0
    shown = profile.profile_of(state, HOUSE, platforms, at_ms)
    assert 0 <= shown["upsell"] <= 100
    assert shown["referral_likelihood"] in (0, 25, 50, 75, 100)
    assert shown["revenue"] >= 0
    assert shown["bookings"] == len(customers.standing(state, at_ms)) <= customers.bookings(state)


@some
@given(
    body=st.lists(
        st.one_of(
            rental_facts.map(ANNA.did), rental_facts.map(ANNA.did),
            st.sampled_from([100, 5_000, 50_000]).map(lambda pounds: fitted(worth(pounds))),
        ),
        max_size=20,
    ),
    cut=st.integers(1, 7),
)  # fmt: skip
def test_a_replay_predicts_as_it_did_live(body: list[Told], cut: int) -> None:
    log = in_order([*OPEN_HOUSE, *body])
    for projection in (RENTAL_CUSTOMERS, RENTAL_BOOKINGS):
        whole = MemoryStorage(projection, log).run()
        paged = MemoryStorage(projection, log, page_size=cut).run(restart=True)
        assert whole.outcome() == paged.outcome()
        assert whole.set_aside == {}


def changes(messages: Iterable[OutboxMessage]) -> list[tuple[int | None, int | None, str]]:
    told = [one.payload for one in messages if one.kind == "record_value_change"]
    return [(one["before_minor"], one["after_minor"], one["reason"]) for one in told]


def test_each_change_of_value_is_told_once_with_its_reason() -> None:
    story = [
        ANNA.did(stay("b1", 1_000)), fitted(worth(3_000)), ANNA.did(searched(60)), ANNA.did(searched(120)),
        fitted(worth(8_000)), ANNA.did(paid(1_000, when=180)), ANNA.did(called_off(when=240)),
    ]  # fmt: skip
    run = MemoryStorage(RENTAL_CUSTOMERS, in_order([*OPEN_HOUSE, *story])).run()
    assert changes(run.messages.values()) == [
        (None, 300_000, "rentals.searched.v1"),
        (300_000, 800_000, "rentals.paid.v1"),
        (800_000, None, "rentals.booking_cancelled.v1"),
    ]
    assert {one.ordering_key for one in run.messages.values() if one.kind == "record_value_change"} == {
        f"value|{ANNA.subject_id}"
    }


def test_bookings_of_a_day_call_for_one_fit_at_night() -> None:
    story = [ANNA.did(stay("b1")), ANNA.did(stay("b2", when=10)), ANNA.did(stay("b1", when=20)),
             ANNA.did(stay("b3", when=DAY)), ANNA.did(searched(3 * DAY))]  # fmt: skip
    run = MemoryStorage(RENTAL_CUSTOMERS, in_order([*OPEN_HOUSE, *story])).run()
    fits = [one for one in run.messages.values() if one.kind == "fit_value_model"]
    assert [(one.payload["day"], one.due_at.isoformat()) for one in fits] == [
        ("2026-03-02", "2026-03-02T03:00:00+00:00"), ("2026-03-03", "2026-03-03T03:00:00+00:00"),
    ]  # fmt: skip
    assert {one.brokerage_id for one in fits} == {NILE_HOMES}
