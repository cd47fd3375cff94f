"""Faults on demand: shares of requests that fail in a chosen way, or a queue of outcomes.

For all conversions and messages, for those of one dataset or messaging account, or for all of a route (`messages`,
`media`, `templates`).
"""

import random
from collections import deque
from typing import Any, Literal, Self, TypeAlias

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.simulator.refusals import Refusal

Outcome: TypeAlias = Literal[
    "ok",  # no fault
    "throttle",  # 429 with a throttling code and usage headers, nothing processed
    "server_error",  # 500 or 503, nothing processed
    "server_error_after_processing",  # the same answer, though the events were taken
    "transient",  # Graph code 2 with is_transient, nothing processed
    "lost_before_processing",  # connection cut, nothing processed
    "lost_after_processing",  # connection cut, though the events were taken
    "bad_json",  # 200 with half a JSON text, events taken
    "html",  # 200 with a web page, events taken
    "dead_token",  # 401, code 190, subcode 463
    "error",  # the code, subcode and status given
]

THROTTLE_SUBCODES: dict[int, int | None] = {4: 1504022, 17: 2446079, 613: 1487742, 80004: None}

TOKEN_EXPIRED = Refusal(190, 463, "Session expired", "Error validating access token: session has expired", 401)


class PlannedOutcome(BaseModel):
    """What the next request meets; a bare name stands for `{"outcome": name}`."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    code: int | None = None  # Graph code of a throttle or an error
    subcode: int | None = None
    status: int | None = Field(default=None, ge=400, le=599)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"outcome": value} if isinstance(value, str) else value


class FaultPlan(BaseModel):
    """The knobs. Shares are of all event requests and exclude each other; together at most 1."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: float = Field(default=0, ge=0)  # the answer waits this long; the work is done on arrival
    latency_jitter_ms: float = Field(default=0, ge=0)  # plus a random part of this
    throttle_share: float = Field(default=0, ge=0, le=1)
    throttle_codes: tuple[int, ...] = Field(default=(4, 17, 613, 80004), min_length=1)
    estimated_time_to_regain_access: int = Field(default=1, ge=0)  # minutes, as Meta counts them
    server_error_share: float = Field(default=0, ge=0, le=1)
    server_error_after_processing_share: float = Field(default=0, ge=0, le=1)
    transient_share: float = Field(default=0, ge=0, le=1)
    lost_after_processing_share: float = Field(default=0, ge=0, le=1)
    lost_before_processing_share: float = Field(default=0, ge=0, le=1)
    bad_json_share: float = Field(default=0, ge=0, le=1)  # half a JSON text or a web page, in turn by chance
    dead_tokens: frozenset[str] = frozenset()
    dies_after: int | None = Field(default=None, ge=0)  # so many event requests on, every token is dead: mid-run
    fail_next: tuple[PlannedOutcome, ...] = ()  # consumed one per event request, before any share is drawn
    seed: int | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if sum(getattr(self, share) for share, _ in _SHARES) > 1 + 1e-9:
            raise ValueError("the shares add up to more than 1")
        return self


_SHARES: tuple[tuple[str, Outcome], ...] = (
    ("throttle_share", "throttle"),
    ("server_error_share", "server_error"),
    ("server_error_after_processing_share", "server_error_after_processing"),
    ("transient_share", "transient"),
    ("lost_after_processing_share", "lost_after_processing"),
    ("lost_before_processing_share", "lost_before_processing"),
    ("bad_json_share", "bad_json"),
)

_NO_FAULT = PlannedOutcome(outcome="ok")


class Faults:
    """Draws the fate of each request from the plan in force; the same seed gives the same fates.

    A dataset, an account or a route may have a plan of its own; all others share one.
    """

    def __init__(self) -> None:
        self._shared = _Fate(FaultPlan())
        self._own: dict[str | None, _Fate] = {}

    def replace(self, plan: FaultPlan, dataset: str | None = None) -> None:
        """Put a plan in force and start its random sequence over; that for all ends those of single names."""
        if dataset is None:
            self._shared, self._own = _Fate(plan), {}
        else:
            self._own[dataset] = _Fate(plan)

    def of(self, *names: str | None) -> "_Fate":
        """Return the plan in force for the first of these names that has its own, with what is left of it."""
        return next((self._own[name] for name in names if name in self._own), self._shared)


class _Fate:
    """One plan being carried out."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._queue = deque(plan.fail_next)
        self._left = plan.dies_after
        self._random = random.Random(plan.seed)  # noqa: S311 - repeatable chance, no secret

    def current(self) -> FaultPlan:
        """Return the plan with what is left of its queue and of its tokens' life."""
        return self._plan.model_copy(update={"fail_next": tuple(self._queue), "dies_after": self._left})

    def is_dead(self, token: str) -> bool:
        """Say whether a token was declared dead, or died after the requests it had."""
        return token in self._plan.dead_tokens or self._left == 0

    def draw(self) -> PlannedOutcome:
        """Return the fate of the next request, with its code and status filled in."""
        return self._complete(self._queue.popleft() if self._queue else self._by_chance())

    def spend(self) -> None:
        """Count one event request that got past the credentials towards the tokens' death."""
        if self._left:
            self._left -= 1

    def draw_delay_s(self) -> float:
        """Return how long the next answer waits, in seconds."""
        jitter = self._plan.latency_jitter_ms
        return (self._plan.latency_ms + (self._random.uniform(0, jitter) if jitter else 0)) / 1_000

    def usage_headers(self, dataset: str) -> dict[str, str]:
        """Return the headers by which Graph tells how long a throttled caller should wait."""
        minutes = self._plan.estimated_time_to_regain_access
        usage: dict[str, Any] = {"call_count": 100, "total_cputime": 100, "total_time": 100}
        case = {"type": "ads_management", **usage, "estimated_time_to_regain_access": minutes}
        return {
            "x-business-use-case-usage": orjson.dumps({dataset: [case]}).decode(),
            "x-app-usage": orjson.dumps(usage).decode(),
        }

    def _by_chance(self) -> PlannedOutcome:
        point = self._random.random()
        for share, outcome in _SHARES:
            point -= getattr(self._plan, share)
            if point < 0:
                return PlannedOutcome(outcome=outcome)
        return _NO_FAULT

    def _complete(self, planned: PlannedOutcome) -> PlannedOutcome:
        match planned.outcome:
            case "throttle" if planned.code is None:
                return planned.model_copy(update={"code": self._random.choice(self._plan.throttle_codes)})
            case "server_error" | "server_error_after_processing" if planned.status is None:
                return planned.model_copy(update={"status": self._random.choice((500, 503))})
            case _:
                return planned


def refusal_of(planned: PlannedOutcome) -> Refusal | None:
    """Return the Graph error a planned outcome answers with, or None where it is no Graph error."""
    match planned.outcome:
        case "throttle":
            code = planned.code or 4
            subcode = planned.subcode or THROTTLE_SUBCODES.get(code)
            return Refusal(code, subcode, "Too many calls", f"(#{code}) Request limit reached", planned.status or 429)
        case "server_error" | "server_error_after_processing":
            return Refusal(1, None, "Unknown error", "An unknown error has occurred.", planned.status or 500)
        case "transient":
            # 400 rather than 5xx: a client must read is_transient, not only the status.
            message = "An unexpected error has occurred. Please retry your request later."
            return Refusal(2, None, "Temporary error", message, planned.status or 400, transient=True)
        case "dead_token":
            return TOKEN_EXPIRED
        case "error":
            code = planned.code or 1
            return Refusal(code, planned.subcode, "Injected error", f"(#{code}) injected", planned.status or 400)
        case _:
            return None
