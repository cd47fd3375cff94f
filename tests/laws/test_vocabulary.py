"""The vocabulary of policies is true: rows may ask what they are offered, and nothing that is never offered."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from pydantic import PrivateAttr

from domain.ads import conversions
from domain.ads.conversions import Memory
from domain.brokerage.events import DatasetConnected
from domain.brokerage.rulebook import House
from domain.catalogue import BY_KIND
from domain.conversations.conversation import lead_score_of
from domain.conversations.events import ConversationStarted
from domain.investors.events import NEEDS
from domain.people.investors import investor_type
from domain.people.investors import profile_of as investor_profile
from domain.people.scores import scores_of
from domain.people.signals import action_facts
from domain.people.viewing_scores import viewing_scores
from domain.rentals.profile import profile_of as rental_profile
from domain.scoring import vocabulary as words
from domain.scoring.brief import BRIEF
from domain.scoring.lint import lint
from domain.scoring.plain import PLAIN
from domain.scoring.policy import (
    Condition,
    ConversionRow,
    FactValue,
    Ladder,
    MilestoneRow,
    Policy,
    Row,
    Rung,
    ScoreTable,
    Trigger,
)
from domain.shared.clock import millis
from domain.shared.fact import Recorded, Touchpoint
from tests.cast import (
    ANNA,
    PIXEL,
    Told,
    acted,
    at,
    completed,
    form,
    reached,
    recorded,
    room,
    started,
)
from tests.cast_rentals import hosting, referred, stay
from tests.laws.histories import histories
from tests.laws.test_facts import golden, read

Offers = dict[str, dict[str, set[Any]]]
"""What is asked ("on", "score", "ladder", "milestone") and its name → named facts, and the words they were."""


class _Ear(Row):
    """A row that never holds, and hears which facts it is offered."""

    _heard: dict[str, set[Any]] = PrivateAttr()

    def holds(self, facts: Mapping[str, FactValue]) -> bool:
        for name, value in facts.items():
            self._heard.setdefault(name, set()).add(value)
        return False


class Listening(Policy):
    """A policy without any row, that hears what its rows could ask."""

    _offers: Offers = PrivateAttr(default_factory=dict)

    def ear(self, what: str) -> _Ear:
        ear = _Ear(fact="x", above=0, rule="x", points=0, why="x")
        ear._heard = self._offers.setdefault(what, {})
        return ear

    def score_table(self, about: str) -> ScoreTable:
        return ScoreTable.model_construct(about=about, rows=(self.ear(f"score {about}"),), instead=(), base=0, most=100)


def listening() -> Listening:
    """Return a policy with an ear for each occasion, ladder and kind of milestone."""
    policy = Listening(name="listening", version=1, scores=(), conversions=())
    ladders = tuple(
        Ladder.model_construct(name=name, otherwise="x", rungs=(_rung(policy.ear(f"ladder {name}")),))
        for name in {*words.LADDERS, *(ladder.name for ladder in BRIEF.ladders)}
    )
    milestones = tuple(
        MilestoneRow.model_construct(name="x", about=about, when=(policy.ear(f"milestone {about}"),), why="x")
        for about in {*words.MILESTONES, *(row.about for row in BRIEF.milestones)}
    )
    rows = tuple(
        ConversionRow.model_construct(
            slot="x", on=trigger, when=(policy.ear(f"on {trigger}"),), event_name="x", category="x",
            once_per="touchpoint", why="x",
        )
        for trigger in get_args(Trigger)
    )  # fmt: skip
    for name, value in (("ladders", ladders), ("milestones", milestones), ("conversions", rows)):
        object.__setattr__(policy, name, value)
    return policy


def _rung(ear: Condition) -> Rung:
    return Rung.model_construct(label="x", when=(ear,), why="x")


def offered(log: Iterable[Recorded]) -> Offers:
    """Return what policies are offered while these facts are decided on, all of them one person's."""
    policy = listening()
    connected = DatasetConnected(dataset_id=PIXEL, occurred_at=at())
    house = House(datasets={PIXEL: connected}, policy=policy, earlier={0: policy})
    memory = Memory()
    for entry in log:
        if entry.subject_id is None:
            continue
        memory, _ = conversions.decide(memory, entry, house, ANNA.subject_id)
        person, now = memory.person, millis(entry.fact.occurred_at)
        scores_of(person, house), viewing_scores(person, house), investor_type(person, house)
        investor_profile(person, house), rental_profile(person.rentals, house, len(person.platforms), now)
        for talk in person.conversations.values():
            lead_score_of(talk, house)
        actions = policy._offers.setdefault("actions", {})
        for name, value in action_facts(person, house, now).items():
            actions.setdefault(name, set()).add(value)
    return policy._offers


