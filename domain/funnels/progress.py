"""How far a person got: one pass over what they did.

Semantics as PostHog's funnels have them: the window counts from the first step of an attempt, its last moment
included; of several attempts the best counts, and of equal ones the first; a later first step begins an attempt of its
own; an attempt that an exclusion spoils counts for nothing; one event fills one step; what happened at the same
instant counts in step order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.funnels.funnel import Funnel


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person did: when (unix ms), the steps it could fill (from 0), the exclusions it is one of."""

    at_ms: int
    place: int
    steps: tuple[int, ...] = ()
    exclusions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """When each step taken was taken, in unix ms; `excluded` where an exclusion took the person out altogether."""

    times: tuple[int, ...] = ()
    excluded: bool = False

    @property
    def reached(self) -> int:
        """How many steps were taken."""
        return len(self.times)


def progress(funnel: Funnel, events: Sequence[Event]) -> Progress:
    """Return how far a person got in a funnel, whatever order their events are given in."""
    if funnel.order == "any":
        return _in_any_order(funnel, events)
    return _in_order(funnel, sorted(events, key=_in_step_order))


def _in_step_order(event: Event) -> tuple[int, int, int]:
    return event.at_ms, min(event.steps, default=-1), event.place


@dataclass(frozen=True, slots=True)
class _Attempt:
    start: int  # the event that began it, by its number
    last: int  # the event that took its newest step
    times: tuple[int, ...]


def _in_order(funnel: Funnel, events: Sequence[Event]) -> Progress:
    """Keep for every step the newest attempt that reached it: an attempt begun later has more time left."""
    window_ms, size = funnel.window_s * 1000, len(funnel.steps)
    newest: dict[int, _Attempt] = {}  # step → attempt
    reached: dict[int, tuple[int, ...]] = {}  # start of an attempt → its steps' times
    spoilt: set[int] = set()
    for number, event in enumerate(events):
        for start in _spoilt_by(funnel, event, reached):
            spoilt.add(start)
            newest = {step: attempt for step, attempt in newest.items() if attempt.start != start}
        for step in sorted(event.steps, reverse=True):  # from the last: so one event fills one step of an attempt
            attempt = _taken(funnel, step, number, event, newest, window_ms)
            if attempt is not None:
                newest[step] = attempt
                if len(attempt.times) > len(reached.get(attempt.start, ())):
                    reached[attempt.start] = attempt.times
                if step == size - 1:
                    return Progress(attempt.times)
    clean = [times for start, times in reached.items() if start not in spoilt]
    return Progress(max(clean, key=len, default=()), excluded=bool(spoilt) and not clean)


def _taken(
    funnel: Funnel, step: int, number: int, event: Event, newest: dict[int, _Attempt], window_ms: int
) -> _Attempt | None:
    """Return the attempt that an event takes to a step, None where there is none to take."""
    if step == 0:
        return _Attempt(number, number, (event.at_ms,))
    before = newest.get(step - 1)
    if before is None or event.at_ms - before.times[0] > window_ms:
        return None
    if funnel.order == "strict" and before.last != number - 1:
        return None
    return _Attempt(before.start, number, (*before.times, event.at_ms))


def _spoilt_by(funnel: Funnel, event: Event, reached: dict[int, tuple[int, ...]]) -> list[int]:
    """Return the starts of the attempts that stand between an exclusion's two steps when it happens."""
    return [
        start
        for number in event.exclusions
        for start, times in reached.items()
        if funnel.exclusions[number].from_step <= len(times) < funnel.exclusions[number].to_step
        and event.at_ms - times[0] <= funnel.window_s * 1000
    ]


def _in_any_order(funnel: Funnel, events: Sequence[Event]) -> Progress:
    """Try the window that begins with each event that fills a step, unless too few steps occur in it to do better."""
    told = sorted(events, key=lambda one: (one.at_ms, one.place))
    within = [0] * len(funnel.steps)  # how often each step occurs in the window
    best: tuple[int, ...] = ()
    spoilt, end = False, 0
    for first, event in enumerate(told):
        while end < len(told) and told[end].at_ms - event.at_ms <= funnel.window_s * 1000:
            for step in told[end].steps:
                within[step] += 1
            end += 1
        if event.steps and sum(count > 0 for count in within) > len(best):
            times = _filled(funnel, told[first:end])
            spoilt = spoilt or times is None
            best = max(best, times or (), key=len)
        for step in event.steps:
            within[step] -= 1
    return Progress(best, excluded=spoilt and not best)


def _filled(funnel: Funnel, events: Sequence[Event]) -> tuple[int, ...] | None:
    """Match the events of a window to steps, one to one, in time; None where an exclusion spoils the attempt."""
    filled: dict[int, Event] = {}
    times: list[int] = []
    for event in events:
        if len(times) == len(funnel.steps):
            break
        between = (funnel.exclusions[number] for number in event.exclusions)
        if any(one.from_step <= len(times) < one.to_step for one in between):
            return None
        if _place(event, filled, set()):
            times.append(event.at_ms)
    return tuple(times)


def _place(event: Event, filled: dict[int, Event], tried: set[int]) -> bool:
    """Give an event a step, moving others to other steps where that makes room (an augmenting path)."""
    for step in event.steps:
        if step in tried:
            continue
        tried.add(step)
        if step not in filled or _place(filled[step], filled, tried):
            filled[step] = event
            return True
    return False
