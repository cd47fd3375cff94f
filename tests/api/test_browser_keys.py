"""Keys for browsers: public, so bound to sites and quotas, believed little, and told less."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.auth.issuing import BadKey, create_key, revoke_key, split_key
from api.auth.origins import BadOrigin, allows, read_origin
from api.rates import Rates
from tests.api.served import environment, served
from tests.api.stage import SITE, Brokerage, Stage, fields_of, problem_of, touchpoint
from tests.api.unsealed import hints_of, stored
from tests.embedded.processes import ROOT
from tests.patience import eventually

WRITE = "/api/touchpoints"
PAGE = "web.page_viewed.v1"
SAVED = "properties.saved.v1"


def page_posts(
    stage: Stage, key: str | None, body: Any, origin: str | None = SITE, *, base: str | None = None, **headers: str
) -> httpx.Response:
    """Post as `sendBeacon` does: the key in the address, JSON that calls itself text."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"content-type": "text/plain;charset=UTF-8", "user-agent": "Mozilla/5.0 (Test)", **headers}
    told |= {"origin": origin} if origin else {}
    query = {"key": key} if key else {}
    return stage.client(base=base).post(WRITE, params=query, content=content, headers=told)


def accepted(response: httpx.Response) -> int:
    assert response.status_code == 200, response.text
    number: int = response.json()["accepted"]
    return number


# The key and where it may be.


@pytest.mark.parametrize("place", ["header", "address", "body"])
def test_the_key_may_be_in_the_header_the_address_or_the_body(stage: Stage, nile: Brokerage, place: str) -> None:
    key, body = nile.keys["browser"], {"touchpoints": [touchpoint(PAGE)]}
    match place:
        case "header":
            response = page_posts(stage, None, body, authorization=f"Bearer {key}")
        case "address":
            response = page_posts(stage, key, body)
        case _:
            response = page_posts(stage, None, {**body, "key": key})
    assert accepted(response) == 1
    assert [fact.kind for fact in stored(stage, nile)] == [PAGE]


@pytest.mark.parametrize("kind", ["producer", "reader", "operator"])
def test_no_other_key_may_be_in_an_address_or_a_body(stage: Stage, nile: Brokerage, kind: str) -> None:
    body = {"touchpoints": [touchpoint()]}
    in_address, in_body = (
        page_posts(stage, nile.keys[kind], body),
        page_posts(stage, None, {**body, "key": nile.keys[kind]}),
    )
    assert in_address.status_code == in_body.status_code == 401
    assert stored(stage, nile) == []


@pytest.mark.parametrize("key", [None, "", "x", "masar_browser_0123456789ab_secret", "masar_browser_", 7, ["k"], {}])
def test_a_stranger_is_told_nothing(stage: Stage, key: Any) -> None:
    response = page_posts(stage, None, {"key": key, "touchpoints": [touchpoint(PAGE)]})
    assert response.status_code == 401
    assert problem_of(response)["title"] == "Not authenticated"
    assert "access-control-allow-origin" not in response.headers


def test_a_browsers_key_reads_nothing_and_writes_nowhere_else(stage: Stage, nile: Brokerage) -> None:
    page = stage.client(nile.keys["browser"])
    page.headers["origin"] = SITE
    for path in ("/api/people", "/api/events", "/api/conversions", "/api/tours/analytics"):
        assert page.get(path).status_code == 403
    for path in ("/api/leads", "/api/properties/villa-7/save", "/api/tours/t/complete", "/api/tours/t/milestone"):
        assert page.post(path, json={"id": "1"}).status_code == 403
    assert stored(stage, nile) == []


def test_a_revoked_key_stops_within_seconds(stage: Stage, nile: Brokerage) -> None:
    assert accepted(page_posts(stage, nile.keys["browser"], [touchpoint(PAGE)])) == 1
    known = split_key(nile.keys["browser"])
    assert known
    assert revoke_key(stage.owner, known[0])
    eventually(lambda: page_posts(stage, nile.keys["browser"], [touchpoint(PAGE)]).status_code == 401)


# Its sites.


