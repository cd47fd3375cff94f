"""A brokerage's optimisation rules made into a draft of a policy, which somebody may look at and activate."""

from collections.abc import Sequence
from datetime import datetime

from application.brokerages import Setup
from application.policies import SHIPPED, decide_draft
from domain.ads.optimisation import OptimisationRule, Proposal, propose
from domain.brokerage.events import BrokerageFact

LONGEST_NAME = 40


class NothingToPropose(Exception):
    """The rules would change no row of the active policy."""


def decide_proposal(
    setup: Setup, rules: Sequence[OptimisationRule], by: str, now: datetime, name: str | None = None
) -> tuple[Proposal, list[BrokerageFact]]:
    """Return what the rules would make of the active policy, and the fact of its draft; nothing is activated.

    The draft is named as told, else after the active policy, with `-optimised` where that one is shipped; no fact
    where the newest draft of that name says just the same. Raises NothingToPropose, NotRegistered, NameTaken.
    """
    active = setup.house.policy
    proposal = propose(active, rules)
    if not proposal.changes:
        raise NothingToPropose(f"no rule changes a row of {active.label}")
    wanted = proposal.policy.model_copy(update={"name": name or _named(active.name)})
    return proposal, decide_draft(setup, wanted, by, now, copied_from=active.label)


def newest_label(setup: Setup, facts: Sequence[BrokerageFact], name: str | None) -> tuple[str, int]:
    """Return name and version of the draft: the one just written, else the newest that says the same."""
    wanted = name or _named(setup.house.policy.name)
    versions = [version for known, version in setup.drafts if known == wanted]
    return wanted, max(versions, default=0) + len(facts)


def _named(active: str) -> str:
    return f"{active[: LONGEST_NAME - 10]}-optimised" if active in SHIPPED else active
