"""Whose a touchpoint is that anybody could have sent: the visitor's own, and never a person's by what it claims."""

from typing import Any
from uuid import UUID

import pytest

from adapters.postgres.mapper import decode
from application.ports.touchpoints import Observed
from domain.people.events import MergeProposed, SubjectsLinked
from domain.shared.fact import Fact, Touchpoint
from tests.cast import form, saved, started
from tests.postgres.stage import Stage, observed

EMAIL, VISITOR, FBP = "mona@example.com", "v-1", "fb.1.1772366400000.42"


def from_page(item_id: str, fact: Touchpoint | None = None, **hints: str) -> Observed:
    """Return a touchpoint as the door hands it on that came with a browser's key."""
    fact = (fact or saved()).model_copy(update={"unverified": True})
    return observed(item_id, fact, producer="browser:site", **hints)


def facts_of(stage: Stage, kind: type[Fact]) -> list[Any]:
    rows = stage.query("SELECT topic, state, originator_id FROM log.masar_events ORDER BY notification_id")
    return [fact for row in rows if isinstance(fact := decode(row[0], bytes(row[1]), row[2], 1), kind)]


def links(stage: Stage) -> list[tuple[UUID, UUID]]:
    return [(one.subject_id, one.into_subject_id) for one in facts_of(stage, SubjectsLinked)]


@pytest.mark.parametrize("hint", [{"visitor_id": VISITOR}, {"fbp": FBP}])
def test_the_same_browser_is_the_same_visitor(stage: Stage, hint: dict[str, str]) -> None:
    one, other = stage.subjects(from_page("1", **hint), from_page("2", **hint))
    assert one == other


@pytest.mark.parametrize("forged", [{"email": EMAIL}, {"phone": "010 2345 6789"}, {"person_id": "crm-7"}])
def test_what_names_a_human_finds_nobody_and_is_not_registered(stage: Stage, forged: dict[str, str]) -> None:
    (person,) = stage.subjects(observed("1", form(), **forged))
    one, other = stage.subjects(from_page("2", **forged), from_page("3", visitor_id=VISITOR, **forged))
    assert len({person, one, other}) == 3
    (again,) = stage.subjects(observed("4", saved(), **forged))
    assert again == person
    assert (links(stage), facts_of(stage, MergeProposed)) == ([], [])


def test_a_claim_made_before_the_human_came_is_not_theirs_either(stage: Stage) -> None:
    (stranger,) = stage.subjects(from_page("1", visitor_id=VISITOR, email=EMAIL))
    (person,) = stage.subjects(observed("2", form(), email=EMAIL))
    assert stranger != person
    assert links(stage) == []
    assert stage.query("SELECT count(*) FROM registry.identities WHERE hint = 'email'") == [(1,)]


def test_a_server_that_knows_both_joins_the_visitor(stage: Stage) -> None:
    (person,) = stage.subjects(observed("1", form(), email=EMAIL))
    (visitor,) = stage.subjects(from_page("2", visitor_id=VISITOR, email="forged@example.com"))
    assert stage.subjects(observed("3", saved(), visitor_id=VISITOR, email=EMAIL)) == [person]
    assert links(stage) == [(visitor, person)]


def test_no_page_joins_another_browser_to_a_person(stage: Stage) -> None:
    (person,) = stage.subjects(observed("1", form(), visitor_id=VISITOR, email=EMAIL))
    (other,) = stage.subjects(from_page("2", fbp=FBP))
    assert stage.subjects(from_page("3", visitor_id=VISITOR, fbp=FBP)) == [person]  # their own browser again
    assert links(stage) == []
    assert stage.subjects(from_page("4", fbp=FBP)) == [other]
    stage.write(observed("5", saved(), visitor_id=VISITOR, fbp=FBP))
    assert links(stage) == [(other, person)]  # a server may say so


@pytest.mark.parametrize("hint", ["fbclid", "fbc", "ctwa_clid"])
def test_a_shared_link_makes_nobody_the_one_who_shared_it(stage: Stage, hint: str) -> None:
    (person,) = stage.subjects(observed("1", form(), email=EMAIL, **{hint: "click-1"}))
    one, other, bare = stage.subjects(
        from_page("2", visitor_id="v-2", **{hint: "click-1"}),
        from_page("3", visitor_id="v-3", **{hint: "click-1"}),
        from_page("4", **{hint: "click-1"}),
    )
    assert len({person, one, other, bare}) == 4


def test_a_guessed_session_finds_nobody(stage: Stage) -> None:
    (person,) = stage.subjects(observed("1", started(session="tour-1"), email=EMAIL))
    (stranger,) = stage.subjects(from_page("2", started(session="tour-1"), visitor_id=VISITOR))
    assert stranger != person
    (squatter,) = stage.subjects(from_page("3", started(session="tour-2"), visitor_id=VISITOR))
    (next_one,) = stage.subjects(observed("4", started(session="tour-2"), email="ali@example.com"))
    assert squatter == stranger != next_one
    assert links(stage) == []


def test_without_a_visitors_id_a_session_is_one_visitor(stage: Stage) -> None:
    one, again = stage.subjects(from_page("1", started(session="s-1")), from_page("2", started(session="s-1")))
    (other,) = stage.subjects(from_page("3", started(session="s-2")))
    assert one == again != other


def test_a_click_counts_at_each_browsers_first_sight(stage: Stage) -> None:
    for nth, visitor in enumerate(("v-1", "v-1", "v-2")):
        stage.write(from_page(str(nth), visitor_id=visitor, fbclid="click-1"))
    told = ["fbclid" in fact.hint_kinds for fact in facts_of(stage, Touchpoint)]
    assert told == [True, False, True]


def test_claims_stay_sealed_in_the_touchpoint_for_matching(stage: Stage) -> None:
    stage.write(from_page("1", visitor_id=VISITOR, email=EMAIL, ip="197.32.1.1"))
    (fact,) = facts_of(stage, Touchpoint)
    assert {"visitor_id", "email", "ip"} <= set(fact.hint_kinds)
    assert not any(b"mona" in bytes(state) for (state,) in stage.query("SELECT state FROM log.masar_events"))
