"""Reclaims: what a shrink could not take yet, because it was in use.

Written by `charging` in the transaction of the write, read by the command line. Promises that a quota is
never left above what was asked for without a row that says how much, since when and until when, and that the
row ends when the charge has come down.

    open ──what is asked is confirmed, or more is asked again──> closed
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from yunjin.store.times import time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

_OPEN: Final = "SELECT dimension FROM reclaims WHERE leaf = ? AND closed IS NULL"
_ADD: Final = "INSERT INTO reclaims (leaf, dimension, asked, used, opened, due) VALUES (?, ?, ?, ?, ?, ?)"
_SET: Final = "UPDATE reclaims SET asked = ?, used = ? WHERE leaf = ? AND dimension = ? AND closed IS NULL"
_CLOSE: Final = (
    "UPDATE reclaims SET closed = ? WHERE leaf = ? AND closed IS NULL AND asked >= ("
    "SELECT COALESCE(SUM(c.allotted), 0) FROM quota_cells c JOIN quota_nodes n "
    "ON n.id = c.node AND n.pool = c.pool WHERE c.node = reclaims.leaf AND c.dimension = reclaims.dimension)"
)
_ALL: Final = (
    "SELECT leaf, dimension, asked, used, opened, due FROM reclaims WHERE closed IS NULL "
    "ORDER BY due, leaf, dimension"
)


@dataclass(frozen=True, slots=True)
class Reclaim:
    """One open row.

    Attributes:
        asked: what the leaf shall come down to.
        used: what was in use when it was last written.
        due: day until which it shall have come down.
    """

    leaf: str
    dimension: str
    asked: int
    used: int
    opened: datetime
    due: date


def note(
    connection: Connection,
    leaf: str,
    target: Mapping[str, int],
    written: Mapping[str, int],
    request: Mapping[str, Any],
) -> None:
    """What of a leaf is about to be written above what is asked for.

    Args:
        connection: of the transaction; the leaf is locked.
        leaf: its node.
        target: what is asked for.
        written: what is written, in the dimensions where that is more.
        request: `at` and, where there are such dimensions, `due`.
    """
    known = {dimension for (dimension,) in connection.execute(_OPEN, (leaf,)).fetchall()}
    for dimension in sorted(known):
        asked = target.get(dimension, 0)
        connection.execute(_SET, (asked, written.get(dimension, asked), leaf, dimension))
    for dimension, used in sorted(written.items()):
        if dimension not in known:
            row = (leaf, dimension, target.get(dimension, 0), used, request["at"], request["due"])
            connection.execute(_ADD, row)


def close(connection: Connection, leaf: str, at: str) -> None:
    """End what of a leaf has come down to what was asked."""
    connection.execute(_CLOSE, (at, leaf))


def open_reclaims(database: Database) -> tuple[Reclaim, ...]:
    """All that is open, the first due first."""
    return tuple(
        Reclaim(leaf, dimension, asked, used, time(opened), date.fromisoformat(due))
        for leaf, dimension, asked, used, opened, due in database.rows(_ALL)
    )
