"""Guarantees against what really stands in a pool: overcommit lends, it does not guarantee.

Used by `climb` and `supply`. Promises that all guarantees of the city together fit supply less reserve, or
that by how much they do not is on record as a deficit of promises, with the cause of the fall that opened it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.ledger import rows
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from yunjin.store.connection import Connection

_FIRM: Final = (
    "SELECT dimension, CASE WHEN supply > reserve THEN supply - reserve ELSE 0 END "
    "FROM pool_supply WHERE pool = ? AND superseded IS NULL"
)
_OPEN: Final = (
    "SELECT dimension FROM quota_deficits WHERE node = ? AND pool = ? AND promise = 1 AND closed IS NULL"
)
_CHANGE: Final = (
    "UPDATE quota_deficits SET amount = ?, closed = ? "
    "WHERE node = ? AND pool = ? AND dimension = ? AND promise = 1 AND closed IS NULL"
)
_INSERT: Final = (
    "INSERT INTO quota_deficits (node, pool, dimension, promise, amount, cause, opened) "
    "VALUES (?, ?, ?, 1, ?, ?, ?)"
)


def firm(connection: Connection, pool: str) -> dict[str, int]:
    """Supply less reserve, by dimension. The city is locked by whoever will act on it."""
    return dict(connection.execute(_FIRM, (pool,)).fetchall())


def record(connection: Connection, pool: str, cause: str, at: str) -> dict[str, int]:
    """Open, change or close the deficits of promises of a pool, as the city's row and supply now are.

    Returns:
        What is open after it, by dimension.
    """
    stands = firm(connection, pool)
    short = {
        dimension: cell.promised - stands.get(dimension, 0)
        for (where, dimension), cell in rows.cells(connection, CITY, pool).items()
        if where == pool and cell.promised > stands.get(dimension, 0)
    }
    known = {dimension for (dimension,) in connection.execute(_OPEN, (CITY, pool)).fetchall()}
    for dimension in sorted(known | short.keys()):
        amount = short.get(dimension, 0)
        if dimension in known:
            connection.execute(_CHANGE, (amount, None if amount else at, CITY, pool, dimension))
        else:
            connection.execute(_INSERT, (CITY, pool, dimension, amount, cause, at))
    return short
