"""What web score, and what they tell Meta."""

from domain.scoring.policy import ConversionRow, Ladder, MilestoneRow, ScoreTable

SCORES: tuple[ScoreTable, ...] = ()
LADDERS: tuple[Ladder, ...] = ()
MILESTONES: tuple[MilestoneRow, ...] = ()
BRIEF: tuple[ConversionRow, ...] = ()
PLAIN: tuple[ConversionRow, ...] = ()
SILENT: dict[str, str] = {
    "web.page_viewed.v1": "a page seen says little alone: what is done on it does",
}
