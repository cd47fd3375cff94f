"""The policy named `brief`: the scores and conversions of a new brokerage, put together from its tables."""

from itertools import chain

from domain.scoring.policy import Policy
from domain.scoring.tables import (
    appraisals,
    conversations,
    direct,
    funnels,
    investors,
    leads,
    messaging,
    people,
    rentals,
    saves,
    tours,
    viewings,
    web,
)

TABLES = (tours, conversations, appraisals, rentals, viewings, saves, investors, leads, direct, web, funnels, messaging)
SCORES = tuple(chain.from_iterable(table.SCORES for table in TABLES))
LADDERS = tuple(chain.from_iterable(table.LADDERS for table in TABLES))
MILESTONES = tuple(chain.from_iterable(table.MILESTONES for table in TABLES))
SILENT = {kind: why for table in TABLES for kind, why in table.SILENT.items()} | people.SILENT

BRIEF = Policy(
    name="brief",
    version=2,
    scores=SCORES,
    ladders=LADDERS,
    milestones=MILESTONES,
    conversions=tuple(chain.from_iterable(table.BRIEF for table in TABLES)),
    silent=SILENT,
    multipliers=people.MULTIPLIERS,
    intent=people.INTENT,
    actions=people.ACTIONS,
    unverified_at_most=100,
    dataset_roles=("website", "messaging", "crm", "offline"),
)
