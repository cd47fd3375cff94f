"""Conversations: milestones as they are reached, and the outcome once a conversation is over and analysed."""

from dataclasses import replace

from domain.ads.occasion import Moment, Occasion
from domain.conversations import conversation as talk
from domain.conversations.conversation import OF_A_CONVERSATION
from domain.conversations.events import ConversationEventTracked, ConversationMilestoneReached
from domain.scoring.policy import FactValue, score
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = talk.HANDLES


STEPS = (ConversationEventTracked, ConversationMilestoneReached)
"""What a customer asks or tells is a step of its own also after the close; a late end or analysis is none."""


def occasions(moment: Moment) -> list[Occasion]:
    """Return the progress of a conversation, and its outcome once it is closed.

    After the close only a milestone that a step itself reaches makes an occasion: the outcome is told, what is found
    out late changes no more than the score.
    """
    fact = moment.recorded.fact
    if not isinstance(fact, OF_A_CONVERSATION):
        return []
    before, after = moment.before.conversations.get(fact.session_id), moment.after.conversations[fact.session_id]
    late = before if before is not None and before.closed_by else None
    if late is not None and not isinstance(fact, STEPS):
        return []
    house = moment.house
    known, milestones = talk.facts_of(after, house), dict.fromkeys(talk.milestones_of(after, house), True)
    if late is not None:
        milestones |= dict.fromkeys(talk.milestones_of(late, house), False)
        if not any(milestones.values()):
            return []
    facts: dict[str, FactValue] = {**known, **milestones}
    progress = Occasion(
        "conversation_progress", facts, {"conversation": fact.session_id}, after.property_id or None,
        after.happened, after.channel, test=after.test, unverified=not moment.after.verified,
    )  # fmt: skip
    if late is not None or not after.closed_by:
        return [progress]
    scored = talk.score_of(after, house) or score(house.policy, "conversations", known)
    outcome = {
        **facts, "lead_score": scored.score, "quality": scored.quality,
        "qualification": talk.qualification(after, scored),
    }  # fmt: skip
    return [progress, replace(progress, trigger="conversation_closed", facts=outcome)]
