"""On a server: how many rows each of its connections wrote to the audit, so that one that is gone is missed.

A file has one writer and numbers without gaps. A server draws numbers that are never used, so it counts: each
connection in a row of its own, so that nobody waits for another's commit. No module writes or copies this
table; it is filled by a trigger, also where a backup is put back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table and what fills it; what stands in the audit already is counted in one."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "audit_counts",
        sa.Column("connection", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("written", sa.BigInteger, nullable=False),
    )
    op.execute(
        "CREATE FUNCTION audit_is_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO audit_counts (connection, written) VALUES (pg_backend_pid(), 1) "
        "ON CONFLICT (connection) DO UPDATE SET written = audit_counts.written + 1; RETURN NULL; END $$"
    )
    # Locks the audit until this is committed: between trigger and count nobody writes.
    op.execute(
        "CREATE TRIGGER audit_is_counted AFTER INSERT ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_is_counted()"
    )
    op.execute(
        "INSERT INTO audit_counts (connection, written) SELECT 0, count(*) FROM audit HAVING count(*) > 0"
    )
    op.execute(
        "CREATE TRIGGER audit_counts_is_kept BEFORE DELETE OR TRUNCATE ON audit_counts "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()"
    )
