"""One conversation, folded from its touchpoints and its analysis in whatever order they arrive."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.brokerage.rulebook import House
from domain.conversations.analysis import Analysis
from domain.conversations.events import (
    ConversationAnalysed,
    ConversationCompleted,
    ConversationEnded,
    ConversationEventTracked,
    ConversationKind,
    ConversationMilestoneReached,
    ConversationStarted,
    ConversationTouchpoint,
)
from domain.scoring.policy import FactValue, Policy, Score, label, reached, score
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Channel, Fact, Origin, Recorded

OF_A_CONVERSATION = (ConversationTouchpoint, ConversationAnalysed, ConversationEnded)
HANDLES: frozenset[type[Fact]] = frozenset({
    ConversationStarted, ConversationEventTracked, ConversationMilestoneReached, ConversationCompleted,
    ConversationAnalysed, ConversationEnded,
})  # fmt: skip
"""The facts that are folded here."""

MOST_KEPT = 500
"""Log entries kept of each thing that was heard, and turns: the first ones."""
MOST_COMPLETIONS = 20
TOPIC = "topic:"

ORIGINS: Mapping[str, Origin] = {"phone": "phone_call", "web_chat": "chat", "text_thread": "business_messaging"}
"""Kind of conversation → where it happened; the others happen where their touchpoints say."""

Entry = tuple[int, str]
"""When (unix ms), and the log entry."""

# fmt: off
HEARD: Mapping[str, tuple[str, str | None, str | None]] = {
    "asked_price":        ("price_asked",      None,                 "asked_about_price"),
    "asked_financing":    ("financing_asked",  "financing_inquiry",  "asked_about_financing"),
    "requested_viewing":  ("viewing_asked",    "viewing_requested",  "requested_viewing"),
    "gave_contact":       ("contact_given",    "contact_shared",     "gave_contact"),
    "follow_up_agreed":   ("follow_up_asked",  "follow_up_agreed",   "follow_up_requested"),
    "meeting_scheduled":  ("meeting_scheduled", None,                "meeting_scheduled"),
}
"""Named fact → who may say it: a tracked event, a milestone, a field of the analysis."""
QUESTIONS = ("question_asked", "price_asked", "financing_asked", "viewing_asked")
"""Tracked events that are questions of the customer."""
CLARITY: Mapping[str, tuple[str, ...]] = {
    "budget_clarity":   ("budget_figure", "budget_range", "budget_vague"),
    "location_clarity": ("district", "city"),
}
"""Named fact of a text lead → the details that tell it, the clearest first."""
JUDGED = ("buying_intent", "timeline", "engagement_level")
"""Named facts that only an analysis tells."""
URGENCIES = ("now", "within_3_months", "within_a_year", "just_looking")
INFORMED = ("name", "email", "second_phone", "financing_need", "purpose")
# fmt: on


@dataclass(frozen=True, slots=True)
class Spoken:
    """One turn: when (unix ms), by its log entry, and whose."""

    at_ms: int
    event: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The newest analysis, by when (unix ms) and by its log entry."""

    at_ms: int
    event: str
    analysis: Analysis


@dataclass(frozen=True)
class Conversation:
    """What is known of one conversation. Times in unix milliseconds.

    `heard` maps tracked events and told details to their first log entries. `over_by` is the log entry that ended it,
    `closed_by` the one from which on its outcome is known: an analysis may come later than the end.
    """

    session_id: str = ""
    property_id: str = ""
    conversation_kind: ConversationKind | None = None
    origin: Origin = "website"
    channel: Channel | None = None
    test: bool = False  # any touchpoint of it was test traffic
    heard: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    turns: tuple[Spoken, ...] = ()
    milestones: Mapping[str, Entry] = field(default_factory=dict)  # posted: name → log entry
    found: Found | None = None
    unread: frozenset[str] = frozenset()  # log entries whose transcript waits for its analysis
    read: frozenset[str] = frozenset()  # log entries whose transcript was analysed
    completions: tuple[str, ...] = ()
    abandoned: bool = False
    claimed_ms: int = 0  # how long it took, as the producer told it
    claimed_turns: int = 0
    follow_up: str | None = None  # the log entry that told of a wish to be called back
    meeting: str | None = None
    rating: int | None = None
    specialist: str | None = None
    touchpoints: int = 0
    first_ms: int = 0
    last_ms: int = 0
    arrived_ms: int = 0
    over_by: str | None = None
    closed_by: str | None = None
    revision: int = 0  # which activation of a policy held when it closed
    late: int = 0  # touchpoints after the close

    @property
    def total_ms(self) -> int:
        """How long the producer says it took, else last − first touchpoint."""
        return self.claimed_ms or self.last_ms - self.first_ms

    @property
    def happened(self) -> Origin:
        """Where it happened, by the kind of conversation, else as its touchpoints say."""
        kind = self.conversation_kind or ("text_thread" if self.channel else "")
        return ORIGINS.get(kind, self.origin)


