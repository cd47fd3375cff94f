"""Subscriptions over HTTP: an address subscribed, told, tested, rotated, disabled, and sent to again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adapters.dramatiq.notifier import Post
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.outside.postman import GuardedPostman
from adapters.postgres.connections import connect
from adapters.postgres.outbox import LEASE_SECONDS
from adapters.postgres.subscriptions import feed_once
from adapters.sealing import MasterKey
from application.subscriptions import is_signed
from tests.api.served import MASTER_KEY, served
from tests.api.stage import Brokerage, Stage, fields_of, problem_of, touchpoint
from tests.outside.receiver import Receiver, Says, receiver

PATH = "/api/webhook-subscriptions"
TOUR = "tours.started.v1"


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture(scope="module")
def base(stage: Stage, there: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API where the receiver on this machine may be called."""
    log: Path = tmp_path_factory.mktemp("subscriptions") / "api.log"
    with served(stage.url, log, allowed_hosts=there.authority) as address:
        yield address


@pytest.fixture
def hook(there: Receiver) -> str:
    """An address of its own for one test."""
    return there.url(f"/{uuid4()}")


@pytest.fixture
def operator(stage: Stage, base: str, nile: Brokerage) -> httpx.Client:
    return stage.client(nile.keys["operator"], base)


@pytest.fixture
def reader(stage: Stage, base: str, nile: Brokerage) -> httpx.Client:
    return stage.client(nile.keys["reader"], base)


def subscribe(operator: httpx.Client, url: str, *kinds: str, **more: Any) -> dict[str, Any]:
    response = operator.post(PATH, json={"url": url, "kinds": list(kinds or ("tours.*",)), **more})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def tell(stage: Stage, there: Receiver, house: Brokerage, subscription: str) -> None:
    """Do what the scheduler and a worker do."""
    with connect(stage.url, "masar_projector") as connection:
        while feed_once(connection):
            pass
    postman = GuardedPostman(GuardedClient(Rules.of(hosts=[there.authority])))
    post = Post(stage.url, MasterKey.parse(MASTER_KEY), LEASE_SECONDS, postman)
    while post.run((house.brokerage_id, subscription), lambda: True):  # type: ignore[arg-type]
        pass
    post.close()


def asked(there: Receiver, url: str) -> list[Any]:
    return [one for one in there.asked if url.endswith(one.path)]


def test_an_address_is_subscribed_and_its_secret_shown_once(
    operator: httpx.Client, reader: httpx.Client, hook: str
) -> None:
    made = subscribe(operator, hook, "tours.*", TOUR, description="our CRM")
    assert made["secret"].startswith("whsec_")
    shown = reader.get(f"{PATH}/{made['id']}").json()
    assert "secret" not in shown
    assert (shown["url"], shown["kinds"], shown["description"]) == (hook, ["tours.*", TOUR], "our CRM")
    assert (shown["enabled"], shown["personal"]) == (True, False)
    assert shown["deliveries"] == {"waiting": 0, "delivered": 0, "failed": 0, "dropped": 0}
    listed = reader.get(PATH)
    assert [one["id"] for one in listed.json()["items"]] == [made["id"]]
    assert made["secret"][6:] not in listed.text


def test_what_happens_arrives_and_is_in_the_log_of_deliveries(
    stage: Stage, nile: Brokerage, there: Receiver, operator: httpx.Client, reader: httpx.Client, hook: str
) -> None:
    made = subscribe(operator, hook)
    event = nile.verdict(touchpoint(TOUR, person={"email": "mona@example.com"}))["event_id"]
    tell(stage, there, nile, made["id"])
    (got,) = asked(there, hook)
    assert is_signed([made["secret"]], got.headers, got.body, datetime.now(UTC))
    data = json.loads(got.body)["data"]
    shown = nile.read(f"/api/events/{event}")
    assert data == {name: shown[name] for name in data}
    (delivery,) = reader.get(f"{PATH}/{made['id']}/deliveries").json()["items"]
    assert (delivery["id"], delivery["event_id"]) == (got.headers["webhook-id"], event)
    assert (delivery["state"], delivery["kind"], delivery["attempts"]) == ("delivered", TOUR, 1)
    (attempt,) = delivery["tries"]
    assert (attempt["status"], attempt["outcome"], attempt["excerpt"]) == (200, "delivered", "ok")
    assert attempt["duration_ms"] >= 0
    assert reader.get(f"{PATH}/{made['id']}/deliveries/{delivery['id']}").json() == delivery
    assert reader.get(f"{PATH}/{made['id']}").json()["deliveries"]["delivered"] == 1


