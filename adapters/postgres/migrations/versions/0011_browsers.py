"""Keys for browsers, bound to the origins of the sites they are on."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEYS = """
ALTER TABLE auth.keys DROP CONSTRAINT keys_kind_check;
ALTER TABLE auth.keys
  ADD COLUMN origins text[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT keys_kind_check CHECK (kind IN ('producer', 'reader', 'operator', 'browser')),
  ADD CONSTRAINT keys_origins_check CHECK ((kind = 'browser') = (cardinality(origins) > 0));
COMMENT ON COLUMN auth.keys.origins IS 'Sites that a browser key may be used on: https://site, https://*.site';

DROP FUNCTION auth.find_key(text);
CREATE FUNCTION auth.find_key(wanted text)
RETURNS TABLE (key_id text, brokerage_id uuid, kind text, producer text, secret_hash bytea, origins text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.key_id, k.brokerage_id, k.kind, k.producer, k.secret_hash, k.origins
    FROM auth.keys k WHERE k.key_id = wanted AND k.revoked_at IS NULL
$$;
REVOKE ALL ON FUNCTION auth.find_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.find_key TO masar_app;
"""


def upgrade() -> None:
    """Let keys be of browsers; the function that finds a key says the origins as well."""
    op.execute(KEYS)
