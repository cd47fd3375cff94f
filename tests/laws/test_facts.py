"""Laws of every fact: declared, golden, sealed and opened without loss, and answered for in every policy."""

import json
from collections.abc import Callable, Iterable
from math import floor
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from adapters.postgres.mapper import Envelope, UnknownKind, decode, encode
from adapters.sealing import key_id_of
from domain.ads import conversions
from domain.ads.conversions import Memory
from domain.brokerage.events import DatasetConnected
from domain.brokerage.rulebook import House
from domain.catalogue import BY_KIND, FACTS, TOUCHPOINTS, kind_of, upcast
from domain.people.hints import PersonHints, Utm
from domain.people.scores import scores_of
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.scoring.policy import ConversionRow, Policy, Trigger, score
from domain.shared.fact import Fact, Touchpoint
from domain.shared.personal import ERASED, Erased, Open, Sealed, opened, personal_fields, privacy_of
from projections.people import PEOPLE
from tests.cast import ANNA, NILE_HOMES, PIXEL, at, recorded
from tests.laws.histories import histories, told_by_people
from tests.memory import MemoryStorage

GOLDEN = Path(__file__).parent.parent / "golden"
KEY = bytes(range(32))
"""The key that the golden files were sealed with; it guards invented people only."""
SUBJECT, STREAM = UUID("5eed0000-0000-4000-8000-000000000001"), UUID("5eed0000-0000-4000-8000-000000000002")
BOTH = pytest.mark.parametrize("policy", [BRIEF, PLAIN], ids=lambda one: one.name)
OBSERVED = [kind for kind, fact in BY_KIND.items() if issubclass(fact, Touchpoint)]
"""Kinds that somebody outside observed: a producer, or a platform."""
kinds = pytest.mark.parametrize("kind", BY_KIND)


def have_key(_token: str) -> bytes | None:
    return KEY


def lost_key(_token: str) -> bytes | None:
    return None


