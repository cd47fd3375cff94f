"""What every item of WhatsApp becomes."""

from typing import Any
from uuid import UUID

import pytest

from adapters.meta.webhooks.facts import fact_of
from adapters.meta.webhooks.pieces import Named, Piece, Problem
from adapters.meta.webhooks.split import split
from adapters.simulator.webhooks import (
    EVERY_KIND,
    ad_click,
    answering,
    app_echo,
    became,
    change,
    failed,
    guest,
    media,
    message,
    notice,
    past,
    reaction,
    said,
    text,
    whatsapp,
)
from domain.messaging.events import (
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    NoticeReceived,
    ReceiptReceived,
    SignalReceived,
)
from tests.webhooks.reading import AT, LINE, NOW, SENT, content, hints, named, only, read, ref

MONA = guest(8)
KNOWN = {
    "phone": "+201000000008", "bsuid": "EG.000000000877", "parent_bsuid": "EG.ENT.000000000888", "name": "منى Farouk",
}  # fmt: skip
THREAD, SEND = UUID("0197a000-0000-7000-8000-000000000001"), UUID("0197a000-0000-7000-8000-000000000002")
OURS = f"masar:{THREAD}:{SEND}"


def of(told: dict[str, Any], **beside: Any) -> MessageReceived:
    return only(said(LINE, MONA, "wamid.A1", AT, told, **beside), MessageReceived)


# Messages


def test_a_text() -> None:
    name, fact = named(said(LINE, MONA, "wamid.A1", AT, text("هل الشقة\nمتاحة؟")), MessageReceived)
    assert name == "message|wamid.A1"
    assert (fact.message_type, fact.text, fact.platform_id) == ("text", "هل الشقة\nمتاحة؟", "wamid.A1")
    assert (fact.occurred_at, fact.clock) == (SENT, "platform")
    assert (fact.channel, fact.account_id, fact.provider) == ("whatsapp", LINE.account_id, "meta")
    assert (fact.origin, fact.standby, fact.past, fact.forwarded) == ("business_messaging", False, False, False)
    assert hints(fact) == KNOWN
    assert content(fact) == {"more": {"username": "guest.8"}}


@pytest.mark.parametrize(
    ("kind", "words", "holds"),
    [
        ("image", "The view", {"media": {"id": "1450073900123456", "mime_type": "image/jpeg", "sha256": "q9Zx3b0="}}),
        ("video", None, {"media": {"id": "1450073900123456", "mime_type": "video/mp4", "sha256": "q9Zx3b0="}}),
        ("audio", None, {
            "media": {"id": "1450073900123456", "mime_type": "audio/ogg; codecs=opus", "sha256": "q9Zx3b0="}}),
        ("voice", None, {
            "media": {"id": "1450073900123456", "mime_type": "audio/ogg; codecs=opus", "sha256": "q9Zx3b0="}}),
        ("document", "The contract", {
            "media": {"id": "1450073900123456", "mime_type": "application/pdf", "sha256": "q9Zx3b0=",
                      "filename": "عقد.pdf"}}),
        ("sticker", None, {
            "media": {"id": "1450073900123456", "mime_type": "image/webp", "sha256": "q9Zx3b0=", "animated": True}}),
        ("location", None, {
            "location": {"latitude": 30.0444, "longitude": 31.2357, "name": "Maadi", "address": "Road 9"}}),
        ("contacts", None, {
            "more": {"contacts": [{"name": {"formatted_name": "Amr", "first_name": "Amr"},
                                   "phones": [{"phone": "+201000000001", "type": "CELL"}]}]}}),
        ("button_reply", "Book a visit", {"choice": {"id": "visit", "title": "Book a visit"}}),
        ("list_reply", "Maadi", {"choice": {"id": "maadi", "title": "Maadi", "description": "12 homes"}}),
        ("flow_reply", "Sent", {"more": {"name": "flow", "response": {"budget": "4m"}}}),
        ("call_permission", None, {
            "more": {"call_permission_reply": {"response": "accept", "response_source": "user_action"}}}),
        ("template_reply", "نعم", {"choice": {"id": "yes", "title": "نعم"}}),
        ("order", None, {
            "product": "NV-204",
            "more": {"order": {"catalog_id": "700100200300", "text": "", "product_items": [
                {"product_retailer_id": "NV-204", "quantity": 1, "item_price": 6500000, "currency": "EGP"}]}}}),
        ("unsupported", None, {
            "more": {"errors": [{"code": 131051, "title": "Message type unknown",
                                 "error_data": {"details": "Not supported"}}]}}),
        ("unknown", None, {"more": {"type": "hologram", "hologram": {"frames": 3}}}),
    ],
)  # fmt: skip
def test_every_type_is_kept_with_all_it_holds(kind: str, words: str | None, holds: dict[str, Any]) -> None:
    fact = of(EVERY_KIND[kind])
    assert (fact.message_type, fact.text) == (kind, words)
    found = content(fact)
    assert found.pop("more", {}) == {"username": "guest.8", **holds.pop("more", {})}
    assert found == holds
    assert fact.problem == (131051 if kind == "unsupported" else None)


