"""What every item of Messenger and Instagram becomes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.meta.webhooks.pieces import Named, Problem
from adapters.simulator.webhooks import (
    guest,
    instagram,
    instagram_change,
    item,
    page,
    page_change,
    page_echo,
    page_file,
    page_text,
    postback,
)
from domain.messaging.events import (
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    NoticeReceived,
    ReceiptReceived,
    SignalReceived,
)
from tests.webhooks.reading import AT, GRAM, LINE, NOW, PAGE, SENT, content, hints, named, only, read, ref

MONA = guest(8)
MS = int(AT) * 1_000
URL = "https://cdn.example.com/f?x=1"
THREAD, SEND = UUID("0197a000-0000-7000-8000-000000000001"), UUID("0197a000-0000-7000-8000-000000000002")


def from_mona(told: dict[str, Any]) -> dict[str, Any]:
    """A body of Messenger with one item of Mona's."""
    return page(PAGE, AT, item(PAGE, MONA, AT, told))


def gram(told: dict[str, Any]) -> dict[str, Any]:
    """A body of Instagram with one item of Mona's."""
    return instagram(GRAM, AT, item(GRAM, MONA, AT, told))


# Messages


def test_a_text_on_messenger() -> None:
    name, fact = named(from_mona(page_text("m_1", "هل الشقة متاحة؟")), MessageReceived)
    assert (name, fact.platform_id, fact.message_type) == ("message|m_1", "m_1", "text")
    assert (fact.text, fact.occurred_at, fact.clock) == ("هل الشقة متاحة؟", SENT, "platform")
    assert (fact.channel, fact.account_id, hints(fact)) == ("messenger", "3000111", {"psid": "610000000008"})
    assert (fact.content, fact.reply_to, fact.standby) == (None, None, False)


def test_a_text_on_instagram() -> None:
    fact = only(gram(page_text("aWdf1", "hello", reply_to={"mid": "aWdf0"})), MessageReceived)
    assert (fact.channel, hints(fact)) == ("instagram", {"igsid": "610000000008"})
    assert fact.reply_to == ref("message|aWdf0")


@pytest.mark.parametrize(
    ("kind", "message_type"),
    [
        ("image", "image"), ("video", "video"), ("audio", "audio"), ("file", "document"),
        ("story_mention", "story_mention"), ("share", "share"), ("ig_reel", "share"), ("reel", "share"),
        ("hologram", "unknown"),
    ],
)  # fmt: skip
def test_an_attachment_has_its_type_and_its_address(kind: str, message_type: str) -> None:
    fact = only(gram(page_file("m_1", kind, URL)), MessageReceived)
    assert fact.message_type == message_type
    assert content(fact)["media"] == {"url": URL}
    if message_type == "unknown":
        assert content(fact)["more"] == {"attachments": [{"type": "hologram", "payload": {"url": URL}}]}


def test_further_attachments_are_files_of_the_message_and_what_is_none_is_kept() -> None:
    told = page_file("m_1", "image", URL)
    there = {"type": "location", "payload": {"coordinates": {"lat": 30.04, "long": 31.23}}}
    more = [{"type": "video", "payload": {"url": "https://cdn.example.com/2"}}, there,
            {"type": "file", "payload": {"url": "https://cdn.example.com/3"}}]  # fmt: skip
    told["message"]["attachments"] += more
    fact = only(from_mona(told), MessageReceived)
    assert (fact.message_type, content(fact)["media"], fact.more_files) == ("image", {"url": URL}, 2)
    assert content(fact)["files"] == [
        {"type": "video", "url": "https://cdn.example.com/2"}, {"type": "document", "url": "https://cdn.example.com/3"},
    ]  # fmt: skip
    assert content(fact)["more"]["attachments"][2] == there


def test_a_place_with_a_photo_brings_one_file_beside_the_first() -> None:
    there = {"type": "location", "payload": {"coordinates": {"lat": 30.04, "long": 31.23}}}
    both = {"message": {"mid": "m_3", "attachments": [there, {"type": "image", "payload": {"url": URL}}]}}
    fact = only(from_mona(both), MessageReceived)
    assert (fact.message_type, fact.more_files) == ("location", 1)
    assert content(fact)["files"] == [{"type": "image", "url": URL}]


