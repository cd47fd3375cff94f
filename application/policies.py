"""A brokerage's policies as versions: written, activated, taken back; each a fact on its set-up stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from application.brokerages import NotRegistered, Setup
from application.ports.touchpoints import Problem
from domain.brokerage.events import BrokerageFact, PolicyActivated, PolicyDrafted
from domain.messaging.content import UNSTORABLE
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.scoring.policy import Policy

MOST_ROWS = 2_000
"""Rows of all tables of a policy together: every fact asks them."""
EARLIEST_S = 946_684_800
"""Since when a policy may be in force at the earliest, in unix seconds: no touchpoint is older than the year 2000."""

TYPES = frozenset({"int", "float", "bool", "str"})
"""What pydantic adds to the place of a field that may be of several types."""
RESERVED = frozenset({"simulate", "simulations", "activate", "rollback"})
"""Names that stand for something else where a policy is named."""

SHIPPED: Mapping[str, Policy] = {policy.name: policy for policy in (BRIEF, PLAIN)}


class NoSuchPolicy(Exception):
    """There is no policy of this name and version."""


class NameTaken(Exception):
    """The name belongs to a policy that is shipped: copy it under another name."""


class NothingToTakeBack(Exception):
    """There was no other policy before the active one."""


class NotYet(Exception):
    """A policy cannot be in force from a moment that is still to come, or from before there were touchpoints."""


class InvalidPolicy(Exception):
    """The document is no policy; `problems` name each field by its path, such as `conversions.3.value.fixed`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in problems))
        self.problems = problems


def read_policy(document: Any, name: str | None = None) -> Policy:
    """Return the policy that a document says, under its own name or the one that is given.

    Versions are numbered here, and the time since it is in force is told by its activation: both may be left out and
    are passed over. Raises InvalidPolicy.
    """
    if not isinstance(document, dict):
        raise InvalidPolicy((Problem("", "must be an object"),))
    if name is not None and document.get("name", name) != name:
        raise InvalidPolicy((Problem("name", f"must be {name}, as in the path"),))
    try:
        policy = Policy.model_validate({**document, "name": name or document.get("name"), "version": 1})
    except ValidationError as refusal:
        raise InvalidPolicy(_problems(refusal)) from None
    except RecursionError:
        raise InvalidPolicy((Problem("", "is nested too deeply"),)) from None
    problems = [*_unheard_of(document), *_too_much(policy)]
    if problems:
        raise InvalidPolicy(tuple(problems))
    return policy.model_copy(update={"effective_from_s": 0})


def _problems(refusal: ValidationError) -> tuple[Problem, ...]:
    """Return one problem for each field, the first; where a field may be of several types each has one of its own."""
    found: dict[str, str] = {}
    for one in refusal.errors(include_url=False, include_input=False):
        place = [str(part) for part in one["loc"]]
        while place and place[-1] in TYPES:
            place.pop()
        found.setdefault(".".join(place), one["msg"].removeprefix("Value error, "))
    return tuple(Problem(field, message) for field, message in found.items())


def _unheard_of(value: Any, place: str = "") -> list[Problem]:
    """Find text that no database keeps."""
    match value:
        case str():
            return [Problem(place, "holds a character that cannot be kept")] if UNSTORABLE.search(value) else []
        case dict():
            named = [(f"{place}.{name}".lstrip("."), part) for name, part in value.items()]
            return [*_unheard_of("".join(value), place or "document")] + [
                one for at, part in named for one in _unheard_of(part, at)
            ]
        case list():
            return [one for at, part in enumerate(value) for one in _unheard_of(part, f"{place}.{at}")]
        case _:
            return []


def _too_much(policy: Policy) -> list[Problem]:
    rows = (
        sum(len(table.rows) + len(table.instead) for table in policy.scores)
        + sum(len(ladder.rungs) for ladder in policy.ladders)
        + sum(map(len, policy.multipliers.tables))
        + len(policy.milestones) + len(policy.conversions) + len(policy.actions)
    )  # fmt: skip
    problems = [Problem("", f"has {rows} rows; {MOST_ROWS} is the most")] if rows > MOST_ROWS else []
    return problems + ([Problem("name", "is a word of the paths: choose another")] if policy.name in RESERVED else [])


@dataclass(frozen=True, slots=True)
class Listed:
    """One version of a policy, where it comes from, and the activations (revisions) it had."""

    policy: Policy
    shipped: bool
    written_at: datetime | None
    by: str | None
    copied_from: str | None
    revisions: tuple[int, ...]
    active: bool


def list_policies(setup: Setup) -> list[Listed]:
    """Return every version of every policy there is for a brokerage: shipped, written, and those ever activated."""
    known: dict[tuple[str, int], Policy] = {(one.name, one.version): one for one in SHIPPED.values()}
    known |= {(one.policy.name, one.policy.version): one.policy for one in setup.activations}
    known |= {key: draft.policy for key, draft in setup.drafts.items()}
    return [_listed(setup, key, known[key]) for key in sorted(known)]


