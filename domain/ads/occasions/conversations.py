"""Conversations: milestones as they are reached, and the outcome once a conversation is over and analysed."""

from dataclasses import replace

from domain.ads.occasion import Moment, Occasion
from domain.conversations import conversation as talk
from domain.conversations.conversation import OF_A_CONVERSATION
from domain.scoring.policy import FactValue, score
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = talk.HANDLES


def occasions(moment: Moment) -> list[Occasion]:
    """Return the progress of a conversation, and its outcome once it is closed; what comes later makes none."""
    fact = moment.recorded.fact
    if not isinstance(fact, OF_A_CONVERSATION):
        return []
    before, after = moment.before.conversations.get(fact.session_id), moment.after.conversations[fact.session_id]
    if before is not None and before.closed_by:
        return []  # late: it re-scores the conversation, nothing is sent again
    house = moment.house
    known = talk.facts_of(after, house)
    facts: dict[str, FactValue] = {**known, **dict.fromkeys(talk.milestones_of(after, house), True)}
    progress = Occasion(
        "conversation_progress", facts, {"conversation": fact.session_id}, after.property_id or None,
        after.happened, after.channel, test=after.test, unverified=not moment.after.verified,
    )  # fmt: skip
    if not after.closed_by:
        return [progress]
    scored = talk.score_of(after, house) or score(house.policy, "conversations", known)
    outcome = {
        **facts, "lead_score": scored.score, "quality": scored.quality,
        "qualification": talk.qualification(after, scored),
    }  # fmt: skip
    return [progress, replace(progress, trigger="conversation_closed", facts=outcome)]