@pytest.mark.parametrize(
    "origin",
    [
        None, "null", "https://other.example", "http://www.site.example", "https://site.example",
        "https://www.site.example:8443", "https://www.site.example.evil.example", "https://evil-www.site.example",
        "https://www.site.example/", "*",
    ],
)  # fmt: skip
def test_from_another_site_nothing_is_taken(stage: Stage, nile: Brokerage, origin: str | None) -> None:
    response = page_posts(stage, nile.keys["browser"], [touchpoint(PAGE)], origin)
    assert response.status_code == 403
    assert problem_of(response)["title"] == "Not allowed"
    assert "access-control-allow-origin" not in response.headers
    assert stored(stage, nile) == []


def test_its_own_page_may_read_the_answer_refusals_too(stage: Stage, nile: Brokerage) -> None:
    for body in ([touchpoint(PAGE)], [], b"{", b" " * 70_000):
        response = page_posts(stage, nile.keys["browser"], body)
        assert response.headers["access-control-allow-origin"] == SITE
        assert "origin" in response.headers["vary"].lower()
        assert "access-control-allow-credentials" not in response.headers


def test_a_producers_answer_is_for_no_page(nile: Brokerage) -> None:
    response = nile.producer.post(WRITE, json=[touchpoint()], headers={"origin": SITE})
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


