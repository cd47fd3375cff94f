"""The read model of viewings."""

from alembic import op

from adapters.postgres.introduce import introduce, keyed

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

VIEWINGS = """
  property_id text, broker_id text, subject_id uuid, viewing_type text, status text, party_size int,
  starts_at timestamptz, ends_at timestamptz, booked_at timestamptz, asked_for_broker bool, assigned text,
  confirmation_code text, confirmed_at timestamptz, completed_at timestamptz, missed_at timestamptz,
  cancelled_at timestamptz, followed_up_at timestamptz, outcome text, test bool"""


def upgrade() -> None:
    """Introduce it."""
    op.execute(introduce("viewings", 1, keyed(
        "viewings", VIEWINGS, "(brokerage_id, starts_at DESC, key)", "(brokerage_id, broker_id, starts_at)",
        "(brokerage_id, property_id, starts_at)", "(brokerage_id, subject_id)",
    )))  # fmt: skip
