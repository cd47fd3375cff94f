"""Touchpoints as they are in the log, opened with their subjects' keys."""

from adapters.postgres.mapper import decode
from adapters.sealing import MasterKey
from domain.people.hints import PersonHints
from domain.shared.fact import Touchpoint
from domain.shared.personal import opened
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage

ROWS = """
SELECT e.topic, e.state, e.originator_id, s.subject_id, s.wrapped_key
  FROM log.masar_events e JOIN registry.subjects s USING (subject_id)
 WHERE e.brokerage_id = %s ORDER BY e.notification_id
"""


def stored(stage: Stage, whose: Brokerage) -> list[Touchpoint]:
    """Return the brokerage's touchpoints in the order of the log."""
    facts = []
    for kind, state, stream, subject, wrapped in stage.owner.execute(ROWS, (whose.brokerage_id,)).fetchall():
        key = MasterKey.parse(MASTER_KEY).unwrap(bytes(wrapped), subject)
        fact = decode(kind, bytes(state), stream, 1, lambda _token, key=key: key)  # type: ignore[misc]
        if isinstance(fact, Touchpoint):
            facts.append(fact)
    return facts


def hints_of(fact: Touchpoint) -> PersonHints:
    """Return what a touchpoint tells about who did it."""
    hints = opened(fact.hints)
    assert isinstance(hints, PersonHints)
    return hints
