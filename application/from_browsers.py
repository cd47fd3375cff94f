"""What a browser may tell: its key is on a public page, so anybody could be sending."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from application.ports.touchpoints import Problem

KINDS = (
    "tours.", "web.", "properties.saved.", "properties.viewed.", "conversations.started.",
    "conversations.event_tracked.",
)  # fmt: skip
"""Beginnings of the kinds that a browser may send: tours, pages, saves and web chat."""

ORIGINS = frozenset({"website", "chat"})
FIELDS = frozenset(
    {
        "id", "kind", "payload", "person", "occurred_at", "page_url", "utm", "origin", "listing", "browser_event",
        "test",
    }
)  # fmt: skip
SEEN = ("ip", "user_agent")
"""Hints that are taken from the request itself; what the body says of them is not read."""
HINTS = frozenset(
    {
        "visitor_id", "fbp", "fbc", "fbclid", "ctwa_clid", "referrer_url", "person_id", "email", "phone", "name",
        "first_name", "last_name", "gender", "birth_date", "city", "state", "zip", "country", *SEEN,
    }
)  # fmt: skip
"""Hints about a person that a page can know; accounts of messaging channels and devices' ids are none of them."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser as its request shows it: the address it called from, and what it says it is."""

    ip: str | None = None
    user_agent: str | None = None


def forbidden(item: Mapping[str, Any]) -> list[Problem]:
    """Return what a browser may not say of what an item says."""
    problems = [Problem(name, "is not for browsers to say") for name in item.keys() - FIELDS]
    kind, person = item.get("kind"), item.get("person")
    if isinstance(kind, str) and not kind.startswith(KINDS):
        problems.append(Problem("kind", "a key for browsers takes tours, pages, saves and web chat only"))
    if item.get("origin") is not None and item["origin"] not in sorted(ORIGINS):
        problems.append(Problem("origin", f"must be one of {', '.join(sorted(ORIGINS))} from a browser"))
    if isinstance(person, dict):
        problems += [Problem(f"person.{name}", "is not for browsers to say") for name in person.keys() - HINTS]
    return problems


OWN_SESSIONS = "web."
"""What the names of browsers' sessions begin with: a page that guesses a server's session adds nothing to it."""


def own_session(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a payload whose session is one of browsers'."""
    session = payload.get("session_id")
    return {**payload, "session_id": f"{OWN_SESSIONS}{session}"} if isinstance(session, str) and session else payload


def as_seen(fields: dict[str, Any], browser: Browser) -> dict[str, Any]:
    """Return the fields of a browser's touchpoint: marked as unverified, address and user agent as they were seen."""
    fields = fields | {"unverified": True}
    hints = fields.get("hints", {})
    if not isinstance(hints, dict):
        return fields  # refused with the other fields, by its own rule
    seen = {name: value for name in SEEN if (value := getattr(browser, name))}
    told = {name: value for name, value in hints.items() if name not in SEEN} | seen
    return {**fields, "hints": told} if told else {name: fields[name] for name in fields.keys() - {"hints"}}
