"""What the stand-in answers to a Graph call: credentials, then planned faults, the rules, the ledger."""

import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from adapters.simulator.answers import (
    HALF_AN_ANSWER,
    WEB_PAGE,
    CutConnection,
    error_answer,
    json_answer,
    new_trace_id,
)
from adapters.simulator.call import Call, read_events
from adapters.simulator.context import Context, Event
from adapters.simulator.datasets import Datasets
from adapters.simulator.faults import FaultPlan, Faults, PlannedOutcome, refusal_of
from adapters.simulator.ledger import Ledger, Receipt
from adapters.simulator.refusals import Refusal, outcome_of
from adapters.simulator.rules import check_events
from adapters.simulator.vocabulary import SUPPORTED_VERSIONS

VERSION_REFUSED = Refusal(
    2635,
    None,
    "Unsupported version",
    "(#2635) Call a supported version of the API: " + ", ".join(sorted(SUPPORTED_VERSIONS)),
)
UNKNOWN_PATH = Refusal(2500, None, "Unknown path", "(#2500) Unknown path components")


class Settings(BaseModel):
    """How strict the stand-in is; see `rules.Rule` for what `strict` adds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strict: bool = True
    accept_any_token: bool = True  # for datasets registered without a token of their own, or not at all
    future_tolerance_s: float = Field(default=60, ge=0)


class Peer:
    """Meta as far as conversions go, with a memory that can be asked and a temper that can be set."""

    def __init__(
        self,
        *,
        ledger_path: Path | None = None,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = Ledger(ledger_path)
        self.datasets = Datasets()
        self.faults = Faults()
        self.settings = self._initial = settings or Settings()
        self._clock = clock

    def reset(self) -> None:
        """Return to the state of a fresh start with an empty ledger."""
        self.ledger.reset()
        self.datasets.forget()
        self.faults.replace(FaultPlan())
        self.settings = self._initial

    def describe(self, version: str, dataset_id: str, call: Call) -> Response:
        """Answer `GET /{version}/{dataset_id}`: its id and name, if the credentials are good."""
        refusal = self._refuse_caller(version, dataset_id, call)
        if refusal is not None:
            return error_answer(refusal, new_trace_id())
        name = self.datasets.get(dataset_id).name or f"Dataset {dataset_id}"
        return json_answer({"id": dataset_id, "name": name})

    def receive(self, version: str, dataset_id: str, call: Call) -> Response:
        """Answer `POST /{version}/{dataset_id}/events`: take all events of the request or none."""
        trace_id = new_trace_id()
        planned = self.faults.draw()
        if planned.outcome == "lost_before_processing":
            self._record(dataset_id, trace_id, planned.outcome)
            return CutConnection()
        refusal = self._refuse_caller(version, dataset_id, call)
        if refusal is not None:
            return self._refuse(dataset_id, trace_id, refusal)
        if planned.outcome not in _AFTER_PROCESSING and (refusal := refusal_of(planned)):
            headers = self.faults.usage_headers(dataset_id) if planned.outcome == "throttle" else None
            return self._refuse(dataset_id, trace_id, refusal, headers)
        return self._process(dataset_id, trace_id, call, planned)

    def refuse_path(self, path: str) -> Response:
        """Answer a call to a path that is not served: unversioned, or unknown under a living version."""
        versioned = path.partition("/")[0] in SUPPORTED_VERSIONS
        return self._refuse("", new_trace_id(), UNKNOWN_PATH if versioned else VERSION_REFUSED)

    def _process(self, dataset_id: str, trace_id: str, call: Call, planned: PlannedOutcome) -> Response:
        now = self._clock()
        lost = planned.outcome == "lost_after_processing"
        taken = self._take(dataset_id, call, now)
        if isinstance(taken, Refusal):
            answer = self._refuse(dataset_id, trace_id, taken)
            return CutConnection() if lost else answer
        events, warnings = taken
        outcome = "accepted" if planned.outcome == "ok" else planned.outcome
        self.ledger.record(Receipt(trace_id, dataset_id, now, outcome, call.text("test_event_code")), events)
        answer = json_answer({"events_received": len(events), "messages": warnings, "fbtrace_id": trace_id})
        return CutConnection() if lost else _spoil(answer, planned, trace_id)

    def _take(self, dataset_id: str, call: Call, now: float) -> tuple[list[Event], list[str]] | Refusal:
        """Return the events with warnings if every one of them passes every rule, else the first refusal."""
        settings = self.settings
        events = read_events(call, strict=settings.strict)
        if isinstance(events, Refusal):
            return events
        kind = self.datasets.get(dataset_id).kind
        context = Context(now, settings.strict, kind, settings.future_tolerance_s)
        refusal, warnings = check_events(events, context)
        return refusal or (events, warnings)

    def _refuse_caller(self, version: str, dataset_id: str, call: Call) -> Refusal | None:
        if version not in SUPPORTED_VERSIONS:
            return VERSION_REFUSED
        return call.refusal or self.datasets.refuse(
            dataset_id,
            call.token,
            call.text("appsecret_proof"),
            faults=self.faults,
            accept_any_token=self.settings.accept_any_token,
        )

    def _refuse(
        self, dataset_id: str, trace_id: str, refusal: Refusal, headers: dict[str, str] | None = None
    ) -> Response:
        self._record(dataset_id, trace_id, outcome_of(refusal))
        return error_answer(refusal, trace_id, headers)

    def _record(self, dataset_id: str, trace_id: str, outcome: str) -> None:
        self.ledger.record(Receipt(trace_id, dataset_id, self._clock(), outcome))


_AFTER_PROCESSING = frozenset({"server_error_after_processing", "lost_after_processing", "bad_json", "html"})


def _spoil(answer: Response, planned: PlannedOutcome, trace_id: str) -> Response:
    """Return the answer, or what a fault makes of it once the events are taken."""
    match planned.outcome:
        case "bad_json":
            return Response(HALF_AN_ANSWER, media_type="application/json")
        case "html":
            return Response(WEB_PAGE, media_type="text/html")
        case _:
            refusal = refusal_of(planned)
            return answer if refusal is None else error_answer(refusal, trace_id)
