"""Row-level security, written once: who may see which rows of a table that belongs to brokerages."""

BROKERAGE = "NULLIF(current_setting('masar.brokerage', true), '')::uuid"
"""The brokerage of this transaction; NULL, and so no row at all, where none was set."""


def protect(
    table: str,
    *,
    reads: tuple[str, ...] = (),
    reads_all: tuple[str, ...] = (),
    writes_all: tuple[str, ...] = (),
) -> str:
    """Return the statements that force row-level security on a table.

    Roles in `reads` see the rows of the brokerage in their transaction; those in `reads_all` see every
    brokerage's, and those in `writes_all` may change them as well. The owner keeps a policy of its own, for the
    append functions.
    """
    lines = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY owner ON {table} TO masar_owner USING (true) WITH CHECK (true)",
    ]
    for role in reads:
        lines += [
            f"CREATE POLICY {role}_reads ON {table} FOR SELECT TO {role} USING (brokerage_id = {BROKERAGE})",
            f"GRANT SELECT ON {table} TO {role}",
        ]
    for role in reads_all:
        lines += [
            f"CREATE POLICY {role}_reads_all ON {table} FOR SELECT TO {role} USING (true)",
            f"GRANT SELECT ON {table} TO {role}",
        ]
    for role in writes_all:
        lines += [
            f"CREATE POLICY {role}_all ON {table} TO {role} USING (true) WITH CHECK (true)",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}",
        ]
    return ";\n".join(lines) + ";\n"


def protect_read_model(table: str) -> str:
    """Return the statements for a table of a read model: the app and the auditor read, the projector writes."""
    return protect(table, reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",))
