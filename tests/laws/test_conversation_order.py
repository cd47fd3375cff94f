"""A conversation scores the same in whatever order its facts arrive, an analysis before its words included."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.brokerage.rulebook import House
from domain.conversations import conversation as talk
from domain.conversations.conversation import Conversation
from domain.shared.fact import Fact
from tests.cast import ANNA, recorded
from tests.laws.talked import talked
from tests.laws.test_order import points


@settings(max_examples=150)
@given(
    facts=st.lists(talked, min_size=1, max_size=25),
    random=st.randoms(use_true_random=False),
    most=st.sampled_from([2, 500]),
)
def test_a_conversation_scores_the_same_in_whatever_order_it_arrives(facts: list[Fact], random: Any, most: int) -> None:
    together = [fact.model_copy(update={"session_id": "c1"}) for fact in facts]
    entries = [recorded(ANNA.did(fact), place) for place, fact in enumerate(together, 1)]
    outcomes, house, kept = [], House(), talk.MOST_KEPT
    talk.MOST_KEPT = most
    try:
        for _ in range(3):
            one = Conversation()
            for entry in entries:
                one = talk.with_fact(one, entry)
            scored, lead = talk.score_of(one, house), talk.lead_score_of(one, house)
            outcomes.append((
                scored and points(scored), lead and points(lead), scored and talk.qualification(one, scored),
                talk.facts_of(one, house), talk.milestones_of(one, house), talk.lead_evidence(one),
                talk.evidence_of(one), talk.topics_of(one), talk.status_of(one), one.unread, one.happened,
                bool(one.closed_by), one.property_id,
            ))  # fmt: skip
            random.shuffle(entries)
    finally:
        talk.MOST_KEPT = kept
    assert outcomes[1:] == outcomes[:-1]
