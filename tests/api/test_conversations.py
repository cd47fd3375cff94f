"""Conversations over HTTP: what happens in them, how they end, and what is refused."""

from typing import Any

import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, problem_of, touchpoint

TRACK, COMPLETE = "/api/conversations/track-event", "/api/conversations/c-1/complete"
ANALYSIS = {
    "buying_intent": "high", "timeline": "immediate", "budget": {"min": 2_000_000, "max": 3_000_000}, "sentiment": 0.5,
    "family_situation": "two children", "qualification_signals": ["has cash"], "engagement_level": "high",
    "number_of_questions": 3, "topics": ["price", "the neighbours"], "objections": ["too far"],
    "decision_factors": ["school"], "next_steps": ["call on Sunday"], "rating": 5, "follow_up_requested": True,
    "meeting_scheduled": False, "engagement": 80, "status": "completed", "specialist": "financial",
    "asked_about_price": True, "asked_about_financing": False, "requested_viewing": False, "gave_contact": False,
}  # fmt: skip


def post(brokerage: Brokerage, path: str, body: Any, **headers: str) -> Any:
    return brokerage.producer.post(path, json=body, headers=headers)


def kind_of(brokerage: Brokerage, response: Any) -> str:
    assert response.status_code == 201, response.text
    return str(brokerage.read(f"/api/events/{response.json()['event_id']}")["kind"])


# fmt: off
BODIES: list[tuple[dict[str, Any], str]] = [
    ({"event": "started"},                                         "conversations.started.v1"),
    ({"event": "price_asked", "text": "بكام؟"},                    "conversations.event_tracked.v1"),
    ({"event_type": "asked_price", "type": "voice_session"},       "conversations.event_tracked.v1"),
    ({"event": "topic_raised", "topic": "legal"},                  "conversations.event_tracked.v1"),
    ({"milestone": "budget_discussed"},                            "conversations.milestone_reached.v1"),
    ({"event": "viewing_requested"},                               "conversations.milestone_reached.v1"),
    ({"event": "milestone", "milestone": "contact_shared"},        "conversations.milestone_reached.v1"),
]
# fmt: on


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_what_happens_in_a_conversation_is_recorded(busy: Brokerage, body: dict[str, Any], kind: str) -> None:
    assert kind_of(busy, post(busy, TRACK, {"session_id": f"c-{hash(str(body)) % 10**9}", **body})) == kind


def test_a_milestone_is_named_by_its_conversation(nile: Brokerage) -> None:
    body = {"session_id": "c-1", "milestone": "budget_discussed"}
    first, again = post(nile, TRACK, body), post(nile, TRACK, body)
    other = post(nile, TRACK, body | {"session_id": "c-2"})
    assert [one.status_code for one in (first, again, other)] == [201, 200, 201]
    assert first.json()["event_id"] == again.json()["event_id"]


def test_an_event_of_one_moment_is_the_same_one_again(nile: Brokerage) -> None:
    body = {"session_id": "c-1", "event": "price_asked", "occurred_at": ago(30)}
    assert [post(nile, TRACK, body).status_code for _ in range(2)] == [201, 200]
    assert post(nile, TRACK, body | {"text": "really?"}).status_code == 409
    assert post(nile, TRACK, body | {"event": "viewing_asked"}).status_code == 201


def test_an_event_without_id_and_time_is_a_new_one_and_a_key_makes_it_the_same(nile: Brokerage) -> None:
    body = {"session_id": "c-1", "event": "price_asked"}
    assert [post(nile, TRACK, body).status_code for _ in range(2)] == [201, 201]
    keyed = [post(nile, TRACK, body, **{"idempotency-key": "k-1"}).status_code for _ in range(2)]
    assert keyed == [201, 200]
    assert post(nile, TRACK, body | {"event": "viewing_asked"}, **{"idempotency-key": "k-1"}).status_code == 422