def evolve(state: Mapping[str, Conversation], recorded: Recorded, house: House) -> Mapping[str, Conversation]:
    """Take one more fact into account."""
    fact = recorded.fact
    if not isinstance(fact, OF_A_CONVERSATION):
        return state
    before = state.get(fact.session_id, Conversation())
    return {**state, fact.session_id: with_fact(before, recorded, house.revision)}


def with_fact(conversation: Conversation, recorded: Recorded, revision: int = 0) -> Conversation:
    """Take one more fact of the conversation into account. Late ones count; the close stays the first.

    `revision` is the brokerage's policy activation in force: a score keeps to the one of its close.
    """
    after = _with(conversation, recorded)
    return changed(after, revision=revision) if after.closed_by and not conversation.closed_by else after


def _with(before: Conversation, recorded: Recorded) -> Conversation:
    fact, event = recorded.fact, str(recorded.stream_id)
    match fact:
        case ConversationEventTracked():
            return _touched(before, recorded, fact, **_tracked(before, fact, event))
        case ConversationMilestoneReached():
            entry = (millis(fact.occurred_at), event)
            known = min(before.milestones.get(fact.milestone, entry), entry)
            return _touched(before, recorded, fact, milestones={**before.milestones, fact.milestone: known})
        case ConversationCompleted():
            return _completed(before, recorded, fact, event)
        case ConversationTouchpoint():
            return _touched(before, recorded, fact)
        case ConversationAnalysed():
            return _analysed(before, fact, event)
        case ConversationEnded():
            return _closed(changed(before, over_by=before.over_by or event), event)
        case _:
            return before


def _touched(before: Conversation, recorded: Recorded, fact: ConversationTouchpoint, **changes: object) -> Conversation:
    at, arrived = millis(fact.occurred_at), millis(recorded.recorded_at)
    return changed(
        before,
        session_id=fact.session_id,
        property_id=min(filter(None, (before.property_id, fact.property_id)), default=""),
        conversation_kind=min(filter(None, (before.conversation_kind, fact.conversation_kind)), default=None),
        origin=min(before.origin, fact.origin) if before.touchpoints else fact.origin,
        channel=min(filter(None, (before.channel, fact.channel)), default=None),
        test=before.test or fact.test,
        touchpoints=before.touchpoints + 1,
        first_ms=min(before.first_ms, at) if before.first_ms else at,
        last_ms=max(before.last_ms, at),
        arrived_ms=max(before.arrived_ms, arrived),
        late=before.late + (before.closed_by is not None),
        **changes,
    )


def _tracked(before: Conversation, fact: ConversationEventTracked, event: str) -> dict[str, object]:
    at = millis(fact.occurred_at)
    names = dict.fromkeys((fact.event, *fact.told, *((f"{TOPIC}{fact.topic}",) if fact.topic else ())))
    heard = dict(before.heard)
    for name in names:
        heard[name] = tuple(sorted((*heard.get(name, ()), (at, event))))[:MOST_KEPT]
    turns = before.turns
    if fact.event in ("customer_turn", "our_turn"):
        spoken = Spoken(at, event, ours=fact.event == "our_turn")
        turns = tuple(sorted((*turns, spoken), key=lambda one: (one.at_ms, one.event)))[:MOST_KEPT]
    return {"heard": heard, "turns": turns}


def _completed(before: Conversation, recorded: Recorded, fact: ConversationCompleted, event: str) -> Conversation:
    waits = fact.transcript is not None and fact.analysis is None and event not in before.read
    claimed = round((fact.duration_s or 0) * 1000)
    if not claimed and fact.started_at and fact.ended_at:
        claimed = millis(fact.ended_at) - millis(fact.started_at)
    after = _touched(
        before, recorded, fact,
        completions=tuple(sorted({*before.completions, event}))[:MOST_COMPLETIONS],
        abandoned=before.abandoned or fact.status == "abandoned",
        claimed_ms=max(before.claimed_ms, claimed),
        claimed_turns=max(before.claimed_turns, (fact.customer_turns or 0) + (fact.our_turns or 0)),
        follow_up=_first(before.follow_up, event if fact.follow_up_requested else None),
        meeting=_first(before.meeting, event if fact.meeting_scheduled else None),
        rating=max(filter(None, (before.rating, fact.rating)), default=None),
        specialist=min(filter(None, (before.specialist, fact.specialist)), default=None),
        over_by=before.over_by or event,
        unread=before.unread | {event} if waits else before.unread,
    )  # fmt: skip
    if fact.analysis is not None:
        after = changed(after, found=_newer(after.found, Found(millis(fact.occurred_at), event, fact.analysis)))
    return after if waits else _closed(after, event)


