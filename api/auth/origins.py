"""The sites a browser key may be used on."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

ANY_BELOW = "*."
PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
LONGEST = 300


class BadOrigin(ValueError):
    """Not an origin; the message says what one looks like."""


def read_origin(text: str) -> str:
    """Return an origin as browsers write it: scheme, host in lower case, and the port where it is not the usual one.

    `https://*.site.example` means every sub-domain of the site, but not the site itself. Raises BadOrigin.
    """
    wrong = BadOrigin(f"{text!r} is no origin; one looks like https://www.site.example or https://*.site.example")
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        raise wrong from None
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme not in PORTS or not bare or not HOST.fullmatch(host) or len(text) > LONGEST:
        raise wrong
    if host.startswith(ANY_BELOW) and "." not in host.removeprefix(ANY_BELOW):
        raise BadOrigin(f"{text!r} would allow everybody; name a site")
    return f"{parts.scheme}://{host}" + ("" if port in (None, PORTS[parts.scheme]) else f":{port}")


def allows(origins: Iterable[str], origin: str | None) -> bool:
    """Tell whether the `Origin` that a browser sent is one of these."""
    return origin is not None and any(_matches(one, origin) for one in origins)


def _matches(allowed: str, origin: str) -> bool:
    scheme, _, site = allowed.partition("://")
    if not site.startswith(ANY_BELOW):
        return origin == allowed
    before, _, host = origin.partition("://")
    below = host.removesuffix(site[1:])
    return before == scheme and below != host and bool(below)
