"""The read model of conversations."""

from alembic import op

from adapters.postgres.introduce import introduce, keyed

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SESSIONS = """
  property_id text, subject_id uuid, conversation_kind text, channel text, started_at timestamptz, last_at timestamptz,
  arrived_at timestamptz, total_time_s float8, turns int, questions int, engagement float8, sentiment float8,
  rating int, specialist text, topics jsonb, status text, score int, quality text, policy text, reasons jsonb,
  qualification int, milestones jsonb, lead_score int, lead_quality text, lead_reasons jsonb, analysed_by uuid,
  closed_by uuid, late int"""


def upgrade() -> None:
    """Introduce it."""
    op.execute(introduce(
        "conversation_sessions", 1, keyed("conversation_sessions", SESSIONS, "(brokerage_id, last_at DESC, key)")
    ))  # fmt: skip
