"""A thread as it stands: its state with reasons, who holds it, who waits, what was said last."""

from collections.abc import Sequence

from domain.messaging import fold_thread as threads
from domain.messaging.message import Message
from domain.messaging.message import evolve as tell
from domain.messaging.message import keys as keys_of
from domain.messaging.thread import Thread
from domain.messaging.threads import session_of, thread_of_session
from domain.shared.clock import millis
from domain.shared.fact import Fact
from domain.shared.outbox import OutboxMessage
from projections.messages import MESSAGES
from projections.people import PEOPLE
from projections.threads import THREADS
from tests.cast import ANNA, NILE_HOMES, OPEN_HOUSE, Told, at, recorded
from tests.cast_messaging import (
    AD,
    DAY,
    HOUR,
    THREAD,
    altered,
    asked,
    echoed,
    entry,
    fetched,
    held_by,
    moved,
    rated,
    receipt,
    sealed,
    settled,
    signal,
    wrote,
)
from tests.laws.histories import in_order
from tests.memory import MemoryStorage


def named(fact: Fact, name: str) -> Told:
    """Return a fact of Anna's thread whose log entry has a name."""
    told = ANNA.did(fact)
    return Told(told.fact, told.subject_id, told.learned_s, name)


def folded(*told: Fact | Told) -> Thread:
    one = Thread()
    for place, fact in enumerate(told, 1):
        one = threads.evolve(one, recorded(fact if isinstance(fact, Told) else ANNA.did(fact), place))
    return one


def states(one: Thread) -> list[str]:
    return [move.state for move in one.moves]


def caused(*told: Fact | Told) -> list[OutboxMessage]:
    """Return what a thread puts into the outbox, in order."""
    log = in_order([*OPEN_HOUSE, *(one if isinstance(one, Told) else ANNA.did(one) for one in told)])
    return list(MemoryStorage(THREADS, log).run().messages.values())


def kinds(messages: Sequence[OutboxMessage]) -> list[str]:
    return [one.kind for one in messages]


# State.


def test_a_thread_is_new_until_somebody_answers() -> None:
    new = folded(wrote(0), wrote(60))
    assert (new.state, new.inbound, new.unread) == ("NEW", 2, 2)
    active = folded(wrote(0), asked(5))
    assert (active.state, active.moves[-1].reason) == ("ACTIVE", "the assistant answered")
    assert folded(wrote(0), echoed(5)).moves[-1].reason == "somebody answered in the platform's app"


def test_a_thread_that_grew_quiet_opens_again_with_the_customer() -> None:
    quiet = folded(wrote(), asked(5), moved("ACTIVE", "IDLE", HOUR), moved("IDLE", "CLOSED", 2 * DAY))
    assert quiet.state == "CLOSED"
    again = folded(wrote(), asked(5), moved("ACTIVE", "IDLE", HOUR), moved("IDLE", "CLOSED", 2 * DAY), wrote(3 * DAY))
    assert states(again) == ["NEW", "ACTIVE", "IDLE", "CLOSED", "ACTIVE"]
    assert again.moves[-1].reason == "the customer wrote again"


def test_who_answers_in_the_app_opens_a_closed_thread_again() -> None:
    again = folded(wrote(), moved("NEW", "CLOSED", 60), echoed(90))
    assert (again.state, again.moves[-1].reason) == ("ACTIVE", "somebody answered in the platform's app")


def test_a_survey_after_closing_opens_nothing() -> None:
    closed = folded(wrote(), asked(5), moved("ACTIVE", "CLOSED", 60), asked(61, "system", purpose="survey"))
    assert closed.state == "CLOSED"


def test_an_echo_on_instagram_may_be_our_own_survey_and_opens_nothing() -> None:
    told = [wrote(), moved("NEW", "CLOSED", 60), echoed(62)]
    for_us = [one.model_copy(update={"channel": "instagram"}) for one in told]
    assert (folded(*told).state, folded(*for_us).state) == ("ACTIVE", "CLOSED")
    again = [*for_us, wrote(90).model_copy(update={"channel": "instagram"})]
    assert folded(*again).state == "ACTIVE"


