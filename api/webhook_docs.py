"""What the OpenAPI document says of the routes that platforms call: they are read by hand."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import PlainTextResponse

BODY = {
    "type": "object", "required": ["object", "entry"], "description": "Of the platform's shape; at most 4 MiB.",
    "properties": {
        "object": {"enum": ["whatsapp_business_account", "page", "instagram"]},
        "entry": {"type": "array", "items": {"type": "object"}},
    },
}  # fmt: skip
EXAMPLE = {
    "object": "whatsapp_business_account",
    "entry": [{
        "id": "102290129340398",
        "changes": [{
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "201000000000", "phone_number_id": "106540352242922"},
                "contacts": [{"wa_id": "201001112233", "profile": {"name": "Mona"}}],
                "messages": [{
                    "from": "201001112233", "id": "wamid.HBgM", "timestamp": "1790000000", "type": "text",
                    "text": {"body": "Is it still free?"},
                }],
            },
        }],
    }],
}  # fmt: skip


def _described(named: Mapping[str, tuple[str, bool]], place: str, body: bool) -> dict[str, Any]:
    """Return what the OpenAPI document says of a route that is read by hand: parameters by name, what was needed."""
    parameters = [
        {"name": name, "in": place, "required": needed, "description": says, "schema": {"type": "string"}}
        for name, (says, needed) in named.items()
    ]
    content = {"application/json": {"schema": BODY, "example": EXAMPLE}}
    posted_body = {"requestBody": {"required": True, "content": content}} if body else {}
    return {"response_class": PlainTextResponse, "openapi_extra": {"parameters": parameters, **posted_body}}


ASKED = _described({
    "hub.mode": ("`subscribe`", True), "hub.verify_token": ("One of ours.", True),
    "hub.challenge": ("Repeated in the answer.", True),
}, "query", body=False)  # fmt: skip
"""The question whether an address is ours."""
SIGNED = _described({
    "X-Hub-Signature-256": ("`sha256=` and the HMAC-SHA256 of the body as it came, under the app's secret.", True),
}, "header", body=True)  # fmt: skip
"""A webhook of Meta's."""
FROM_360DIALOG = _described({
    "X-Webhook-Secret": ("The account's secret; or it comes in `Authorization`.", False),
    "X-360dialog-Signature": ("Or: the HMAC-SHA256 of the body as it came, under that secret.", False),
}, "header", body=True)  # fmt: skip
"""A webhook of 360dialog's."""
