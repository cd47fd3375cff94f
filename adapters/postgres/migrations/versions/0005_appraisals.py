"""Appraisals need no table of their own: they are read from the person they belong to."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing."""