def test_a_sticker_a_heart_and_a_place() -> None:
    told = page_file("m_1", "image", URL)
    told["message"]["attachments"][0]["payload"]["sticker_id"] = 369239263222822
    sticker = only(from_mona(told), MessageReceived)
    assert (sticker.message_type, content(sticker)["media"]) == ("sticker", {"url": URL})
    heart = only(gram({"message": {"mid": "m_2", "attachments": [{"type": "like_heart"}]}}), MessageReceived)
    assert (heart.message_type, content(heart)["emoji"]) == ("sticker", "❤")
    there = {"type": "location", "title": "Pin", "payload": {"coordinates": {"lat": 30.04, "long": 31.23}}}
    place = only(from_mona({"message": {"mid": "m_3", "attachments": [there]}}), MessageReceived)
    assert (place.message_type, content(place)["location"]) == ("location", {"latitude": 30.04, "longitude": 31.23})


def test_a_quick_reply_and_a_button() -> None:
    fact = only(from_mona(page_text("m_1", "Maadi", quick_reply={"payload": "AREA_MAADI"})), MessageReceived)
    assert (fact.message_type, fact.text) == ("quick_reply", "Maadi")
    assert content(fact) == {"choice": {"id": "AREA_MAADI", "title": "Maadi"}}
    click = {"ref": "summer", "source": "ADS", "type": "OPEN_THREAD", "ad_id": "6045246247433"}
    name, chosen = named(from_mona(postback("m_2", "START", "Get started", referral=click)), MessageReceived)
    assert (name, chosen.message_type, chosen.text) == ("message|m_2", "postback", "Get started")
    assert content(chosen)["choice"] == {"id": "START", "title": "Get started"}
    assert chosen.referral is not None
    assert (chosen.referral.source, chosen.referral.source_id, chosen.referral.ref) == ("ad", "6045246247433", "summer")


def test_a_button_without_an_id_has_the_same_name_each_time() -> None:
    body = from_mona({"postback": {"payload": "START"}})
    assert named(body, MessageReceived)[0] == named(body, MessageReceived)[0]
    later = page(PAGE, AT + 5, item(PAGE, MONA, AT + 5, {"postback": {"payload": "START"}}))
    assert named(body, MessageReceived)[0] != named(later, MessageReceived)[0]


def test_a_reply_to_a_story_brings_the_story() -> None:
    story = {"url": URL, "id": "17895695668004550"}
    fact = only(gram(page_text("m_1", "where is it?", reply_to={"story": story})), MessageReceived)
    assert (fact.message_type, fact.text) == ("story_reply", "where is it?")
    assert content(fact)["media"] == {"id": "17895695668004550", "url": URL}


def test_a_message_from_an_advertisement() -> None:
    ad = {"ad_title": "Nile view", "photo_url": URL}
    click = {"ref": "r", "ad_id": "62", "source": "ADS", "type": "OPEN_THREAD", "ads_context_data": ad}
    fact = only(gram(page_text("m_1", "hi", referral=click)), MessageReceived)
    assert fact.referral is not None
    assert (fact.referral.source, fact.referral.source_id) == ("ad", "62")
    assert content(fact)["more"]["referral"]["ads_context_data"]["ad_title"] == "Nile view"


def test_a_template_is_kept_whole() -> None:
    card = {"template_type": "generic", "elements": [{"title": "Nile view", "subtitle": "5m"}]}
    told = page_echo(PAGE, MONA, AT, "m_1", "")
    told["message"]["attachments"] = [{"type": "template", "payload": card}]
    fact = only(page(PAGE, AT, told), MessageEchoed)
    assert (fact.message_type, content(fact)["template"], fact.text) == ("template", card, None)


