"""What messages score, and what they tell Meta: nothing by themselves; what is said counts as a conversation."""

from domain.scoring.policy import ConversionRow, Ladder, MilestoneRow, ScoreTable

SCORES: tuple[ScoreTable, ...] = ()
LADDERS: tuple[Ladder, ...] = ()
MILESTONES: tuple[MilestoneRow, ...] = ()
BRIEF: tuple[ConversionRow, ...] = ()
PLAIN: tuple[ConversionRow, ...] = ()
# fmt: off
SILENT: dict[str, str] = {
    "messaging.message_received.v1": "what a message tells is tracked in its conversation, which scores",
    "messaging.message_changed.v1":  "a reaction or an edit says little; words that changed are read again",
    "messaging.signal_received.v1":  "a click on an advertisement is Meta's own knowledge already",
    "messaging.message_echoed.v1":   "we said it ourselves",
    "messaging.receipt_received.v1": "the platform tells how far our own message got",
    "messaging.notice_received.v1":  "it is about an account of ours, and about no customer",
}
# fmt: on
