"""Test how a brokerage's datasets are set up, as far as that can be seen without a buyer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from application.ports.conversions import Credentials
from application.ports.datasets import DatasetCheck, Seen

NO_TOKEN = "none: `./masar dataset connect` stores one; until then conversions wait"  # noqa: S105 - not a token
NO_CODE = (
    "not sent: no test event code is stored for this dataset and none was given as `test_event_code`; "
    "without one Meta would count it like any other, and even with one it counts test events as live"
)
NOT_SENT = "not sent: POST /api/conversions/test-setup sends one"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `ok` is None where nothing could be told."""

    check: str
    ok: bool | None
    says: str


@dataclass(frozen=True, slots=True)
class Tested:
    """A dataset with its findings."""

    dataset_id: str
    role: str
    graph_version: str
    checks: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is known to be wrong."""
        return all(one.ok is not False for one in self.checks)


def try_datasets(
    datasets: Mapping[str, str], credentials: Mapping[str, Credentials | None], check: DatasetCheck, version: str,
    now: datetime, *, send: bool, test_event_code: str | None = None,
) -> list[Tested]:  # fmt: skip
    """Return what is found about each dataset (id → role), in order of their ids.

    With `send` a test event goes out where the credentials, or `test_event_code`, have a code for it.
    """
    return [
        Tested(
            one, datasets[one], version, tuple(_checks(one, credentials.get(one), check, now, send, test_event_code))
        )
        for one in sorted(datasets)
    ]


def _checks(
    dataset_id: str, known: Credentials | None, check: DatasetCheck, now: datetime, send: bool, code: str | None
) -> list[Finding]:
    if known is None:
        return [Finding("token stored", False, NO_TOKEN)]
    stored = Finding("token stored", True, "with the app's secret" if known.app_secret else "without an app's secret")
    token, dataset = check.token(known), check.dataset(dataset_id, known)
    return [stored, _finding(token), _finding(dataset), _test_event(dataset_id, known, check, now, send, code)]


def _test_event(
    dataset_id: str, known: Credentials, check: DatasetCheck, now: datetime, send: bool, code: str | None
) -> Finding:
    if not send:
        return Finding("test event", None, NOT_SENT)
    if (code or known.test_event_code) is None:
        return Finding("test event", False, NO_CODE)
    return _finding(check.test_event(dataset_id, replace(known, test_event_code=code or known.test_event_code), now))


def _finding(seen: Seen) -> Finding:
    return Finding(seen.check, None if seen.verdict is None else seen.verdict == "good", seen.says)