def test_what_the_platform_cannot_show_and_what_is_not_known_stays_visible() -> None:
    assert (
        only(gram({"message": {"mid": "m_1", "is_unsupported": True}}), MessageReceived).message_type == "unsupported"
    )
    fact = only(from_mona({"message": {"mid": "m_1", "hologram": {"frames": 3}}}), MessageReceived)
    assert (fact.message_type, content(fact)) == ("unknown", {"more": {"hologram": {"frames": 3}}})


def test_while_another_application_holds_the_thread_we_only_listen() -> None:
    told = item(PAGE, MONA, AT, page_text("m_1", "hi"))
    assert only(page(PAGE, AT, told, name="standby"), MessageReceived).standby
    flat = instagram_change(GRAM, AT, "standby", item(GRAM, MONA, AT, page_text("m_1", "hi")), flat=True)
    assert only(flat, MessageReceived).standby


# Echoes


def test_an_echo_of_ours_names_the_send_and_its_customer_is_who_it_went_to() -> None:
    metadata = f"masar:{THREAD}:{SEND}"
    body = page(PAGE, AT, page_echo(PAGE, MONA, AT, "m_9", "Good evening", metadata=metadata, app_id=517))
    name, fact = named(body, MessageEchoed)
    assert (name, fact.send_id, fact.application) == ("message|m_9", SEND, "517")
    assert (fact.text, hints(fact)) == ("Good evening", {"psid": "610000000008"})


def test_an_echo_of_somebody_else_is_nobodys_send() -> None:
    fact = only(page(PAGE, AT, page_echo(PAGE, MONA, AT, "m_9", "I called her", metadata="crm-5")), MessageEchoed)
    assert fact.send_id is None
    alone = only(instagram(GRAM, AT, page_echo(GRAM, MONA, AT, "m_9", "hi")), MessageEchoed)
    assert (alone.send_id, alone.application, hints(alone)) == (None, None, {"igsid": "610000000008"})


def test_an_echo_whose_sides_are_swapped_still_has_its_customer() -> None:
    told = item(PAGE, MONA, AT, page_text("m_9", "hi", is_echo=True))
    assert hints(only(page(PAGE, AT, told), MessageEchoed)) == {"psid": "610000000008"}


def test_what_an_account_writes_to_itself_is_a_notice() -> None:
    itself = {"id": GRAM.account_id}
    told = {
        "sender": itself,
        "recipient": itself,
        "timestamp": MS,
        **page_text("m_1", "note", is_echo=True, is_self=True),
    }
    fact = only(instagram(GRAM, AT, told), NoticeReceived)
    assert (fact.about, fact.hints) == ("message to oneself", None)


# Changes


