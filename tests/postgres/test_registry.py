"""Whose touchpoint it is: the rules by which visitors become people, and people never become one by accident."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid5

import pytest
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.mapper import decode
from adapters.postgres.registry import Answer, Hint, Question, Registry
from adapters.sealing import keyed_hash
from domain.people.events import MergeProposed, SubjectsLinked
from domain.shared.fact import Fact
from tests.cast import DELTA_HOMES, NILE_HOMES, form, saved
from tests.postgres.stage import MASTER, Stage, observed

EMAIL, PHONE, FBP = "mona@example.com", "010 2345 6789", "fb.1.1772366400000.42"


def facts_of(stage: Stage, kind: type[Fact]) -> list[Any]:
    """Return the facts of one class in the log, in order."""
    rows = stage.query("SELECT topic, state, originator_id FROM log.masar_events ORDER BY notification_id")
    return [fact for row in rows if isinstance(fact := decode(row[0], bytes(row[1]), row[2], 1), kind)]


def links(stage: Stage) -> list[tuple[UUID, UUID]]:
    return [(one.subject_id, one.into_subject_id) for one in facts_of(stage, SubjectsLinked)]


def proposals(stage: Stage) -> list[set[UUID]]:
    return [{one.subject_id, one.other_subject_id} for one in facts_of(stage, MergeProposed)]


def test_a_new_person_gets_a_subject_and_a_key_before_their_fact(stage: Stage) -> None:
    (subject,) = stage.subjects(observed("1", email=EMAIL))
    ((wrapped, registered, recorded),) = stage.query(
        "SELECT wrapped_key, created_at, recorded_at FROM registry.subjects JOIN log.masar_events USING (subject_id)"
        " WHERE subject_id = %s", subject,
    )  # fmt: skip
    assert len(MASTER.unwrap(bytes(wrapped), subject)) == 32
    assert registered <= recorded


# fmt: off
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"email": EMAIL},       {"email": " Mona@Example.com "}),
    ({"phone": PHONE},       {"phone": "+20 10 2345 6789"}),
    ({"phone": PHONE},       {"phone": "٠١٠٢٣٤٥٦٧٨٩"}),
    ({"person_id": "crm-7"}, {"person_id": "crm-7"}),
    ({"fbp": FBP},           {"fbp": FBP}),
    ({"visitor_id": "v"},    {"visitor_id": "v"}),
]
# fmt: on


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_identifier_is_the_same_subject_however_it_is_written(
    stage: Stage, one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, again = stage.subjects(observed("1", **one)) + stage.subjects(observed("2", **other))
    assert first == again
    assert links(stage) == []


def test_also_within_one_request(stage: Stage) -> None:
    batch = [observed(str(nth), email=EMAIL) for nth in range(3)]
    assert len(set(stage.subjects(*batch, observed("x", email="other@example.com")))) == 2


def test_two_brokerages_do_not_share_people_nor_their_hashes(stage: Stage) -> None:
    both = (observed("1", email=EMAIL), observed("2", email=EMAIL, brokerage_id=DELTA_HOMES))
    assert len(set(stage.subjects(*both))) == 2
    hashes = stage.query("SELECT DISTINCT hash FROM registry.identities WHERE hint = 'email'")
    assert len(hashes) == 2


def test_the_registry_holds_no_identifier_in_the_clear(stage: Stage) -> None:
    stage.write(observed("1", email=EMAIL, phone=PHONE, fbp=FBP))
    held = stage.query("SELECT hash FROM registry.identities")
    assert len(held) == 4  # the session too
    assert {len(digest) for (digest,) in held} == {32}
    secrets = (b"mona", b"2345", b"fb.1")
    assert not any(secret in bytes(digest) for (digest,) in held for secret in secrets)


def test_what_tells_nothing_has_the_subject_of_its_own_stream(stage: Stage) -> None:
    nothing = observed("1", saved())
    (verdict,) = stage.write(nothing)
    assert verdict.event_id is not None
    assert stage.rows()[0][2] == uuid5(verdict.event_id, "subject")
    assert stage.statuses(nothing, observed("2", saved())) == ["duplicate", "accepted"]
    assert len({row[2] for row in stage.rows()}) == 2


def test_a_visitor_who_tells_who_they_are_is_that_person_without_a_link(stage: Stage) -> None:
    before, after, later = (
        stage.subjects(observed("1", fbp=FBP))[0],
        stage.subjects(observed("2", fbp=FBP, email=EMAIL))[0],
        stage.subjects(observed("3", saved(), email=EMAIL))[0],
    )
    assert before == after == later
    assert links(stage) == []


def test_a_visitor_who_turns_out_to_be_known_is_linked_once(stage: Stage) -> None:
    (person,) = stage.subjects(observed("1", form(), email=EMAIL))
    (visitor,) = stage.subjects(observed("2", fbp=FBP))
    assert stage.subjects(observed("3", fbp=FBP, email=EMAIL)) == [person]
    assert links(stage) == [(visitor, person)]
    stage.write(observed("4", fbp=FBP, email=EMAIL), observed("3", fbp=FBP, email=EMAIL))
    another = Stage(stage.url)  # a process that remembers nothing
    another.write(observed("5", fbp=FBP, email=EMAIL))
    another.close()
    assert links(stage) == [(visitor, person)]
    assert stage.subjects(observed("6", saved(), fbp=FBP)) == [visitor]  # its facts keep its subject


def test_a_session_joins_the_visitor_to_the_person_in_one_request(stage: Stage) -> None:
    (person,) = stage.subjects(observed("1", form(), phone=PHONE))
    visitor, again = stage.subjects(observed("2", fbp=FBP), observed("3", fbp=FBP, phone=PHONE))
    assert again == person
    assert links(stage) == [(visitor, person)]


@pytest.mark.parametrize("hint", [{"fbp": FBP}, {"visitor_id": "kiosk"}, {"fbclid": "click"}])
def test_a_shared_browser_never_joins_two_known_people(stage: Stage, hint: dict[str, Any]) -> None:
    (mona,) = stage.subjects(observed("1", form(), email=EMAIL, **hint))
    (ali,) = stage.subjects(observed("2", form(), email="ali@example.com", **hint))
    (again,) = stage.subjects(observed("3", form(), email="ali@example.com", **hint))
    assert mona != ali == again
    assert (links(stage), proposals(stage)) == ([], [])


def test_a_visitor_linked_to_one_person_is_not_linked_to_the_next(stage: Stage) -> None:
    mona, ali = stage.subjects(observed("1", form(), email=EMAIL), observed("2", form(), email="ali@example.com"))
    (visitor,) = stage.subjects(observed("3", fbp=FBP))
    assert stage.subjects(observed("4", fbp=FBP, email=EMAIL)) == [mona]
    assert stage.subjects(observed("5", fbp=FBP, email="ali@example.com")) == [ali]
    assert links(stage) == [(visitor, mona)]


def test_an_address_says_nothing_about_who_it_is(stage: Stage) -> None:
    one, other = stage.subjects(observed("1", form(), ip="197.32.1.1"), observed("2", form(), ip="197.32.1.1"))
    assert one != other


def test_identifiers_of_two_people_become_a_question_for_a_human_once(stage: Stage) -> None:
    mona, ali = stage.subjects(observed("1", form(), email=EMAIL), observed("2", form(), phone=PHONE))
    for item in ("3", "4"):
        assert stage.subjects(observed(item, form(), email=EMAIL, phone=PHONE)) == [ali]  # a phone is trusted more
    assert proposals(stage) == [{mona, ali}]
    assert links(stage) == []


def test_a_repeat_keeps_the_subject_it_was_stored_with(stage: Stage) -> None:
    (visitor,) = stage.subjects(observed("1", fbp=FBP))
    stage.write(observed("2", form(), email=EMAIL))
    stage.write(observed("3", fbp=FBP, email=EMAIL))
    assert stage.statuses(observed("1", fbp=FBP)) == ["duplicate"]
    assert stage.rows()[0][2] == visitor


def test_a_click_counts_at_its_first_sight_only(stage: Stage) -> None:
    stage.write(observed("1", form(), fbclid="Click", email=EMAIL))
    stage.write(observed("2", form(), fbclid="Click", email=EMAIL))
    first, second = (fact.hint_kinds for fact in facts_of(stage, type(form())))
    assert "fbclid" in first
    assert "fbclid" not in second


# Several processes at once.

ROUNDS = 15


def at_once(stage: Stage, *questions: Question) -> list[Answer]:
    """Ask each question in a process of its own, all at the same moment."""
    barrier = threading.Barrier(len(questions))

    def ask(question: Question) -> Answer:
        with connect(stage.url, "masar_registry") as connection:
            registry = Registry(_Together(connection, barrier.wait), MASTER)  # type: ignore[arg-type]
            return registry.resolve([question])[0]

    with ThreadPoolExecutor(len(questions)) as threads:
        return list(threads.map(ask, questions))


def both(stage: Stage, *questions: Question) -> list[UUID]:
    """Ask all at once; returns the subjects."""
    return [answer.subject.subject_id for answer in at_once(stage, *questions)]


class _Together:
    """A connection that waits for the others once, after it looked and before it writes."""

    def __init__(self, connection: Connection[Any], wait: Callable[[], Any]) -> None:
        self._connection, self._wait = connection, wait

    def execute(self, *arguments: Any, **options: Any) -> Any:
        result = self._connection.execute(*arguments, **options)
        wait, self._wait = self._wait, lambda: None
        wait()
        return result

    def transaction(self) -> Any:
        return self._connection.transaction()


def question(**hints: str) -> Question:
    key = MASTER.for_brokerage(NILE_HOMES)
    found = tuple(Hint(kind, keyed_hash(key, kind, value)) for kind, value in hints.items())
    return Question(NILE_HOMES, found, NILE_HOMES)


def test_two_processes_that_meet_a_new_person_at_once_agree_on_one_subject(stage: Stage) -> None:
    for nth in range(ROUNDS):
        email = f"new-{nth}@example.com"
        one, other = both(stage, question(email=email, fbp=f"a{nth}"), question(email=email, fbp=f"b{nth}"))
        assert one == other
    assert stage.query("SELECT count(*) FROM registry.subjects") == [(ROUNDS,)]  # the loser left nothing behind


def test_a_visitor_told_by_two_processes_to_be_two_people_becomes_one_of_them(stage: Stage) -> None:
    for nth in range(ROUNDS):
        fbp = f"visitor-{nth}"
        both(stage, question(fbp=fbp))
        one, other = both(stage, question(email=f"a{nth}@x.eg", fbp=fbp), question(email=f"b{nth}@x.eg", fbp=fbp))
        assert one != other


def test_a_visitor_that_two_processes_would_join_to_two_people_joins_one(stage: Stage) -> None:
    for nth in range(ROUNDS):
        emails, fbp = (f"c{nth}@x.eg", f"d{nth}@x.eg"), f"shared-{nth}"
        people = [both(stage, question(email=email))[0] for email in emails]
        (visitor,) = both(stage, question(fbp=fbp))
        answers = at_once(stage, *(question(email=email, fbp=fbp) for email in emails))
        assert [answer.subject.subject_id for answer in answers] == people
        assert sorted(visitor in answer.joined for answer in answers) == [False, True]
        ((known_as,),) = stage.query("SELECT known_as FROM registry.subjects WHERE subject_id = %s", visitor)
        assert known_as in people
