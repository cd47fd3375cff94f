"""How well Meta will probably match an event to a person, estimated before it is sent, and what would help most.

Meta measures its event match quality (0 to 10) for web events only, hours after it has them, and publishes no formula.
This is our estimate, for every channel: each key alone finds the person with some chance, the chances count as
independent, and the score is ten times the chance that at least one of them does. So more is never worse, and a second
key adds less than the first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """A field of Meta's user data: which hint gives it, and the chance that it alone finds the person."""

    field: str
    hint: str  # what a producer would have to tell
    chance: float
    why: str


# The order follows what Meta advises to send first (*Customer information parameters*, *About event match quality*,
# checked in November 2026); the numbers are ours.
# fmt: off
KEYS: Final = (
    Key("lead_id",             "lead_id",    0.90, "Meta's own id of an Instant-Form lead: exact, where there is one"),
    Key("ctwa_clid",           "ctwa_clid",  0.95, "the click itself that opened the WhatsApp conversation"),
    Key("page_scoped_user_id", "psid",       0.95, "Meta's own id of the person for this Page"),
    Key("ig_sid",              "igsid",      0.95, "Meta's own id of the person for this Instagram account"),
    Key("em",                  "email",      0.60, "high priority: most accounts have one, and people keep it"),
    Key("fbc",                 "fbclid",     0.55, "high priority: the click on the ad, exact while its cookie lives"),
    Key("ph",                  "phone",      0.50, "high priority: most accounts have one, some an old one"),
    Key("madid",               "madid",      0.45, "the device, where its owner did not switch it off"),
    Key("fbp",                 "fbp",        0.30, "the browser: finds whoever was logged in on it"),
    Key("client_ip_address",   "ip",         0.15, "a household or, on mobile networks, thousands of people"),
    Key("db",                  "birth_date", 0.10, "tells apart people of one name"),
    Key("ln",                  "name",       0.09, "weak alone; together with a city it narrows down"),
    Key("client_user_agent",   "user_agent", 0.08, "with the address it narrows a household to a device"),
    Key("fn",                  "name",       0.07, "weak alone"),
    Key("external_id",         "person_id",  0.06, "helps where the browser told the same id; always sent"),
    Key("zp",                  "zip",        0.04, "narrows down; rarely known in Egypt"),
    Key("ct",                  "city",       0.03, "narrows down"),
    Key("st",                  "state",      0.02, "narrows down"),
    Key("ge",                  "gender",     0.02, "halves the candidates"),
    Key("country",             "country",    0.01, "always send, says Meta; narrows down little"),
)
FIELDS_OF: Final = {  # kind of hint → the fields of Meta's user data that it gives
    **{key.hint: (key.field,) for key in KEYS},
    "name": ("fn", "ln"), "first_name": ("fn",), "last_name": ("ln",), "fbc": ("fbc",),
    "email_sha256": ("em",), "phone_sha256": ("ph",),
    "phone": ("ph", "country"),  # a number tells its country, which is sent where no other is told
}
MESSAGING_KEYS: Final = {"whatsapp": "ctwa_clid", "messenger": "page_scoped_user_id", "instagram": "ig_sid"}
"""Channel of business messaging → the person's id without which Meta takes no event of it."""
# fmt: on

FINDING: Final = frozenset(
    {"em", "ph", "fbp", "fbc", "client_ip_address", "lead_id", "madid", "anon_id", "subscription_id"}
)
"""User data by which Meta can find a person outside a conversation; what is not here only helps these.

`fb_login_id` is not among them: a brokerage configures one for all its events, so it says nothing of the person.
"""

_CONTACT: Final = frozenset({"email", "phone", "name", "birth_date", "zip", "city", "state", "gender", "country"})
_BROWSER: Final = frozenset({"fbclid", "fbp", "ip", "user_agent"})
_IN_PERSON: Final = frozenset({"phone_call", "physical_store", "chat", "email", "whatsapp", "messenger", "instagram"})
_CHANCES: Final = {key.field: key.chance for key in KEYS}
_ALWAYS: Final = frozenset({"external_id"})


@dataclass(frozen=True, slots=True)
class Quality:
    """An estimate: `score` 0 to 10 with one decimal, `keys` the fields of user data it rests on, sorted.

    `best_missing` is the kind of hint that would raise the score most, None where nothing more can be asked for.
    """

    score: float
    keys: tuple[str, ...]
    best_missing: str | None


def estimate(kinds: Collection[str], *, channel: str | None = None) -> Quality:
    """Return the quality of an event about somebody of whom these kinds of hints are known.

    `channel` is a channel of business messaging, "crm" for stages of Instant-Form leads, an action source, or None for
    the web. Kinds that Meta does not match by are passed over. Zero where Meta could find nobody.
    """
    return _quality(frozenset(field for kind in kinds for field in FIELDS_OF.get(kind, ())), channel)


def of_event(user_data: Collection[str], *, channel: str | None = None) -> Quality:
    """Return the quality of an event by the fields of its `user_data`, as `estimate` does by kinds of hints."""
    return _quality(frozenset(user_data), channel)


@lru_cache(maxsize=4096)
def _quality(fields: frozenset[str], channel: str | None) -> Quality:
    keys = _usable(fields | _ALWAYS, channel)
    wanted = {hint: _score(keys | set(FIELDS_OF[hint]), channel) for hint in _askable(channel)}
    best = max((hint for hint in wanted if not set(FIELDS_OF[hint]) <= keys), key=wanted.__getitem__, default=None)
    return Quality(round(10 * _score(keys, channel), 1), tuple(sorted(keys)), best)


def _usable(fields: frozenset[str], channel: str | None) -> frozenset[str]:
    """Leave out what Meta does not look at: the ids of other channels' conversations."""
    foreign = set(MESSAGING_KEYS.values()) - {MESSAGING_KEYS.get(channel or "")}
    return frozenset(field for field in fields if field in _CHANCES and field not in foreign)


def _score(keys: frozenset[str], channel: str | None) -> float:
    needed = MESSAGING_KEYS.get(channel or "")
    if (needed is not None and needed not in keys) or (needed is None and not keys & FINDING):
        return 0.0
    missed = 1.0
    for key in sorted(keys):  # sorted: the same set gives the same float
        missed *= 1 - _CHANCES[key]
    return 1 - missed


def _askable(channel: str | None) -> list[str]:
    """Return the kinds of hints that could still be had in a channel, in the order of the table."""
    extra = {"crm": {"lead_id"}, "app": {"madid"}, "whatsapp": {"ctwa_clid"}, "messenger": {"psid"}}
    extra |= {"instagram": {"igsid"}}
    browser = frozenset() if channel in _IN_PERSON or channel == "crm" else _BROWSER
    wanted = _CONTACT | browser | extra.get(channel or "", set())
    return list(dict.fromkeys(key.hint for key in KEYS if key.hint in wanted))
