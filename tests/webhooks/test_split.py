"""A body's items: each with the account it is routed by, none costing the others."""

from typing import Any

from adapters.meta.webhooks.pieces import Piece, Problem
from adapters.meta.webhooks.split import split
from adapters.simulator.webhooks import (
    Line,
    became,
    change,
    guest,
    instagram,
    instagram_change,
    item,
    message,
    notice,
    page,
    page_echo,
    page_text,
    said,
    status,
    text,
    whatsapp,
)
from tests.webhooks.reading import AT, GRAM, LINE, PAGE

MONA, KARIM = guest(1), guest(2)


def pieces(body: dict[str, Any]) -> list[Piece]:
    found = split(body)
    assert all(isinstance(one, Piece) for one in found), found
    return [one for one in found if isinstance(one, Piece)]


def test_an_item_of_whatsapp_is_routed_by_the_phone_number_id() -> None:
    (found,) = pieces(said(LINE, MONA, "wamid.1", AT, text("hello")))
    assert (found.channel, found.account, found.business_id) == ("whatsapp", LINE.account_id, LINE.business_id)
    assert (found.path, found.field, found.kind) == ("entry[0].changes[0].value.messages[0]", "messages", "message")
    assert found.value["text"] == {"body": "hello"}


def test_what_is_about_the_business_account_has_no_number() -> None:
    (found,) = pieces(notice(LINE, "message_template_status_update", AT, {"event": "APPROVED"}))
    assert (found.account, found.business_id, found.kind) == (None, LINE.business_id, "notice")
    assert found.field == "message_template_status_update"


def test_messages_and_statuses_of_several_numbers_in_one_body_each_have_their_own() -> None:
    other = Line("106540000000043", LINE.business_id, "20227000001")
    both = change(LINE, "messages", {
        "messages": [message(MONA, "wamid.1", AT, text("one")), message(KARIM, "wamid.2", AT, text("two"))],
        "statuses": [status(MONA, "wamid.0", AT, "sent")],
    })  # fmt: skip
    body = whatsapp(LINE, both, change(other, "messages", {"messages": [message(MONA, "wamid.3", AT, text("three"))]}))
    assert [(one.path.removeprefix("entry[0]."), one.account) for one in pieces(body)] == [
        ("changes[0].value.messages[0]", LINE.account_id),
        ("changes[0].value.messages[1]", LINE.account_id),
        ("changes[0].value.statuses[0]", LINE.account_id),
        ("changes[1].value.messages[0]", other.account_id),
    ]


def test_items_of_a_page_and_of_an_instagram_account_are_routed_by_its_id() -> None:
    body = page(PAGE, AT, item(PAGE, MONA, AT, page_text("m_1", "a")), page_echo(PAGE, MONA, AT, "m_2", "b"))
    assert [(one.channel, one.account, one.kind) for one in pieces(body)] == [("messenger", "3000111", "message")] * 2
    (found,) = pieces(instagram(GRAM, AT, item(GRAM, MONA, AT, page_text("m_3", "c")), name="standby"))
    assert (found.channel, found.account, found.path) == ("instagram", GRAM.account_id, "entry[0].standby[0]")


def test_instagram_comes_in_three_envelopes() -> None:
    value = {"id": "18001", "text": "How much?", "from": {"id": "77", "username": "karim"}}
    listed, flat = (instagram_change(GRAM, AT, "comments", value, flat=one) for one in (False, True))
    assert [(one.field, one.kind, one.value) for one in pieces(listed)] == [("comments", "change", value)]
    assert [(one.field, one.kind, one.value) for one in pieces(flat)] == [("comments", "change", value)]
    told = item(GRAM, MONA, AT, page_text("m_1", "hello"))
    for envelope in (instagram(GRAM, AT, told), instagram_change(GRAM, AT, "messages", told, flat=True)):
        assert [(one.kind, one.value) for one in pieces(envelope)] == [("message", told)]


def test_each_message_of_a_delivery_is_an_item() -> None:
    told = item(PAGE, MONA, AT, {"delivery": {"mids": ["m_1", "m_2"], "watermark": 1_795_197_600_000}})
    found = pieces(page(PAGE, AT, told))
    assert [one.context["mid"] for one in found] == ["m_1", "m_2"]
    assert found[1].path == "entry[0].messaging[0].delivery.mids[1]"


def test_one_odd_item_never_costs_the_others() -> None:
    good = said(LINE, MONA, "wamid.1", AT, text("hello"))["entry"][0]
    value = {
        **good["changes"][0]["value"],
        "statuses": "none",
        "messages": ["x", *good["changes"][0]["value"]["messages"]],
    }
    odd = {"id": "1", "changes": [None, {"field": "messages", "value": 7}, {"field": "messages", "value": value}]}
    found = split({"object": "whatsapp_business_account", "entry": [7, {"id": "1"}, {"changes": {}}, odd, good]})
    assert [(one.path, "problem" if isinstance(one, Problem) else one.kind) for one in found] == [
        ("entry[0]", "problem"),
        ("entry[1].changes", "problem"),
        ("entry[2].changes", "problem"),
        ("entry[3].changes[0]", "problem"),
        ("entry[3].changes[1].value", "problem"),
        ("entry[3].changes[2].value.messages[0]", "problem"),
        ("entry[3].changes[2].value.messages[1]", "message"),
        ("entry[3].changes[2].value.statuses", "problem"),
        ("entry[4].changes[0].value.messages[0]", "message"),
    ]


def test_what_is_unknown_in_a_value_is_an_item_too() -> None:
    body = whatsapp(LINE, change(LINE, "messages", {"messages": [], "holograms": [{"id": "h1"}]}))
    (found,) = pieces(body)
    assert (found.kind, found.value) == ("notice", {"holograms": [{"id": "h1"}]})


def test_a_body_of_nothing_we_know_is_one_problem_and_an_empty_one_none() -> None:
    assert [type(one) for one in split({"object": "permissions", "entry": []})] == [Problem]
    assert [type(one) for one in split({})] == [Problem]
    assert [type(one) for one in split({"object": "page", "entry": {}})] == [Problem]
    assert split({"object": "page", "entry": []}) == []
    assert [type(one) for one in split({"object": "page", "entry": [{"id": "1"}]})] == [Problem]
    assert [type(one) for one in split({"object": "page", "entry": [{"id": "1", "field": "feed"}]})] == [Problem]
    assert [type(one) for one in split({"object": "page", "entry": [{"id": "1", "messaging": [{}]}]})] == [Problem]


def test_a_value_without_its_envelope_is_read_as_whatsapps() -> None:
    bare = became(LINE, MONA, "wamid.9", AT, "read")["entry"][0]["changes"][0]["value"]
    assert [(one.path, one.kind, one.account) for one in pieces(bare)] == [("statuses[0]", "status", LINE.account_id)]