def test_a_browser_may_ask_before(stage: Stage, nile: Brokerage) -> None:
    asks = {"origin": SITE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for query in ({}, {"key": nile.keys["browser"]}):
        response = stage.client().options(WRITE, params=query, headers=asks)
        assert response.status_code == 204
        assert response.headers["access-control-allow-origin"] == SITE
        assert response.headers["access-control-allow-methods"] == "POST"
        allowed = response.headers["access-control-allow-headers"]
        assert {"authorization", "content-type"} <= {name.strip() for name in allowed.split(",")}
    other = {**asks, "origin": "https://other.example"}
    refused = stage.client().options(WRITE, params={"key": nile.keys["browser"]}, headers=other)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert stage.client().options(WRITE, params={"key": nile.keys["reader"]}, headers=asks).status_code == 401


# fmt: off
ORIGINS = [
    ("https://www.site.example",      "https://www.site.example"),
    ("HTTPS://WWW.Site.Example/",     "https://www.site.example"),
    ("https://site.example:443",      "https://site.example"),
    ("http://localhost:8081",         "http://localhost:8081"),
    ("http://127.0.0.1:80",           "http://127.0.0.1"),
    ("http://[::1]:8081",             "http://[::1]:8081"),
    ("https://*.site.example",        "https://*.site.example"),
]
# fmt: on


@pytest.mark.parametrize(("text", "origin"), ORIGINS)
def test_an_origin_is_kept_as_browsers_write_it(text: str, origin: str) -> None:
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "null", "www.site.example", "https://", "https://*", "https://*.example", "ftp://site.example",
        "https://site.example/shop", "https://site.example?x", "https://a@site.example", "https://a.*.example",
        "https://site.example:99999", "https://" + "a" * 400, "https://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(BadOrigin):
        read_origin(text)


def test_a_wildcard_means_every_site_below_and_no_other() -> None:
    sites = ("https://*.site.example",)
    assert allows(sites, "https://www.site.example")
    assert allows(sites, "https://a.b.site.example")
    for other in (
        "https://site.example",
        "https://.site.example",
        "http://www.site.example",
        "https://evilsite.example",
    ):
        assert not allows(sites, other)


def test_a_key_for_browsers_names_its_sites_and_no_other_key_does(stage: Stage, nile: Brokerage) -> None:
    with pytest.raises(BadKey, match="origins"):
        create_key(stage.owner, nile.brokerage_id, "browser", "site")
    with pytest.raises(BadKey, match="origins"):
        create_key(stage.owner, nile.brokerage_id, "producer", "site", [SITE])


def test_the_command_line_makes_lists_and_refuses_them(stage: Stage, nile: Brokerage) -> None:
    row = stage.owner.execute("SELECT slug FROM auth.brokerages WHERE brokerage_id = %s", (nile.brokerage_id,))
    slug = (row.fetchone() or ("",))[0]

    def masar(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "api.cli", "key", *words, "-b", slug],
            env=environment(stage.url), cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip

    made = json.loads(masar("create", "--kind", "browser", "--origin", "https://*.nile.example", "--json").stdout)
    assert made["kind"] == "browser"
    assert accepted(page_posts(stage, made["key"], [touchpoint(PAGE)], "https://www.nile.example")) == 1
    assert "https://*.nile.example" in masar("list").stdout
    refused = masar("create", "--kind", "browser", "--origin", "nile.example")
    assert refused.returncode == 2
    assert "origin" in refused.stderr + refused.stdout


# What it may say.


@pytest.mark.parametrize("kind", ["tours.started.v1", "tours.room_visited.v1", "tours.completed.v1", SAVED, PAGE])
def test_tours_saves_and_pages_are_taken_and_marked_as_unverified(stage: Stage, nile: Brokerage, kind: str) -> None:
    assert accepted(page_posts(stage, nile.keys["browser"], [touchpoint(kind)])) == 1
    (fact,) = stored(stage, nile)
    assert (fact.kind, fact.unverified) == (kind, True)


def test_what_a_producer_sends_is_not_unverified_and_nobody_says_so_themselves(stage: Stage, nile: Brokerage) -> None:
    nile.post(touchpoint())
    assert [bool(fact.unverified) for fact in stored(stage, nile)] == [False]
    for said in (True, False):
        item = touchpoint(PAGE, unverified=said)
        assert nile.verdict(item)["errors"][0]["field"] == "unverified"
        assert page_posts(stage, nile.keys["browser"], [item]).json()["rejected"] == 1


FORBIDDEN: list[tuple[dict[str, Any], str]] = [
    (touchpoint("leads.form_submitted.v1"), "kind"),
    (touchpoint("people.consent_given.v1"), "kind"),
    (touchpoint("people.consent_withdrawn.v1"), "kind"),
    ({**touchpoint(PAGE), "kind": "tours.teleported.v1"}, "kind"),
    (touchpoint(PAGE, origin="physical_store"), "origin"),
    (touchpoint(PAGE, origin=["website"]), "origin"),
    (touchpoint(PAGE, channel="whatsapp"), "channel"),
    (touchpoint(PAGE, person={"psid": "1234"}), "person.psid"),
    (touchpoint(PAGE, person={"lead_id": "123456789012345"}), "person.lead_id"),
    (touchpoint(PAGE, {"page": "shop"}), "payload.page"),
    (touchpoint(PAGE, {"title": "x"}), "payload.title"),
    (touchpoint("tours.room_visited.v1", {"dwell_s": -1}), "payload.dwell_s"),
]


@pytest.mark.parametrize(("item", "field"), FORBIDDEN)
def test_what_is_not_for_browsers_is_refused_by_name_and_its_neighbours_are_not(
    stage: Stage, nile: Brokerage, item: dict[str, Any], field: str
) -> None:
    answer = page_posts(stage, nile.keys["browser"], [touchpoint(PAGE), item, touchpoint(SAVED)]).json()
    assert [one["status"] for one in answer["items"]] == ["accepted", "rejected", "accepted"]
    assert field in [one["field"] for one in answer["items"][1]["errors"]]
    assert (answer["accepted"], answer["rejected"]) == (2, 1)
    assert len(stored(stage, nile)) == 2


def test_a_verdict_tells_nothing_of_what_was_known_before(stage: Stage, nile: Brokerage) -> None:
    first = touchpoint(PAGE)
    changed = {**first, "payload": {"page": "guide"}}
    answers = [page_posts(stage, nile.keys["browser"], [item]).json() for item in (first, first, changed)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0] == {"items": [{"id": first["id"], "status": "accepted"}], "accepted": 1, "rejected": 0}
    assert len(stored(stage, nile)) == 1


def test_a_browser_cannot_take_the_ids_of_a_server_of_the_same_name(stage: Stage, nile: Brokerage) -> None:
    item = touchpoint(SAVED)
    assert accepted(page_posts(stage, nile.keys["browser"], [{**item, "payload": {"property_id": "other"}}])) == 1
    assert nile.verdict(item)["status"] == "accepted"
    with pytest.raises(BadKey):
        create_key(stage.owner, nile.brokerage_id, "producer", "browser:site")


# Who it is.


def test_address_and_user_agent_are_those_of_the_request(stage: Stage, nile: Brokerage) -> None:
    forged = {"ip": "197.32.1.1", "user_agent": "forged", "fbp": "fb.1.1.2"}
    forwarded = {"x-forwarded-for": "197.32.1.2", "user-agent": "Mozilla/5.0 \t(Phone)" + "x" * 600}
    items = [touchpoint(PAGE, person=forged), touchpoint(PAGE)]
    assert accepted(page_posts(stage, nile.keys["browser"], items, **forwarded)) == 2
    for fact in stored(stage, nile):
        assert hints_of(fact).ip == "127.0.0.1"
        assert (hints_of(fact).user_agent or "").startswith("Mozilla/5.0 (Phone)")
        assert "user_agent" in fact.hint_kinds
        assert "ip" not in fact.hint_kinds  # kept, but of no use to Meta: it is this very machine's


# fmt: off
BEHIND_TWO = [
    ("6.6.6.6, 197.32.1.1, 10.0.0.1",     "197.32.1.1"),  # our outer proxy saw 197…, our inner one the outer
    ("197.32.1.1, 10.0.0.1",              "197.32.1.1"),
    ("2a01:4f8::1, 10.0.0.1",             "2a01:4f8::1"),
    ("[2a01:4f8::1]:4711, 10.0.0.1",      "2a01:4f8::1"),
    ("197.32.1.1:4711, 10.0.0.1",         "197.32.1.1"),
    ("::ffff:197.32.1.1, 10.0.0.1",       "197.32.1.1"),
    ("197.32.1.1",                        "127.0.0.1"),   # did not pass both
    ("nonsense, 10.0.0.1",                "127.0.0.1"),
]
# fmt: on


def test_behind_proxies_of_ours_their_word_counts_and_no_other(stage: Stage, tmp_path: Path) -> None:
    with served(stage.url, tmp_path / "api.log", trusted_proxies=2) as base:
        for forwarded, address in BEHIND_TWO:
            nile = stage.brokerage()
            page_posts(stage, nile.keys["browser"], [touchpoint(PAGE)], base=base, **{"x-forwarded-for": forwarded})
            assert [hints_of(fact).ip for fact in stored(stage, nile)] == [address], forwarded


def test_a_forged_mail_or_id_joins_nobody_and_a_server_that_knows_joins_the_visitor(
    stage: Stage, nile: Brokerage
) -> None:
    visitor = f"v-{uuid4()}"
    nile.post(touchpoint("leads.form_submitted.v1", person={"email": "mona@example.com", "person_id": "crm-7"}))
    forged = {"visitor_id": visitor, "email": "mona@example.com", "person_id": "crm-7", "phone": "+201001234567"}
    assert accepted(page_posts(stage, nile.keys["browser"], [touchpoint(PAGE, person=forged)])) == 1
    people = nile.read("/api/events", kind="leads.form_submitted.v1")["items"]
    pages = nile.read("/api/events", kind=PAGE)["items"]
    assert pages[0]["subject_id"] != people[0]["subject_id"]
    assert nile.read("/api/events", kind="people.subjects_linked.v1")["items"] == []
    assert hints_of(stored(stage, nile)[1]).email == "mona@example.com"  # kept, sealed, for matching

    nile.post(touchpoint(SAVED, person={"visitor_id": visitor, "email": "mona@example.com"}))
    links = nile.read("/api/events", kind="people.subjects_linked.v1")["items"]
    assert [one["subject_id"] for one in links] == [pages[0]["subject_id"]]


# How much, how often, how badly.


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"[[[", 400), (b"\xff\xfe", 400), (b"[" * 50_000, 400), (b"null", 422), (b"7", 422),
        (b'"text"', 422), (b"{}", 422), (b"[]", 422), (b'{"touchpoints": {}}', 422), (b'{"touchpoints": 1e999}', 422),
        (b'{"touchpoints": "\\ud800"}', 422), (b" " * 66_000, 413), (b"[" + b"{}," * 50 + b"{}]", 422),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused(stage: Stage, nile: Brokerage, body: bytes, status: int) -> None:
    response = page_posts(stage, nile.keys["browser"], body)
    assert response.status_code == status
    problem_of(response)
    without_key = page_posts(stage, None, body)
    assert without_key.status_code == 401


