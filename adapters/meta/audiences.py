"""Meta's custom audiences: lists of people, told by hashed contacts in numbered batches."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson

from adapters.meta.graph import TIMEOUT_S, VERSION, appsecret_proof
from adapters.meta.graph_errors import refusal, unanswered
from adapters.meta.user_data import normalise
from adapters.outside.platform import platform_client
from application.ports.audiences import Batch
from application.ports.conversions import Answer, Credentials, Transient
from domain.audiences.difference import Row

SCHEMA: Final = ("EXTERN_ID", "EMAIL", "PHONE")
"""Keys of a row, in order. EXTERN_ID is not hashed and means nothing outside: the person's id here."""
DIGEST: Final = 64
DESCRIPTION: Final = "Kept in step by Masar"


def row_of(person_id: str, email: object, phone: object, region: str) -> Row | None:
    """Return what Meta is told of a person, None where neither contact is usable: it could find nobody by it.

    Contacts are normalised and hashed as for conversions; an audience takes no appendix behind a hash. "" stands for
    what is not known.
    """
    hashed = [
        (normalise(field, value, region=region).sha256 or "")[:DIGEST] if value else ""
        for field, value in (("em", email), ("ph", phone))
    ]
    return (person_id, *hashed) if any(hashed) else None


class MetaAudiences:
    """The AudiencePlace of Graph. Thread-safe; the token travels in a header."""

    def __init__(
        self, base_url: str, credentials: Credentials, version: str = VERSION, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._credentials = credentials
        self._http = platform_client(f"{base_url.rstrip('/')}/{version}", timeout_s)

    def create(self, ad_account_id: str, name: str) -> str:
        """Make an empty list and return its id. Raises a kind of NotAccepted."""
        body = {
            "name": name, "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY",
            "description": DESCRIPTION,
        }  # fmt: skip
        made = self._call("POST", f"/act_{ad_account_id}/customaudiences", body).get("id")
        if not isinstance(made, str) or not made:
            raise unanswered("an answer that does not name the audience")
        return made

    def add(self, list_id: str, batch: Batch) -> int:
        """Put rows on a list; return how many Meta could not read. Raises a kind of NotAccepted."""
        return self._users("POST", list_id, batch)

    def remove(self, list_id: str, batch: Batch) -> int:
        """Take rows off a list; return how many Meta could not read. Raises a kind of NotAccepted."""
        return self._users("DELETE", list_id, batch)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _users(self, method: str, list_id: str, batch: Batch) -> int:
        body = {
            "payload": {"schema": SCHEMA, "data": batch.rows},
            "session": {
                "session_id": batch.session_id, "batch_seq": batch.number, "last_batch_flag": batch.last,
                "estimated_num_total": batch.total,
            },
        }  # fmt: skip
        invalid = self._call(method, f"/{list_id}/users", body).get("num_invalid_entries")
        return invalid if type(invalid) is int else 0

    def _call(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        own = self._credentials
        if own.app_secret is not None:
            body = {**body, "appsecret_proof": appsecret_proof(own.app_secret, own.token)}
        headers = {"authorization": f"Bearer {own.token}", "content-type": "application/json"}
        try:
            response = self._http.request(method, path, content=orjson.dumps(body), headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as away:
            raise Transient(Answer(message=f"not reached: {type(away).__name__}")) from None
        except httpx.HTTPError as lost:
            raise unanswered(f"no answer: {type(lost).__name__}") from None
        return _read(response)


def _read(response: httpx.Response) -> dict[str, Any]:
    try:
        content = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        content = None
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict) or not response.is_success:
        raise refusal(response.status_code, response.headers, error if isinstance(error, dict) else {}, "")
    if not isinstance(content, dict):
        raise unanswered("an answer of an unknown shape", response.status_code)
    return content
