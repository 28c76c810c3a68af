"""On a server: the numbers of all rows ever written to the audit, so that one that is gone is missed.

A file has one writer and numbers without gaps. A server draws numbers that it never uses, so each that was
used is noted beside, in the transaction of its row, at which nobody has to wait. No module writes or copies
this table; it is filled by a trigger, also where a backup is put back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table and what fills it, and note what stands in the audit already."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table("audit_numbers", sa.Column("seq", sa.Integer, nullable=False))
    op.execute(
        "CREATE FUNCTION audit_is_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO audit_numbers (seq) SELECT seq FROM fresh; RETURN NULL; END $$"
    )
    # Locks the audit until this is committed: between the trigger and the rows of before nobody writes.
    op.execute(
        "CREATE TRIGGER audit_is_numbered AFTER INSERT ON audit REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_numbered()"
    )
    op.execute("INSERT INTO audit_numbers (seq) SELECT seq FROM audit")
    op.execute(
        "CREATE TRIGGER audit_numbers_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_numbers "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()"
    )
