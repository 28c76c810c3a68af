"""The chain: every audit row sealed by a hash over itself and all that was sealed before it.

Sealed through `Seal` by the controller and at the end of each command; read by `verification` and `heads`.
Calls the store's database. Promises that rows are chained once, in the order of their numbers among those
committed by then, whoever seals; a row that PostgreSQL commits late, below the number of one that is sealed
already, is chained when it is seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.ledger.records import canonical
from yunjin.store.operations import operation
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from yunjin.store.connection import Connection, Dialect
    from yunjin.store.database import Database

GENESIS: Final = "0" * 64
"""What the first row is chained to."""
_GROUP: Final = 1000
"""Rows sealed in one transaction: others write between two of them."""
_READ: Final = 5000
_LATE: Final = 10_000
"""How far below the highest sealed number late rows are looked for each time; further down, now and then."""
_LOWEST: Final = -(2**31)
_LOCK: Final = 0x7365616C  # "seal"; on PostgreSQL, where several processes may try at once
_COLUMNS: Final = "a.key, a.at, a.actor, a.operation, a.digest, a.request, a.result"
_END: Final = "SELECT position, seq, hash FROM audit_chain ORDER BY position DESC LIMIT 1"
_HIGHEST: Final = "SELECT coalesce(max(seq), 0) FROM audit_chain"
_UNSEALED: Final = (
    "FROM audit a WHERE a.seq > ? AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.seq = a.seq)"
)
_ADD: Final = "INSERT INTO audit_chain (position, seq, hash, sealed) VALUES (?, ?, ?, ?)"
_LINKS: Final = (
    f"SELECT c.position, c.seq, c.hash, c.sealed, {_COLUMNS} FROM audit_chain c "  # noqa: S608 (constants)
    "LEFT JOIN audit a ON a.seq = c.seq WHERE c.position > ? ORDER BY c.position LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit row as it is hashed: every column as it stands in the database."""

    seq: int
    key: str
    at: str
    actor: str
    operation: str
    digest: str
    request: str
    result: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain.

    Attributes:
        position: counted from 1.
        sealed: when, UTC text.
        entry: None where the audit has no such row any more.
    """

    position: int
    seq: int
    hash: str
    sealed: str
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class End:
    """Where the chain ends; position 0 and `GENESIS` where nothing is sealed yet."""

    position: int = 0
    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Tail:
    """Audit rows that are not sealed yet.

    Attributes:
        oldest: when the oldest of them was written, UTC text; empty where there are none.
    """

    count: int = 0
    oldest: str = ""


def hash_of(previous: str, position: int, sealed: str, entry: Entry) -> str:
    """What seals an entry: SHA-256 over the hash before it, its place and all its columns."""
    content = [
        previous, position, sealed, entry.seq, entry.key, entry.at, entry.actor, entry.operation,
        entry.digest, entry.request, entry.result,
    ]  # fmt: skip
    return hashlib.sha256(canonical(content).encode()).hexdigest()


@operation
def seal(connection: Connection, at: str, whole: bool) -> int:  # noqa: FBT001 (operations take plain values)
    """Chain committed rows that are not yet chained, `_GROUP` at most.

    Args:
        connection: of the transaction.
        at: time of sealing, UTC text.
        whole: look among all rows, not only among the latest.

    Returns:
        How many.
    """
    if connection.dialect == "postgresql":
        connection.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
    end = _end(connection.execute(_END).fetchone())
    (highest,) = connection.execute(_HIGHEST).fetchone()
    found = connection.execute(
        f"SELECT a.seq, {_COLUMNS} {_UNSEALED} ORDER BY a.seq LIMIT ?",
        (_floor(connection.dialect, highest, whole=whole), _GROUP),
    ).fetchall()
    rows, previous = [], end.hash
    for position, row in enumerate(found, start=end.position + 1):
        previous = hash_of(previous, position, at, Entry(*row))
        rows.append((position, row[0], previous, at))
    connection.executemany(_ADD, rows)
    return len(rows)


class Seal:
    """Seals what one database holds. Several may, at once."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def seal(self, *, whole: bool = False) -> int:
        """Chain every committed row; how many. Writes nothing where none waits."""
        sealed = 0
        while self._waits(whole=whole):
            sealed += self._database.write(seal, text(self._now()), whole)
        return sealed

    def _waits(self, *, whole: bool) -> bool:
        ((highest,),) = self._database.rows(_HIGHEST)
        floor = _floor(self._database.dialect, highest, whole=whole)
        return bool(self._database.rows(f"SELECT 1 {_UNSEALED} LIMIT 1", floor))


def _floor(dialect: Dialect, highest: int, *, whole: bool) -> int:
    """The number up to which every row is taken to be chained."""
    if dialect == "sqlite":
        return highest  # one writer: rows are committed in the order of their numbers
    return _LOWEST if whole else highest - _LATE


def end_of(database: Database) -> End:
    """Where the chain ends now."""
    found = database.rows(_END)
    return _end(found[0] if found else None)


def tail_of(database: Database) -> Tail:
    """What is not sealed yet."""
    ((count, oldest),) = database.rows(f"SELECT count(*), min(a.at) {_UNSEALED}", _LOWEST)
    return Tail(int(count), oldest or "")


def links(database: Database) -> Iterator[Link]:
    """The whole chain in order, a part at a time."""
    last = _LOWEST
    while found := database.rows(_LINKS, last, _READ):
        for position, seq, digest, sealed, *columns in found:
            entry = None if columns[0] is None else Entry(seq, *columns)
            yield Link(position, seq, digest, sealed, entry)
        last = found[-1][0]


def _end(row: tuple[Any, ...] | None) -> End:
    return End() if row is None else End(*row)