def golden(kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{kind}.json").read_text())
    return content


def read(kind: str, state: dict[str, Any], key_of: Callable[[str], bytes | None] | None = None) -> Fact:
    return decode(kind, json.dumps(state).encode(), STREAM, 1, key_of)


def written(fact: Fact) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(encode(Envelope(STREAM, 1, fact, NILE_HOMES, SUBJECT, key=KEY)))
    return state


# Declared.


def undeclared(models: Iterable[type[BaseModel]]) -> list[str]:
    """Return the fields of which nobody said whether they are personal."""
    return [
        f"{model.__name__}.{name}" for model in models for name in model.model_fields if not privacy_of(model, name)
    ]


def test_every_field_of_every_fact_is_declared_personal_or_open() -> None:
    assert undeclared(FACTS) == []


def test_a_field_that_nobody_declared_is_caught() -> None:
    class Planted(Touchpoint):
        kind: Open[Literal["planted.v1"]] = "planted.v1"
        nickname: str

    assert undeclared([Planted]) == ["Planted.nickname"]


def test_what_a_touchpoint_tells_of_a_person_is_personal() -> None:
    for fact in TOUCHPOINTS.values():
        assert {"hints", "page_url"} <= set(personal_fields(fact))


@kinds
def test_a_kind_has_a_context_a_name_and_a_version(kind: str) -> None:
    context, name, version = kind.split(".")
    assert context.isidentifier()
    assert name.isidentifier()
    assert version == "v1"
    assert kind_of(BY_KIND[kind]) == kind


# Golden.


def lost(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the places where something that was stored is missing or other; what a shape gained since is no loss."""
    match before, after:
        case dict(), dict():
            return [place for name, value in before.items() for place in lost(value, after.get(name), f"{path}.{name}")]
        case list(), list() if len(before) == len(after):
            return [place for at, value in enumerate(before) for place in lost(value, after[at], f"{path}[{at}]")]
        case _:
            return [] if before == after else [path]


def test_a_lost_value_is_caught() -> None:
    assert lost({"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 3}]}) == [".a[0].b"]
    assert lost({"a": 1}, {}) == [".a"]


def test_every_kind_has_its_golden_file_and_no_golden_file_is_orphaned() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(BY_KIND)


@kinds
def test_a_fact_survives_its_golden_file(kind: str) -> None:
    full = golden(kind)["full"]
    fact = read(kind, full)
    assert type(fact) is BY_KIND[kind]
    assert lost(full, again := written(fact)) == []
    assert read(kind, again) == fact


@kinds
def test_personal_values_of_the_golden_file_open_with_their_key(kind: str) -> None:
    content = golden(kind)
    fact = read(kind, content["full"], have_key)
    plain = {name: _plain(getattr(fact, name)) for name in personal_fields(type(fact))}
    assert plain == content.get("opened", {})
    shut = read(kind, content["full"], lost_key)
    assert all(getattr(shut, name) == ERASED for name in plain)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value


@kinds
def test_the_required_fields_alone_are_enough(kind: str) -> None:
    required = golden(kind)["required"]
    fact = read(kind, required)
    again = written(fact)
    assert lost(required, again) == []
    assert read(kind, again) == fact
    for name in required:
        with pytest.raises(ValidationError):
            read(kind, {key: value for key, value in required.items() if key != name})


def test_a_kind_of_a_newer_release_is_told_from_a_broken_one() -> None:
    with pytest.raises(UnknownKind):
        read("tours.teleported.v1", {})
    with pytest.raises(ValidationError):
        read("tours.started.v1", {"occurred_at": "2026-03-01T12:00:00Z"})


def test_an_old_state_is_lifted_step_by_step() -> None:
    lifts = {
        "a.v1": lambda state: ("a.v2", {"two": state["one"]}),
        "a.v2": lambda state: ("a.v3", {**state, "three": True}),
    }
    assert upcast("a.v1", {"one": 1}, lifts) == ("a.v3", {"two": 1, "three": True})
    assert upcast("b.v1", {"one": 1}, lifts) == ("b.v1", {"one": 1})


# Sealed and opened.

texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=50)
hints = st.builds(PersonHints, name=texts, email=texts, phone=st.one_of(st.none(), texts))
urls = st.one_of(st.none(), texts)


@settings(max_examples=80)
@given(told=told_by_people, hints=st.one_of(st.none(), hints), page_url=urls, utm=st.builds(Utm, source=texts))
def test_what_is_stored_comes_back_and_without_the_key_only_what_is_personal_is_lost(
    told: Any, hints: PersonHints | None, page_url: str | None, utm: Utm
) -> None:
    fact = told.fact
    if isinstance(fact, Touchpoint):
        fact = fact.model_copy(update={"hints": hints, "page_url": page_url, "utm": utm})
    state = encode(Envelope(STREAM, 1, fact, NILE_HOMES, SUBJECT, key=KEY))
    assert decode(fact.kind, state, STREAM, 1, have_key) == fact
    personal = [name for name in personal_fields(type(fact)) if getattr(fact, name) is not None]
    erased = decode(fact.kind, state, STREAM, 1, lost_key)
    assert erased == fact.model_copy(update=dict.fromkeys(personal, ERASED))
    closed = decode(fact.kind, state, STREAM, 1)
    for name in personal:
        sealed = getattr(closed, name)
        assert isinstance(sealed, Sealed)
        assert key_id_of(sealed.token) == SUBJECT
        assert opened(sealed) is None


def test_nothing_personal_is_readable_in_the_stored_state() -> None:
    fact = BY_KIND["tours.started.v1"].model_validate(
        {
            "session_id": "s",
            "property_id": "p",
            "occurred_at": at(),
            "hints": {"email": "mona@example.com", "ip": "197.32.1.1"},
            "page_url": "https://nile.example/?email=mona@example.com",
        }
    )
    state = encode(Envelope(STREAM, 1, fact, NILE_HOMES, SUBJECT, key=KEY))
    assert b"mona" not in state
    assert b"197.32" not in state


@pytest.mark.parametrize("moved", [(UUID(int=9), 1), (STREAM, 2)])
def test_a_sealed_value_moved_elsewhere_does_not_open(moved: tuple[UUID, int]) -> None:
    state = golden("tours.started.v1")["full"]
    assert isinstance(decode("tours.started.v1", json.dumps(state).encode(), STREAM, 1, have_key).hints, PersonHints)  # type: ignore[attr-defined]
    elsewhere = decode("tours.started.v1", json.dumps(state).encode(), *moved, have_key)
    assert isinstance(elsewhere.hints, Erased)  # type: ignore[attr-defined]
    swapped = {**state, "page_url": state["hints"]}
    assert read("tours.started.v1", swapped, have_key).page_url == ERASED  # type: ignore[attr-defined]


def test_a_personal_value_without_a_key_is_not_stored() -> None:
    fact = read("tours.started.v1", golden("tours.started.v1")["full"], have_key)
    with pytest.raises(ValueError, match="hints is personal"):
        encode(Envelope(STREAM, 1, fact, NILE_HOMES))


# Answered for in every policy.


def _probe() -> Policy:
    """A policy with a row for every trigger, whatever the facts."""
    rows = tuple(
        ConversionRow(slot=trigger, on=trigger, event_name="Probe", category="x", once_per="touchpoint", why="x")
        for trigger in get_args(Trigger)
    )
    return Policy(name="probe", version=1, scores=(), conversions=rows)


HOUSE = House(datasets={PIXEL: DatasetConnected(dataset_id=PIXEL, occurred_at=at())}, policy=_probe())


def triggers_of(kind: str) -> set[str]:
    """Return the triggers of a policy that a touchpoint of this kind pulls."""
    fact = read(kind, golden(kind)["required"])
    entry = recorded(ANNA.did(fact), 1)
    _, decided = conversions.decide(Memory(), entry, HOUSE, SUBJECT)
    return {one.slot for one in decided}


def unanswered(policy: Policy) -> list[str]:
    """Return the observed kinds for which a policy has neither a conversion nor a reason for none."""
    rows = {row.on for row in policy.conversions}
    return [kind for kind in OBSERVED if not rows & triggers_of(kind) and not policy.silent.get(kind)]


@BOTH
def test_every_touchpoint_has_a_conversion_or_a_written_reason(policy: Policy) -> None:
    assert unanswered(policy) == []
    assert set(policy.silent) <= set(OBSERVED)


def test_a_policy_that_forgets_a_kind_is_caught() -> None:
    rows = tuple(row for row in BRIEF.conversions if row.slot != "lead_form")
    assert unanswered(BRIEF.model_copy(update={"conversions": rows})) == ["leads.form_submitted.v1"]
    assert "people.consent_given.v1" in unanswered(BRIEF.model_copy(update={"silent": {}}))


def test_every_trigger_is_pulled_by_some_fact() -> None:
    assert {trigger for kind in BY_KIND for trigger in triggers_of(kind)} == set(get_args(Trigger))


@BOTH
def test_a_policy_survives_json(policy: Policy) -> None:
    again = Policy.model_validate_json(policy.model_dump_json())
    assert again == policy
    assert again.model_dump_json() == policy.model_dump_json()


@BOTH
def test_every_row_names_a_fact_that_somebody_folds(policy: Policy) -> None:
    fact_names = {row.fact for table in policy.scores for row in table.rows}
    scored = score(policy, "tours", dict.fromkeys(fact_names, None), {})
    assert (scored.score, scored.quality) == (0, "cold")  # what is not known scores nothing


@settings(max_examples=80)
@given(log=histories())
def test_scores_stay_within_a_hundred(log: Any) -> None:
    for person in MemoryStorage(PEOPLE, log).run().all_states().values():
        for one in scores_of(person, House()):
            assert 0 <= one.score.score <= 100
            base = BRIEF.score_table(one.about).base
            assert one.score.score == floor(min(100, base + sum(reason.points for reason in one.score.reasons)) + 0.5)