@pytest.mark.parametrize("body_of", [from_mona, gram])
def test_a_reaction_and_taking_it_back(body_of: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    told = {"reaction": {"mid": "m_9", "action": "react", "reaction": "love", "emoji": "❤"}}
    fact = only(body_of(told), MessageChanged)
    assert (fact.change, fact.emoji, fact.by_us, fact.ref) == ("reacted", "❤", False, ref("message|m_9"))
    word = only(body_of({"reaction": {"mid": "m_9", "action": "react", "reaction": "love"}}), MessageChanged)
    assert word.emoji == "love"
    back = only(body_of({"reaction": {"mid": "m_9", "action": "unreact", "reaction": "love"}}), MessageChanged)
    assert (back.change, back.emoji) == ("unreacted", None)


def test_our_own_reaction_is_by_us() -> None:
    told = {"sender": {"id": GRAM.account_id}, "recipient": {"id": MONA.scoped_id}, "timestamp": MS}
    body = instagram(GRAM, AT, {**told, "reaction": {"mid": "m_1", "action": "react", "emoji": "🙏"}})
    fact = only(body, MessageChanged)
    assert (fact.by_us, hints(fact)) == (True, {"igsid": "610000000008"})


def test_a_message_edited_or_taken_back() -> None:
    edited = only(gram({"message_edit": {"mid": "m_1", "text": "5 million", "num_edit": 2}}), MessageChanged)
    assert (edited.change, edited.ref, edited.text) == ("edited", ref("message|m_1"), "5 million")
    assert content(edited) == {"more": {"num_edit": 2}}
    name, gone = named(gram({"message": {"mid": "m_1", "is_deleted": True}}), MessageChanged)
    assert (gone.change, gone.ref) == ("revoked", ref("message|m_1"))
    assert not name.startswith("message|")


# Receipts


@pytest.mark.parametrize("watermark", [MS - 5_000, str(MS - 5_000)])
def test_messenger_tells_up_to_when_all_was_read_or_delivered(watermark: Any) -> None:
    read_up = only(from_mona({"read": {"watermark": watermark, "seq": 38}}), ReceiptReceived)
    assert (read_up.status, read_up.ref, read_up.up_to) == ("read", None, SENT - timedelta(seconds=5))
    delivered = only(from_mona({"delivery": {"watermark": watermark}}), ReceiptReceived)
    assert (delivered.status, delivered.up_to) == ("delivered", SENT - timedelta(seconds=5))
    assert hints(delivered) == {"psid": "610000000008"}


def test_a_watermark_is_never_in_the_future() -> None:
    fact = only(from_mona({"read": {"watermark": MS + 86_400_000}}), ReceiptReceived)
    assert fact.up_to == NOW


def test_a_delivery_that_names_messages_is_a_receipt_of_each() -> None:
    found = read(from_mona({"delivery": {"mids": ["m_8", "m_9"], "watermark": MS}}))
    facts = [one for one in found if isinstance(one, Named)]
    assert [one.name for one in facts] == ["status|m_8|delivered", "status|m_9|delivered"]
    assert [getattr(one.fact, "ref", None) for one in facts] == [ref("message|m_8"), ref("message|m_9")]


def test_instagram_names_the_message_that_was_read() -> None:
    name, fact = named(gram({"read": {"mid": "m_9"}}), ReceiptReceived)
    assert (name, fact.status, fact.ref, fact.up_to) == ("status|m_9|read", "read", ref("message|m_9"), None)


def test_a_receipt_of_nothing_is_a_problem() -> None:
    (found,) = read(from_mona({"read": {"seq": 5}}))
    assert found == Problem("entry[0].messaging[0]", "says neither which message it is about nor up to when")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"message": {}}, "the message is empty"),
        ({"reaction": {"action": "react"}}, "does not say which message changed"),
        ({}, "says nothing"),
    ],
)
def test_items_that_say_nothing_are_problems(told: dict[str, Any], why: str) -> None:
    assert read(from_mona(told)) == [Problem("entry[0].messaging[0]", why)]


def test_items_of_nobody_are_problems_where_they_need_somebody() -> None:
    nobody = {"recipient": {"id": PAGE.account_id}, "timestamp": MS}
    for told in ({"read": {"watermark": MS}}, {"reaction": {"mid": "m_1"}}):
        assert read(page(PAGE, AT, {**nobody, **told})) == [Problem("entry[0].messaging[0]", "names no customer")]
    echo = page_text("m_1", "hi", is_echo=True)
    assert read(page(PAGE, AT, {**nobody, **echo})) == [Problem("entry[0].messaging[0]", "names no customer")]
    assert only(page(PAGE, AT, {**nobody, **page_text("m_1", "hi")}), MessageReceived).hints is None


# Signals


def test_a_click_without_a_message() -> None:
    fact = only(from_mona({"referral": {"ref": "flyer", "source": "SHORTLINK", "type": "OPEN_THREAD"}}), SignalReceived)
    assert fact.signal == "referral"
    assert fact.referral is not None
    assert (fact.referral.source, fact.referral.ref) == ("short_link", "flyer")


