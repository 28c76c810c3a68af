"""The first schema: journal, leases, plans, credentials, sightings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fences", sa.Text, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("finished", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "entries",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("before_hash", sa.Text, nullable=False),
        sa.Column("after_hash", sa.Text, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason_zh", sa.Text),
        sa.Column("reason_en", sa.Text),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "leases",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("expires", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "plans",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("as_of", sa.Text, nullable=False),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("verdict", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("post", sa.Text, nullable=False),
        sa.Column("leaves", sa.Text, nullable=False),
        sa.Column("issued", sa.Text, nullable=False),
        sa.Column("expires", sa.Text, nullable=False),
        sa.Column("revoked", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "sightings",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("observed", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
