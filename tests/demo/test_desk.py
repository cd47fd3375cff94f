"""What the demo's operator does: two numbers of a policy changed, a refused conversion sent again corrected."""

import json
from typing import Any

import httpx

from api.cli.demo import desk
from api.cli.demo.diary import Diary, Item
from api.cli.demo.posting import Tally
from domain.scoring.brief import BRIEF
from domain.scoring.policy import Policy
from tests.demo.test_week import ANCHOR

Document = dict[str, Any]


class Api:
    """The part of the API that an operator uses: one policy in force, one conversion refused."""

    def __init__(self) -> None:
        self.policies: dict[str, Document] = {"brief": BRIEF.model_dump(mode="json")}
        self.simulated: list[str] = []
        self.state, self.asked = "dead", list[Document]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/")
        body = json.loads(request.content) if request.content else {}
        match request.method, path.split("/"):
            case "GET", ["policies"]:
                return httpx.Response(200, json={"active": {"name": "brief", "label": "brief@2"}})
            case "GET", ["policies", "simulations"]:
                label = f"{desk.CANDIDATE}@2"
                return _json({"items": [{"id": one, "policy": label, "state": "done"} for one in self.simulated]})
            case "GET", ["policies", "simulations", _]:
                return _json({"state": "done", "result": {"facts": 3}})
            case "POST", ["policies", "simulate"]:
                self.simulated.append("simulation")
                return httpx.Response(202, json={"id": "simulation"})
            case "POST", ["policies", name, "copy"]:
                self.policies[body["to"]] = self.policies[name] | {"name": body["to"]}
                return httpx.Response(201, json={})
            case "GET", ["policies", name]:
                known = self.policies.get(name)
                return _json({"policy": known}) if known else httpx.Response(404)
            case "PUT", ["policies", name]:
                self.policies[name] = body
                return _json({"label": f"{name}@2"})
            case "GET", ["conversions", "dead-letters"]:
                return _json({"items": [{"id": "refused"}] if self.state == "dead" else []})
            case "POST", ["conversions", "refused", "retry"]:
                self.state, self.asked = "accepted", [*self.asked, body]
                return _json({"status": "waiting"})
            case "GET", ["conversions", "refused"]:
                attempts = [{"message": "a property field is not one of Meta's choices"}, {"message": None}]
                said = {"id": "refused", "event_name": "DepositPaid", "status": self.state}
                return _json(said | {"attempts": attempts})
            case "GET", ["events", _]:
                return _json({"conversions": [{"id": "refused"}]})
            case _:
                return httpx.Response(500)


def _json(document: Document) -> httpx.Response:
    return httpx.Response(200, json=document)


def client(api: Api) -> httpx.Client:
    return httpx.Client(base_url="http://masar", transport=httpx.MockTransport(api))


def test_the_candidate_differs_in_two_numbers_and_nothing_is_activated() -> None:
    api = Api()
    with client(api) as operator:
        tried = desk.try_out(operator)
    written = Policy.model_validate(api.policies[desk.CANDIDATE])
    changed = [row for row, old in zip(written.conversions, BRIEF.conversions, strict=True) if row != old]
    assert [(row.slot, row.event_name, row.value and row.value.fixed) for row in changed] == [
        ("tour_outcome", "Purchase", desk.HOT_TOUR)
    ]
    assert (written.bands.warm, written.scores) == (desk.WARM_FROM, BRIEF.scores)
    assert (tried.label, tried.in_force) == ("nile-careful@2", "brief@2")
    assert api.policies["brief"] == BRIEF.model_dump(mode="json")


def test_trying_it_out_again_asks_for_nothing_new() -> None:
    api = Api()
    with client(api) as operator:
        first, second = desk.try_out(operator), desk.try_out(operator)
    assert first == second
    assert api.simulated == ["simulation"]


def test_a_refused_conversion_is_sent_again_once_and_told_of_ever_after() -> None:
    api, tally = Api(), Tally()
    one = Diary(57, 7, ANCHOR, "paid_in_the_office")
    one.note("ads.conversion_asked.v1", ANCHOR, {"event_name": "DepositPaid", "custom": {"availability": "sold"}})
    items: list[Item] = one.items
    tally.facts[items[0].body["id"]] = "fact"
    with client(api) as operator:
        first = desk.mend(operator, items, tally, lambda: None)
        second = desk.mend(operator, items, tally, lambda: None)
    assert api.asked == [{"custom": {"availability": "recently_sold"}}]
    assert first == second
    assert [(one.event_name, one.status) for one in first] == [("DepositPaid", "accepted")]
    assert first[0].refused == "a property field is not one of Meta's choices"
