"""Policies as versions: written, copied, activated, taken back; and what lint says of one."""

from datetime import timedelta
from typing import Any

import pytest

from application.brokerages import Setup, fold
from application.policies import (
    InvalidPolicy,
    NameTaken,
    NoSuchPolicy,
    NothingToTakeBack,
    NotYet,
    decide_activation,
    decide_copy,
    decide_draft,
    decide_rollback,
    find,
    list_policies,
    read_policy,
)
from domain.brokerage.events import BrokerageFact, BrokerageRegistered, PolicyActivated, PolicyDrafted
from domain.scoring.brief import BRIEF
from domain.scoring.lint import lint
from domain.scoring.plain import PLAIN
from domain.scoring.policy import Policy
from tests.cast import at

FACTS: tuple[BrokerageFact, ...] = (
    BrokerageRegistered(name="Nile Homes", occurred_at=at()),
    PolicyActivated(policy=BRIEF, revision=1, occurred_at=at()),
)
OURS = BRIEF.model_copy(update={"name": "ours", "version": 1})


class Story:
    """A set-up to which something is decided, again and again."""

    def __init__(self) -> None:
        self.facts = list(FACTS)

    @property
    def setup(self) -> Setup:
        return fold(self.facts)

    def draft(self, policy: Policy) -> list[BrokerageFact]:
        return self._told(decide_draft(self.setup, policy, "k_me", at(60)))

    def copy(self, name: str, to: str) -> list[BrokerageFact]:
        return self._told(decide_copy(self.setup, name, None, to, "k_me", at(60)))

    def activate(self, name: str, version: int | None = None, when: float = 60) -> list[BrokerageFact]:
        return self._told(decide_activation(self.setup, name, version, "k_me", at(when)))

    def roll_back(self) -> list[BrokerageFact]:
        return self._told(decide_rollback(self.setup, "k_me", at(120)))

    def in_force(self) -> tuple[str, int]:
        return self.setup.house.policy.label, self.setup.house.revision

    def _told(self, new: list[BrokerageFact]) -> list[BrokerageFact]:
        self.facts += new
        return new


def hotter(hot: int) -> Policy:
    return OURS.model_copy(update={"bands": OURS.bands.model_copy(update={"hot": hot})})


def test_each_change_is_the_next_version_and_none_where_it_says_the_same() -> None:
    story = Story()
    for policy in (hotter(70), hotter(80), hotter(80), hotter(70)):
        story.draft(policy)
    drafts = [fact.policy for fact in story.facts if isinstance(fact, PolicyDrafted)]
    assert [(one.label, one.bands.hot) for one in drafts] == [("ours@1", 70), ("ours@2", 80), ("ours@3", 70)]
    assert find(story.setup, "ours").label == "ours@3"
    assert find(story.setup, "ours", 2).bands.hot == 80
    with pytest.raises(NoSuchPolicy):
        find(story.setup, "ours", 4)


def test_what_is_shipped_belongs_to_nobody() -> None:
    story = Story()
    with pytest.raises(NameTaken):
        story.draft(BRIEF)
    with pytest.raises(NameTaken):
        story.copy("plain", "brief")


def test_a_copy_knows_where_it_came_from_and_takes_no_name_twice() -> None:
    story = Story()
    (fact,) = story.copy("plain", "ours")
    assert isinstance(fact, PolicyDrafted)
    assert (fact.copied_from, fact.policy.label) == (PLAIN.label, "ours@1")
    assert fact.policy.conversions == PLAIN.conversions
    with pytest.raises(NameTaken):
        story.copy("brief", "ours")
    with pytest.raises(InvalidPolicy, match="name"):
        story.copy("brief", "Our Own")


def test_an_activation_holds_from_now_on() -> None:
    story = Story()
    (fact,) = story.activate("plain")
    assert isinstance(fact, PolicyActivated)
    assert fact.policy.effective_from_s == int(at(60).timestamp())
    assert story.in_force() == ("plain@2", 2)
    assert story.activate("plain", when=90) == []  # it is in force already
    with pytest.raises(NotYet):
        decide_activation(story.setup, "brief", None, "k_me", at(), int(at(3_600).timestamp()))