@pytest.mark.parametrize(
    "item",
    [
        None, 7, "x", [], {}, {"id": 1}, {"id": "a", "kind": {}}, {"id": "a", "kind": ["tours."]},
        {"id": "a", "kind": PAGE, "person": []}, {"id": "a", "kind": PAGE, "person": "mona"},
        {"id": "a\x00", "kind": PAGE}, {"id": "\ud800", "kind": PAGE}, {"id": "a", "kind": PAGE, "payload": 5},
        {"id": "a", "kind": PAGE, "occurred_at": 1772366400}, {"id": "a", "kind": PAGE, "occurred_at": "tomorrow"},
        {"id": "a", "kind": PAGE, "person": {"email": "\ud800"}}, {"id": "a", "kind": PAGE, "person": {"\ud800": 1}},
    ],
)  # fmt: skip
def test_a_bad_item_is_refused_alone(stage: Stage, nile: Brokerage, item: Any) -> None:
    answer = page_posts(stage, nile.keys["browser"], [touchpoint(PAGE), item]).json()
    assert [one["status"] for one in answer["items"]] == ["accepted", "rejected"]
    assert answer["items"][1]["errors"]


def test_a_body_has_at_most_fifty_items(stage: Stage, nile: Brokerage) -> None:
    items = [touchpoint(PAGE) for _ in range(51)]
    assert accepted(page_posts(stage, nile.keys["browser"], items[:50])) == 50
    assert fields_of(page_posts(stage, nile.keys["browser"], items)) == ["touchpoints"]