KNOWN: Mapping[str, frozenset[str]] = {
    **{f"on {name}": facts for name, facts in words.OCCASIONS.items()},
    **{f"score {name}": facts for name, facts in words.SCORES.items()},
    **{f"ladder {name}": facts for name, facts in words.LADDERS.items()},
    **{f"milestone {name}": facts for name, facts in words.MILESTONES.items()},
    "actions": words.ACTIONS,
}


def unknown(offers: Offers) -> list[str]:
    """Return what is offered and not in the vocabulary, as an instruction."""
    return [
        f"add {name!r} to the vocabulary of {what!r}"
        for what, facts in sorted(offers.items())
        for name in sorted(facts.keys() - KNOWN.get(what, frozenset()))
    ]


def out_of_bounds(offers: Offers) -> list[str]:
    """Return offered values that the vocabulary says cannot be."""
    return [
        f"{name} was {value!r} on {what!r}"
        for what, facts in offers.items()
        for name, values in facts.items()
        for value in values
        if value is not None and not _fits(name, value)
    ]


def _fits(name: str, value: Any) -> bool:
    least, most = words.SPANS.get(name, (value, value))
    return value in words.ANSWERS.get(name, {value}) and (isinstance(value, str) or least <= value <= most)


def every_golden_fact() -> list[Recorded]:
    """Return all kinds of facts as one person's, each in full and bare, and each milestone and signal there is."""
    told: list[Told] = []
    for kind, fact_type in BY_KIND.items():
        content = golden(kind)
        if kind.startswith(("brokerage.", "ads.conversions", "operations.", "people.subjects", "people.merge")):
            continue
        for state in (content["required"], content["full"]):
            told += [ANNA.did(read(kind, one)) for one in _variants(fact_type, state)]
    return [recorded(one, place) for place, one in enumerate([*told, *OF_OUR_OWN], 1)]


def _variants(fact_type: Any, state: dict[str, Any]) -> list[dict[str, Any]]:
    named = next((name for name in ("milestone", "signal") if name in fact_type.model_fields), None)
    if named is None or not issubclass(fact_type, Touchpoint):
        return [state]
    values = get_args(get_args(fact_type.model_fields[named].annotation)[0]) or get_args(
        fact_type.model_fields[named].annotation
    )
    return [state | {named: value} for value in values if value not in NEEDS]


@cache
def told_both_ways() -> Mapping[str, frozenset[str]]:
    """Return what is offered when everything there is happens, in one order and in the other."""
    log = every_golden_fact()
    back = [entry._replace(position=place) for place, entry in enumerate(reversed(log), 1)]
    found: dict[str, frozenset[str]] = {}
    for offers in (offered(log), offered(back)):
        for what, facts in offers.items():
            found[what] = found.get(what, frozenset()) | facts.keys()
    return found


ELSEWHERE: Mapping[str, frozenset[str]] = {
    "score rental_ltv": words.SCORES["rental_ltv"],  # where a model of lifetime values was fitted
    "score rentals": words.SCORES["rentals"],
    "ladder rental_ltv_band": words.LADDERS["rental_ltv_band"],
    "ladder viewing_competition": words.LADDERS["viewing_competition"],  # asked of all viewings of a property
}
"""What no person's facts offer by themselves."""

texted = ConversationStarted(session_id="texted", conversation_kind="text_thread", occurred_at=at())
OF_OUR_OWN = [
    ANNA.did(fact)
    for fact in (
        stay("own"), referred("own"), hosting(), texted,
        started("own"), room("kitchen", 50, "own"), acted("share", None, "own"),
        *(reached(one, "own") for one in ("bedroom_focused", "kitchen_detailed", "multiple_visits", "tour_downloaded")),
        completed("own"), form(),
    )
]  # fmt: skip
"""What golden facts, closed as they are, do not tell."""


@settings(max_examples=80)
@given(log=histories())
def test_what_rows_are_offered_is_in_the_vocabulary(log: list[Recorded]) -> None:
    offers = offered(log)
    assert unknown(offers) == []
    assert out_of_bounds(offers) == []


def test_what_every_kind_of_fact_offers_is_in_the_vocabulary() -> None:
    offers = offered(every_golden_fact())
    assert unknown(offers) == []
    assert out_of_bounds(offers) == []


@pytest.mark.parametrize("what", KNOWN)
def test_every_word_of_the_vocabulary_is_offered(what: str) -> None:
    found = told_both_ways().get(what, frozenset()) | ELSEWHERE.get(what, frozenset())
    assert sorted(KNOWN[what] - found) == []


@pytest.mark.parametrize("policy", [BRIEF, PLAIN], ids=lambda one: one.name)
def test_nothing_is_odd_about_the_policies_that_are_shipped(policy: Policy) -> None:
    assert lint(policy) == []
