"""Statements of the ledger's hot path: a node, its cells, its deficits.

Used by this package alone; runs inside an operation of the store, on SQLite and on PostgreSQL. The two differ
in one thing: SQLite has one writer, PostgreSQL locks a node's row before its cells are read. Whoever locks
goes from the leaf upwards, so nobody waits in a circle; what moves nodes locks the whole tree first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError
from yunjin.ledger.cells import ALL, Cell, Key
from yunjin.store.connection import locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yunjin.store.connection import Connection

_NODE: Final = "SELECT parent, pool, ended FROM quota_nodes WHERE id = ?"
_CELLS: Final = (
    "SELECT pool, dimension, guarantee, nested, limit_, allotted FROM quota_cells "
    "WHERE node = ? AND pool IN (?, ?)"
)
_WRITE: Final = (
    "INSERT INTO quota_cells (node, pool, dimension, guarantee, nested, limit_, allotted) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, pool, dimension) DO UPDATE SET "
    "guarantee = excluded.guarantee, nested = excluded.nested, limit_ = excluded.limit_, "
    "allotted = excluded.allotted"
)


class Node:
    """A row of the tree: who is above, and, of a leaf, its pool."""

    __slots__ = ("ended", "parent", "pool")

    def __init__(self, parent: str | None, pool: str | None, ended: str | None) -> None:
        self.parent, self.pool, self.ended = parent, pool, ended


def lock(connection: Connection, node: str) -> Node:
    """The node, kept from others until the transaction ends. Raises UsageError where there is none."""
    return _found(connection.execute(locked(connection, _NODE, alone=True), (node,)).fetchone(), node)


def node(connection: Connection, name: str) -> Node:
    """The node as it is now. Raises UsageError where there is none."""
    return _found(connection.execute(_NODE, (name,)).fetchone(), name)


def lock_paths(connection: Connection, names: Iterable[str]) -> None:
    """Lock all that lies between several nodes and the city: level by level, the deepest first, by id."""
    if connection.dialect == "sqlite":
        return
    connection.execute("LOCK TABLE quota_nodes IN ROW SHARE MODE")  # the paths stay as they are read now
    heights: dict[str, int] = {}
    for name in names:
        path = [name]
        while (above := node(connection, path[-1]).parent) is not None:
            path.append(above)
        heights |= {found: height for height, found in enumerate(reversed(path))}
    for name in sorted(heights, key=lambda found: (-heights[found], found)):
        lock(connection, name)


def lock_tree(connection: Connection) -> None:
    """Keep everybody else from every node; for what changes the tree itself."""
    if connection.dialect == "postgresql":
        connection.execute("LOCK TABLE quota_nodes IN EXCLUSIVE MODE")


def cells(connection: Connection, name: str, pool: str) -> dict[Key, Cell]:
    """A node's cells in one pool and over all; missing ones are zero."""
    found = connection.execute(_CELLS, (name, pool, ALL)).fetchall()
    return {(row[0], row[1]): Cell(*row[2:]) for row in found}


def write(connection: Connection, name: str, changed: Mapping[Key, Cell]) -> None:
    """Set a node's cells."""
    connection.executemany(
        _WRITE,
        [
            (name, *key, cell.guarantee, cell.nested, cell.limit, cell.allotted)
            for key, cell in changed.items()
        ],
    )


def write_deficits(
    connection: Connection, name: str, deficits: Mapping[Key, int], cause: str, at: str
) -> None:
    """Record where a deficit opened, changed or closed; a deficit that opens keeps its first cause."""
    for (pool, dimension), amount in sorted(deficits.items()):
        done = connection.execute(
            "UPDATE quota_deficits SET amount = ?, closed = ? "
            "WHERE node = ? AND pool = ? AND dimension = ? AND promise = 0 AND closed IS NULL",
            (amount, None if amount else at, name, pool, dimension),
        )
        if not done.rowcount and amount:
            connection.execute(
                "INSERT INTO quota_deficits (node, pool, dimension, amount, cause, opened) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (name, pool, dimension, amount, cause, at),
            )


def _found(row: tuple[object, ...] | None, name: str) -> Node:
    if row is None:
        raise UsageError(
            Text(f"资源台账中没有 {name}", f"the ledger has no {name}"),
            Text("用 yunjin ledger show 核对名称", "check the name with `yunjin ledger show`"),
        )
    return Node(*row)  # type: ignore[arg-type]  # columns of quota_nodes, in this order
