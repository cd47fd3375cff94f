"""Identifiers: the external id, which is hashed, and those Meta wants unhashed and unchanged."""

import ipaddress
import re
from typing import Final

from adapters.meta.normalise_text import UnusableValueError, ascii_digits, refuse_placeholder

_NIL_ID: Final = re.compile(r"[0{}-]+")


def external_id(text: str) -> str:
    """Return the id as it is, case kept, so that every channel hashes the same form.

    Raises UnusableValueError for ids of zeros only, which stand for nobody.
    """
    _refuse_nil(text)
    return text


def _refuse_nil(text: str) -> None:
    if _NIL_ID.fullmatch(text):
        raise UnusableValueError("a placeholder for a missing value")


# fb.{subdomain index}.{creation time, ms}.{click id, or random number}[.{appendix of Meta's parameter builder}]
_CLICK_COOKIE: Final = re.compile(r"fb\.[0-9]\.([0-9]+)\.[\x21-\x7e]+")
_BROWSER_COOKIE: Final = re.compile(r"fb\.[0-9]\.([0-9]+)\.[0-9]+(?:\.[A-Za-z0-9]{8})?")
_MS_DIGITS: Final = 13  # unix milliseconds have 13 digits from 2001 to 2286


def click_cookie(text: str) -> str:
    """Return an `fbc` value unchanged, case kept; raises UnusableValueError for another shape or no click in it."""
    cookie = _cookie(text, _CLICK_COOKIE.fullmatch(text), "not of the form fb.index.milliseconds.id")
    refuse_placeholder(cookie.split(".", 3)[3])
    return cookie


def browser_cookie(text: str) -> str:
    """Return an `fbp` value unchanged; raises UnusableValueError for another shape, such as letters for its number."""
    return _cookie(text, _BROWSER_COOKIE.fullmatch(text), "not of the form fb.index.milliseconds.number")


def _cookie(text: str, match: re.Match[str] | None, shape: str) -> str:
    if match is None:
        raise UnusableValueError(shape)
    if len(match[1]) != _MS_DIGITS:
        raise UnusableValueError("its creation time is not in milliseconds")
    return text


# Addresses that are never a visitor's. Ranges reserved for documentation pass: only rehearsals use them.
# fmt: off
_NOT_A_VISITOR: Final = tuple(
    (ipaddress.ip_network(network), reason)
    for network, reason in (
        ("10.0.0.0/8",     "a private address"),
        ("172.16.0.0/12",  "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("fc00::/7",       "a private address"),
        ("100.64.0.0/10",  "an address inside a carrier's network"),
        ("127.0.0.0/8",    "a loopback address"),
        ("::1/128",        "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("fe80::/10",      "a link-local address"),
        ("0.0.0.0/8",      "an unspecified address"),
        ("::/128",         "an unspecified address"),
        ("224.0.0.0/4",    "a multicast address"),
        ("ff00::/8",       "a multicast address"),
        ("240.0.0.0/4",    "a reserved address"),
    )
)
# fmt: on


def ip_address(text: str) -> str:
    """Return a visitor's IPv4 or IPv6 address in its canonical form.

    Raises UnusableValueError for private, loopback, link-local, multicast and reserved addresses.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise UnusableValueError("not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise UnusableValueError("a link-local address")
        address = address.ipv4_mapped or address
    for network, reason in _NOT_A_VISITOR:
        if address in network:
            raise UnusableValueError(reason)
    return str(address)


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def user_agent(text: str) -> str:
    """Return the browser's user agent unchanged; raises UnusableValueError for control characters in it."""
    if _CONTROL.search(text):
        raise UnusableValueError("contains control characters")
    return text


_LEAD_ID: Final = re.compile(r"[0-9]{15,17}")


def lead_id(text: str) -> str:
    """Return the 15 to 17 digits of an Instant-Form lead; raises UnusableValueError (Meta: 2804036)."""
    digits = ascii_digits(text)
    if not _LEAD_ID.fullmatch(digits):
        raise UnusableValueError("not a lead id of 15 to 17 digits")
    _refuse_nil(digits)
    return digits


_OPAQUE: Final = re.compile(r"[\x21-\x7e]+")


def opaque_id(text: str) -> str:
    """Return an id of Meta's own unchanged.

    Raises UnusableValueError for blanks or non-ASCII in it, and for zeros only: phones whose owner refuses to be
    followed give an advertising id of zeros, the same for all of them.
    """
    if not _OPAQUE.fullmatch(text):
        raise UnusableValueError("not an identifier")
    _refuse_nil(text)
    return text
