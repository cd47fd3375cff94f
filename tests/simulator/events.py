"""Good events to start from, and the hashes in them."""

import hashlib
from typing import Any

NOW = 1_790_000_000  # September 2026
DAY_S = 86_400
DATASET = "100200300"
TOKEN = "EAAsim-laila"
EVENTS = f"/v26.0/{DATASET}/events"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def website(**changes: Any) -> dict[str, Any]:
    """A page view that is good in strict mode; `changes` replace fields, None removes one."""
    event = {
        "event_name": "ViewContent",
        "event_time": NOW - 60,
        "event_id": "look-1",
        "action_source": "website",
        "event_source_url": "https://homes.example/maadi/12",
        "user_data": person(client_user_agent="Mozilla/5.0"),
    }
    return _changed(event, changes)


def purchase(**custom_data: Any) -> dict[str, Any]:
    """A Purchase over the phone, of 250 EGP unless told otherwise."""
    data = _changed({"value": 250.0, "currency": "EGP"}, custom_data)
    return website(event_name="Purchase", event_id="deal-1", action_source="phone_call", custom_data=data)


def whatsapp(**changes: Any) -> dict[str, Any]:
    """A lead from a click-to-WhatsApp conversation."""
    event = {
        "event_name": "LeadSubmitted",
        "event_time": NOW - 60,
        "event_id": "chat-1",
        "action_source": "business_messaging",
        "messaging_channel": "whatsapp",
        "user_data": {
            "whatsapp_business_account_id": "555000111",
            "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAF",
        },
    }
    return _changed(event, changes)


def person(**changes: Any) -> dict[str, Any]:
    """Customer information of one person, hashed as Meta asks."""
    return _changed({"em": [sha256("mona@homes.example")], "ph": sha256("201001234567")}, changes)


def _changed(original: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**original, **changes}.items() if value is not None}
