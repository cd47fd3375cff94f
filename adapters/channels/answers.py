"""What an answer of a platform means for the one who sent a message: one table of codes, and what lies beside it.

Source: Meta, *Cloud API error codes*, *Messenger Platform error codes*, *Instagram messaging*; 360dialog's
documentation; checked in November 2026. Texts are localised, so codes alone decide.
"""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson

from adapters.meta.graph_errors import wait_s
from application.ports.channels import No, NotSent
from application.ports.media import FileToGive

# fmt: off
CODES: Final[dict[int, tuple[No, str]]] = {
    0:      ("forbidden", "the token is not valid"),
    1:      ("unknown",   "the platform had an error of its own, and may have sent it"),
    2:      ("transient", "the platform is not available for a moment"),
    3:      ("forbidden", "the app may not do this"),
    4:      ("throttled", "the app called too often"),
    10:     ("forbidden", "the permission is missing"),
    33:     ("permanent", "the account does not exist any more"),
    100:    ("permanent", "a field is wrong"),
    190:    ("forbidden", "the token has expired or was taken back"),
    368:    ("forbidden", "the account is blocked for breaking a policy"),
    470:    ("window",    "the customer's last message is more than 24 hours ago"),
    551:    ("permanent", "the person cannot be written to: they blocked us, or are gone"),
    613:    ("throttled", "too many calls"),
    80007:  ("throttled", "the business account called too often"),
    130403: ("permanent", "the message was refused"),
    130429: ("throttled", "the number sent too much"),
    130472: ("permanent", "the customer is in an experiment and gets no marketing now"),
    130497: ("forbidden", "the account may not write to this country"),
    131000: ("transient", "the platform had an error"),
    131005: ("forbidden", "the token may not use this account"),
    131008: ("permanent", "a field is missing"),
    131009: ("permanent", "a field has a value that is not allowed"),
    131016: ("transient", "the platform is overloaded"),
    131021: ("permanent", "sender and recipient are the same"),
    131026: ("permanent", "the customer cannot be reached on WhatsApp"),
    131030: ("permanent", "the number is not among those allowed for tests"),
    131031: ("forbidden", "the account is locked"),
    131037: ("permanent", "the number's display name is not approved"),
    131042: ("permanent", "the business account's payment does not work"),
    131045: ("permanent", "the number is not registered as it should be"),
    131047: ("window",    "the customer's last message is more than 24 hours ago"),
    131048: ("throttled", "too many of the number's messages were reported as spam"),
    131049: ("permanent", "the customer got enough marketing for now; not before 24 hours"),
    131050: ("permanent", "the customer does not want marketing from this business"),
    131051: ("permanent", "this kind of message is not supported"),
    131052: ("permanent", "the customer's file could not be fetched"),
    131053: ("permanent", "the file could not be uploaded, or has a wrong type"),
    131056: ("throttled", "too many messages to this customer in a short time"),
    131057: ("transient", "the account is in maintenance"),
    131062: ("permanent", "this message cannot go to a customer whose number is hidden"),
    131063: ("permanent", "marketing messages are switched off for this account"),
    131064: ("throttled", "the limit of messages is reached for now"),
    132000: ("permanent", "the number of the template's parameters is wrong"),
    132001: ("permanent", "there is no such template in this language, or it is not approved"),
    132005: ("permanent", "the template's text gets too long with these parameters"),
    132007: ("permanent", "the template breaks a policy"),
    132008: ("permanent", "a parameter of the template is missing"),
    132012: ("permanent", "a parameter of the template has a wrong format"),
    132015: ("permanent", "the template is paused for its low quality"),
    132016: ("permanent", "the template is disabled for its low quality"),
    132068: ("permanent", "the flow is blocked"),
    132069: ("permanent", "the flow is throttled"),
    133016: ("throttled", "too many attempts"),
    135000: ("permanent", "the platform refuses these parameters"),
}
"""What a code means, and a sentence for people."""

SUBCODES: Final[dict[tuple[int, int], tuple[No, str]]] = {
    (1, 1357046):   ("unknown",   "the platform may have sent it"),
    (10, 2018278):  ("window",    "the customer's last message is more than 24 hours ago"),
    (10, 2534022):  ("window",    "the customer's last message is more than 24 hours ago"),
    (10, 1893063):  ("forbidden", "the page is restricted"),
    (100, 2018001): ("permanent", "there is no such customer of this page"),
    (100, 2018108): ("permanent", "this person does not receive messages now"),
    (100, 2534014): ("permanent", "there is no such customer of this account"),
    (100, 2534029): ("permanent", "the customer has blocked this account"),
    (200, 1545041): ("permanent", "this person is not available"),
    (200, 2534041): ("permanent", "the customer's messages are switched off for apps"),
    (551, 1545041): ("permanent", "this person is not available"),
    (613, 2534040): ("throttled", "too many messages on this account"),
}
"""Where the subcode says more than the code."""
# fmt: on
PAIR: Final = 131056
"""Only the one customer has to wait."""
LONGEST: Final = 240