def test_a_conversation_is_completed_once(nile: Brokerage) -> None:
    first, again = (post(nile, COMPLETE, {"analysis": ANALYSIS}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert post(nile, COMPLETE, {"status": "abandoned"}).status_code == 409


def test_an_analysis_is_kept_in_two_parts_and_earns_its_outcome(stage: Stage, nile: Brokerage) -> None:
    body = {"person": {"email": "anna@example.com"}, "analysis": ANALYSIS, "property_id": "villa-7",
            "conversation_kind": "voice", "listing": {"price_minor": 400_000_000}}  # fmt: skip
    event_id = post(nile, COMPLETE, body).json()["event_id"]
    stage.settled()
    rows = nile.read("/api/conversions")["items"]
    told = {row["event_name"]: row["value"] for row in rows}
    # 30 + 25 + 10 + 10 + 6: 81, so a tenth of the commission of four million; the milestones by its side
    assert {name: float(value) for name, value in told.items()} == {
        "Purchase": 10_000, "Search": 75, "Subscribe": 150,
    }  # fmt: skip
    subject = nile.subject_of(event_id)
    fields = nile.read(f"/api/people/{subject}/journey")["items"][0]["fields"]
    assert fields["analysis"]["budget_max_minor"] == 300_000_000
    assert fields["analysis"]["topics"] == ["price"]
    assert (fields["analysis"]["questions"], fields["analysis"]["objections_raised"]) == (3, 1)
    notes = fields["analysis_notes"]
    assert (notes["family_situation"], notes["topics"]) == ("two children", ["the neighbours"])
    (shown,) = nile.read(f"/api/people/{subject}")["conversations"]
    assert (shown["score"], shown["analysis"]["questions"], shown["analysis"]["topics"]) == (81, 3, ["price"])
    kept = stage.owner.execute("SELECT state FROM log.masar_events WHERE originator_id = %s", (event_id,)).fetchone()
    assert kept is not None
    assert b"two children" not in kept[0]
    assert b"neighbours" not in kept[0]


# fmt: off
WORDS: list[Any] = [
    "Customer: how much?\nAgent: five million",
    [{"by": "customer", "text": "بكام؟"}, {"by": "assistant", "text": "٥ مليون"}],
    [{"role": "user", "content": "how much?", "timestamp": "12:00"}, {"role": "assistant", "content": "5M"}],
    {"text": "how much?"},
]
# fmt: on


@pytest.mark.parametrize("words", WORDS)
def test_a_transcript_may_be_text_or_turns_and_waits_for_a_worker(stage: Stage, nile: Brokerage, words: Any) -> None:
    event_id = post(nile, COMPLETE, {"transcript": words}).json()["event_id"]
    stage.settled()
    asked = "SELECT state FROM outbox.messages WHERE cause_id = %s AND kind = 'analyse_conversation'"
    assert stage.owner.execute(asked, (event_id,)).fetchall() == [("waiting",)]
    kept = stage.owner.execute("SELECT state FROM log.masar_events WHERE originator_id = %s", (event_id,)).fetchone()
    assert kept is not None
    assert b"how much" not in kept[0]


# fmt: off
BAD: list[tuple[str, dict[str, Any], str]] = [
    (TRACK,    {"session_id": "c-1", "milestone": "moved_in"},                    "milestone"),
    (TRACK,    {"session_id": "c-1", "event": "danced"},                          "event"),
    (TRACK,    {"session_id": "c-1"},                                             "event"),
    (TRACK,    {"event": "price_asked"},                                          "session_id"),
    (TRACK,    {"session_id": "c-1", "event": "price_asked", "mood": "good"},     "mood"),
    (TRACK,    {"session_id": "c-1", "event": "price_asked", "told": ["shoes"]},  "told.0"),
    (TRACK,    {"session_id": "c-1", "event": "price_asked", "text": "a\x00"},    "text"),
    (TRACK,    {"session_id": "c-1", "event": 7},                                 "event"),
    (TRACK,    {"session_id": "c-1", "event": "price_asked", "channel": "telex"}, "channel"),
    (COMPLETE, {"duration_s": -1},                                                "duration_s"),
    (COMPLETE, {"started_at": "2026-03-01T12:00:00Z", "ended_at": "2026-03-01T11:59:59Z"}, "ended_at"),
    (COMPLETE, {"started_at": 1772366400000},                                     "started_at"),
    (COMPLETE, {"ended_at": "2099-01-01T00:00:00Z"},                              "ended_at"),
    (COMPLETE, {"status": "exploded"},                                            "status"),
    (COMPLETE, {"session_id": "c-2"},                                             "session_id"),
    (COMPLETE, {"conversation_kind": "telepathy"},                                "conversation_kind"),
    (COMPLETE, {"rating": 6},                                                     "rating"),
    (COMPLETE, {"analysis": "good"},                                              "analysis"),
    (COMPLETE, {"analysis": {"buying_intent": "huge"}},                           "analysis.buying_intent"),
    (COMPLETE, {"analysis": {"sentiment": 1.01}},                                 "analysis.sentiment"),
    (COMPLETE, {"analysis": {"qualification": 0}},                                "analysis.qualification"),
    (COMPLETE, {"analysis": {"engagement": 101}},                                 "analysis.engagement"),
    (COMPLETE, {"analysis": {"questions": -1}},                                   "analysis.questions"),
    (COMPLETE, {"analysis": {"horoscope": "leo"}},                                "analysis.horoscope"),
    (COMPLETE, {"analysis": {"budget": {"min": 3, "max": 2}}},                    "analysis"),
    (COMPLETE, {"analysis": {"budget": -5}},                                      "analysis.budget_max_minor"),
    (COMPLETE, {"analysis": {"family_situation": 7}},                             "analysis_notes.family_situation"),
    (COMPLETE, {"analysis": {"objections": ["a" * 501]}},                         "analysis_notes.objections.0"),
    (COMPLETE, {"transcript": 7},                                                 "transcript"),
    (COMPLETE, {"transcript": []},                                                "transcript"),
    (COMPLETE, {"transcript": [{"by": "parrot", "text": "x"}]},                   "transcript.turns.0.by"),
    (COMPLETE, {"transcript": [{"by": "customer", "text": "x\x00"}]},             "transcript.turns.0.text"),
    (COMPLETE, {"transcript": ["hello"]},                                         "transcript.turns.0"),
    (COMPLETE, {"transcript": "x" * 60_000},                                      "transcript.text"),
]
# fmt: on


@pytest.mark.parametrize(("path", "body", "field"), BAD)
def test_what_is_wrong_is_named(busy: Brokerage, path: str, body: dict[str, Any], field: str) -> None:
    response = post(busy, path, body)
    assert response.status_code == 422, response.text
    assert field in fields_of(response)


@pytest.mark.parametrize("body", [[], "text", 7])
def test_a_body_is_an_object(busy: Brokerage, body: Any) -> None:
    assert problem_of(post(busy, TRACK, body))["status"] == 422


def test_conversations_come_in_batches_too_and_a_bad_one_harms_nobody(nile: Brokerage) -> None:
    good = touchpoint("conversations.completed.v1", {"session_id": "c-7", "analysis": ANALYSIS})
    bad = touchpoint("conversations.completed.v1", {"session_id": "c-8", "analysis": {"sentiment": 2}})
    unknown = touchpoint("conversations.milestone_reached.v1", {"session_id": "c-9", "milestone": "moved_in"})
    decided = {**touchpoint(), "kind": "conversations.analysed.v1"}
    answer = nile.post(good, bad, unknown, decided)
    assert [one["status"] for one in answer["items"]] == ["accepted", "rejected", "rejected", "rejected"]
    assert answer["items"][1]["errors"][0]["field"] == "payload.analysis.sentiment"


def test_readiness_says_who_analyses(stage: Stage) -> None:
    assert stage.client().get("/readyz").json()["checks"]["analyser"] == {"ok": True, "serves": "builtin@1"}
