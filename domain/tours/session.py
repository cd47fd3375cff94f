"""One tour session, folded from its touchpoints in whatever order they arrive."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.brokerage.rulebook import House
from domain.scoring.policy import FactValue, Policy, Score, reached, score
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Origin, Recorded
from domain.tours.events import (
    TourActed,
    TourCompleted,
    TourEnded,
    TourMilestoneReached,
    TourRoomVisited,
    TourTouchpoint,
)
from domain.tours.rooms import RoomKind, room_kind

BURST_ACTIONS, BURST_MS = 5, 20_000
MOST_KEPT = 500
"""Log entries of visits, and actions, kept per session: the first ones. Rooms and times count beyond."""

SHARE, DOWNLOAD = "share", "download"


@dataclass(frozen=True, slots=True)
class Action:
    """Something done inside a tour; ordered by time, then id."""

    at_ms: int
    event: str
    action: str
    room: str


@dataclass(frozen=True)
class TourSession:
    """What is known of a session. Times in unix milliseconds; `rooms` maps label → (visits, dwell in ms)."""

    session_id: str = ""
    property_id: str = ""
    subject_id: str | None = None  # of the first touchpoint recorded
    tour_kind: str | None = None
    rooms_available: int | None = None
    origin: Origin = "website"
    test: bool = False  # any touchpoint of it was test traffic
    rooms: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    visits: tuple[str, ...] = ()  # the log entries of the first visits
    actions: tuple[Action, ...] = ()
    milestones: Mapping[str, str] = field(default_factory=dict)  # posted by the player: name → log entry
    touchpoints: int = 0
    first_ms: int = 0
    last_ms: int = 0
    arrived_ms: int = 0
    claimed_ms: int = 0  # end − start as the player told it
    finished: bool = False
    closed_by: str | None = None  # the log entry that closed it
    revision: int = 0  # which activation of a policy held when it closed
    late: int = 0  # touchpoints after the close

    @property
    def total_ms(self) -> int:
        """Sum of the dwell times, else the player's end − start, else last − first touchpoint."""
        return sum(dwell for _, dwell in self.rooms.values()) or self.claimed_ms or self.last_ms - self.first_ms


def evolve(session: TourSession, recorded: Recorded, revision: int = 0) -> TourSession:
    """Take one more touchpoint of the session into account. Late ones count; the close stays the first.

    `revision` is the brokerage's policy activation in force: a score keeps to the one of its close.
    """
    after = _with(session, recorded)
    return changed(after, revision=revision) if after.closed_by and not session.closed_by else after


def _with(session: TourSession, recorded: Recorded) -> TourSession:
    fact, event = recorded.fact, str(recorded.stream_id)
    match fact:
        case TourRoomVisited():
            visits, dwell = session.rooms.get(fact.room, (0, 0))
            rooms = {**session.rooms, fact.room: (visits + 1, dwell + round(fact.dwell_s * 1000))}
            seen = session.visits if len(session.visits) >= MOST_KEPT else (*session.visits, event)
            return _touched(session, recorded, fact, rooms=rooms, visits=seen)
        case TourActed():
            action = Action(millis(fact.occurred_at), event, fact.action.casefold(), fact.room or "")
            actions = sorted((*session.actions, action), key=lambda one: (one.at_ms, one.event))
            return _touched(session, recorded, fact, actions=_kept(actions))
        case TourMilestoneReached():
            milestones = {fact.milestone: event, **session.milestones}
            return _touched(session, recorded, fact, milestones=milestones)
        case TourCompleted():
            return _completed(session, recorded, fact, event)
        case TourEnded():
            return session if session.closed_by else changed(session, closed_by=event)
        case TourTouchpoint():
            return _touched(session, recorded, fact)
        case _:
            return session


def _kept(actions: list[Action]) -> tuple[Action, ...]:
    """Return the first actions, and the later ones that reach a milestone: neither depends on order of arrival."""
    telling = [one for one in actions[MOST_KEPT:] if one.action in (SHARE, DOWNLOAD)]
    return (*actions[:MOST_KEPT], *telling[:MOST_KEPT])


def _completed(session: TourSession, recorded: Recorded, fact: TourCompleted, event: str) -> TourSession:
    claimed = session.claimed_ms
    if fact.started_at and fact.ended_at:
        claimed = max(claimed, millis(fact.ended_at) - millis(fact.started_at))
    touched = _touched(
        session, recorded, fact, claimed_ms=claimed, finished=session.finished or fact.finished,
    )  # fmt: skip
    return touched if touched.closed_by else changed(touched, closed_by=event)


