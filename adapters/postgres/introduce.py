"""Brings the tables of a new read model, or of a new version of one, for a migration to execute."""

from dataclasses import dataclass

from adapters.postgres.tenancy import protect_read_model

READERS = "masar_app, masar_auditor, masar_projector"
"""Who may read the view of a read model; row-level security of the table says which rows."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a read model: its name without the version, its columns as SQL, what its indexes are on."""

    base: str
    columns: str
    primary_key: str
    indexes: tuple[str, ...] = ()

    def create(self, build: str) -> str:
        """Return the statements that make it, protected, for one build."""
        name = f"read_models.{self.base}_{build}"
        lines = [f"CREATE TABLE {name} (brokerage_id uuid NOT NULL, {self.columns}, PRIMARY KEY ({self.primary_key}))"]
        lines += [f"CREATE INDEX ON {name} {index}" for index in self.indexes]
        return ";\n".join([*lines, protect_read_model(name)])


def keyed(base: str, columns: str, *indexes: str) -> Table:
    """Return the table of the folded states: `columns` as SQL ("score int, quality text"), "" for none.

    Each of `indexes` is what stands behind the table's name: "(brokerage_id, score DESC, key)".
    """
    own = "key text NOT NULL, state bytea NOT NULL"
    return Table(base, f"{own}, {columns}" if columns else own, "brokerage_id, key", indexes)


def aliases(name: str) -> Table:
    """Return the table of who is whom, `<name>_aliases`, which every read model by person has; both names will do."""
    columns = "subject_id uuid NOT NULL, person_id uuid NOT NULL"
    base = f"{name.removesuffix('_aliases')}_aliases"
    return Table(base, columns, "brokerage_id, subject_id", ("(brokerage_id, person_id)",))


def decisions(base: str, columns: str, *indexes: str) -> Table:
    """Return the table of what a reaction decided; `columns` as SQL, beside `brokerage_id` and `id`."""
    return Table(base, f"id uuid NOT NULL, {columns}", "brokerage_id, id", indexes)


def introduce(name: str, version: int, *tables: Table, emits_past: bool = True) -> str:
    """Return the statements that bring one version of a read model; give all the tables that it has.

    - No such read model yet: live from the beginning of the log. With `emits_past=False` it emits nothing for the
      facts that are in the log by now (`emit_from` is the newest position).
    - An older version is live and the log has facts: it is registered as being built, and the projector builds it
      and swaps (`adapters/postgres/upgrade.py`). Until then the views show the old rows, new columns being NULL and
      new tables empty.
    - An older version is live over an empty log: replaced at once, its tables dropped.
    """
    build = f"v{version}"
    created = "\n".join(table.create(build) for table in tables)
    bases = ", ".join(f"'{table.base}'" for table in tables)
    registered = REGISTER.format(
        name=name, version=version, build=build, bases=bases, readers=READERS, emits_past=str(emits_past).lower()
    )
    return f"{created}\n{registered}"


REGISTER = """
DO $introduce$
DECLARE
  bases constant text[] := ARRAY[{bases}];
  newest constant bigint := (SELECT coalesce(max(notification_id), 0) FROM log.masar_events);
  old projection.builds;
  base text;
  shown text;
BEGIN
  SELECT * INTO old FROM projection.builds WHERE name = '{name}' AND status = 'live' FOR UPDATE;
  IF old.name IS NOT NULL AND newest > 0 THEN
    INSERT INTO projection.builds (name, build, version, status) VALUES ('{name}', '{build}', {version}, 'building');
    FOREACH base IN ARRAY bases LOOP
      EXECUTE 'DROP VIEW IF EXISTS read_models.' || base;
      IF to_regclass('read_models.' || base || '_' || old.build) IS NULL THEN
        shown := '* FROM read_models.' || base || '_{build} WHERE false';
      ELSE
        SELECT 't.*' || coalesce(string_agg(', NULL::' || format_type(n.atttypid, n.atttypmod) || ' AS '
                                            || quote_ident(n.attname), '' ORDER BY n.attnum), '')
               || ' FROM read_models.' || base || '_' || old.build || ' t'
          INTO shown FROM pg_attribute n
         WHERE n.attrelid = to_regclass('read_models.' || base || '_{build}') AND n.attnum > 0 AND NOT n.attisdropped
           AND NOT EXISTS (SELECT FROM pg_attribute o
                            WHERE o.attrelid = to_regclass('read_models.' || base || '_' || old.build)
                              AND o.attname = n.attname AND NOT o.attisdropped);
      END IF;
      EXECUTE 'CREATE VIEW read_models.' || base || ' WITH (security_invoker) AS SELECT ' || shown;
      EXECUTE 'GRANT SELECT ON read_models.' || base || ' TO {readers}';
    END LOOP;
  ELSE
    FOREACH base IN ARRAY bases LOOP
      EXECUTE 'DROP VIEW IF EXISTS read_models.' || base;
      IF old.name IS NOT NULL THEN
        EXECUTE 'DROP TABLE IF EXISTS read_models.' || base || '_' || old.build;
      END IF;
      EXECUTE 'CREATE VIEW read_models.' || base || ' WITH (security_invoker) AS SELECT * FROM read_models.' || base
           || '_{build}';
      EXECUTE 'GRANT SELECT ON read_models.' || base || ' TO {readers}';
    END LOOP;
    DELETE FROM projection.builds WHERE name = '{name}';
    INSERT INTO projection.builds (name, build, version, status, emit_from)
    VALUES ('{name}', '{build}', {version}, 'live', CASE WHEN {emits_past} THEN 0 ELSE newest END);
  END IF;
END
$introduce$;
"""