def test_a_file_has_its_address_where_the_platform_gives_one() -> None:
    fact = of(media("image", url="https://lookaside.example.com/a?b=c"))
    assert content(fact)["media"]["url"] == "https://lookaside.example.com/a?b=c"


def test_a_file_that_the_platform_could_not_get_stays_visible_with_the_code() -> None:
    fact = of({**media("image", caption="My kitchen"), "errors": [{"code": 131052, "title": "Media download error"}]})
    assert (fact.message_type, fact.text, fact.problem) == ("image", "My kitchen", 131052)
    assert content(fact)["media"]["id"] == "1450073900123456"


def test_an_unknown_type_that_comes_with_an_error_is_unsupported() -> None:
    fact = of({"type": "unknown", "errors": [{"code": "131051", "title": "Unsupported"}]})
    assert (fact.message_type, fact.problem) == ("unsupported", 131051)


@pytest.mark.parametrize("response", ['{"budget":', "", "null and void"])
def test_the_answers_of_a_flow_that_are_no_json_stay_as_they_were(response: str) -> None:
    fact = of({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": response}}})
    assert (fact.message_type, content(fact)["more"]["response"]) == ("flow_reply", response)


def test_a_button_without_a_payload_is_chosen_by_its_title() -> None:
    assert content(of({"type": "button", "button": {"text": "نعم"}}))["choice"] == {"id": "نعم", "title": "نعم"}


def test_degrees_that_are_impossible_are_kept_beside() -> None:
    fact = of({"type": "location", "location": {"latitude": 95, "longitude": 31, "name": "Nowhere"}})
    assert fact.message_type == "location"
    assert content(fact)["more"] == {"username": "guest.8", "latitude": 95, "longitude": 31, "name": "Nowhere"}


def test_an_answer_of_a_kind_that_is_not_known_is_kept() -> None:
    told = {"type": "address_reply", "address_reply": {"street": "Road 9"}}
    fact = of({"type": "interactive", "interactive": told})
    assert (fact.message_type, content(fact)["more"]["interactive"]) == ("unknown", told)


def test_fields_that_are_not_known_are_kept() -> None:
    fact = of({"type": "text", "text": {"body": "hi", "preview": {"a": 1}}, "mood": "good", "group_id": "G1"})
    assert fact.text == "hi"
    assert content(fact)["more"] == {"username": "guest.8", "preview": {"a": 1}, "mood": "good", "group_id": "G1"}


def test_a_message_that_answers_another_or_is_passed_on() -> None:
    fact = of(text("yes"), **answering("wamid.Q1", LINE.number))
    assert (fact.reply_to, fact.forwarded) == (ref("message|wamid.Q1"), False)
    assert of(text("look"), context={"forwarded": True}).forwarded
    often = of(text("look"), context={"frequently_forwarded": True})
    assert often.forwarded
    assert content(often)["more"]["frequently_forwarded"] is True


def test_a_message_about_a_property_of_the_catalogue() -> None:
    product = {"catalog_id": "700", "product_retailer_id": "NV-204"}
    fact = of(text("this one?"), context={"id": "wamid.Q1", "referred_product": product})
    assert content(fact)["product"] == "NV-204"
    assert content(fact)["more"]["referred_product"] == product


@pytest.mark.parametrize("kind", sorted(EVERY_KIND))
def test_a_click_on_an_advertisement_is_kept_whatever_the_message_is(kind: str) -> None:
    fact = of(EVERY_KIND[kind], **ad_click("ARAkLkA8"))
    assert fact.referral is not None
    assert (fact.referral.source, fact.referral.source_id) == ("ad", "120210000000000001")
    assert fact.referral.click_id
    assert hints(fact)["ctwa_clid"] == "ARAkLkA8"
    assert content(fact)["more"]["referral"]["headline"] == "شقق على النيل"
    assert content(fact)["url"] == "https://fb.me/2nileview"


def test_a_click_without_its_id_is_a_click_all_the_same() -> None:
    fact = of(text("hi"), **ad_click(None))
    assert fact.referral is not None
    assert not fact.referral.click_id
    assert "ctwa_clid" not in hints(fact)


# Who


def test_a_hidden_number_leaves_the_user_id() -> None:
    fact = only(said(LINE, MONA.hidden(), "wamid.A1", AT, text("hi")), MessageReceived)
    assert hints(fact) == {name: one for name, one in KNOWN.items() if name != "phone"}


def test_the_contact_alone_may_name_the_customer() -> None:
    body = said(LINE, MONA.hidden(), "wamid.A1", AT, text("hi"))
    told = body["entry"][0]["changes"][0]["value"]["messages"][0]
    del told["from_user_id"], told["from_parent_user_id"]
    assert hints(only(body, MessageReceived))["bsuid"] == "EG.000000000877"


def test_in_a_batch_everybody_keeps_their_own_name() -> None:
    people = [guest(number) for number in range(20)]
    told = [message(one, f"wamid.{place}", AT, text("hi")) for place, one in enumerate(people)]
    for place in (3, 7):  # some hide their number
        people[place] = people[place].hidden()
        del told[place]["from"]
    found = read(whatsapp(LINE, change(LINE, "messages", {"messages": told}, people)))
    facts = [one.fact for one in found if isinstance(one, Named)]
    assert [(hints(one).get("phone"), hints(one)["name"]) for one in facts] == [
        (f"+{one.phone}" if one.phone else None, one.name) for one in people
    ]


def test_the_contact_of_another_is_not_taken_for_the_senders() -> None:
    body = said(LINE, MONA, "wamid.A1", AT, text("hi"))
    body["entry"][0]["changes"][0]["value"]["contacts"] = [{"wa_id": "201099999999", "profile": {"name": "Other"}}]
    assert "name" not in hints(only(body, MessageReceived))


def test_a_message_of_nobody_we_could_name_is_kept() -> None:
    body = said(LINE, MONA, "wamid.A1", AT, text("hi"))
    value = body["entry"][0]["changes"][0]["value"]
    value["messages"][0]["from"], value["contacts"] = "PHONE_NUMBER", []
    del value["messages"][0]["from_user_id"], value["messages"][0]["from_parent_user_id"]
    fact = only(body, MessageReceived)
    assert (fact.text, fact.hints) == ("hi", None)


def test_an_id_that_is_none_does_not_stand_in_the_way_of_the_contact() -> None:
    body = said(LINE, MONA, "wamid.A1", AT, text("hi"))
    body["entry"][0]["changes"][0]["value"]["messages"][0]["from"] = "PHONE_NUMBER"
    assert hints(only(body, MessageReceived)) == KNOWN


def test_a_name_is_cleaned_and_an_id_that_is_none_is_left_out() -> None:
    body = said(LINE, MONA, "wamid.A1", AT, text("hi"))
    told = body["entry"][0]["changes"][0]["value"]
    told["contacts"][0]["profile"]["name"] = "\r\nMona\x1b[31m" + "x" * 500
    told["messages"][0]["from_parent_user_id"] = "not one"
    told["contacts"][0]["parent_user_id"] = 5
    found = hints(only(body, MessageReceived))
    assert found["name"] == ("Mona [31m" + "x" * 500)[:200]
    assert "parent_bsuid" not in found


# Changes


def test_a_reaction_and_taking_it_back() -> None:
    name, fact = named(said(LINE, MONA, "wamid.R1", AT, reaction("wamid.OURS", "👍")), MessageChanged)
    assert name == "change|wamid.R1"
    assert (fact.change, fact.emoji, fact.by_us) == ("reacted", "👍", False)
    assert fact.ref == ref("message|wamid.OURS")
    assert hints(fact) == KNOWN
    back = only(said(LINE, MONA, "wamid.R2", AT, reaction("wamid.OURS", None)), MessageChanged)
    assert (back.change, back.emoji) == ("unreacted", None)


def test_an_edit_says_what_the_message_says_now() -> None:
    now = {"type": "image", "image": {"id": "5", "caption": "The garden"}}
    told = {"type": "edit", "edit": {"original_message_id": "wamid.A1", "message": now}}
    fact = only(said(LINE, MONA, "wamid.E1", AT, told), MessageChanged)
    assert (fact.change, fact.ref, fact.text) == ("edited", ref("message|wamid.A1"), "The garden")
    assert content(fact) == {"media": {"id": "5"}}


def test_a_message_taken_back() -> None:
    told = {"type": "revoke", "revoke": {"original_message_id": "wamid.A1"}}
    fact = only(said(LINE, MONA, "wamid.D1", AT, told), MessageChanged)
    assert (fact.change, fact.ref, fact.text) == ("revoked", ref("message|wamid.A1"), None)


def test_a_change_by_nobody_is_a_problem() -> None:
    told = {"id": "wamid.R1", "timestamp": "1795197600", **reaction("wamid.OURS", "👍")}
    (found,) = read(whatsapp(LINE, change(LINE, "messages", {"messages": [told]})))
    assert found == Problem("entry[0].changes[0].value.messages[0]", "names no customer")


def test_a_change_that_does_not_say_of_what_is_a_problem() -> None:
    (found,) = read(said(LINE, MONA, "wamid.D1", AT, {"type": "revoke"}))
    assert found == Problem("entry[0].changes[0].value.messages[0]", "does not say which message changed")


# Receipts


def test_a_receipt_names_our_message_and_what_travelled_along() -> None:
    pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}
    body = became(LINE, MONA, "wamid.O1", AT, "delivered", pricing=pricing, biz_opaque_callback_data=OURS)
    name, fact = named(body, ReceiptReceived)
    assert name == "status|wamid.O1|delivered"
    assert (fact.status, fact.ref, fact.occurred_at) == ("delivered", ref("message|wamid.O1"), SENT)
    assert (fact.thread_id, fact.send_id, fact.pricing) == (THREAD, SEND, "marketing")
    assert hints(fact) == {name: one for name, one in KNOWN.items() if name != "name"}


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "played", "failed"])
def test_each_status_of_a_message_has_a_name_of_its_own(status: str) -> None:
    name, fact = named(became(LINE, MONA.hidden(), "wamid.O1", AT, status), ReceiptReceived)
    assert (name, fact.status) == (f"status|wamid.O1|{status}", status)
    assert "phone" not in hints(fact)