def test_taking_over_waits_for_the_agent_and_releasing_goes_on() -> None:
    taken = folded(wrote(), held_by("omar", 1, 10, until=at(HOUR)))
    assert (taken.state, taken.holder, taken.agent, taken.fence) == ("WAITING_AGENT", "agent", "omar", 1)
    assert (taken.unread, taken.held_until_ms) == (0, millis(at(HOUR)))
    assert folded(wrote(), held_by("omar", 1, 10), wrote(20)).state == "WAITING_AGENT"
    back = folded(wrote(), held_by("omar", 1, 10), held_by(None, 2, 20))
    assert (back.state, back.holder, back.agent, back.fence) == ("ACTIVE", "assistant", None, 2)


def test_an_older_fence_changes_nothing() -> None:
    assert folded(wrote(), held_by("omar", 2, 10), held_by(None, 1, 20)).agent == "omar"


def test_history_and_what_another_application_holds_change_no_state() -> None:
    past = folded(wrote(-DAY, standby=True, past=True), echoed(-DAY, past=True))
    assert (past.state, past.moves, past.waiting_ms, past.unread) == ("NEW", (), None, 0)
    assert (past.inbound, past.echoed) == (1, 1)


# Who waits.


def test_the_first_of_several_messages_is_who_waits_since() -> None:
    assert folded(wrote(0), wrote(3), wrote(7)).waiting_ms == millis(at(1))
    assert folded(wrote(0), wrote(3), asked(4)).waiting_ms is None


def test_a_send_that_never_went_out_leaves_the_customer_waiting() -> None:
    cancelled = folded(wrote(0), named(asked(4), "send"), settled(entry("send"), "cancelled", 5, by="takeover"))
    assert cancelled.waiting_ms == millis(at(1))
    sent = folded(wrote(0), named(asked(4), "send"), settled(entry("send"), "accepted", 5))
    assert (sent.waiting_ms, sent.under_way) == (None, ())


def test_an_answer_in_the_app_that_is_older_than_the_question_answers_nothing() -> None:
    assert folded(wrote(0), wrote(20), echoed(10)).waiting_ms == millis(at(1))


# What was said.


def test_a_late_message_takes_its_place_by_the_platforms_time() -> None:
    late = folded(wrote(100), wrote(40))
    assert (late.first_ms, late.last_inbound_ms) == (millis(at(40)), millis(at(100)))
    assert late.last is not None
    assert late.last.at_ms == millis(at(100))


def test_the_first_answer_after_a_click_is_remembered() -> None:
    one = folded(wrote(0, referral=AD), asked(30), asked(90))
    assert (one.ad_clicked_ms, one.ad_answered_ms) == (millis(at(0)), millis(at(30)))
    again = folded(wrote(0, referral=AD), asked(30), signal("referral", DAY, referral=AD))
    assert (again.ad_clicked_ms, again.ad_answered_ms) == (millis(at(DAY)), None)


def test_who_cannot_be_reached_is_remembered_until_they_write() -> None:
    gone = folded(wrote(0), asked(5), receipt("failed", 6, ref=entry("x"), code=131026, reason="undeliverable"))
    assert gone.unreachable is not None
    assert gone.unreachable.code == 131026
    back = folded(wrote(0), receipt("failed", 6, ref=entry("x"), code=131026), wrote(60))
    assert back.unreachable is None


def test_who_wants_no_marketing_is_remembered() -> None:
    assert folded(signal("marketing_stopped", 5)).opted_out
    assert not folded(signal("marketing_stopped", 5), signal("marketing_resumed", 6)).opted_out
    assert folded(signal("marketing_resumed", 6), signal("marketing_stopped", 5)).opted_out is False
    assert folded(wrote(), receipt("failed", 6, ref=entry("x"), code=131050)).opted_out
    stopped = (wrote(0), asked(5, purpose="opt_out"))
    assert folded(*stopped).opted_out
    assert not folded(*stopped, wrote(10), asked(12, purpose="opt_in")).opted_out


def test_the_rating_and_where_to_send_are_kept() -> None:
    one = folded(wrote(), rated(4, 10))
    assert one.rating == 4
    assert set(one.contact.newest) == {"email", "phone"}


# What it causes.


def test_a_message_is_read_at_once_and_the_thread_looked_at_when_it_may_be_quiet() -> None:
    (answer, quiet) = caused(wrote(0))
    assert (answer.kind, answer.due_at) == ("answer_thread", at(1))  # it arrived a second after it was sent
    assert answer.payload == {
        "thread_id": str(THREAD), "channel": "whatsapp", "account_id": "100200300400500",
        "subject_id": str(ANNA.subject_id), "ref": str(answer.cause_id),
    }  # fmt: skip
    assert (quiet.kind, quiet.due_at) == ("quiet_thread", at(1 + 1800))