def test_a_key_above_its_quota_waits_and_others_do_not(stage: Stage, tmp_path: Path) -> None:
    nile, delta = stage.brokerage(), stage.brokerage()
    with served(stage.url, tmp_path / "api.log", browser_requests_per_minute=3) as base:
        answers = [page_posts(stage, nile.keys["browser"], [touchpoint(PAGE)], base=base) for _ in range(5)]
        assert [one.status_code for one in answers] == [200] * 3 + [429] * 2
        assert problem_of(answers[-1])["title"] == "Too many requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert "retry-after" in answers[-1].headers["access-control-expose-headers"].lower()
        assert answers[-1].headers["access-control-allow-origin"] == SITE
        assert page_posts(stage, delta.keys["browser"], [touchpoint(PAGE)], base=base).status_code == 200
        assert stage.client(nile.keys["producer"], base).post(WRITE, json=[touchpoint()]).status_code == 200


def test_an_address_above_its_quota_waits_whatever_key_it_shows(stage: Stage, tmp_path: Path) -> None:
    nile = stage.brokerage()
    with served(stage.url, tmp_path / "api.log", address_requests_per_minute=3, trusted_proxies=1) as base:

        def status(address: str, key: str | None = nile.keys["browser"]) -> int:
            forwarded = {"x-forwarded-for": address}
            return page_posts(stage, key, [touchpoint(PAGE)], base=base, **forwarded).status_code

        assert [status("197.32.1.1"), status("197.32.1.1", None), status("197.32.1.1", "x")] == [200, 401, 401]
        assert status("197.32.1.1") == status("197.32.1.1", None) == 429
        assert status("197.32.1.2") == 200
        assert [status(f"2a01:4f8::{nth}") for nth in range(1, 5)] == [200, 200, 200, 429]  # one household
        assert status("2a01:4f8:1::1") == 200
        assert stage.client(nile.keys["producer"], base).post(WRITE, json=[touchpoint()]).status_code == 200


def test_many_strangers_do_not_fill_everybodys_bucket_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.rates.MOST_KEPT", 3)
    rates = Rates(1, clock=lambda: 0.0)
    assert [rates.allow("a"), rates.allow("b"), rates.allow("a")] == [True, True, False]
    assert [rates.allow(stranger) for stranger in ("c", "d")] == [True, True]
    assert not rates.allow("a")  # asked more lately than b, who made room
    assert rates.wait_s == 60