def test_a_failure_says_why() -> None:
    body = became(LINE, MONA, "wamid.O1", AT, "failed", **failed(131047, "Re-engagement message", "More than 24 hours"))
    fact = only(body, ReceiptReceived)
    assert (fact.status, fact.code, fact.reason) == ("failed", 131047, "More than 24 hours")


@pytest.mark.parametrize("data", ["masar:1:2", "order-77", "", 5, f"masar:{THREAD}:{'-' * 36}", OURS + ":x"])
def test_data_of_somebody_else_is_not_taken_for_ours(data: Any) -> None:
    fact = only(became(LINE, MONA, "wamid.O1", AT, "sent", biz_opaque_callback_data=data), ReceiptReceived)
    assert (fact.thread_id, fact.send_id) == (None, None)


def test_a_status_of_no_message_is_a_problem() -> None:
    (found,) = read(whatsapp(LINE, change(LINE, "messages", {"statuses": [{"status": "read"}]})))
    assert found == Problem("entry[0].changes[0].value.statuses[0]", "does not say which message it is about")


def test_a_status_that_is_not_known_is_kept_as_a_notice() -> None:
    fact = only(became(LINE, MONA, "wamid.O1", AT, "evaporated"), NoticeReceived)
    assert fact.about == "status evaporated"
    assert content(fact)["more"]["id"] == "wamid.O1"