def _analysed(before: Conversation, fact: ConversationAnalysed, event: str) -> Conversation:
    transcript = str(fact.transcript_event_id)
    after = changed(
        before,
        session_id=fact.session_id,
        property_id=min(filter(None, (before.property_id, fact.property_id)), default=""),
        found=_newer(before.found, Found(millis(fact.occurred_at), event, fact.analysis)),
        read=before.read | {transcript},
        unread=before.unread - {transcript},
    )
    return _closed(after, event) if transcript in before.unread else after


def _closed(conversation: Conversation, event: str) -> Conversation:
    return conversation if conversation.closed_by else changed(conversation, closed_by=event)


def _newer(before: Found | None, found: Found) -> Found:
    return found if before is None or (before.at_ms, before.event) < (found.at_ms, found.event) else before


def _first(before: str | None, event: str | None) -> str | None:
    return min(filter(None, (before, event)), default=None)


def policy_of(conversation: Conversation, house: House) -> Policy:
    """Return the policy that held when the conversation closed, or holds now while it is open."""
    return house.policy_of(conversation.revision) if conversation.closed_by else house.policy


def facts_of(conversation: Conversation, house: House) -> dict[str, FactValue]:
    """Return the named facts that policies speak of; unknown facts are None. Money stays in minor units elsewhere."""
    found = conversation.found.analysis if conversation.found else Analysis()
    evidence = evidence_of(conversation)
    facts: dict[str, FactValue] = {
        "conversation_id": conversation.session_id,
        "buying_intent": found.buying_intent,
        "timeline": found.timeline,
        "questions": max(found.questions or 0, len(_asked(conversation))),
        "objections": max(found.objections_raised or 0, len(conversation.heard.get("objection_raised", ()))),
        "price_asked": max(len(conversation.heard.get("price_asked", ())), int(bool(found.asked_about_price))),
        "turns": max(conversation.claimed_turns, len(conversation.turns)),
        "minutes": conversation.total_ms / 60_000,
        **{name: bool(evidence[name]) for name in (*HEARD, "budget_discussed", "objection_resolved")},
    }
    policy = policy_of(conversation, house)
    facts["engagement"] = _known(found.engagement, score(policy, "conversation_engagement", facts).score)
    facts["engagement_level"] = found.engagement_level or label(policy, "engagement_level", facts)
    return facts


def evidence_of(conversation: Conversation) -> dict[str, tuple[str, ...]]:
    """Return, for each named fact, the log entries that tell it; empty where nothing does."""
    found = conversation.found
    analysis, analysed = (found.analysis, (found.event,)) if found else (Analysis(), ())
    told: dict[str, tuple[str, ...]] = {}
    for name, (tracked, milestone, of_analysis) in HEARD.items():
        told[name] = (
            *_entries(conversation, tracked), *_posted(conversation, milestone),
            *(analysed if of_analysis and getattr(analysis, of_analysis) else ()),
        )  # fmt: skip
    told["follow_up_agreed"] += (conversation.follow_up,) if conversation.follow_up else ()
    told["meeting_scheduled"] += (conversation.meeting,) if conversation.meeting else ()
    budget = analysis.budget_min_minor is not None or analysis.budget_max_minor is not None or analysis.budget_clarity
    budgets = (*CLARITY["budget_clarity"], "budget_mentioned")
    said = dict.fromkeys(event for name in budgets for event in _entries(conversation, name))
    told["budget_discussed"] = (
        *said, *_posted(conversation, "budget_discussed"), *(analysed if budget else ()),
    )  # fmt: skip
    told["objection_resolved"] = (
        *_posted(conversation, "objection_resolved"), *(analysed if analysis.objections_resolved else ()),
    )  # fmt: skip
    told["questions"] = _asked(conversation) or (analysed if analysis.questions else ())
    return dict.fromkeys(JUDGED, analysed) | told


def asked_for_viewing(conversation: Conversation) -> bool:
    """Tell whether the customer asked to see a property, by whoever's word."""
    return bool(evidence_of(conversation)["requested_viewing"])


def score_of(state: Conversation, house: House) -> Score | None:
    """Return the score of a conversation, None while nothing was found out about it.

    By the policy that held when it closed, or holds now while it is open.
    """
    known = state.heard or state.milestones or state.found or state.follow_up or state.meeting
    if not known and not state.closed_by:
        return None
    return score(policy_of(state, house), "conversations", facts_of(state, house), evidence_of(state))


