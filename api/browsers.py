"""Requests from web pages: whose key, from which site, from which address, and how often."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from api.addresses import client_address, household
from api.auth.issuing import Scope
from api.auth.keys import Principal, shown_key
from api.auth.origins import allows
from api.errors import Refusal
from api.rates import Rates
from api.reading import json_body, services
from application.from_browsers import Browser

BROWSE: Scope = "browse"
LARGEST = 64 * 1024
"""Bytes of a body from a browser; `sendBeacon` takes no more either."""
MOST_TOUCHPOINTS = 50
LONGEST_USER_AGENT = 500
PREFIX = "masar_browser_"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request from a page: whose key it showed, what it sent, and the browser as it was seen."""

    principal: Principal
    body: Any
    browser: Browser


def from_browser(request: Request) -> bool:
    """Tell whether a request shows a browser's key, or none where only a browser's may be elsewhere."""
    key = shown_key(request.headers.get("authorization"))
    return key.startswith(PREFIX) if key else "authorization" not in request.headers


async def visit(request: Request) -> Visit:
    """Return who visits and what they sent; the key may be in the header, in `?key=`, or in the body.

    Raises Refusal 429 for an address or key above its rate, 401 for no key, 403 for a page of another site, and those
    of `json_body`.
    """
    address = client_address(request)
    _within(services(request).address_rates, household(request))
    key, body = shown_key(request.headers.get("authorization")) or request.query_params.get("key"), None
    if key is None:
        body = await _body_with_key(request)
        key = body.get("key") if body else None
    principal = await _holder(request, key)
    own_site(request, principal)
    _within(services(request).browser_rates, principal.key_id)
    request.scope["seen"] = {"brokerage_id": str(principal.brokerage_id), "key_id": principal.key_id}
    if body is None:
        body = await json_body(request, LARGEST)
    return Visit(principal, body, Browser(address, _user_agent(request)))


async def preflight(request: Request) -> str | None:
    """Return the site that may ask. Without a key in the address every site may: the request itself is judged.

    Raises Refusal 401 and 403 for a key in the address that is none of that site's, 429.
    """
    _within(services(request).address_rates, household(request))
    key = request.query_params.get("key")
    if key is not None:
        own_site(request, await _holder(request, key))
    return request.headers.get("origin")


def own_site(request: Request, principal: Principal) -> None:
    """Let the page read the answer. Raises Refusal 403 where it is of no site that the key is bound to."""
    origin = request.headers.get("origin")
    if not allows(principal.origins, origin):
        raise Refusal(403, "Not allowed", "this key may not be used from this origin")
    request.scope["readable_by"] = origin


def _within(rates: Rates, whose: str) -> None:
    if not rates.allow(whose):
        raise Refusal(429, "Too many requests", "too many at once", headers={"Retry-After": str(rates.wait_s)})


async def _body_with_key(request: Request) -> dict[str, Any] | None:
    """Return a body that may name its key; whatever is wrong with it is nothing to tell a stranger."""
    try:
        body = await json_body(request, LARGEST)
    except Refusal:
        return None
    return body if isinstance(body, dict) else None


async def _holder(request: Request, key: Any) -> Principal:
    """Return whose key it is; a key of another kind is none here, for it may not be in an address or a page."""
    known = key if isinstance(key, str) and key.startswith(PREFIX) else None
    return await services(request).doorkeeper.holder(known, BROWSE)


def _user_agent(request: Request) -> str | None:
    said = "".join(letter for letter in request.headers.get("user-agent", "") if letter.isprintable())
    return said[:LONGEST_USER_AGENT] or None