# Signals


def test_a_changed_number_names_the_same_person_twice() -> None:
    told = {
        "type": "system",
        "system": {"type": "user_changed_number", "body": "changed", "wa_id": "201055555555",
                   "user_id": "EG.NEW", "previous_user_id": "EG.000000000877"},
    }  # fmt: skip
    body = whatsapp(LINE, change(LINE, "messages", {"messages": [message(MONA, "wamid.S1", AT, told)]}))
    del body["entry"][0]["changes"][0]["value"]["messages"][0]["from_user_id"]
    name, fact = named(body, SignalReceived)
    assert (name, fact.signal, fact.text) == ("signal|wamid.S1", "number_changed", "changed")
    assert hints(fact) == {
        "phone": "+201055555555", "former_phone": "+201000000008", "bsuid": "EG.NEW",
        "former_bsuid": "EG.000000000877", "parent_bsuid": "EG.ENT.000000000888",
    }  # fmt: skip


def test_a_changed_user_id_needs_no_number() -> None:
    told = {"type": "user_changed_user_id", "previous_user_id": "EG.OLD", "user_id": "EG.NEW"}
    message_ = {"id": "wamid.S2", "timestamp": "1795197600", "type": "system", "system": told}
    fact = only(whatsapp(LINE, change(LINE, "messages", {"messages": [message_]})), SignalReceived)
    assert (fact.signal, hints(fact)) == ("user_id_changed", {"bsuid": "EG.NEW", "former_bsuid": "EG.OLD"})