def test_nothing_is_done_about_the_past_or_what_others_hold_or_our_own_echoes() -> None:
    photo = sealed("content")
    assert caused(wrote(0, standby=True), wrote(0, standby=True, past=True)) == []
    assert caused(echoed(0, "image", content=photo, past=True)) == []
    assert caused(echoed(0, "image", content=photo, send_id=entry("send"))) == []


def test_files_are_fetched_of_customers_and_of_agents_in_the_app() -> None:
    (_, fetch, _) = caused(wrote(0, "image", content=sealed("content")))
    assert fetch.kind == "fetch_media"
    assert fetch.payload["content"] == {
        "token": sealed("content").token, "stream_id": str(ANNA.subject_id), "version": 1, "field": "content"
    }  # fmt: skip
    assert "fetch_media" in kinds(caused(echoed(0, "image", content=sealed("content"))))
    assert "fetch_media" not in kinds(caused(wrote(0, "image", content=sealed("content"), problem=131052)))


def test_a_receipt_tells_of_a_send_of_unknown_outcome_whichever_comes_first() -> None:
    lost = settled(entry("send"), "unknown", 40, by="worker")
    status = receipt("delivered", 20, ref=entry("theirs"), send_id=entry("send"))
    for order in ([lost, status], [status, lost]):
        reconciled = [one for one in caused(wrote(0), named(asked(5), "send"), *order) if one.kind == "reconcile_send"]
        (one,) = reconciled
        assert (one.payload["send_id"], one.payload["ref"]) == (str(entry("send")), str(entry("theirs")))
        assert (one.payload["by"], one.payload["sure"], one.payload["status"]) == ("receipt", True, "delivered")


def test_every_file_of_a_message_is_fetched_and_settled_for_itself() -> None:
    album = caused(wrote(0, "image", content=sealed("content"), more_files=2))
    fetches = [one for one in album if one.kind == "fetch_media"]
    assert ([one.payload["nth"] for one in fetches], len({one.id for one in fetches})) == ([0, 1, 2], 3)
    place = caused(wrote(0, "location", content=sealed("content"), more_files=1))
    assert [one.payload["nth"] for one in place if one.kind == "fetch_media"] == [1]

    ref = str(entry("album"))
    told = [named(fetched(entry("album"), "failed", 9, nth=2), "late"),
            named(wrote(0, "image", content=sealed("content"), more_files=2), "album"),
            named(fetched(entry("album"), "kept", 8, nth=1), "early")]  # fmt: skip
    one = Message()
    for place_in_log, fact in enumerate(told, 1):
        one = tell(one, recorded(fact, place_in_log), ref)
    assert one.file is not None
    assert (one.file.state, {nth: file.state for nth, file in one.further_files.items()}) == (
        "waiting", {"1": "kept", "2": "failed"},
    )  # fmt: skip


def test_an_echo_without_our_mark_may_be_the_send_that_was_lost() -> None:
    told = [wrote(0), named(asked(5), "send"), settled(entry("send"), "unknown", 40, by="worker"), echoed(6)]
    (one,) = [one for one in caused(*told) if one.kind == "reconcile_send"]
    assert (one.payload["by"], one.payload["sure"]) == ("echo", False)


def test_an_echo_under_the_name_of_a_send_is_that_send_whichever_comes_first() -> None:
    told = [settled(entry("send"), "accepted", 6, ref=entry("theirs")), named(echoed(7), "theirs")]
    for order in (told, told[::-1]):
        one = folded(wrote(0), named(asked(5), "send"), *order)
        assert (one.echoed, one.outbound, one.unread) == (0, 1, 1)
        assert one.last_key == str(entry("send"))
    other = folded(wrote(0), named(asked(5), "send"), told[0], named(echoed(9), "another"))
    assert (other.echoed, other.unread, other.last_key) == (1, 0, str(entry("another")))


def test_an_accepted_send_is_no_riddle() -> None:
    told = [
        wrote(0), named(asked(5), "send"), settled(entry("send"), "accepted", 6, ref=entry("theirs")),
        receipt("delivered", 20, ref=entry("theirs"), send_id=entry("send")),
    ]  # fmt: skip
    assert "reconcile_send" not in kinds(caused(*told))


