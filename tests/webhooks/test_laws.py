"""Whatever stands in the envelopes of the three platforms: items or problems with a path, never an exception."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from adapters.meta.webhooks.body import read_body
from adapters.meta.webhooks.facts import fact_of
from adapters.meta.webhooks.pieces import Named, Piece, Problem
from adapters.meta.webhooks.split import PAGE_KINDS, WHATSAPP_LISTS, split
from adapters.meta.webhooks.whatsapp_content import READERS
from adapters.simulator.webhooks import (
    EVERY_KIND,
    ad_click,
    batch,
    guest,
    item,
    message,
    page,
    page_text,
    said,
    status,
    text,
)
from domain.catalogue import BY_KIND
from tests.webhooks.reading import AT, LINE, NOW, PAGE, read, ref

WORDS = st.sampled_from(
    [
        *WHATSAPP_LISTS, *PAGE_KINDS, *READERS, "object", "entry", "changes", "messaging", "standby", "field", "value",
        "metadata", "phone_number_id", "contacts", "profile", "name", "from", "to", "id", "mid", "type", "timestamp",
        "body", "payload", "sender", "recipient", "context", "referral", "errors", "code", "attachments", "reply_to",
        "story", "is_echo", "is_deleted", "watermark", "mids", "user_id", "wa_id", "recipient_id", "status", "history",
        "threads", "system", "interactive", "nfm_reply", "response_json", "url", "coordinates", "verb", "item",
    ]
)  # fmt: skip
NAMES = st.one_of(WORDS, st.text(max_size=6))
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12), WORDS, st.sampled_from(["wamid.1", "EG.1", "201000000008", "1795197600", "text", "page"]),
)  # fmt: skip
JSON = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=25,
)
OBJECTS = st.sampled_from(["whatsapp_business_account", "page", "instagram"])


def told_of(body: Any) -> None:
    """Read a body, and check that each item is a storable fact or a problem that says where and why."""
    for one in split(read_body(orjson.dumps(body))):
        found = fact_of(one, ref, NOW) if isinstance(one, Piece) else one
        if isinstance(found, Problem):
            assert found.why
            continue
        stored = orjson.loads(found.fact.model_dump_json())
        assert BY_KIND[found.fact.kind].model_validate(stored) == found.fact
        assert found.name
        assert found.fact.occurred_at <= NOW.replace(minute=NOW.minute + 2)


@given(JSON)
def test_no_body_breaks_it(body: Any) -> None:
    told_of({"entry": body} if not isinstance(body, dict) else body)


@given(OBJECTS, JSON)
def test_no_entry_breaks_it(kind: str, entry: Any) -> None:
    told_of({"object": kind, "entry": [entry]})


@given(st.dictionaries(NAMES, JSON, max_size=6), st.sampled_from(sorted(WHATSAPP_LISTS)), NAMES)
def test_no_item_of_whatsapp_breaks_it(value: dict[str, Any], name: str, field: str) -> None:
    about = {"metadata": {"phone_number_id": "1"}, name: [value]}
    told_of({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": field, "value": about}]}]})


@given(st.dictionaries(NAMES, JSON, max_size=4), st.sampled_from(sorted(EVERY_KIND)), JSON, WORDS)
def test_no_part_of_a_message_breaks_it(more: dict[str, Any], kind: str, part: Any, name: str) -> None:
    told = {**EVERY_KIND[kind], **more}
    told_of(said(LINE, guest(1), "wamid.1", AT, {**told, str(told.get("type")): part}))
    told_of(said(LINE, guest(1), "wamid.1", AT, {"type": name, name: part, "context": part, "referral": part}))


@given(OBJECTS, st.sampled_from([*PAGE_KINDS, "x"]), JSON, st.sampled_from(["messaging", "standby"]))
def test_no_item_of_a_page_breaks_it(kind: str, name: str, told: Any, where: str) -> None:
    sides = {"sender": {"id": "8"}, "recipient": {"id": "9"}, "timestamp": 1_795_197_600_000}
    told_of({"object": kind, "entry": [{"id": "9", "time": told, where: [{**sides, name: told}, told]}]})
    told_of({"object": kind, "entry": [{"id": "9", "changes": [{"field": name, "value": told}], "field": name}]})


@given(JSON)
def test_an_odd_neighbour_costs_nothing(odd: Any) -> None:
    body = page(PAGE, AT, item(PAGE, guest(1), AT, page_text("m_1", "hi")))
    body["entry"][0]["messaging"].insert(0, odd)
    assert [one.name for one in read(body) if isinstance(one, Named)][-1] == "message|m_1"
    whatsapp = said(LINE, guest(1), "wamid.1", AT, text("hi"))
    whatsapp["entry"][0]["changes"][0]["value"]["messages"].insert(0, odd)
    assert [one.name for one in read(whatsapp) if isinstance(one, Named)][-1] == "message|wamid.1"


@given(JSON)
def test_a_repeat_is_the_same_fact_under_the_same_name(odd: Any) -> None:
    for body in (
        {"object": "page", "entry": [{"id": "9", "messaging": [odd]}]},
        said(LINE, guest(1), "", AT, {"x": odd}),
    ):
        assert read(body) == read(body)


def test_a_thousand_updates_in_one_body_are_a_thousand_facts() -> None:
    kinds = list(EVERY_KIND.values())
    told = [
        (guest(n), message(guest(n), f"wamid.{n}", AT, kinds[n % len(kinds)], **(ad_click() if n % 5 == 0 else {})))
        for n in range(600)
    ]
    statuses = [status(guest(n), f"wamid.o{n}", AT, "delivered") for n in range(400)]
    found = read(batch(LINE, told, statuses))
    names = [one.name for one in found if isinstance(one, Named)]
    assert names == [f"message|wamid.{n}" for n in range(600)] + [f"status|wamid.o{n}|delivered" for n in range(400)]