def test_the_field_for_changed_user_ids() -> None:
    told = {"wa_id": MONA.phone, "user_id": {"previous": "EG.OLD", "current": "EG.NEW"}, "timestamp": 1_795_197_600}
    fact = only(whatsapp(LINE, change(LINE, "user_id_update", {"user_id_update": [told]})), SignalReceived)
    assert fact.signal == "user_id_changed"
    assert hints(fact) == {"phone": "+201000000008", "bsuid": "EG.NEW", "former_bsuid": "EG.OLD"}


@pytest.mark.parametrize(
    ("value", "category", "signal"),
    [
        ("stop", "marketing_messages", "marketing_stopped"),
        ("resume", "marketing_messages", "marketing_resumed"),
        ("stop", "something_else", "other"),
        ("perhaps", "marketing_messages", "other"),
    ],
)
def test_a_preference_about_marketing(value: str, category: str, signal: str) -> None:
    told = {"wa_id": MONA.phone, "category": category, "value": value, "timestamp": 1_795_197_600}
    fact = only(whatsapp(LINE, change(LINE, "user_preferences", {"user_preferences": [told]}, [MONA])), SignalReceived)
    assert (fact.signal, fact.occurred_at, hints(fact)) == (signal, SENT, KNOWN)


@pytest.mark.parametrize(("caller", "called"), [(MONA.phone, LINE.number), (LINE.number, MONA.phone)])
def test_a_call_in_either_direction_is_the_customers(caller: str, called: str) -> None:
    told = {"id": "wacid.1", "from": caller, "to": called, "event": "connect", "timestamp": "1795197600"}
    name, fact = named(whatsapp(LINE, change(LINE, "calls", {"calls": [told]}, [MONA])), SignalReceived)
    assert (name, fact.signal, hints(fact)) == ("call|wacid.1|connect", "called", KNOWN)