@pytest.mark.parametrize(
    ("told", "signal"),
    [
        ({"optin": {"ref": "checkbox"}}, "opted_in"),
        ({"optin": {"type": "notification_messages", "notification_messages_status": "STOP_NOTIFICATIONS"}},
         "marketing_stopped"),
        ({"optin": {"type": "notification_messages", "notification_messages_status": "RESUME_NOTIFICATIONS"}},
         "marketing_resumed"),
        ({"account_linking": {"status": "linked", "authorization_code": "c"}}, "account_linked"),
        ({"pass_thread_control": {"new_owner_app_id": "1", "metadata": "m"}}, "thread_passed"),
        ({"take_thread_control": {"previous_owner_app_id": "1"}}, "thread_taken"),
        ({"request_thread_control": {"requested_owner_app_id": "1"}}, "thread_requested"),
        ({"checkout_update": {"payload": "p"}}, "other"),
        ({"of_tomorrow": [1, 2]}, "other"),
    ],
)  # fmt: skip
def test_signals_are_kept_with_all_they_say(told: dict[str, Any], signal: str) -> None:
    fact = only(from_mona(told), SignalReceived)
    assert (fact.signal, content(fact)["more"], hints(fact)) == (signal, told, {"psid": "610000000008"})


def test_a_signal_of_no_customer_is_a_notice() -> None:
    body = page(PAGE, AT, {"recipient": {"id": PAGE.account_id}, "timestamp": MS, "optin": {"user_ref": "u1"}})
    fact = only(body, NoticeReceived)
    assert (fact.about, fact.hints, fact.occurred_at) == ("opted_in", None, SENT)
    itself = {"sender": {"id": PAGE.account_id}, "recipient": {"id": PAGE.account_id}, "timestamp": MS}
    assert only(page(PAGE, AT, {**itself, "app_roles": {"1": ["primary_receiver"]}}), NoticeReceived).about == "other"


# Comments and mentions


def test_a_comment_on_instagram() -> None:
    told = {"id": "18001", "text": "How much?", "from": {"id": "77", "username": "karim"}, "media": {"id": "9"}}
    for flat in (False, True):
        fact = only(instagram_change(GRAM, AT, "comments", told, flat=flat), SignalReceived)
        assert (fact.signal, fact.text, hints(fact)) == ("commented", "How much?", {"igsid": "77", "name": "karim"})
        assert content(fact)["more"] == {"id": "18001", "media": {"id": "9"}, "field": "comments"}
        assert fact.occurred_at == SENT


def test_a_comment_on_a_page() -> None:
    told = {
        "from": {"id": "88", "name": "Omar"},
        "item": "comment",
        "verb": "add",
        "message": "price?",
        "post_id": "3_4",
    }
    fact = only(page_change(PAGE, AT, "feed", told), SignalReceived)
    assert (fact.signal, fact.text, hints(fact)) == ("commented", "price?", {"psid": "88", "name": "Omar"})
    gone = only(page_change(PAGE, AT, "feed", {**told, "verb": "remove"}), SignalReceived)
    assert gone.signal == "other"


def test_our_own_comment_and_a_mention_of_nobody_are_notices() -> None:
    own = {"id": "1", "text": "DM us", "from": {"id": GRAM.account_id}}
    assert only(instagram_change(GRAM, AT, "comments", own), NoticeReceived).about == "comments"
    assert only(instagram_change(GRAM, AT, "mentions", {"media_id": "5"}), NoticeReceived).about == "mentions"
    by = only(instagram_change(GRAM, AT, "mentions", {"media_id": "5", "from": {"id": "77"}}), SignalReceived)
    assert by.signal == "mentioned"


def test_figures_of_a_story_are_a_notice() -> None:
    fact = only(instagram_change(GRAM, AT, "story_insights", {"media_id": "5", "impressions": 12}), NoticeReceived)
    assert content(fact)["more"] == {"media_id": "5", "impressions": 12}


def test_the_same_words_on_two_channels_have_nothing_in_common_but_the_words() -> None:
    assert LINE.account_id != PAGE.account_id
    one, other = (
        only(from_mona(page_text("m_1", "hi")), MessageReceived),
        only(gram(page_text("m_1", "hi")), MessageReceived),
    )
    assert one.text == other.text
    assert (one.channel, one.hints) != (other.channel, other.hints)