def test_a_delivery_is_replayed_under_its_id(
    stage: Stage, nile: Brokerage, there: Receiver, operator: httpx.Client, hook: str
) -> None:
    made = subscribe(operator, hook)
    nile.post(touchpoint(TOUR))
    tell(stage, there, nile, made["id"])
    place = f"{PATH}/{made['id']}/deliveries/{asked(there, hook)[0].headers['webhook-id']}/replay"
    again = operator.post(place)
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    assert problem_of(operator.post(place))["status"] == 409
    tell(stage, there, nile, made["id"])
    assert len({one.headers["webhook-id"] for one in asked(there, hook)}) == 1
    assert len(asked(there, hook)) == 2


def test_deliveries_are_paged_newest_first_and_by_state(
    stage: Stage, nile: Brokerage, there: Receiver, operator: httpx.Client, reader: httpx.Client, hook: str
) -> None:
    made = subscribe(operator, hook)
    nile.post(*(touchpoint(TOUR) for _ in range(5)))
    tell(stage, there, nile, made["id"])
    seen, cursor = [], None
    while True:
        page = reader.get(
            f"{PATH}/{made['id']}/deliveries", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        seen += [one["position"] for one in page.json()["items"]]
        if (cursor := page.json()["next_cursor"]) is None:
            break
    assert len(set(seen)) == len(seen) == 5
    assert reader.get(f"{PATH}/{made['id']}/deliveries", params={"state": "failed"}).json()["items"] == []
    assert reader.get(f"{PATH}/{made['id']}/deliveries", params={"state": "lost"}).status_code == 422


def test_a_test_message_is_sent_at_once_and_logged(operator: httpx.Client, there: Receiver, hook: str) -> None:
    made = subscribe(operator, hook)
    told = operator.post(f"{PATH}/{made['id']}/test").json()
    assert (told["delivered"], told["status"], told["excerpt"]) == (True, 200, "ok")
    (got,) = asked(there, hook)
    assert json.loads(got.body)["type"] == "subscription.test"
    assert is_signed([made["secret"]], got.headers, got.body, datetime.now(UTC))
    there.says[got.path] = Says(500, body=b"broken")
    told = operator.post(f"{PATH}/{made['id']}/test").json()
    assert (told["delivered"], told["status"], told["excerpt"]) == (False, 500, "broken")
    log = operator.get(f"{PATH}/{made['id']}/deliveries").json()["items"]
    assert sorted(one["state"] for one in log) == ["delivered", "failed"]
    replayed = operator.post(f"{PATH}/{made['id']}/deliveries/{told['delivery_id']}/replay")
    assert problem_of(replayed)["status"] == 409


def test_disabled_by_its_receiver_it_says_why_and_can_be_enabled(
    stage: Stage, nile: Brokerage, there: Receiver, operator: httpx.Client, hook: str
) -> None:
    made = subscribe(operator, hook)
    there.says[f"/{hook.rpartition('/')[2]}"] = Says(410)
    nile.post(touchpoint(TOUR))
    tell(stage, there, nile, made["id"])
    shown = operator.get(f"{PATH}/{made['id']}").json()
    assert (shown["enabled"], shown["disabled_why"]) == (False, "the receiver answered 410: it wants no more")
    there.says.clear()
    enabled = operator.post(f"{PATH}/{made['id']}/enable", json={"replay": True}).json()
    assert (enabled["enabled"], enabled["disabled_why"], enabled["replayed"]) == (True, None, 1)
    tell(stage, there, nile, made["id"])
    assert len(asked(there, hook)) == 2
    assert operator.post(f"{PATH}/{made['id']}/enable").json()["replayed"] == 0


def test_a_subscription_is_changed_and_deleted(operator: httpx.Client, hook: str) -> None:
    made = subscribe(operator, hook)
    place = f"{PATH}/{made['id']}"
    changed = operator.patch(place, json={"kinds": ["leads.*"], "enabled": False}).json()
    assert (changed["kinds"], changed["enabled"], changed["url"]) == (["leads.*"], False, hook)
    assert changed["disabled_why"] == "by an operator"
    rotated = operator.post(f"{place}/rotate", json={"overlap_s": 60}).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    assert operator.get(place).json()["old_secret_until"] == rotated["old_secret_until"]
    assert operator.delete(place).json() == {"id": made["id"], "deleted": True}
    assert operator.get(place).status_code == operator.delete(place).status_code == 404


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://localhost/", "http://169.254.169.254/latest", "https://[::1]/", "http://0x7f.1/",
     "ftp://files.example/", "https://user:pass@hooks.example/", "https://hooks.example:22/", "nonsense", ""],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(operator: httpx.Client, hook: str, url: str) -> None:
    assert fields_of(operator.post(PATH, json={"url": url, "kinds": ["*"]})) == ["url"]
    made = subscribe(operator, hook)
    assert fields_of(operator.patch(f"{PATH}/{made['id']}", json={"url": url})) == ["url"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kinds": ["cars.*"]}, "kinds.0"), ({"kinds": []}, "kinds"), ({"kinds": "*"}, "kinds"),
        ({"kinds": [7]}, "kinds.0"),
        ({"enabled": "yes"}, "enabled"), ({"personal": 1}, "personal"), ({"secret": "whsec_x"}, "secret"),
        ({"description": "a\u0000b"}, "description"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_by_its_field(
    operator: httpx.Client, hook: str, body: dict[str, Any], field: str
) -> None:
    assert fields_of(operator.post(PATH, json={"url": hook, "kinds": ["*"], **body})) == [field]


def test_readers_look_and_operators_change(reader: httpx.Client, operator: httpx.Client, hook: str) -> None:
    made = subscribe(operator, hook)
    place = f"{PATH}/{made['id']}"
    refused = [
        reader.post(PATH, json={"url": hook, "kinds": ["*"]}), reader.patch(place, json={}), reader.delete(place),
        reader.post(f"{place}/rotate"), reader.post(f"{place}/test"), reader.post(f"{place}/enable"),
        reader.post(f"{place}/deliveries/{uuid4()}/replay"),
    ]  # fmt: skip
    assert [one.status_code for one in refused] == [403] * 7


def test_a_neighbour_finds_nothing(
    stage: Stage, base: str, delta: Brokerage, operator: httpx.Client, hook: str
) -> None:
    made = subscribe(operator, hook)
    theirs = stage.client(delta.keys["operator"], base)
    place = f"{PATH}/{made['id']}"
    answers = [
        theirs.get(place), theirs.patch(place, json={"enabled": False}), theirs.delete(place),
        theirs.post(f"{place}/rotate"), theirs.post(f"{place}/test"), theirs.post(f"{place}/enable"),
        theirs.get(f"{place}/deliveries"), theirs.get(f"{place}/deliveries/{uuid4()}"),
        theirs.post(f"{place}/deliveries/{uuid4()}/replay"),
    ]  # fmt: skip
    assert [one.status_code for one in answers] == [404] * 9
    assert theirs.get(PATH).json()["items"] == []
    assert operator.get(place).json()["enabled"] is True


def test_a_brokerage_has_at_most_fifty(operator: httpx.Client, hook: str) -> None:
    for _ in range(50):
        subscribe(operator, hook)
    assert problem_of(operator.post(PATH, json={"url": hook, "kinds": ["*"]}))["status"] == 409
