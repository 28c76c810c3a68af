"""The quota ledger: nodes, cells, supply, grants, reservations, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

AMOUNT = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create everything."""
    _tree()
    _supply()
    _reservations()
    _grants()
    _contributions()
    _clocks()
    _reorganisations()
    _audit()
    _reclaims()


def _text(*names: str, optional: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=optional) for name in names]


def _amounts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, AMOUNT, nullable=False) for name in names]


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _node(name: str = "node", *, first: bool = False, index: bool = False) -> sa.Column[str]:
    return sa.Column(
        name, sa.Text, sa.ForeignKey("quota_nodes.id"), primary_key=first, nullable=False, index=index
    )


def _tree() -> None:
    op.create_table(
        "quota_nodes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("parent", sa.Text, sa.ForeignKey("quota_nodes.id"), index=True),
        *_text("pool", "ended", optional=True),
        sqlite_strict=True,
    )
    op.create_table(
        "quota_places",
        _number(),
        _node(index=True),
        *_text("parent", optional=True),
        *_text("valid_from", "recorded"),
        *_text("superseded", optional=True),
        *_text("basis"),
        sqlite_strict=True,
    )
    op.create_table(
        "quota_cells",
        _node(first=True),
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        *_amounts("guarantee", "nested", "limit_", "allotted"),
        sa.CheckConstraint(
            "guarantee >= 0 AND nested >= 0 AND limit_ >= 0 AND allotted >= 0", "quota_cells_whole"
        ),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def _supply() -> None:
    op.create_table(
        "quota_deficits",
        _number(),
        _node(),
        *_text("pool", "dimension"),
        sa.Column("promise", sa.Integer, nullable=False, server_default="0"),
        *_amounts("amount"),
        *_text("cause", "opened"),
        *_text("closed", optional=True),
        sqlite_strict=True,
    )
    open_ones = sa.text("closed IS NULL")
    op.create_index(
        "quota_deficits_open",
        "quota_deficits",
        ["node", "pool", "dimension", "promise"],
        unique=True,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )
    op.create_table(
        "pool_supply",
        _number(),
        *_text("pool", "dimension"),
        *_amounts("supply", "reserve"),
        sa.Column("percent", sa.Integer, nullable=False),
        *_text("cause", "valid_from", "recorded"),
        *_text("superseded", optional=True),
        sqlite_strict=True,
    )
    op.create_index("pool_supply_pool", "pool_supply", ["pool"])


def _reservations() -> None:
    op.create_table(
        "reservations",
        _number(),
        _node("leaf"),
        *_text("pool", "state"),
        *_text("expires", optional=True),
        sa.Column("follows", sa.Integer, sa.ForeignKey("reservations.id")),
        *_text("actor", "at"),
        sqlite_strict=True,
    )
    op.create_index("reservations_leaf", "reservations", ["leaf", "state"])
    op.create_index("reservations_due", "reservations", ["state", "expires"])
    followers = sa.text("follows IS NOT NULL")
    op.create_index(
        "reservations_follows",
        "reservations",
        ["follows"],
        sqlite_where=followers,
        postgresql_where=followers,
    )
    op.create_table(
        "reservation_amounts",
        sa.Column("reservation", sa.Integer, sa.ForeignKey("reservations.id"), primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        *_amounts("delta"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def _grants() -> None:
    op.create_table(
        "grants",
        _number(),
        sa.Column("number", sa.Text, nullable=False, index=True),
        _node(index=True),
        *_text("kind", "grantor", "basis", "valid_from"),
        *_text("valid_to", optional=True),
        *_text("state"),
        *_text("cause", optional=True),
        sa.Column("follows", sa.Integer, sa.ForeignKey("grants.id")),
        *_text("recorded"),
        *_text("superseded", optional=True),
        sqlite_strict=True,
    )
    _one_version("grants", "superseded IS NULL AND state <> 'moved'")
    op.create_table(
        "grant_amounts",
        sa.Column("grant_id", sa.Integer, sa.ForeignKey("grants.id"), primary_key=True),
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        *_amounts("limit_", "guarantee"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def _one_version(table: str, which: str) -> None:
    """Of each number one row counts, whoever wrote it."""
    counts = sa.text(which)
    op.create_index(
        f"{table}_one_version",
        table,
        ["number"],
        unique=True,
        sqlite_where=counts,
        postgresql_where=counts,
    )


def _contributions() -> None:
    op.create_table(
        "contributions",
        _number(),
        sa.Column("number", sa.Text, nullable=False, index=True),
        _node(index=True),
        *_text("pool"),
        sa.Column("factor", sa.Integer, nullable=False),
        *_text("servers", "basis", "valid_from"),
        *_text("effective", optional=True),
        *_text("state", "recorded"),
        *_text("superseded", optional=True),
        sqlite_strict=True,
    )
    _one_version("contributions", "superseded IS NULL")
    op.create_table(
        "contribution_amounts",
        sa.Column("contribution", sa.Integer, sa.ForeignKey("contributions.id"), primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        *_amounts("amount"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "subject", "due")),
        *_text("done", optional=True),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def _reorganisations() -> None:
    op.create_table(
        "reorganisations",
        sa.Column("number", sa.Integer, primary_key=True),
        *_text("kind", "effective", "basis", "terms", "state", "actor", "recorded"),
        *_text("carried", "result", optional=True),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        *_text("at", "actor", "operation", "digest", "request", "result"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "audit_chain",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("seq", sa.Integer, sa.ForeignKey("audit.seq"), nullable=False, unique=True),
        *_text("hash", "sealed"),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_heads",
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        *_text("hash", "exported"),
        *_text("retained", optional=True),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    for table in ("audit", "audit_chain", "audit_heads"):
        _keep_for_good(table)


def _keep_for_good(table: str) -> None:
    """The database itself refuses to change or delete rows, whoever asks."""
    said = f"rows of {table} are never changed or deleted 审计记录不得修改或删除"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{said}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_kept()"
        )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
    for event in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} {refuse}")
    # REPLACE deletes without telling a trigger for DELETE.
    taken = {
        "audit": "seq = NEW.seq OR key = NEW.key",
        "audit_chain": "position = NEW.position OR seq = NEW.seq",
        "audit_heads": "target = NEW.target AND position = NEW.position",
    }[table]
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 (names of ours)
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken}) {refuse}"
    )


def _reclaims() -> None:
    op.create_table(
        "reclaims",
        _number(),
        _node("leaf"),
        *_text("dimension"),
        *_amounts("asked", "used"),
        *_text("opened", "due"),
        *_text("closed", optional=True),
        sqlite_strict=True,
    )
    open_ones = sa.text("closed IS NULL")
    op.create_index(
        "reclaims_open",
        "reclaims",
        ["leaf", "dimension"],
        unique=True,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )
