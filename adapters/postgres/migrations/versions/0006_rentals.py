"""The read models of rentals: bookings, and customers."""

from alembic import op

from adapters.postgres.introduce import aliases, introduce, keyed

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BOOKINGS = """
  position bigint, subject_id uuid, property_id text, status text, booked_at timestamptz, total_minor bigint,
  net_minor bigint, currency text, nights int, check_in text, check_out text, purpose text, guests int, source text,
  paid_minor bigint, refunded_minor bigint, tourism_permit text, developer_qr text, response_rate float8,
  guest_rating int, last_at timestamptz, test bool"""
CUSTOMERS = """
  segment text, bookings int, cancelled int, revenue float8, mean_booking_value float8, searches int, referrals int,
  hosts bool, last_booked_at timestamptz, last_at timestamptz"""


def upgrade() -> None:
    """Introduce them."""
    op.execute(introduce("rental_bookings", 1, keyed(
        "rental_bookings", BOOKINGS, "(brokerage_id, position DESC)", "(brokerage_id, subject_id)",
        "(brokerage_id, property_id, position DESC)",
    )))  # fmt: skip
    op.execute(introduce(
        "rental_customers", 1, keyed("rental_customers", CUSTOMERS, "(brokerage_id, last_at DESC, key DESC)"),
        aliases("rental_customers_aliases"),
    ))  # fmt: skip
