"""Tables of messaging: threads and their messages."""

from alembic import op

from adapters.postgres.introduce import introduce, keyed

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

THREADS = """
  channel text, account_id text, provider text, subject_id uuid, begun bool, test bool, status text,
  status_at timestamptz, status_reason text, moves jsonb, holder text, agent text, held_until timestamptz, fence int,
  holder_reason text, inbound int, outbound int, echoed int, unread int, started_at timestamptz, last_at timestamptz,
  last_message text, last_direction text, last_type text, last_inbound_at timestamptz, last_arrived_at timestamptz,
  waiting_since timestamptz, first_answer_at timestamptz, ad_at timestamptz, ad_answered_at timestamptz, ad jsonb,
  rating int, opted_out bool, unreachable jsonb, identities jsonb, marks jsonb, under_way int, unknown int"""

MESSAGES = """
  thread_id uuid, subject_id uuid, direction text, message_type text, at timestamptz, arrived_at timestamptz, ref uuid,
  send_id uuid, status text, receipts jsonb, author text, by text, purpose text, outcome text, outcome_by text,
  settled_at timestamptz, code int, reason text, reply_to uuid, reactions jsonb, edits jsonb, revoked_at timestamptz,
  media text, file jsonb, sealed jsonb, more jsonb"""


def upgrade() -> None:
    """Create the read models."""
    threads = keyed(
        "threads", THREADS,
        "(brokerage_id, last_at DESC, key DESC) WHERE begun",
        "(brokerage_id, subject_id)",
        "(brokerage_id, waiting_since) WHERE waiting_since IS NOT NULL",
    )  # fmt: skip
    messages = keyed(
        "messages", MESSAGES,
        "(brokerage_id, thread_id, at, arrived_at, key) WHERE direction IS NOT NULL",
        "(brokerage_id, ref)",
    )  # fmt: skip
    op.execute(introduce("threads", 1, threads))
    op.execute(introduce("messages", 1, messages))
