"""What an operator does when the week is over: mends a refused conversion, tries out another policy."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from api.cli.demo.diary import Item
from api.cli.demo.posting import Tally

Row = dict[str, Any]
CANDIDATE = "nile-careful"
"""The policy that is written and tried out, and never activated."""
HOT_TOUR, WARM_FROM = 350, 45
"""What the candidate says otherwise: a hot tour's worth, and from which score on somebody is warm."""
LONGEST_S = 180.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Mended:
    """A refused conversion: which, why, the correction, and what became of it then."""

    conversion_id: str
    event_name: str
    refused: str
    correction: str
    status: str


@dataclass(frozen=True, slots=True)
class TriedOut:
    """A simulated policy: its label, the one in force, and the result; None where it did not come in time."""

    label: str
    in_force: str
    simulation_id: str
    result: Row | None


def mend(operator: httpx.Client, items: Sequence[Item], tally: Tally, settle: Callable[[], object]) -> list[Mended]:
    """Send again, corrected, what was refused for a word that is not Meta's; return all that were mended, ever."""
    wrong = [tally.facts[str(item.body["id"])] for item in items if _is_wrong(item, tally)]
    ids = [one["id"] for fact in wrong for one in _get(operator, f"/api/events/{fact}")["conversions"]]
    refused = {one["id"] for one in _get(operator, "/api/conversions/dead-letters", limit="200")["items"]}
    for conversion_id in ids:
        if conversion_id in refused:
            body = {"custom": {"availability": "recently_sold"}}
            operator.post(f"/api/conversions/{conversion_id}/retry", json=body).raise_for_status()
    settle()
    return [_mended(_get(operator, f"/api/conversions/{one}")) for one in ids]


def _is_wrong(item: Item, tally: Tally) -> bool:
    payload = item.body.get("payload", {})
    return bool(payload.get("custom", {}).get("availability")) and str(item.body["id"]) in tally.facts


def _mended(one: Row) -> Mended:
    why = next((attempt["message"] for attempt in one["attempts"] if attempt.get("message")), None)
    return Mended(
        one["id"], one["event_name"], why or "availability is not one of Meta's words", "availability: recently_sold",
        one["status"],
    )  # fmt: skip


def try_out(operator: httpx.Client) -> TriedOut:
    """Copy the policy in force, change two numbers, and ask what that would have sent; activate nothing.

    What was written and simulated before is taken as it is. Raises httpx.HTTPError.
    """
    in_force = _get(operator, "/api/policies")["active"]
    if operator.get(f"/api/policies/{CANDIDATE}").status_code == 404:
        operator.post(f"/api/policies/{in_force['name']}/copy", json={"to": CANDIDATE}).raise_for_status()
    document = _edited(_get(operator, f"/api/policies/{CANDIDATE}")["policy"])
    written = operator.put(f"/api/policies/{CANDIDATE}", json=document).raise_for_status().json()
    known = _get(operator, "/api/policies/simulations")["items"]
    done = next((one["id"] for one in known if one["policy"] == written["label"] and one["state"] == "done"), None)
    simulation_id = done or _simulated(operator)
    return TriedOut(written["label"], in_force["label"], simulation_id, _result(operator, simulation_id))


def _simulated(operator: httpx.Client) -> str:
    return str(operator.post("/api/policies/simulate", json={"name": CANDIDATE}).raise_for_status().json()["id"])


def _edited(policy: Row) -> Row:
    rows = [
        {**row, "value": {**row["value"], "fixed": HOT_TOUR}}
        if row["slot"] == "tour_outcome" and row["event_name"] == "Purchase"
        else row
        for row in policy["conversions"]
    ]
    return {**policy, "conversions": rows, "bands": {**policy["bands"], "warm": WARM_FROM}}


def _result(operator: httpx.Client, simulation_id: str) -> Row | None:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        one = _get(operator, f"/api/policies/simulations/{simulation_id}")
        if one["state"] in ("done", "failed"):
            return dict(one["result"]) if one["result"] else None
        time.sleep(POLL_S)
    return None


def _get(client: httpx.Client, path: str, **query: str) -> Row:
    return dict(client.get(path, params=query).raise_for_status().json())