def _touched(session: TourSession, recorded: Recorded, fact: TourTouchpoint, **changes: object) -> TourSession:
    at, arrived = millis(fact.occurred_at), millis(recorded.recorded_at)
    if not (session.subject_id and session.tour_kind and session.property_id == fact.property_id):
        changes |= _introduced(session, recorded, fact)
    return changed(
        session,
        rooms_available=max(session.rooms_available or 0, fact.rooms_available or 0) or None,
        origin=fact.origin,
        test=session.test or fact.test,
        touchpoints=session.touchpoints + 1,
        first_ms=min(session.first_ms, at) if session.first_ms else at,
        last_ms=max(session.last_ms, at),
        arrived_ms=max(session.arrived_ms, arrived),
        late=session.late + (session.closed_by is not None),
        **changes,
    )


def _introduced(session: TourSession, recorded: Recorded, fact: TourTouchpoint) -> dict[str, object]:
    """Return what touchpoints tell about their session; once all of it is told, most only repeat it."""
    return {
        "session_id": fact.session_id,
        "subject_id": session.subject_id or (str(recorded.subject_id) if recorded.subject_id else None),
        "property_id": min(filter(None, (session.property_id, fact.property_id)), default=""),
        "tour_kind": session.tour_kind or fact.tour_kind,
    }


def facts_of(session: TourSession, earlier_sessions: int = 0) -> dict[str, FactValue]:
    """Return the named facts that policies speak of. Times in seconds; unknown facts are None.

    `earlier_sessions` counts the person's other sessions on the same property.
    """
    visits = sum(count for count, _ in session.rooms.values())
    distinct = len(session.rooms)
    total_s = session.total_ms / 1000
    completion = min(1.0, distinct / session.rooms_available) if session.rooms_available else None
    done = [one.action for one in session.actions]
    return {
        "tour_id": session.session_id,
        "total_time_s": total_s,
        "rooms_visited": distinct,
        "rooms_available": session.rooms_available,
        "completion_rate": completion,
        "tour_completion": completion,
        "more_than_half": completion > 0.5 if completion is not None else None,
        "mean_dwell_s": sum(dwell for _, dwell in session.rooms.values()) / visits / 1000 if visits else None,
        "rooms_revisited": sum(count > 1 for count, _ in session.rooms.values()),
        "bedroom_s": _dwell_ms(session, "bedroom") / 1000,
        "kitchen_s": _dwell_ms(session, "kitchen") / 1000,
        "kitchen_actions": sum(room_kind(one.room) == "kitchen" for one in session.actions),
        "actions": len(done),
        "shares": done.count(SHARE),
        "downloads": done.count(DOWNLOAD),
        "actions_per_minute": round(len(done) * 60 / total_s, 2) if total_s else None,
        "interaction_burst": _burst(session.actions),
        "earlier_sessions": earlier_sessions,
    }


def milestones_of(
    session: TourSession, house: House, facts: Mapping[str, FactValue] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the milestones reached, by the player's word or by the policy's rows, with the log entries behind each.

    `facts` are the session's, where the caller has them already.
    """
    found: dict[str, tuple[str, ...]] = {name: (event,) for name, event in session.milestones.items()}
    rows = reached(policy_of(session, house), "tours", facts_of(session) if facts is None else facts)
    evidence = evidence_of(session) if rows else {}
    for row in rows:
        events = dict.fromkeys(event for test in row.when for event in evidence.get(test.fact, ()))
        found.setdefault(row.name, tuple(events))
    return found


def evidence_of(session: TourSession) -> dict[str, tuple[str, ...]]:
    """Return, for each named fact that scores, the log entries it was counted from."""
    seen = session.visits or ((session.closed_by,) if session.closed_by else ())
    looked = ("total_time_s", "rooms_visited", "completion_rate", "mean_dwell_s", "rooms_revisited", "bedroom_s")
    return {
        **dict.fromkeys((*looked, "kitchen_s", "earlier_sessions"), seen),
        "kitchen_actions": tuple(one.event for one in session.actions if room_kind(one.room) == "kitchen"),
        "shares": tuple(one.event for one in session.actions if one.action == SHARE),
        "downloads": tuple(one.event for one in session.actions if one.action == DOWNLOAD),
    }


def policy_of(session: TourSession, house: House) -> Policy:
    """Return the policy that held when the session closed, or holds now while it is open."""
    return house.policy_of(session.revision) if session.closed_by else house.policy


def score_of(session: TourSession, house: House) -> Score:
    """Score a session by the policy that held when it closed, or holds now while it is open."""
    return scored_facts(session, house)[0]


def scored_facts(session: TourSession, house: House) -> tuple[Score, dict[str, FactValue]]:
    """Return the score of a session, and the named facts that it was given for."""
    facts = facts_of(session)
    return score(policy_of(session, house), "tours", facts, evidence_of(session)), facts


def _dwell_ms(session: TourSession, kind: RoomKind) -> int:
    return sum(dwell for room, (_, dwell) in session.rooms.items() if room_kind(room) == kind)


def _burst(actions: tuple[Action, ...]) -> bool:
    """Tell whether five actions fell within twenty seconds."""
    times = [action.at_ms for action in actions]
    return any(later - earlier <= BURST_MS for earlier, later in zip(times, times[BURST_ACTIONS - 1 :], strict=False))