def find(setup: Setup, name: str, version: int | None = None) -> Policy:
    """Return a policy by name, the newest version unless told. Raises NoSuchPolicy."""
    versions = [one.policy for one in list_policies(setup) if one.policy.name == name]
    found = [one for one in versions if version in (None, one.version)]
    if not found:
        raise NoSuchPolicy(f"there is no policy {name}" + (f"@{version}" if version else ""))
    return max(found, key=lambda one: one.version)


def decide_draft(
    setup: Setup, wanted: Policy, by: str, now: datetime, copied_from: str | None = None
) -> list[BrokerageFact]:
    """Return the fact of a new version of a policy, numbered after the newest of its name.

    None where the newest version says just the same. Raises NotRegistered, NameTaken.
    """
    if not setup.registered:
        raise NotRegistered("register the brokerage first")
    if wanted.name in SHIPPED:
        raise NameTaken(f"{wanted.name} is shipped: copy it under another name")
    newest = max((one for one in setup.drafts if one[0] == wanted.name), default=None)
    if newest and _same(setup.drafts[newest].policy, wanted):
        return []
    policy = wanted.model_copy(update={"version": newest[1] + 1 if newest else 1})
    return [PolicyDrafted(policy=policy, copied_from=copied_from, by=by, occurred_at=now)]


def decide_copy(setup: Setup, name: str, version: int | None, to: str, by: str, now: datetime) -> list[BrokerageFact]:
    """Return the fact of a copy under another name. Raises as `find` and `decide_draft`, and InvalidPolicy."""
    original = find(setup, name, version)
    copy = read_policy(original.model_dump(mode="json") | {"name": to})
    if any(drafted == to for drafted, _ in setup.drafts):
        raise NameTaken(f"there is a policy {to} already: choose another name, or edit it")
    return decide_draft(setup, copy, by, now, original.label)


def decide_activation(
    setup: Setup, name: str, version: int | None, by: str, now: datetime, effective_from_s: int | None = None
) -> list[BrokerageFact]:
    """Return the fact of an activation; none where just this policy is active. Raises NotRegistered, NoSuchPolicy,
    NotYet.

    What happened before `effective_from_s` (unix seconds; now unless told) earns no conversion: changing the policy
    never sends the past again.
    """
    if not setup.registered:
        raise NotRegistered("register the brokerage first")
    since = int(now.timestamp()) if effective_from_s is None else effective_from_s
    if since > int(now.timestamp()):
        raise NotYet("effective_from must not be in the future")
    if since < EARLIEST_S:
        raise NotYet("effective_from must not be before the year 2000")
    policy = find(setup, name, version)
    if effective_from_s is None and _same(setup.house.policy, policy) and policy.label == setup.house.policy.label:
        return []
    wanted = policy.model_copy(update={"effective_from_s": since})
    return [PolicyActivated(policy=wanted, revision=setup.house.revision + 1, by=by, occurred_at=now)]


def decide_rollback(setup: Setup, by: str, now: datetime) -> list[BrokerageFact]:
    """Return the fact that the policy before the active one holds again, as an activation of its own.

    What happens from now on is decided by it; what the other one sent stays sent. Raises NothingToTakeBack.
    """
    active = setup.activations[-1] if setup.activations else None
    before = _before(setup)
    if active is None or not before:
        raise NothingToTakeBack("there was no other policy before the active one")
    policy = before[-1].policy.model_copy(update={"effective_from_s": int(now.timestamp())})
    return [
        PolicyActivated(
            policy=policy, revision=active.revision + 1, by=by, rolled_back_from=active.revision, occurred_at=now
        )
    ]


def _before(setup: Setup) -> list[PolicyActivated]:
    """Return the activations that the active one can be taken back to, the next one last; those taken back are gone."""
    standing: list[PolicyActivated] = []
    for one in setup.activations:
        if one.rolled_back_from is None:
            standing.append(one)
        else:
            while standing and standing[-1].policy.label != one.policy.label:
                standing.pop()
    active = standing[-1].policy.label if standing else None
    while standing and standing[-1].policy.label == active:
        standing.pop()
    return standing


def _same(one: Policy, other: Policy) -> bool:
    blank = {"version": 1, "effective_from_s": 0}
    return one.model_copy(update=blank) == other.model_copy(update=blank)


def _is_shipped(policy: Policy) -> bool:
    shipped = SHIPPED.get(policy.name)
    return shipped is not None and shipped.version == policy.version and _same(shipped, policy)


def _listed(setup: Setup, key: tuple[str, int], policy: Policy) -> Listed:
    draft = setup.drafts.get(key)
    revisions = tuple(one.revision for one in setup.activations if (one.policy.name, one.policy.version) == key)
    return Listed(
        policy, _is_shipped(policy), draft.occurred_at if draft else None, draft.by if draft else None,
        draft.copied_from if draft else None, revisions, setup.house.revision in revisions,
    )  # fmt: skip
