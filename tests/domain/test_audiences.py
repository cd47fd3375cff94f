"""Meta's list of an audience follows ours by difference, whatever Meta answers on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.meta.audiences import row_of
from application.ports.audiences import Batch
from application.ports.conversions import Answer, NotAccepted, Unanswered
from application.sync_audience import SyncAudience
from domain.audiences.difference import Listed, Row, difference
from domain.audiences.events import AudienceDefined
from domain.audiences.segment import Segment
from tests.cast import at

AUDIENCE = UUID(int=7)
DEFINED = AudienceDefined(
    audience_id=AUDIENCE, name="Hot", version=1, segment=Segment(qualities=("hot",)), ad_account_id="42",
    occurred_at=at(),
)  # fmt: skip


def people(*numbers: int, phone: str = "") -> dict[str, Row]:
    return {f"p{number:04}": (f"p{number:04}", f"hash{number}", phone) for number in numbers}


@dataclass
class Meta:
    """A list at Meta; `breaks_at` is the call at which it stops answering, having done what was asked or not."""

    rows: set[Row] = field(default_factory=set)
    calls: list[tuple[str, int, bool, int]] = field(default_factory=list)
    breaks_at: int = -1
    did_it: bool = True

    def create(self, ad_account_id: str, name: str) -> str:
        return f"{ad_account_id}-{name}"

    def add(self, list_id: str, batch: Batch) -> int:
        return self._call("add", batch)

    def remove(self, list_id: str, batch: Batch) -> int:
        return self._call("remove", batch)

    def _call(self, verb: str, batch: Batch) -> int:
        self.calls.append((verb, batch.number, batch.last, len(batch.rows)))
        broken = len(self.calls) == self.breaks_at
        if not broken or self.did_it:
            self.rows = self.rows | set(batch.rows) if verb == "add" else self.rows - set(batch.rows)
        if broken:
            raise Unanswered(Answer(message="no answer"))
        return 0


@dataclass
class Memory:
    """What we remember, in memory."""

    id: str | None = None
    rows: dict[str, Listed] = field(default_factory=dict)

    def list_id(self, audience_id: UUID) -> str | None:
        return self.id

    def created(self, audience_id: UUID, list_id: str) -> None:
        self.id = list_id

    def listed(self, audience_id: UUID) -> Mapping[str, Listed]:
        return dict(self.rows)

    def adding(self, audience_id: UUID, rows: Mapping[str, Row]) -> None:
        self.rows |= {person: Listed(row, sure=False) for person, row in rows.items()}

    def added(self, audience_id: UUID, people: Sequence[str]) -> None:
        self.rows |= {person: Listed(self.rows[person].row, sure=True) for person in people}

    def removed(self, audience_id: UUID, people: Sequence[str]) -> None:
        for person in people:
            del self.rows[person]


def sync(meta: Meta, memory: Memory, wanted: Mapping[str, Row], most: int = 60) -> tuple[str, int, int, int]:
    fact = SyncAudience(meta, memory, most).sync(DEFINED, wanted, "key", at())
    return fact.outcome, fact.added, fact.removed, fact.size


def test_the_first_sync_adds_everybody_in_numbered_batches() -> None:
    meta, memory = Meta(), Memory()
    assert sync(meta, memory, people(*range(130))) == ("done", 130, 0, 130)
    assert meta.calls == [("add", 1, False, 60), ("add", 2, False, 60), ("add", 3, True, 10)]
    assert meta.rows == set(people(*range(130)).values())


def test_the_next_one_tells_the_difference_alone_and_removes_first() -> None:
    meta, memory = Meta(), Memory()
    sync(meta, memory, people(*range(130)))
    meta.calls.clear()
    wanted = people(*range(5, 131)) | people(10, phone="new")
    assert sync(meta, memory, wanted) == ("done", 2, 6, 126)
    assert [call[0] for call in meta.calls] == ["remove", "add"]
    assert meta.rows == set(wanted.values())
    meta.calls.clear()
    assert sync(meta, memory, wanted) == ("done", 0, 0, 126)
    assert meta.calls == []


def test_below_a_hundred_nobody_is_added_and_no_list_is_made() -> None:
    meta, memory = Meta(), Memory()
    assert sync(meta, memory, people(*range(99))) == ("too_small", 0, 0, 0)
    assert (meta.calls, memory.id) == ([], None)


def test_who_withdraws_is_taken_off_however_few_are_left() -> None:
    meta, memory = Meta(), Memory()
    sync(meta, memory, people(*range(100)))
    assert sync(meta, memory, people(*range(1, 60), 700)) == ("too_small", 0, 41, 59)
    assert meta.rows == set(people(*range(1, 60)).values())
    assert sync(meta, memory, {}) == ("too_small", 0, 59, 0)
    assert meta.rows == set()


def test_what_meta_refuses_is_told_and_goes_on_next_time() -> None:
    meta, memory = Meta(breaks_at=2), Memory()
    fact = SyncAudience(meta, memory, 60).sync(DEFINED, people(*range(130)), "key", at())
    assert (fact.outcome, fact.added, fact.message) == ("failed", 60, ": no answer")
    assert sync(meta, memory, people(*range(130))) == ("done", 70, 0, 130)


sets = st.sets(st.integers(0, 250), min_size=0, max_size=250)


@given(st.lists(st.tuples(sets, st.integers(-1, 6), st.booleans()), min_size=1, max_size=4), sets)
def test_after_any_failures_one_good_sync_sets_it_right(
    tries: list[tuple[set[int], int, bool]], last: set[int]
) -> None:  # fmt: skip
    meta, memory = Meta(), Memory()
    for wanted, breaks_at, did_it in tries:
        meta.calls.clear()
        meta.breaks_at, meta.did_it = breaks_at, did_it
        sync(meta, memory, people(*wanted))
        assert {row[0] for row in meta.rows} <= set(memory.rows), "nobody is on the list without our knowing"
    meta.calls.clear()
    meta.breaks_at = -1
    sync(meta, memory, people(*last))
    ours = set(people(*last).values())
    assert meta.rows <= ours, "nobody who should not be is on the list"
    assert len(last) < 100 or meta.rows == ours


def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    listed = {"p0001": Listed(people(1)["p0001"], sure=False)}
    assert difference(people(1), listed, least=1).add == people(1)
    assert difference(people(1), {"p0001": Listed(people(1)["p0001"], sure=True)}, least=1).add == {}


# Rows and segments.


def test_contacts_are_normalised_and_hashed_and_the_id_is_not() -> None:
    row = row_of("p1", " Mona@Example.com ", "0100 123 4567", "EG")
    mona, phone = (sha256(text).hexdigest() for text in (b"mona@example.com", b"201001234567"))
    assert row == ("p1", mona, phone)
    assert row_of("p1", "mona@example.com", None, "EG") == ("p1", mona, "")
    assert row_of("p1", None, "+20 100 123 4567", "EG") == ("p1", "", phone)


@pytest.mark.parametrize(("email", "phone"), [(None, None), ("nobody", None), ("", "12")])
def test_somebody_without_a_usable_contact_is_no_row(email: str | None, phone: str | None) -> None:
    assert row_of("p1", email, phone, "EG") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"currency": "EGP"}, {"qualities": ["tepid"]}, {"seen_within_days": 0},
        {"score_at_least": 80, "score_at_most": 70}, {"never_converted": True, "conversions_at_least": 1},
        {"platforms": ["tiktok"]}, {"value_at_least": float("nan")},
    ],
)  # fmt: skip
def test_a_segment_of_everybody_or_of_nothing_known_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Segment.model_validate(wrong)


def test_meta_says_no_in_its_own_words() -> None:
    class Refusing(Meta):
        def create(self, ad_account_id: str, name: str) -> str:
            raise NotAccepted(Answer(403, 200, 1870090, "terms were not accepted"))

    fact = SyncAudience(Refusing(), Memory()).sync(DEFINED, people(*range(100)), "key", at())
    assert (fact.outcome, fact.message) == ("failed", "200/1870090: terms were not accepted")