def test_a_call_of_ours_that_rang_is_the_customers_too() -> None:
    told = {"id": "wacid.2", "type": "call", "status": "RINGING", "recipient_id": MONA.phone, "timestamp": "1795197600"}
    name, fact = named(whatsapp(LINE, change(LINE, "calls", {"statuses": [told]})), SignalReceived)
    assert (name, fact.signal, hints(fact)["phone"]) == ("call|wacid.2|RINGING", "called", "+201000000008")


def test_a_customer_who_opened_the_chat_for_the_first_time() -> None:
    assert only(said(LINE, MONA, "wamid.W1", AT, {"type": "request_welcome"}), SignalReceived).signal == "welcome_asked"


# The phone's app, and the past


def test_what_an_agent_typed_on_the_phone_is_an_echo_to_the_customer() -> None:
    echo = app_echo(LINE, MONA, "wamid.P1", AT, text("I will call you"))
    name, fact = named(whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echo]})), MessageEchoed)
    assert (name, fact.text, fact.past, fact.send_id) == ("message|wamid.P1", "I will call you", False, None)
    assert hints(fact)["phone"] == "+201000000008"


def test_a_reaction_on_the_phone_is_by_us() -> None:
    echo = app_echo(LINE, MONA, "wamid.P2", AT, reaction("wamid.A1", "🙏"))
    fact = only(whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echo]})), MessageChanged)
    assert (fact.change, fact.by_us, hints(fact)["phone"]) == ("reacted", True, "+201000000008")


def test_what_was_taken_back_on_the_phone_was_by_us() -> None:
    told = {"type": "revoke", "revoke": {"original_message_id": "wamid.P1"}}
    echo = app_echo(LINE, MONA, "wamid.P3", AT, told)
    fact = only(whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echo]})), MessageChanged)
    assert (fact.change, fact.by_us, fact.ref) == ("revoked", True, ref("message|wamid.P1"))


def test_what_was_offered_from_the_phone_is_kept_as_words_and_buttons() -> None:
    buttons = [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]
    told = {"type": "button", "body": {"text": "Shall we?"}, "action": {"buttons": buttons}}
    echo = app_echo(LINE, MONA, "wamid.P4", AT, {"type": "interactive", "interactive": told})
    fact = only(whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echo]})), MessageEchoed)
    assert (fact.message_type, fact.text) == ("text", "Shall we?")
    assert content(fact) == {"buttons": [{"id": "yes", "title": "Yes"}], "more": {"interactive": told}}
    template = {"type": "template", "template": {"name": "visit_reminder", "language": {"code": "ar"}}}
    echo = app_echo(LINE, MONA, "wamid.P5", AT, template)
    sent = only(whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echo]})), MessageEchoed)
    assert (sent.message_type, content(sent)["template"]["name"]) == ("template", "visit_reminder")


def test_a_property_that_was_passed_on_is_the_product() -> None:
    action = {"catalog_id": "700", "product_retailer_id": "NV-204"}
    told = {"type": "product", "body": {"text": "This one"}, "action": action}
    fact = of({"type": "interactive", "interactive": told})
    assert (fact.text, content(fact)["product"]) == ("This one", "NV-204")


