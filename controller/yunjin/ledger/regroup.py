"""The arithmetic of a reorganisation: all that changes in the tree, summed up before it meets a limit.

Used by `reorganise`. Calls `cells` and `rows`. Promises that what leaves one branch and enters another within
one reorganisation is never counted twice, that no charge, promise or deficit rises above what a limit
carries, and that every node above is right again at the end.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from yunjin.ledger import promises, rows
from yunjin.ledger.cells import ALL, Cell, Excess
from yunjin.ledger.climb import shortage
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from yunjin.ledger.cells import Key
    from yunjin.store.connection import Connection

_CAUSES: Final = (
    "SELECT pool, dimension, cause FROM quota_deficits WHERE node = ? AND promise = 0 AND closed IS NULL "
    "ORDER BY opened"
)
Cells = dict["Key", Cell]
"""By pool and dimension. As a difference its figures may be below zero."""


def cells_of(connection: Connection, node: str) -> Cells:
    """All cells of a node."""
    sql = "SELECT pool, dimension, guarantee, nested, limit_, allotted FROM quota_cells WHERE node = ?"
    return {(row[0], row[1]): Cell(*row[2:]) for row in connection.execute(sql, (node,)).fetchall()}


def path_of(connection: Connection, node: str) -> list[str]:
    """A node and all above it, the city last."""
    path = [node]
    while (above := rows.node(connection, path[-1]).parent) is not None:
        path.append(above)
    return path


def weight_of(cells: Mapping[Key, Cell]) -> Cells:
    """What a node is to the one above it: its charge, and what is promised to it."""
    return {
        key: Cell(allotted=cell.charge, nested=cell.promised) for key, cell in cells.items() if key[0] != ALL
    }


class Regrouping:
    """Differences by node, and then all of them at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changes: dict[str, Cells] = {}
        self._causes: dict[Key, str] = {}

    def add(self, node: str, cells: Mapping[Key, Cell]) -> None:
        """A node gets these figures on top of what it has."""
        self._put(node, cells, 1)

    def take(self, node: str, cells: Mapping[Key, Cell]) -> None:
        """These figures leave a node."""
        self._put(node, cells, -1)

    def inherit(self, node: str) -> None:
        """Whoever goes on with the deficits of a node goes on with their causes."""
        for pool, dimension, cause in self._connection.execute(_CAUSES, (node,)).fetchall():
            self._causes.setdefault((pool, dimension), cause)  # of one that both had, what came first

    def carry(self, at: str, cause: str, summed: Collection[str] = ()) -> None:
        """Write everything, from the deepest node to the city, the tree being as it will stay.

        Args:
            at: time of the operation.
            cause: what stands beside a deficit that nobody hands down.
            summed: nodes that get limit and charge together from others, deficits included.

        Raises:
            ShortageError: a limit is in the way.
        """
        heights: dict[str, int] = {}
        for name in self._changes:
            path = path_of(self._connection, name)
            heights |= {found: height for height, found in enumerate(reversed(path))}
        for node in sorted(heights, key=lambda found: (-heights[found], found)):
            self._carry_one(node, at, cause, checked=node not in summed)

    def _carry_one(self, node: str, at: str, cause: str, *, checked: bool) -> None:
        changes = self._changes.get(node, {})
        before = cells_of(self._connection, node)
        after = {key: plus(before.get(key, Cell()), change) for key, change in changes.items()}
        above: Cells = {}
        over_all: dict[str, int] = {}
        for (pool, dimension), cell in after.items():
            if pool != ALL:
                old = before.get((pool, dimension), Cell())
                rise = cell.charge - old.charge
                above[(pool, dimension)] = Cell(allotted=rise, nested=cell.promised - old.promised)
                over_all[dimension] = over_all.get(dimension, 0) + rise
        for dimension, rise in over_all.items():
            whole = after.get((ALL, dimension), before.get((ALL, dimension), Cell()))
            after[(ALL, dimension)] = plus(whole, Cell(allotted=rise))
        after = {key: cell for key, cell in after.items() if cell != before.get(key, Cell())}
        if checked:
            self._check(node, before, after)
        rows.write(self._connection, node, after)
        for key, cell in after.items():
            if cell.deficit != before.get(key, Cell()).deficit:
                said = self._causes.get(key, cause)
                rows.write_deficits(self._connection, node, {key: cell.deficit}, said, at)
        if node == CITY:
            for pool in sorted({pool for pool, _ in after} - {ALL}):
                promises.record(self._connection, pool, cause, at)
        parent = rows.node(self._connection, node).parent
        if parent is not None:
            self.add(parent, above)

    def _check(self, node: str, before: Mapping[Key, Cell], after: Mapping[Key, Cell]) -> None:
        for (pool, dimension), new in sorted(after.items(), key=lambda item: item[0]):
            old = before.get((pool, dimension), Cell())
            if new.deficit > old.deficit:
                rise = new.charge - old.charge
                excess = Excess(pool, dimension, new.limit, old.charge, rise)
                raise shortage(self._connection, node, excess)
            bound = new.limit
            if node == CITY and pool != ALL:
                bound = min(bound, promises.firm(self._connection, pool).get(dimension, 0))
            if new.promised > old.promised and new.promised > bound:
                rise = new.promised - old.promised
                excess = Excess(pool, dimension, bound, old.promised, rise, promise=True)
                raise shortage(self._connection, node, excess)

    def _put(self, node: str, cells: Mapping[Key, Cell], sign: int) -> None:
        changes = self._changes.setdefault(node, {})
        for key, cell in cells.items():
            changes[key] = plus(changes.get(key, Cell()), cell, sign)


def plus(one: Cell, other: Cell, sign: int = 1) -> Cell:
    """Figure by figure."""
    return Cell(*(a + sign * b for a, b in zip(astuple(one), astuple(other), strict=True)))
