"""What steps of funnels score, and what they tell Meta."""

from domain.scoring.policy import ConversionRow, Ladder, MilestoneRow, ScoreTable

SCORES: tuple[ScoreTable, ...] = ()
LADDERS: tuple[Ladder, ...] = ()
MILESTONES: tuple[MilestoneRow, ...] = ()
BRIEF: tuple[ConversionRow, ...] = ()
PLAIN: tuple[ConversionRow, ...] = ()
SILENT: dict[str, str] = {
    "funnels.step_completed.v1": "a brokerage's own word for a step: what was done is told by a touchpoint of its own",
}