def test_an_echo_to_nobody_is_a_problem() -> None:
    echo = {"from": LINE.number, "id": "wamid.P1", "timestamp": "1795197600", **text("hi")}
    (found,) = read(whatsapp(LINE, change(LINE, "smb_message_echoes", {"message_echoes": [echo]})))
    assert found == Problem("entry[0].changes[0].value.message_echoes[0]", "names no customer")


def test_the_history_of_a_number_that_joined_comes_in_both_directions() -> None:
    theirs = {"from": MONA.phone, "id": "wamid.H1", "timestamp": "1790000000", **text("old question")}
    mine = {"from": LINE.number, "to": MONA.phone, "id": "wamid.H2", "timestamp": "1790000060", **text("old answer")}
    first, second = read(past(LINE, MONA, [theirs, mine]))
    assert isinstance(first, Named)
    assert isinstance(second, Named)
    assert isinstance(first.fact, MessageReceived)
    assert isinstance(second.fact, MessageEchoed)
    assert (first.fact.past, first.fact.standby, first.fact.text) == (True, True, "old question")
    assert (second.fact.past, second.fact.text) == (True, "old answer")
    assert hints(first.fact) == hints(second.fact) == {"phone": "+201000000008"}


def test_a_history_that_is_not_shared_says_so() -> None:
    refused = {"errors": [{"code": 2593109, "title": "History sharing is turned off"}]}
    fact = only(whatsapp(LINE, change(LINE, "history", {"history": [refused]})), NoticeReceived)
    assert (fact.about, content(fact)["more"]) == ("history", refused)


def test_a_number_as_it_is_displayed_is_still_ours() -> None:
    mine = {"from": LINE.number, "id": "wamid.H2", "timestamp": "1790000060", **text("old answer")}
    body = past(LINE, MONA, [mine])
    body["entry"][0]["changes"][0]["value"]["metadata"]["display_phone_number"] = "+20 227 000-000"
    assert hints(only(body, MessageEchoed)) == {"phone": "+201000000008"}


def test_while_another_application_holds_the_thread_we_only_listen() -> None:
    body = whatsapp(LINE, change(LINE, "standby", {"messages": [message(MONA, "wamid.A1", AT, text("hi"))]}, [MONA]))
    assert only(body, MessageReceived).standby


def test_the_phones_contact_book_is_a_notice() -> None:
    contact = {"full_name": "Mona F.", "first_name": "Mona", "phone_number": MONA.phone}
    told = {"type": "contact", "contact": contact, "action": "add", "metadata": {"timestamp": "1795197600"}}
    fact = only(whatsapp(LINE, change(LINE, "smb_app_state_sync", {"state_sync": [told]})), NoticeReceived)
    assert (fact.about, fact.status, fact.occurred_at) == ("smb_app_state_sync", "add", SENT)
    assert hints(fact) == {"phone": "+201000000008", "name": "Mona F."}


# Accounts and templates


def test_a_template_that_was_judged() -> None:
    told = {
        "event": "REJECTED", "message_template_id": 16, "message_template_name": "visit_reminder",
        "message_template_language": "ar", "reason": "INVALID_FORMAT", "message_template_category": "UTILITY",
    }  # fmt: skip
    fact = only(notice(LINE, "message_template_status_update", AT, told), NoticeReceived)
    assert (fact.about, fact.account_id) == ("message_template_status_update", LINE.business_id)
    assert (fact.template, fact.language, fact.status) == ("visit_reminder", "ar", "REJECTED")
    assert (fact.category, fact.reason, fact.occurred_at) == ("UTILITY", "INVALID_FORMAT", SENT)
    assert content(fact)["more"] == told


