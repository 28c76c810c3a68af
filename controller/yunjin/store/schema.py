"""Tables of the state database, as they stand after the newest migration.

Imported by the migrations and the tests of the schema alone (SQLAlchemy is slow to import). The other
modules of this package write plain SQL against it. Times are UTC text of fixed width, so that they sort.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData()

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("fences", Text, nullable=False),  # JSON: endpoint to fencing number
    Column("started", Text, nullable=False),
    Column("finished", Text),
    Column("state", Text, nullable=False),  # running, finished, interrupted
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("run", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before_hash", Text, nullable=False),
    Column("after_hash", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("state", Text, nullable=False),  # before, or how it ended
    Column("reason_zh", Text),
    Column("reason_en", Text),
    Column("at", Text, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("holder", Text),  # null once it was given back; the number stays and only grows
    Column("fence", Integer, nullable=False),
    Column("expires", Text),
    sqlite_strict=True,
)

PLANS: Final = Table(
    "plans",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("as_of", Text, nullable=False),
    Column("estate", Text, nullable=False),
    Column("access", Text, nullable=False),  # JSON: endpoint to reference, never a secret
    Column("body", LargeBinary, nullable=False),  # JSON, deflated
    Column("verdict", LargeBinary, nullable=False),  # JSON, deflated
    Column("made", Text, nullable=False),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

CREDENTIALS: Final = Table(
    "credentials",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("leaves", Text, nullable=False),  # JSON: pairs of endpoint and leaf
    Column("issued", Text, nullable=False),
    Column("expires", Text, nullable=False),
    Column("revoked", Text),
    sqlite_strict=True,
)

SIGHTINGS: Final = Table(
    "sightings",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("observed", Text, nullable=False),
    Column("since", Text, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

_AMOUNT: Final = BigInteger().with_variant(Integer, "sqlite")

QUOTA_NODES: Final = Table(
    "quota_nodes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("parent", Text, ForeignKey("quota_nodes.id"), index=True),
    Column("pool", Text),  # of a leaf
    Column("ended", Text),  # business date
    sqlite_strict=True,
)

QUOTA_PLACES: Final = Table(  # where each node ever hung, from which day on
    "quota_places",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("node", Text, ForeignKey("quota_nodes.id"), nullable=False, index=True),
    Column("parent", Text),
    Column("valid_from", Text, nullable=False),
    Column("recorded", Text, nullable=False),
    Column("superseded", Text),
    Column("basis", Text, nullable=False),
    sqlite_strict=True,
)

QUOTA_CELLS: Final = Table(
    "quota_cells",
    METADATA,
    Column("node", Text, ForeignKey("quota_nodes.id"), primary_key=True),
    Column("pool", Text, primary_key=True),  # * over all pools
    Column("dimension", Text, primary_key=True),
    Column("guarantee", _AMOUNT, nullable=False),
    Column("nested", _AMOUNT, nullable=False),
    Column("limit_", _AMOUNT, nullable=False),
    Column("allotted", _AMOUNT, nullable=False),
    CheckConstraint("guarantee >= 0 AND nested >= 0 AND limit_ >= 0 AND allotted >= 0", "quota_cells_whole"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

QUOTA_DEFICITS: Final = Table(
    "quota_deficits",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("node", Text, ForeignKey("quota_nodes.id"), nullable=False),
    Column("pool", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("promise", Integer, nullable=False, server_default="0"),  # 1: guarantees, not charges, do not fit
    Column("amount", _AMOUNT, nullable=False),
    Column("cause", Text, nullable=False),
    Column("opened", Text, nullable=False),
    Column("closed", Text),
    Index(
        "quota_deficits_open",
        "node",
        "pool",
        "dimension",
        "promise",
        unique=True,
        sqlite_where=text("closed IS NULL"),
        postgresql_where=text("closed IS NULL"),
    ),
    sqlite_strict=True,
)

POOL_SUPPLY: Final = Table(
    "pool_supply",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("supply", _AMOUNT, nullable=False),
    Column("reserve", _AMOUNT, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("valid_from", Text, nullable=False),  # business date
    Column("recorded", Text, nullable=False),
    Column("superseded", Text),
    Index("pool_supply_pool", "pool"),
    sqlite_strict=True,
)

RESERVATIONS: Final = Table(
    "reservations",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("leaf", Text, ForeignKey("quota_nodes.id"), nullable=False),
    Column("pool", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, reserved, committed, confirmed, released, expired
    Column("expires", Text),
    Column("follows", Integer, ForeignKey("reservations.id")),
    Column("actor", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("reservations_leaf", "leaf", "state"),
    Index("reservations_due", "state", "expires"),
    Index(
        "reservations_follows",
        "follows",
        sqlite_where=text("follows IS NOT NULL"),
        postgresql_where=text("follows IS NOT NULL"),
    ),
    sqlite_strict=True,
)

RESERVATION_AMOUNTS: Final = Table(
    "reservation_amounts",
    METADATA,
    Column("reservation", Integer, ForeignKey("reservations.id"), primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("delta", _AMOUNT, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

GRANTS: Final = Table(  # a row a version; the one that is not superseded counts
    "grants",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", Text, nullable=False, index=True),
    Column("node", Text, ForeignKey("quota_nodes.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # grant, opening, contribution
    Column("grantor", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("valid_from", Text, nullable=False),
    Column("valid_to", Text),
    Column("state", Text, nullable=False),  # future, in_force, ended, moved (another row goes on with it)
    Column("cause", Text),  # why it ended
    Column("follows", Integer, ForeignKey("grants.id")),
    Column("recorded", Text, nullable=False),
    Column("superseded", Text),
    Index(
        "grants_one_version",
        "number",
        unique=True,
        sqlite_where=text("superseded IS NULL AND state <> 'moved'"),
        postgresql_where=text("superseded IS NULL AND state <> 'moved'"),
    ),
    sqlite_strict=True,
)

GRANT_AMOUNTS: Final = Table(
    "grant_amounts",
    METADATA,
    Column("grant_id", Integer, ForeignKey("grants.id"), primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("limit_", _AMOUNT, nullable=False),
    Column("guarantee", _AMOUNT, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

CONTRIBUTIONS: Final = Table(  # a row a version; the grant of the same number carries what it gave
    "contributions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", Text, nullable=False, index=True),
    Column("node", Text, ForeignKey("quota_nodes.id"), nullable=False, index=True),
    Column("pool", Text, nullable=False),
    Column("factor", Integer, nullable=False),  # percent
    Column("servers", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("valid_from", Text, nullable=False),
    Column("effective", Text),  # business date on which they go
    Column("state", Text, nullable=False),  # waiting, staying, recalled, gone
    Column("recorded", Text, nullable=False),
    Column("superseded", Text),
    Index(
        "contributions_one_version",
        "number",
        unique=True,
        sqlite_where=text("superseded IS NULL"),
        postgresql_where=text("superseded IS NULL"),
    ),
    sqlite_strict=True,
)

CONTRIBUTION_AMOUNTS: Final = Table(
    "contribution_amounts",
    METADATA,
    Column("contribution", Integer, ForeignKey("contributions.id"), primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("amount", _AMOUNT, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

CLOCKS: Final = Table(  # what falls due on a day, and when it was seen to
    "clocks",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("due", Text, primary_key=True),  # business date
    Column("done", Text),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("request", Text, nullable=False),  # JSON
    Column("result", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

AUDIT_CHAIN: Final = Table(
    "audit_chain",
    METADATA,
    Column("position", Integer, primary_key=True),
    Column("seq", Integer, ForeignKey("audit.seq"), nullable=False, unique=True),
    Column("hash", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    sqlite_strict=True,
)

AUDIT_HEADS: Final = Table(  # ends of the chain that were written down elsewhere
    "audit_heads",
    METADATA,
    Column("target", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("exported", Text, nullable=False),
    Column("retained", Text),  # until when, where the target promises it
    sqlite_with_rowid=False,
    sqlite_strict=True,
)

REORGANISATIONS: Final = Table(  # one that is cancelled is gone, but for its audit rows
    "reorganisations",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),  # rename, merge, split, transfer
    Column("effective", Text, nullable=False),  # business date
    Column("basis", Text, nullable=False),
    Column("terms", Text, nullable=False),  # JSON
    Column("state", Text, nullable=False),  # pending, in_ledger (files wait), carried_out
    Column("actor", Text, nullable=False),
    Column("recorded", Text, nullable=False),
    Column("carried", Text),
    Column("result", Text),  # JSON: what moved
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

RECLAIMS: Final = Table(  # what a shrink could not take because it was in use
    "reclaims",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("leaf", Text, ForeignKey("quota_nodes.id"), nullable=False),
    Column("dimension", Text, nullable=False),
    Column("asked", _AMOUNT, nullable=False),
    Column("used", _AMOUNT, nullable=False),
    Column("opened", Text, nullable=False),
    Column("due", Text, nullable=False),  # business date
    Column("closed", Text),
    Index(
        "reclaims_open",
        "leaf",
        "dimension",
        unique=True,
        sqlite_where=text("closed IS NULL"),
        postgresql_where=text("closed IS NULL"),
    ),
    sqlite_strict=True,
)

ANSWERS: Final = Table(
    "answers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("result", Text, nullable=False),  # JSON
    Column("at", Text, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