def test_taking_back_leads_to_the_one_before_and_never_in_a_circle() -> None:
    story = Story()
    with pytest.raises(NothingToTakeBack):
        story.roll_back()
    story.draft(OURS)
    story.activate("plain")
    story.activate("ours")
    assert [story.roll_back() and story.in_force() for _ in range(2)] == [("plain@2", 4), ("brief@2", 5)]
    with pytest.raises(NothingToTakeBack):
        story.roll_back()
    story.activate("ours", when=180)
    assert story.in_force() == ("ours@1", 6)


def test_the_list_shows_every_version_and_its_activations() -> None:
    story = Story()
    story.draft(hotter(70))
    story.draft(hotter(80))
    story.activate("ours", 1)
    listed = {one.policy.label: (one.shipped, one.active, one.revisions) for one in list_policies(story.setup)}
    assert listed == {
        "brief@2": (True, False, (1,)), "plain@2": (True, False, ()),
        "ours@1": (False, True, (2,)), "ours@2": (False, False, ()),
    }  # fmt: skip


# A document.


def document(**changes: Any) -> dict[str, Any]:
    return OURS.model_dump(mode="json") | changes


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([], ""),
        (document(name="Ours"), "name"),
        (document(name="simulate"), "name"),
        (document(name=None), "name"),
        (document(colour="red"), "colour"),
        (document(bands={"hot": 1, "warm": 2}), "bands"),
        (document(scores=[{"about": "tours", "rows": [{"fact": "x", "rule": "r", "points": 1, "why": "w"}]}]),
         "scores.0.rows.0"),
        (document(silent={"tours.started.v1": "a\x00b"}), "silent.tours.started.v1"),
        (document(silent={"tours.started.v1": "a\ud800b"}), "silent.tours.started.v1"),
        (document(actions=[{"do": "x", "when": [], "why": "w"}] * 2_001), ""),
        (document(commission_rate=float("nan")), "commission_rate"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused_by_the_path_of_the_field(wrong: Any, field: str) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        read_policy(wrong)
    assert [one.field for one in refused.value.problems] == [field]


def test_version_and_time_of_a_document_are_ours() -> None:
    read = read_policy(document(version=99, effective_from_s=5))
    assert (read.version, read.effective_from_s) == (1, 0)
    assert read.conversions == BRIEF.conversions


# Odd.

TOUR_ROW = {"fact": "total_time_s", "rule": "long", "points": 80, "why": "stayed"}


def odd(**changes: Any) -> list[tuple[str, bool]]:
    """Return place and weight of what is odd about a small policy."""
    least = {"name": "ours", "version": 1, "scores": [], "conversions": []}
    return [(one.place, one.never_fires) for one in lint(Policy.model_validate(least | changes))]


def conversion(**changes: Any) -> dict[str, Any]:
    return {
        "slot": "tour_outcome", "on": "tour_closed", "event_name": "Lead", "category": "x", "once_per": "session",
        "why": "x",
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("test", "fires"),
    [
        ({"fact": "total_time_s", "above": 300}, True),
        ({"fact": "total_time", "above": 300}, False),  # nobody knows it by this name
        ({"fact": "price", "above": 300}, True),  # the price of the home that was toured
        ({"fact": "total_time_s", "above": 300, "below": 200}, False),
        ({"fact": "total_time_s", "above": 300, "at_most": 300}, False),
        ({"fact": "total_time_s", "at_least": 300, "at_most": 300}, True),
        ({"fact": "completion_rate", "above": 1}, False),  # a fraction
        ({"fact": "completion_rate", "at_least": 1}, True),
        ({"fact": "engagement_score", "at_least": 101}, False),
        ({"fact": "quality", "equals": "hot"}, True),
        ({"fact": "quality", "equals": "tepid"}, False),
    ],
)
def test_a_condition_that_nothing_can_pass_is_pointed_out(test: dict[str, Any], fires: bool) -> None:
    found = odd(conversions=[conversion(when=[test])])
    assert found == ([] if fires else [("conversions[0] tour_outcome", True)])


def test_two_conditions_may_leave_nothing_together() -> None:
    apart = [{"fact": "total_time_s", "above": 300}, {"fact": "total_time_s", "below": 300}]
    assert odd(conversions=[conversion(when=apart)]) == [("conversions[0] tour_outcome", True)]


def test_a_row_behind_a_wider_one_never_comes_to_its_turn() -> None:
    wide, narrow = {"fact": "total_time_s", "at_least": 60}, {"fact": "total_time_s", "at_least": 600}
    assert odd(conversions=[conversion(when=[wide]), conversion(when=[narrow])]) == [
        ("conversions[1] tour_outcome", True)
    ]
    assert odd(conversions=[conversion(when=[narrow]), conversion(when=[wide])]) == []
    assert odd(conversions=[conversion(when=[wide]), conversion(slot="other", when=[narrow])]) == []
    strict, same = {"fact": "total_time_s", "above": 60}, {"fact": "total_time_s", "at_least": 60}
    assert odd(conversions=[conversion(when=[strict]), conversion(when=[same])]) == []


def test_a_rung_behind_one_that_always_holds_is_pointed_out() -> None:
    rungs = [
        {"label": "any", "when": [], "why": "x"},
        {"label": "high", "when": [{"fact": "engagement", "at_least": 70}], "why": "x"},
    ]
    ladder = {"name": "engagement_level", "rungs": rungs, "otherwise": "low"}
    assert odd(ladders=[ladder]) == [("ladders[0] engagement_level.high", True)]
    assert odd(ladders=[{**ladder, "name": "mood"}]) == [("ladders[0] mood", True)]


def test_a_score_that_reaches_no_band_is_only_a_warning() -> None:
    table = {"about": "tours", "rows": [{**TOUR_ROW, "points": 50, "above": 1}]}
    assert odd(scores=[table]) == [("scores[0] tours", False)]
    assert odd(scores=[{**table, "about": "dreams"}]) == [("scores[0] dreams", True)]


def test_a_milestone_of_ones_own_can_be_asked_for_and_nobody_elses() -> None:
    milestone = {"name": "walked_twice", "about": "tours", "why": "x", "when": [{"fact": "rooms_visited", "above": 1}]}
    row = conversion(on="tour_progress", when=[{"fact": "walked_twice", "equals": True}])
    assert odd(milestones=[milestone], conversions=[row]) == []
    assert odd(milestones=[{**milestone, "about": "appraisals", "when": []}], conversions=[row]) == [
        ("conversions[0] tour_outcome", True)
    ]


def test_what_would_be_told_of_nothing_is_a_warning() -> None:
    row = conversion(value={"base": "prize", "factor": 2}, extra=["mood", "price"], slot="tour:{moon}")
    assert odd(conversions=[row]) == [
        ("conversions[0] tour:{moon}.value", False), ("conversions[0] tour:{moon}.extra", False),
        ("conversions[0] tour:{moon}.slot", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"messaging_name": "LeadSubmitted"}, []),
        ({"messaging_name": "Schedule"}, [("conversions[0] tour_outcome.messaging_name", False)]),
        ({"event_name": "Purchase", "value": {"fixed": 5}}, []),
        ({"event_name": "Purchase"}, [("conversions[0] tour_outcome.value", False)]),
    ],
)
def test_what_meta_would_not_take_is_a_warning(row: dict[str, Any], found: list[tuple[str, bool]]) -> None:
    assert odd(conversions=[conversion(**row)]) == found


def test_a_moment_is_told_in_the_brokerages_list_as_it_was_decided() -> None:
    story = Story()
    story.draft(OURS)
    (written,) = [one for one in list_policies(story.setup) if one.policy.name == "ours"]
    assert (written.written_at, written.by) == (at() + timedelta(seconds=60), "k_me")