def refused(status: int, headers: Mapping[str, str], content: Any) -> NotSent:
    """Return what to raise for an answer that is no acceptance; `content` is its JSON, None where it is none."""
    code, subcode, said, transient = _error(content)
    waits = wait_s(headers)
    if code is None:
        return NotSent(*_by_status(status, said), wait_s=waits)
    known = SUBCODES.get((code, subcode or 0)) or CODES.get(code)
    if known is None:
        known = _unlisted(code, status, transient=transient)
    no, reason = known
    return NotSent(no, _sentence(reason, said), code, subcode, waits, pair=code == PAIR)


def _unlisted(code: int, status: int, *, transient: bool) -> tuple[No, str]:
    if 200 <= code < 300:
        return "forbidden", "the permission is missing"
    if transient:
        return "transient", "the platform calls it transient"
    if status == 429:
        return "throttled", "too many calls"
    if status >= 500:
        return "unknown", "the platform failed while it had the message"
    return "permanent", "the platform refuses it"


def _by_status(status: int, said: str | None) -> tuple[No, str]:
    """Judge an answer without a code. What failed at the platform may have been sent before it did."""
    if status in (401, 403):
        return "forbidden", _sentence("the token is not accepted", said)
    if status == 429:
        return "throttled", _sentence("too many calls", said)
    if 300 <= status < 400:
        return "transient", "the platform sends us elsewhere"
    if 400 <= status < 500 and status != 408:
        return "permanent", _sentence(f"the platform refuses it with status {status}", said)
    return "unknown", f"no answer that makes sense, status {status}"


def _error(content: Any) -> tuple[int | None, int | None, str | None, bool]:
    """Return code, subcode, text, and whether it is called transient: Meta's envelope, or 360dialog's own."""
    if not isinstance(content, dict):
        return None, None, None, False
    error = content.get("error")
    if isinstance(error, dict):
        return (
            _whole(error.get("code")), _whole(error.get("error_subcode")), _said(error),
            error.get("is_transient") is True,
        )  # fmt: skip
    errors = content.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return _whole(errors[0].get("code")), None, _said(errors[0]), False
    meta = content.get("meta")
    said = meta.get("developer_message") if isinstance(meta, dict) else error
    return None, None, said if isinstance(said, str) else None, False


def _said(error: Mapping[str, Any]) -> str | None:
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else error.get("details")
    for text in (error.get("error_user_msg"), details, error.get("message"), error.get("title")):
        if isinstance(text, str) and text:
            return text
    return None


def _sentence(reason: str, said: str | None) -> str:
    """Return our sentence with the platform's behind it, printable and short."""
    if not said:
        return reason
    plain = "".join(one for one in said if one.isprintable())
    return f"{reason} ({plain})"[:LONGEST]


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def post(http: httpx.Client, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Post JSON and return the JSON object of a 2xx answer. Raises NotSent for everything else.

    What could not even be connected was not sent; once it is out, no answer means that nobody knows.
    """
    try:
        response = http.post(
            path, content=orjson.dumps(body), headers={**headers, "content-type": "application/json"}
        )  # fmt: skip
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as away:
        raise NotSent("transient", f"not reached: {type(away).__name__}") from None
    except httpx.HTTPError as lost:
        raise NotSent("unknown", f"the answer was lost: {type(lost).__name__}") from None
    content = _json(response)
    if response.is_success and isinstance(content, dict) and "error" not in content:
        return content
    if response.is_success and not isinstance(content, dict):
        raise NotSent("unknown", "an answer that makes no sense")
    raise refused(response.status_code, response.headers, content)


def upload(
    http: httpx.Client, path: str, file: FileToGive, fields: Mapping[str, str], asked: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:  # fmt: skip
    """Give a file to a platform and return its id there; `fields` go with it in the form, `asked` in the address.

    Nobody gets a message by it, so what got no readable answer is simply done again. Raises NotSent.
    """
    form = {"file": (file.filename or "file", file.content, file.mime_type)}
    try:
        response = http.post(path, data=dict(fields), files=form, params=dict(asked), headers=dict(headers))
    except httpx.HTTPError as lost:
        raise NotSent("transient", f"the file was not taken: {type(lost).__name__}") from None
    content = _json(response)
    given = content.get("id") if isinstance(content, dict) and response.is_success else None
    if isinstance(given, str) and given:
        return given
    no = refused(response.status_code, response.headers, content)
    raise NotSent("transient", no.reason, no.code) if response.is_success or no.no == "unknown" else no


def _json(response: httpx.Response) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
