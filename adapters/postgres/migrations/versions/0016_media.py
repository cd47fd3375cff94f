"""Messaging, media: files lie in a folder and what became of them in the log, so there is no table."""

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing."""
