"""The bodies of requests, channel by channel."""

from typing import Any

import pytest

from adapters.channels import messenger, whatsapp
from application.ports.channels import Account, Addressee, ToSend
from domain.messaging.content import Content, OutgoingType
from tests.sending.stage import Sending

MONA = Addressee("phone", "+201005550001")
PAGE = Account("messenger", "207", "meta", "t")
GRAM = Account("instagram", "307", "meta", "t")
PLACE = {"latitude": 30.03, "longitude": 31.23, "name": "Maadi"}
BRIEF = {"media": {"url": "https://homes.example/plan.pdf", "filename": "plan.pdf"}}


def body(kind: OutgoingType, text: str | None = None, **content: Any) -> dict[str, Any]:
    """Return a WhatsApp message without what all have."""
    message = ToSend(MONA, kind, "mark", text=text, content=Content.model_validate(content))
    made = whatsapp.body_of(message)
    assert made.pop("to") == "201005550001"
    assert made.pop("biz_opaque_callback_data") == "mark"
    assert (made.pop("messaging_product"), made.pop("recipient_type")) == ("whatsapp", "individual")
    return made


@pytest.mark.parametrize(("made", "expected"), [
    (body("text", "see https://homes.example/7"),
     {"type": "text", "text": {"body": "see https://homes.example/7", "preview_url": True}}),
    (body("location", **{"location": PLACE}), {"type": "location", "location": PLACE}),
    (body("document", "the plan", **BRIEF),
     {"type": "document", "document": {
         "link": "https://homes.example/plan.pdf", "caption": "the plan", "filename": "plan.pdf"}}),
    (body("image", media={"id": "77"}), {"type": "image", "image": {"id": "77"}}),
    (body("buttons", "book?", buttons=[{"id": "y", "title": "Yes"}], footer="Nile"),
     {"type": "interactive", "interactive": {
         "type": "button", "body": {"text": "book?"}, "footer": {"text": "Nile"},
         "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}}),
    (body("buttons", "a tour", buttons=[{"id": "o", "title": "Open"}], url="https://homes.example/tour"),
     {"type": "interactive", "interactive": {
         "type": "cta_url", "body": {"text": "a tour"},
         "action": {"name": "cta_url", "parameters": {
             "display_text": "Open", "url": "https://homes.example/tour"}}}}),
    (body("list", "when?", list_button="Times", sections=[{"rows": [{"id": "1", "title": "10:00"}]}]),
     {"type": "interactive", "interactive": {
         "type": "list", "body": {"text": "when?"},
         "action": {"button": "Times", "sections": [{"rows": [{"id": "1", "title": "10:00"}]}]}}}),
])  # fmt: skip
def test_whatsapp(made: dict[str, Any], expected: dict[str, Any]) -> None:
    assert made == expected


def test_a_file_on_messenger_is_an_attachment() -> None:
    message = ToSend(Addressee("psid", "7"), "document", "mark", content=Content.model_validate(BRIEF))
    assert messenger.body_of(PAGE, message) == {
        "recipient": {"id": "7"}, "messaging_type": "RESPONSE", "message": {
            "metadata": "mark",
            "attachment": {"type": "file", "payload": {"url": "https://homes.example/plan.pdf"}},
        },
    }  # fmt: skip


def test_a_heart_on_instagram_is_love() -> None:
    message = ToSend(Addressee("igsid", "8"), "reaction", "mark", content=Content(emoji="❤️"), reply_to="aWdf")
    assert messenger.body_of(GRAM, message) == {
        "recipient": {"id": "8"}, "sender_action": "react", "payload": {"message_id": "aWdf", "reaction": "love"},
    }  # fmt: skip


def test_signs_of_life_are_taken_on_all_channels(talk: Sending, page: Sending, gram: Sending) -> None:
    platform_id = "wamid.seen=="
    talk.control("POST", "inbound", {"wrote": [{
        "channel": "whatsapp", "account": talk.account, "user": talk.customer, "message_id": platform_id,
    }]})  # fmt: skip
    for one, kind in ((talk, "phone"), (page, "psid"), (gram, "igsid")):
        account = one.book.account(one.brokerage_id, one.channel, one.account)
        assert account is not None
        for typing in (True, False):
            to = Addressee(kind, one.customer)  # type: ignore[arg-type]
            one.clients.client(account).seen(account, to, platform_id, typing=typing)
