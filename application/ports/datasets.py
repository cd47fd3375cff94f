"""What watching and testing datasets needs: a look at the platform, and the list of what to look at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from application.ports.conversions import Credentials
from application.ports.outbox import Lane

Verdict = Literal["good", "dead", "forbidden"]
"""`dead`: the token opens nothing any more. `forbidden`: it is alive and may not see this dataset."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found, for a person in `says`. Without a `verdict` nothing could be told: ask again later."""

    check: str
    verdict: Verdict | None
    says: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A dataset on the list. `writes_proved`: it takes events though it does not show itself to our token."""

    lane: Lane
    writes_proved: bool = False


class DatasetCheck(Protocol):
    """Looks at the platform; never raises for what the platform answers, or does not."""

    def token(self, credentials: Credentials) -> Seen:
        """Tell whether the token is alive."""

    def dataset(self, dataset_id: str, credentials: Credentials) -> Seen:
        """Tell whether the dataset is there for the token."""

    def test_event(self, dataset_id: str, credentials: Credentials, now: datetime) -> Seen:
        """Send one event under the test event code of the credentials; the platform counts it as a live one."""


class Watchlist(Protocol):
    """Every dataset that has a token, each looked at by one process at a time."""

    def take(self, again_s: float) -> Watched | None:
        """Return one that is due, None where none is; it is due again after `again_s`, whatever becomes of us."""

    def note(self, lane: Lane, seen: Seen) -> None:
        """Keep what a look found."""