@pytest.mark.parametrize(
    ("field", "told", "word", "expected"),
    [
        ("message_template_quality_update", {"new_quality_score": "RED"}, "quality", "RED"),
        ("template_category_update", {"new_category": "MARKETING"}, "category", "MARKETING"),
        ("phone_number_quality_update", {"event": "FLAGGED", "current_limit": "TIER_1K"}, "quality", "TIER_1K"),
        ("account_update", {"event": "DISABLED_UPDATE"}, "status", "DISABLED_UPDATE"),
        ("phone_number_name_update", {"decision": "APPROVED"}, "status", "APPROVED"),
        ("message_template_status_update", {"event": "APPROVED", "reason": "NONE"}, "reason", None),
        ("a_field_of_tomorrow", {"x": {"y": [1]}}, "status", None),
    ],
)
def test_notices_of_an_account(field: str, told: dict[str, Any], word: str, expected: str | None) -> None:
    fact = only(notice(LINE, field, AT, told), NoticeReceived)
    assert (fact.about, getattr(fact, word), content(fact)["more"]) == (field, expected, told)


def test_an_error_of_the_platform_is_a_notice() -> None:
    told = {"code": 130429, "title": "Rate limit hit", "error_data": {"details": "Too many messages"}}
    fact = only(whatsapp(LINE, change(LINE, "messages", {"errors": [told]})), NoticeReceived)
    assert (fact.about, fact.reason, fact.account_id) == ("errors", "Too many messages", LINE.account_id)


def test_the_same_notice_has_the_same_name_and_another_another() -> None:
    told = {"event": "FLAGGED"}
    names = [
        named(notice(LINE, field, at, told), NoticeReceived)[0]
        for field, at in (("account_update", AT), ("account_update", AT), ("account_update", AT + 1), ("other", AT))
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3


# Odd values


def test_through_another_provider_it_is_the_same_fact_but_says_so() -> None:
    (piece,) = split(said(LINE, MONA, "wamid.A1", AT, text("hi")))
    assert isinstance(piece, Piece)
    one, other = fact_of(piece, ref, NOW), fact_of(piece, ref, NOW, "360dialog")
    assert isinstance(one, Named)
    assert isinstance(other, Named)
    assert one.name == other.name
    assert one.fact.model_copy(update={"provider": "360dialog"}) == other.fact


def test_an_item_without_any_account_is_a_problem() -> None:
    body = said(LINE, MONA, "wamid.A1", AT, text("hi"))
    del body["entry"][0]["id"]
    del body["entry"][0]["changes"][0]["value"]["metadata"]
    (found,) = read(body)
    assert found == Problem("entry[0].changes[0].value.messages[0]", "names no account")


def test_an_account_that_cannot_be_one_is_a_problem_not_a_crash() -> None:
    (piece,) = split(said(LINE, MONA, "wamid.A1", AT, text("hi")))
    assert isinstance(piece, Piece)
    found = fact_of(piece._replace(account="no account!"), ref, NOW)
    assert isinstance(found, Problem)
    assert found.why.startswith("account_id")


def test_a_very_long_text_is_cut_and_its_rest_kept() -> None:
    fact = of(text("ن" * 70_000))
    assert fact.text == "ن" * 65_536
    assert content(fact)["more"]["text_rest"] == "ن" * 4_464


def test_what_is_nested_too_deeply_becomes_text_and_costs_nothing() -> None:
    deep: Any = "bottom"
    for _ in range(200):
        deep = {"a": deep}
    fact = of({"type": "text", "text": {"body": "hi"}, "extra": deep})
    assert fact.text == "hi"
    assert "bottom" in str(content(fact)["more"]["extra"])


@pytest.mark.parametrize("timestamp", ["0", "-5", "1970-01-01T00:00:00Z", None, "1826733600"])
def test_an_impossible_time_is_that_of_arrival(timestamp: str | None) -> None:
    fact = of(text("hi"), timestamp=timestamp)
    assert (fact.occurred_at, fact.clock) == (NOW, "arrival")


def test_a_message_without_an_id_has_the_same_name_each_time() -> None:
    body = said(LINE, MONA, "", AT, text("hi"))
    other = said(LINE, MONA, "", AT, text("hi!"))
    assert named(body, MessageReceived)[0] == named(body, MessageReceived)[0] != named(other, MessageReceived)[0]
    assert named(body, MessageReceived)[1].platform_id is None
