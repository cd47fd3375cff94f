"""What a conversion lacks is said with numbers; rules make a draft of a policy and change nothing themselves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from application.brokerages import fold
from application.policies import NameTaken
from application.propose_policy import NothingToPropose, decide_proposal, newest_label
from domain.ads.improvements import Decided, improvements
from domain.ads.optimisation import OptimisationRule, matched, propose
from domain.brokerage.events import PolicyDrafted
from domain.scoring.policy import Condition, ConversionRow, FactValue, Policy, Value
from tests.cast import activated, at, registered

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = Decided(
    event_name="Lead", event_id="px-1", own_event_id="c-1", status="accepted", reason=None, action_source="website",
    channel=None, value=500.0, currency="EGP", occurred_at=NOW, recorded_at=NOW,
    kinds=frozenset({
        "page_url", "email", "phone", "fbc", "fbp", "ip", "user_agent", "name", "birth_date", "zip", "city", "state",
        "gender", "country", "person_id",
    }),
)  # fmt: skip


def codes(one: Decided) -> dict[str, str]:
    return {found.code: found.about for found in improvements(one)}


def test_a_conversion_that_lacks_nothing_needs_nothing() -> None:
    assert improvements(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "withheld", "reason": "no_consent"}, {"withheld": "no_consent"}),
        ({"status": "rejected", "reason": "100/2804048: bad"}, {"rejected": "100/2804048: bad"}),
        ({"status": "dead", "reason": None}, {"dead": "no reason given"}),
        ({"recorded_at": NOW + timedelta(hours=1, seconds=1)}, {"late": "recorded_at"}),
        ({"recorded_at": NOW + timedelta(hours=1)}, {}),
        ({"event_name": "Purchase", "value": None}, {"missing_value": "value"}),
        ({"currency": None}, {"missing_currency": "currency"}),
        ({"event_id": "c-1"}, {"no_browser_id": "browser_event"}),
        ({"event_id": "c-1", "action_source": "chat"}, {}),
        ({"kinds": GOOD.kinds - {"page_url"}}, {"missing_page": "page_url"}),
        ({"kinds": GOOD.kinds - {"phone"}}, {"missing_field": "phone"}),
        ({"kinds": GOOD.kinds - {"fbc"}}, {"missing_field": "fbclid", "no_click_id": "fbc"}),
        ({"status": "withheld", "reason": "test_traffic", "currency": None}, {}),
        ({"status": "withheld", "reason": "before_policy"}, {}),
    ],
)
def test_what_is_missing_or_held_back_is_named(change: dict[str, object], expected: dict[str, str]) -> None:
    assert codes(replace(GOOD, **change)) == expected  # type: ignore[arg-type]


def test_a_missing_field_says_what_it_would_bring() -> None:
    (found,) = improvements(replace(GOOD, kinds=GOOD.kinds - {"phone"}))
    assert found.now is not None
    assert found.then is not None
    assert 0 < found.now < found.then <= 10


def test_what_meta_refused_can_still_be_sent_again() -> None:
    assert [one.again for one in improvements(replace(GOOD, status="rejected"))] == [True]
    assert [one.again for one in improvements(replace(GOOD, status="withheld", reason="too_old"))] == [False]


# Rules.


def row(slot: str, **more: object) -> ConversionRow:
    told = {"on": "lead_form", "event_name": "Lead", "category": "leads", "once_per": "lead", "why": "given"}
    return ConversionRow.model_validate({"slot": slot, **told, **more})


LEAD = row("lead_form", value={"fixed": 500})
SALE = row("sale", on="direct", event_name="Purchase", value={"base": "value", "factor": 1}, exact=True)
POLICY = Policy(name="ours", version=3, scores=(), conversions=(LEAD, SALE))
OF_LEADS = Condition(fact="slot", equals="lead_form")


def rule(*when: Condition, **then: object) -> OptimisationRule:
    return OptimisationRule.model_validate({"name": "ours", "when": when, "why": "worth more to us", **then})


def test_a_rule_about_rows_changes_the_rows_that_it_names() -> None:
    proposal = propose(POLICY, [rule(OF_LEADS, scale_value_by=1.5)])
    assert [one.value for one in proposal.policy.conversions] == [Value(fixed=750), SALE.value]
    (change,) = proposal.changes
    assert (change.slot, change.added, change.before, change.after.why) == (
        "lead_form", False, LEAD, "worth more to us",
    )  # fmt: skip
    assert POLICY.conversions == (LEAD, SALE), "the policy itself is as it was"


def test_a_rule_that_asks_for_facts_puts_its_row_before_the_one_that_is_there() -> None:
    dear = Condition(fact="price", at_least=5_000_000)
    proposal = propose(POLICY, [rule(OF_LEADS, dear, use_event_name="SubmitApplication")])
    first, second, third = proposal.policy.conversions
    assert (first.event_name, first.when, first.slot) == ("SubmitApplication", (dear,), "lead_form")
    assert (second, third) == (LEAD, SALE)
    assert proposal.changes[0].added


def test_somebodys_own_word_is_not_scaled_and_the_rule_says_that_it_does_nothing() -> None:
    of_sales = Condition(fact="event_name", equals="Purchase")
    proposal = propose(POLICY, [rule(of_sales, scale_value_by=2)])
    assert (proposal.policy, proposal.changes, proposal.idle) == (POLICY, (), ("ours",))


def test_a_rule_meets_conversions_by_their_fields() -> None:
    found: list[dict[str, FactValue]] = [
        {"slot": "lead_form", "value": 10.0}, {"slot": "lead_form", "value": 2.0}, {"slot": "sale", "value": 99.0},
    ]  # fmt: skip
    assert matched(rule(OF_LEADS, Condition(fact="value", above=5), scale_value_by=2), found) == found[:1]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"scale_value_by": 0}, {"scale_value_by": 101}, {"when": (), "scale_value_by": 2}, {"use_event_name": ""}],
)
def test_a_rule_that_does_nothing_or_too_much_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OptimisationRule.model_validate({"name": "ours", "when": (OF_LEADS,), "why": "so", **wrong})


# The draft.

SETUP = fold([registered().fact, activated(POLICY).fact])  # type: ignore[list-item]


def test_a_proposal_is_a_draft_and_activates_nothing() -> None:
    proposal, facts = decide_proposal(SETUP, [rule(OF_LEADS, scale_value_by=2)], "key", at())
    (draft,) = facts
    assert isinstance(draft, PolicyDrafted)
    assert (draft.policy.name, draft.copied_from, draft.by) == ("ours", "ours@3", "key")
    assert draft.policy.conversions == proposal.policy.conversions
    assert newest_label(SETUP, facts, None) == ("ours", draft.policy.version)


def test_the_same_proposal_again_is_no_news() -> None:
    wanted = [rule(OF_LEADS, scale_value_by=2)]
    _, facts = decide_proposal(SETUP, wanted, "key", at())
    again = fold([registered().fact, activated(POLICY).fact, *facts])  # type: ignore[list-item]
    assert decide_proposal(again, wanted, "key", at(1))[1] == []


def test_rules_that_change_nothing_propose_nothing_and_shipped_names_stay_free() -> None:
    with pytest.raises(NothingToPropose):
        decide_proposal(SETUP, [], "key", at())
    with pytest.raises(NameTaken):
        decide_proposal(SETUP, [rule(OF_LEADS, scale_value_by=2)], "key", at(), "brief")
    shipped = fold([registered().fact, activated().fact])  # type: ignore[list-item]
    of_leads = Condition(fact="category", equals=shipped.house.policy.conversions[0].category)
    _, (draft,) = decide_proposal(shipped, [rule(of_leads, use_event_name="Other")], "key", at())
    assert isinstance(draft, PolicyDrafted)
    assert draft.policy.name == "brief-optimised"
