"""The policy named `plain`: reports only what literally happened, for brokerages that want clean figures."""

from itertools import chain

from domain.scoring.brief import LADDERS, MILESTONES, SCORES, SILENT, TABLES
from domain.scoring.policy import Policy
from domain.scoring.tables import people

PLAIN = Policy(
    name="plain",
    version=2,
    scores=SCORES,
    ladders=LADDERS,
    milestones=MILESTONES,
    conversions=tuple(chain.from_iterable(table.PLAIN for table in TABLES)),
    silent=SILENT,
    intent=people.INTENT,
    actions=people.ACTIONS,
    unverified_at_most=100,
    dataset_roles=("website", "messaging", "crm", "offline"),
)