def qualification(conversation: Conversation, scored: Score) -> int:
    """Return the qualification 1–10: the analysis's own, else a tenth of the score rounded down, at least 1."""
    own = conversation.found.analysis.qualification if conversation.found else None
    return own or max(1, scored.score // 10)


def milestones_of(conversation: Conversation, house: House) -> dict[str, tuple[str, ...]]:
    """Return the milestones reached, by a producer's word or by the policy's rows, with the log entries behind each."""
    evidence = evidence_of(conversation)
    found: dict[str, tuple[str, ...]] = {name: (event,) for name, (_, event) in conversation.milestones.items()}
    for row in reached(policy_of(conversation, house), "conversations", facts_of(conversation, house)):
        events = dict.fromkeys(event for test in row.when for event in evidence.get(test.fact, ()))
        found.setdefault(row.name, tuple(events))
    return found


def status_of(conversation: Conversation) -> str:
    """Return `active`, `completed` or `abandoned`; a conversation that went quiet was abandoned."""
    told = conversation.found.analysis.status if conversation.found else None
    if conversation.over_by is None:
        return "active"
    if conversation.abandoned or not conversation.completions:
        return "abandoned"
    return told if told == "abandoned" else "completed"


def topics_of(conversation: Conversation) -> list[str]:
    """Return the topics that came up, sorted."""
    tracked = {name.removeprefix(TOPIC) for name in conversation.heard if name.startswith(TOPIC)}
    return sorted({*tracked, *(conversation.found.analysis.topics if conversation.found else ())})


def lead_score_of(conversation: Conversation, house: House) -> Score | None:
    """Return the running lead score of a text conversation, with the messages it came from; None for other kinds."""
    if conversation.happened != "business_messaging":
        return None
    return score(policy_of(conversation, house), "text_leads", lead_facts(conversation), lead_evidence(conversation))


def lead_facts(conversation: Conversation) -> dict[str, FactValue]:
    """Return the six factors of a text lead; None for what is not known. `answered_share` is 0 to 1."""
    analysis = conversation.found.analysis if conversation.found else Analysis()
    return {
        "budget_clarity": _clearest(conversation, "budget_clarity", analysis.budget_clarity),
        "location_clarity": _clearest(conversation, "location_clarity", analysis.location_clarity),
        "urgency": _urgency(conversation),
        "answered_share": _known(_answered(conversation.turns), analysis.answered_share),
        "informed": len({*analysis.informed, *(name for name in INFORMED if name in conversation.heard)}),
        "type_known": "type" in conversation.heard or bool(analysis.type_known),
        "size_known": "size" in conversation.heard or bool(analysis.size_known),
    }


def lead_evidence(conversation: Conversation) -> dict[str, tuple[str, ...]]:
    """Return, for each factor of a text lead, the messages it came from; else the analysis that told it."""
    analysed = (conversation.found.event,) if conversation.found else ()
    words = {**CLARITY, "urgency": URGENCIES, "informed": INFORMED, "type_known": ("type",), "size_known": ("size",)}
    told = {
        fact: tuple(dict.fromkeys(event for name in names for event in _entries(conversation, name))) or analysed
        for fact, names in words.items()
    }
    return {**told, "answered_share": tuple(one.event for one in conversation.turns) or analysed}


def _clearest(conversation: Conversation, fact: str, analysed: str | None) -> str | None:
    """Return the clearest that anybody told, in the words of an analysis."""
    ranks = CLARITY[fact]
    told = [name for name in ranks if name in conversation.heard]
    told += [name for name in ranks if analysed is not None and name.removeprefix("budget_") == analysed]
    return min(told, key=ranks.index).removeprefix("budget_") if told else None


def _urgency(conversation: Conversation) -> str | None:
    """Return what was said last about when; at one moment the more urgent holds."""
    told = [
        (at, -rank, name) for rank, name in enumerate(URGENCIES) for at, _ in conversation.heard.get(name, ())
    ]  # fmt: skip
    found = conversation.found
    if found and found.analysis.urgency:
        told.append((found.at_ms, -URGENCIES.index(found.analysis.urgency), found.analysis.urgency))
    return max(told)[2] if told else None


def _answered(turns: tuple[Spoken, ...]) -> float | None:
    """Return the part of our messages that got an answer; several of ours in a row count as one."""
    ours = [nth for nth, one in enumerate(turns) if one.ours and (nth + 1 == len(turns) or not turns[nth + 1].ours)]
    return sum(nth + 1 < len(turns) for nth in ours) / len(ours) if ours else None


def _entries(conversation: Conversation, name: str) -> tuple[str, ...]:
    return tuple(event for _, event in conversation.heard.get(name, ()))


def _posted(conversation: Conversation, name: str | None) -> tuple[str, ...]:
    posted = conversation.milestones.get(name or "")
    return (posted[1],) if posted else ()


def _asked(conversation: Conversation) -> tuple[str, ...]:
    asked = sorted({entry for name in QUESTIONS for entry in conversation.heard.get(name, ())})
    return tuple(event for _, event in asked)


def _known(first: float | None, second: float | None) -> float | None:
    return first if first is not None else second
