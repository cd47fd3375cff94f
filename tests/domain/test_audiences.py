"""Meta's list of an audience follows ours by difference, whatever Meta answers on the way."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.meta.audiences import row_of
from application.ports.audiences import AudienceMemory, AudiencePlace, Batch, Progress, SyncUnderWay
from application.ports.conversions import Answer, NotAccepted, Parked, Throttled, Transient, Unanswered
from application.ports.outbox import Entry, Leased
from application.sync_audience import MOST_FAILURES, NO_TOKEN, CarryOutSync, SyncAudience
from domain.audiences.difference import Listed, Row, difference
from domain.audiences.events import AudienceDefined, AudienceSynced
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
    progress = Progress()
    try:
        outcome: str = SyncAudience(meta, memory, most, progress=progress).change(DEFINED, wanted)
    except NotAccepted:
        outcome = "broke off"
    return outcome, progress.added, progress.removed, len(memory.rows)


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


def test_what_broke_off_goes_on_next_time() -> None:
    meta, memory = Meta(breaks_at=2), Memory()
    assert sync(meta, memory, people(*range(130))) == ("broke off", 60, 0, 120)
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


# What a worker makes of it.


@dataclass
class Work:
    """What a worker has at hand; what it records is kept. `slow` seconds pass with each look at the clock."""

    meta: AudiencePlace | None
    people: Mapping[str, Row] | None
    remembered: Memory = field(default_factory=Memory)
    held: bool = False
    entries: list[Entry] = field(default_factory=list)
    kept: list[dict[str, int]] = field(default_factory=list)
    slow: float = 0.0
    seconds: float = 0.0

    def wanted(self, brokerage_id: UUID, segment: Segment) -> Mapping[str, Row] | None:
        return self.people

    @contextmanager
    def place(self, brokerage_id: UUID, ad_account_id: str) -> Iterator[AudiencePlace | None]:
        yield self.meta

    def memory(self, brokerage_id: UUID) -> AudienceMemory:
        return self.remembered

    @contextmanager
    def alone(self, audience_id: UUID) -> Iterator[None]:
        if self.held:
            raise SyncUnderWay
        yield

    def about_to_ask(self, message: Leased, progress: Progress) -> None:
        self.kept.append(progress.document())

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    def steady(self) -> float:
        self.seconds += self.slow
        return self.seconds

    def run(self) -> tuple[str, AudienceSynced | None]:
        """Carry the message out, as it was left by the run before; return its state and the fact."""
        payload: dict[str, object] = {"defined": DEFINED.model_dump(mode="json"), "by": "key"}
        if self.kept:
            payload["progress"] = self.kept[-1]
        message = Leased(
            UUID(int=9), UUID(int=1), "sync_audience", None, UUID(int=9), None, 1, 1, payload, at()
        )  # fmt: skip
        CarryOutSync(self, self, steady=self.steady, most_rows=60, longest_run_s=60).run(message)
        entry = self.entries[-1]
        facts = [one.fact for one in entry.facts if isinstance(one.fact, AudienceSynced)]
        return entry.settled[0].state, facts[0] if facts else None


class Refusing(Meta):
    """A Meta that makes no list, for the reason given."""

    def __init__(self, no: NotAccepted) -> None:
        super().__init__()
        self.no = no

    def create(self, ad_account_id: str, name: str) -> str:
        raise self.no


def test_a_sync_that_was_asked_for_ends_in_a_fact() -> None:
    work = Work(Meta(), people(*range(130)))
    state, fact = work.run()
    assert state == "done"
    assert fact is not None
    assert (fact.outcome, fact.size, fact.added, fact.by, fact.message) == ("done", 130, 130, "key", None)
    assert work.entries[-1].facts[0].id == UUID(int=9), "the fact is found by the id of the sync"


def test_how_far_it_is_can_be_seen_before_each_request() -> None:
    work = Work(Meta(), people(*range(130)))
    work.run()
    assert [(one["to_add"], one["added"]) for one in work.kept] == [(130, 0), (130, 0), (70, 60), (10, 120)]


@pytest.mark.parametrize(
    ("no", "words"),
    [
        (NotAccepted(Answer(403, 200, 1870090, "terms were not accepted")), "200/1870090: terms were not accepted"),
        (Parked(Answer(401, 190, 463, "session expired")), "190/463: session expired"),
        (Unanswered(Answer(message="no answer")), ": no answer"),  # asked again, Meta might make a second list
    ],
)
def test_meta_says_no_in_its_own_words(no: NotAccepted, words: str) -> None:
    state, fact = Work(Refusing(no), people(*range(100))).run()
    assert state == "done"
    assert fact is not None
    assert (fact.outcome, fact.message, fact.size) == ("failed", words, 0)


@pytest.mark.parametrize("no", [Transient(Answer(500)), Throttled(Answer(429, 80003, wait_s=90.0))])
def test_a_moment_of_weakness_is_waited_out_but_not_for_ever(no: NotAccepted) -> None:
    work = Work(Refusing(no), people(*range(100)))
    states = [work.run()[0] for _ in range(MOST_FAILURES)]
    assert states == ["waiting"] * (MOST_FAILURES - 1) + ["done"]
    last = work.entries[-1].facts[0].fact
    assert isinstance(last, AudienceSynced)
    assert last.outcome == "failed"


def test_a_request_without_an_answer_is_made_again_and_all_is_counted() -> None:
    work = Work(Meta(breaks_at=2), people(*range(130)))
    assert work.run() == ("waiting", None)
    state, fact = work.run()
    assert state == "done"
    assert fact is not None
    assert (fact.outcome, fact.added, fact.size) == ("done", 130, 130)


def test_a_long_one_goes_on_in_turns() -> None:
    work = Work(Meta(), people(*range(130)), slow=40.0)
    turns = [work.run() for _ in range(4)]
    assert [state for state, _ in turns] == ["waiting", "waiting", "waiting", "done"]
    fact = turns[-1][1]
    assert fact is not None
    assert (fact.outcome, fact.added, fact.size) == ("done", 130, 130)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (Work(None, people(*range(100))), NO_TOKEN),
        (Work(Meta(), None), "the segment is of more than 200000 people: narrow it down"),
    ],
)
def test_what_cannot_be_begun_says_why(work: Work, message: str) -> None:
    state, fact = work.run()
    assert state == "done"
    assert fact is not None
    assert (fact.outcome, fact.message) == ("failed", message)


def test_two_syncs_of_one_audience_never_run_at_once() -> None:
    work = Work(Meta(), people(*range(100)), held=True)
    assert work.run() == ("waiting", None)
    assert work.kept == []
