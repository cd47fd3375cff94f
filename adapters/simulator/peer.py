"""What the stand-in answers to a Graph call: credentials, then planned faults, the rules, the ledger."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from adapters.simulator.audiences import Audiences, Verb
from adapters.simulator.call import Call, read_events
from adapters.simulator.context import Context, Event
from adapters.simulator.datasets import TOKEN_MISSING, Datasets, is_dead
from adapters.simulator.faults import TOKEN_EXPIRED, FaultPlan, Faults, PlannedOutcome, refusal_of
from adapters.simulator.ledger import Ledger, Receipt
from adapters.simulator.nodes import Assets, dataset_quality, describe_dataset, describe_token
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
        self.assets = Assets()
        self.audiences = Audiences()
        self.faults = Faults()
        self.settings = self._initial = settings or Settings()
        self.on_reset: Callable[[], None] = lambda: None  # whoever has to start over with us
        self._clock = clock

    def reset(self) -> None:
        """Return to the state of a fresh start with an empty ledger."""
        self.ledger.reset()
        self.datasets.forget()
        self.assets.forget()
        self.audiences.forget()
        self.faults.replace(FaultPlan())
        self.settings = self._initial
        self.on_reset()

    def describe(self, version: str, dataset_id: str, call: Call) -> Response:
        """Answer `GET /{version}/{dataset_id}?fields=…`: what is asked for, if the credentials are good."""
        refusal = self._refuse_caller(version, dataset_id, call)
        dataset = self.datasets.get(dataset_id)
        return _told(refusal or describe_dataset(dataset_id, dataset, self.ledger, call.text("fields")))

    def debug_token(self, version: str, call: Call) -> Response:
        """Answer `GET /{version}/debug_token`: what becomes of `input_token`, asked with a token that lives."""
        asked = call.text("input_token")
        if refusal := self._refuse_token(version, call):
            return _told(refusal)
        if not asked:
            return _told(Refusal(100, None, "Missing token", "(#100) The parameter input_token is required"))
        declared = self._declared_dead(asked)
        known = self.settings.accept_any_token
        return _told(describe_token(asked, self.datasets, self._clock(), declared_dead=declared, known=known))

    def quality(self, version: str, call: Call) -> Response:
        """Answer `GET /{version}/dataset_quality?dataset_id=…`, from what was received."""
        dataset_id = call.text("dataset_id")
        if not dataset_id:
            return _told(Refusal(100, None, "Missing dataset", "(#100) The parameter dataset_id is required"))
        return _told(self._refuse_caller(version, dataset_id, call) or dataset_quality(dataset_id, self.ledger))

    def asset_dataset(self, version: str, asset_id: str, call: Call, *, create: bool) -> Response:
        """Answer `GET` and `POST /{version}/{page, WhatsApp or Instagram account}/dataset`."""
        if refusal := self._refuse_token(version, call):
            return _told(refusal)
        if create:
            return _told(self.assets.create_dataset(asset_id, call.text("dataset_name"), self.datasets))
        return _told(self.assets.dataset_of(asset_id))

    def create_audience(self, version: str, account: str, call: Call) -> Response:
        """Answer `POST /{version}/{act_…}/customaudiences`."""
        refusal = self._refuse_token(version, call)
        return _told(refusal or self.audiences.create(account, dict(call.parameters)))

    def change_audience(self, version: str, audience_id: str, verb: Verb, call: Call) -> Response:
        """Answer the calls that add, remove or replace the people of an audience."""
        refusal = self._refuse_token(version, call)
        return _told(refusal or self.audiences.change(audience_id, verb, dict(call.parameters)))

    def receive(self, version: str, dataset_id: str, call: Call) -> Response:
        """Answer `POST /{version}/{dataset_id}/events`: take all events of the request or none."""
        trace_id = new_trace_id()
        fate = self.faults.of(dataset_id)
        planned = fate.draw()
        if planned.outcome == "lost_before_processing":
            self._record(dataset_id, trace_id, planned.outcome)
            return CutConnection()
        refusal = self._refuse_caller(version, dataset_id, call)
        if refusal is not None:
            return self._refuse(dataset_id, trace_id, refusal)
        fate.spend()
        if planned.outcome not in _AFTER_PROCESSING and (refusal := refusal_of(planned)):
            headers = fate.usage_headers(dataset_id) if planned.outcome == "throttle" else None
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
        said = (call.text("test_event_code"), call.text("partner_agent"))
        self.ledger.record(Receipt(trace_id, dataset_id, now, outcome, *said), events)
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
            now=self._clock(),
        )

    def _refuse_token(self, version: str, call: Call) -> Refusal | None:
        """Refuse a caller of something that is no dataset: any token that lives will do."""
        if version not in SUPPORTED_VERSIONS:
            return VERSION_REFUSED
        if call.refusal or not call.token:
            return call.refusal or TOKEN_MISSING
        dataset = self.datasets.of_token(call.token)
        dead = self._declared_dead(call.token) or (dataset is not None and is_dead(dataset, self._clock()))
        return TOKEN_EXPIRED if dead else None

    def _declared_dead(self, token: str) -> bool:
        return self.faults.of().is_dead(token) or any(
            self.faults.of(one).is_dead(token)
            for one in self.datasets.named() if self.datasets.get(one).token == token
        )  # fmt: skip

    def _refuse(
        self, dataset_id: str, trace_id: str, refusal: Refusal, headers: dict[str, str] | None = None
    ) -> Response:
        self._record(dataset_id, trace_id, outcome_of(refusal))
        return error_answer(refusal, trace_id, headers)

    def _record(self, dataset_id: str, trace_id: str, outcome: str) -> None:
        self.ledger.record(Receipt(trace_id, dataset_id, self._clock(), outcome))


def _told(content: dict[str, Any] | Refusal) -> Response:
    return error_answer(content, new_trace_id()) if isinstance(content, Refusal) else json_answer(content)


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