def test_an_idle_thread_is_looked_at_again_after_a_day() -> None:
    last = caused(wrote(), asked(5), moved("ACTIVE", "IDLE", HOUR))[-1]
    assert (last.kind, last.due_at) == ("quiet_thread", at(HOUR + 1 + DAY))


# Single messages.


def message(key: str, *told: Told) -> Message:
    one = Message()
    for place, fact in enumerate(told, 1):
        entry_of = recorded(fact, place)
        if key in keys_of(entry_of):
            one = tell(one, entry_of, key)
    return one


def test_what_is_told_of_a_message_before_it_comes_waits_for_it() -> None:
    key = str(entry("m"))
    told = [
        ANNA.did(altered("reacted", entry("m"), 20)), ANNA.did(fetched(entry("m"), "kept", 30)),
        named(wrote(10, "image", content=sealed("content")), "m"),
    ]  # fmt: skip
    first, last = message(key, *told), message(key, *reversed(told))
    assert (first.direction, first.thread_id) == ("in", str(THREAD))
    assert set(first.reactions) == set(last.reactions) == {"customer"}
    assert first.file == last.file
    assert first.file is not None
    assert first.file.state == "kept"


def test_a_reaction_taken_back_is_the_last_word() -> None:
    told = [altered("unreacted", entry("m"), 30), altered("reacted", entry("m"), 20)]
    one = message(str(entry("m")), *map(ANNA.did, told))
    assert not one.reactions["customer"].given


def test_ours_is_queued_then_accepted_then_as_far_as_receipts_tell() -> None:
    send, key = named(asked(5), "send"), str(entry("send"))
    accepted = ANNA.did(settled(entry("send"), "accepted", 6, ref=entry("theirs")))
    read = ANNA.did(receipt("read", 9, ref=entry("theirs"), send_id=entry("send")))
    assert [message(key, *told).status for told in ([send], [send, accepted], [send, accepted, read])] == [
        "queued", "accepted", "read",
    ]  # fmt: skip
    assert message(str(entry("theirs")), send, accepted, read).send_id == key


def test_an_unknown_outcome_is_settled_later_and_a_final_one_stays() -> None:
    send, key = named(asked(5), "send"), str(entry("send"))
    lost, found = settled(entry("send"), "unknown", 6), settled(entry("send"), "accepted", 60, by="receipt")
    assert message(key, send, ANNA.did(lost)).status == "unknown"
    assert message(key, send, ANNA.did(lost), ANNA.did(found)).outcome == "accepted"
    assert message(key, send, ANNA.did(found), ANNA.did(lost)).outcome == "accepted"


def test_an_echo_of_ours_is_the_same_message() -> None:
    rows = MemoryStorage(
        MESSAGES, in_order([*OPEN_HOUSE, named(asked(5), "send"), named(echoed(6, send_id=entry("send")), "theirs")])
    ).run().rows  # fmt: skip
    shown = {key: dict(zip((one.name for one in MESSAGES.columns), row, strict=True)) for (_, key), row in rows.items()}
    assert shown[str(entry("theirs"))]["send_id"] == str(entry("send"))
    assert shown[str(entry("theirs"))]["direction"] == "echo"


# The person behind it.


def test_what_customers_do_are_touchpoints_and_what_we_do_is_none() -> None:
    told = [wrote(0), altered("reacted", entry("m"), 5), signal("referral", 9, referral=AD)]
    ours = [
        echoed(20), receipt("read", 21, ref=entry("x")), altered("reacted", entry("m"), 22, by_us=True),
        signal("thread_passed", 23), asked(24),
    ]  # fmt: skip
    rows = MemoryStorage(PEOPLE, in_order([*OPEN_HOUSE, *map(ANNA.did, [*told, *ours])])).run().rows
    row = dict(zip((one.name for one in PEOPLE.columns), rows[NILE_HOMES, str(ANNA.subject_id)], strict=True))
    assert (row["touchpoints"], row["platforms"]) == (3, ["conversations"])
    assert row["last_at"] == at(9)


def test_the_session_of_a_thread_says_which() -> None:
    assert thread_of_session(session_of(THREAD)) == THREAD
    assert thread_of_session("thread-of-mine") is None
    assert thread_of_session("talk-1") is None
