"""Tables of sending: templates as the platform has them, what was asked under a key, and where a first message went."""

from alembic import op

from adapters.postgres.introduce import introduce, keyed
from adapters.postgres.tenancy import protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TEMPLATES = keyed(
    "templates",
    "account_id text, name text, language text, status text, category text, quality text, reason text, gone bool, "
    "synced_at timestamptz",
    "(brokerage_id, name, language, key)",
)
REQUESTS = """
CREATE TABLE messaging.requests (
  brokerage_id  uuid        NOT NULL,
  name          bytea       NOT NULL,
  fingerprint   bytea       NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, name)
);
CREATE INDEX requests_age ON messaging.requests (created_at);
COMMENT ON TABLE messaging.requests IS
  'Idempotency keys of sends, as keyed hashes: the same key with another body is refused.';
CREATE TABLE messaging.addresses (
  thread_id     uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  kind          text        NOT NULL CHECK (kind IN ('phone', 'bsuid', 'psid', 'igsid')),
  sealed        text        NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE messaging.addresses IS
  'Where a first message of ours went, sealed with the subject''s key, until the customer answers.';
"""


def upgrade() -> None:
    """Create the tables and protect them."""
    op.execute(introduce("templates", 1, TEMPLATES))
    op.execute(REQUESTS)
    for table in ("messaging.requests", "messaging.addresses"):
        op.execute(protect(table, reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
