"""The policy named `plain`: reports only what literally happened, for brokerages that want clean figures."""

from itertools import chain

from domain.scoring.brief import BRIEF, TABLES
from domain.scoring.policy import Multipliers

PLAIN = BRIEF.model_copy(
    update={
        "name": "plain",
        "conversions": tuple(chain.from_iterable(table.PLAIN for table in TABLES)),
        "multipliers": Multipliers(),
    }
)
"""Scores as `brief` does; tells Meta other things, at no invented value."""
