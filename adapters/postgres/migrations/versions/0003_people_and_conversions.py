"""Version 2 of the read models of people and conversions: every platform, what values were made of, match quality."""

from alembic import op

from adapters.postgres.introduce import aliases, decisions, introduce, keyed

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PEOPLE = """
  known bool, hint_kinds jsonb, touchpoints int, first_at timestamptz, last_at timestamptz, score int, quality text,
  policy text, reasons jsonb, best text, intent float8, multiplier float8, platforms jsonb, tours int, forms int,
  conversations int, appraisals int, viewings int, bookings int, saved jsonb, segment text, predicted_ltv float8,
  investor_type text, seller_likelihood int, verified bool, consents jsonb"""

CONVERSIONS = """
  person_id uuid, subject_id uuid, dataset_id text, slot text, once_per text, event_name text, event_id text,
  occurred_at timestamptz, recorded_at timestamptz, action_source text, value numeric, currency text, category text,
  custom jsonb, cause_id uuid, position bigint, policy text, why text, withheld text, match_keys jsonb,
  match_quality float8, best_missing text, base_value numeric, multiplier float8, channel text, source text,
  attribution jsonb, property_id text, order_id text, expires_at timestamptz"""


def upgrade() -> None:
    """Introduce both; where the log has facts they are built beside the old ones."""
    op.execute(introduce(
        "people", 2, keyed("people", PEOPLE, "(brokerage_id, score DESC, key)"), aliases("people_aliases")
    ))  # fmt: skip
    op.execute(introduce(
        "conversions", 2,
        keyed("conversions_memory", ""),
        decisions(
            "conversions", CONVERSIONS, "(brokerage_id, position DESC, id)", "(brokerage_id, cause_id)",
            "(brokerage_id, subject_id)", "(brokerage_id, occurred_at)",
        ),
        aliases("conversions_aliases"),
    ))  # fmt: skip
