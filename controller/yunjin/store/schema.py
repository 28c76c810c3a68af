"""Tables of the state database, as they stand after the newest migration.

Imported by the migrations and the tests of the schema alone (SQLAlchemy is slow to import). The other
modules of this package write plain SQL against it. Times are UTC text of fixed width, so that they sort.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, MetaData, Table, Text

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
