"""Where to find what a person told us about themselves, without opening it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.people.hints import MATCHING
from domain.shared.clock import millis
from domain.shared.fact import Touchpoint
from domain.shared.personal import Sealed

PAGE_URL = "page_url"


@dataclass(frozen=True, slots=True)
class Held:
    """A sealed value and when it was told (unix ms): enough to open it later, useless without the key."""

    at_ms: int
    token: str
    stream_id: str
    version: int
    field: str
    vouched: bool = True  # a server told it; False: a page did, with a key that everybody can see

    @property
    def sealed(self) -> Sealed:
        """The value as the key service takes it."""
        return Sealed(self.token, self.stream_id, self.version, self.field)


@dataclass(frozen=True, slots=True)
class Contact:
    """The newest sealed value that holds each kind of hint; a server's word about a human beats a page's."""

    newest: Mapping[str, Held] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of hints known."""
        return frozenset(self.newest)

    @property
    def vouched(self) -> frozenset[str]:
        """The kinds of hints that some server told."""
        return frozenset(kind for kind, held in self.newest.items() if held.vouched)

    @property
    def matchable(self) -> bool:
        """Whether Meta could find this person by what we know."""
        return bool(MATCHING & self.kinds)


OF_BROWSERS = frozenset({"visitor_id", "fbp", "fbc", "fbclid", "ip", "user_agent", "referrer_url", PAGE_URL})
"""What pages know best: here the newest counts, whoever told it."""


def evolve(contact: Contact, fact: Touchpoint) -> Contact:
    """Take one more touchpoint's hints into account; for each kind the newest counts, whatever the order."""
    told = [(kind, fact.hints) for kind in fact.hint_kinds] + [(PAGE_URL, fact.page_url)]
    newer = {}
    for kind, value in told:
        if isinstance(value, Sealed):
            held = Held(
                millis(fact.occurred_at), value.token, str(value.stream_id), value.version, value.field,
                vouched=not fact.unverified,
            )  # fmt: skip
            before = contact.newest.get(kind)
            if before is None or _order(kind, before) < _order(kind, held):
                newer[kind] = held
    return Contact({**contact.newest, **newer}) if newer else contact


def _order(kind: str, held: Held) -> tuple[bool, int, str]:
    return held.vouched or kind in OF_BROWSERS, held.at_ms, held.token
