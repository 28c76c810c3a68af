"""Whether what the baseline asks beyond the ledger would fit it: pure, over what was read of a ledger.

Called by `snapshots`. Calls the arithmetic of `yunjin.ledger.cells`. Promises that limits are taken from the
top, then guarantees, then allotments, each as the ledger itself would take it; that what does not fit changes
nothing for the others; and that rows which nobody edited ask for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.ledger.cells import ALL, Cell, Step, settle
from yunjin.model.amounts import Amounts
from yunjin.model.estate import CITY
from yunjin.policy import Figures, Lack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.ledger.books import Books
    from yunjin.ledger.cells import Excess, Key
    from yunjin.model.estate import Estate
    from yunjin.model.tenants import BaselineRow
    from yunjin.policy import LedgerFacts


def lacks(estate: Estate, ledger: LedgerFacts, found: Books) -> tuple[Lack, ...]:
    """What does not fit.

    Args:
        estate: the declared city.
        ledger: what rules know of the ledger.
        found: its nodes, cells and supply.
    """
    tree = _Tree(estate, found)
    edited = [row for row in estate.baseline.values() if row.node != CITY and _edited(row, ledger)]
    inner = sorted((row for row in edited if not row.is_leaf), key=lambda row: tree.depth(row.node))
    short: list[Lack] = []
    for row in inner:
        short += tree.take_limit(row)
    for row in inner:
        more = _more(row.guarantee, tree.own(row, "guarantee"))
        short += tree.take(row, row.node, Step(guarantee=more))
    for row in edited:
        if row.is_leaf:
            held = ledger.now.get(row.key, Figures()).amount
            above = tree.parent(row.node)
            short += tree.take(row, above, Step(allotted=_more(row.allotted, held)))
    return tuple(short)


def _edited(row: BaselineRow, ledger: LedgerFacts) -> bool:
    """Whether a row says neither what entered the ledger nor what it holds."""
    stated = Figures(row.allotted or row.limit or Amounts(), row.guarantee or Amounts())
    return stated not in (ledger.now.get(row.key, Figures()), ledger.imported.get(row.key))


def _more(stated: Amounts | None, held: Mapping[str, int]) -> dict[str, int]:
    return {d: value - held.get(d, 0) for d, value in (stated or {}).items() if value > held.get(d, 0)}


class _Tree:
    """The ledger's tree with the declared nodes that it does not know yet, to try things on."""

    def __init__(self, estate: Estate, found: Books) -> None:
        self._estate = estate
        self._nodes = found.nodes
        self._cells: dict[str, dict[Key, Cell]] = {node: dict(cells) for node, cells in found.cells.items()}
        self._firm: dict[str, dict[str, int]] = {}
        for each in found.supply:
            if each.superseded is None:
                stands = max(0, each.supply - each.reserve)
                self._firm.setdefault(each.pool, {})[each.dimension] = stands

    def parent(self, node: str) -> str | None:
        known = self._nodes.get(node)
        return known.parent if known else self._estate.parent(node)

    def depth(self, node: str) -> int:
        above = self.parent(node)
        return 0 if above is None else 1 + self.depth(above)

    def own(self, row: BaselineRow, what: str) -> dict[str, int]:
        """Figures of a row's node in its pool."""
        cells = self._cells.get(row.node, {})
        return {d: getattr(cell, what) for (pool, d), cell in cells.items() if pool == row.pool}

    def take_limit(self, row: BaselineRow) -> Iterator[Lack]:
        """Raise a limit as far as its parent's goes, in the pool and over all."""
        above = self.parent(row.node) or CITY
        for dimension, more in _more(row.limit, self.own(row, "limit")).items():
            here, bound = self._cell(row.node, row.pool, dimension), self._cell(above, row.pool, dimension)
            if here.limit + more > bound.limit:
                lack = here.limit + more - bound.limit
                yield Lack(row.key, above, row.pool, dimension, bound.limit, here.limit + more, lack)
                continue
            for pool in (row.pool, ALL):
                cell = self._cell(row.node, pool, dimension)
                raised = Cell(cell.guarantee, cell.nested, cell.limit + more, cell.allotted)
                self._cells.setdefault(row.node, {})[(pool, dimension)] = raised

    def take(self, row: BaselineRow, node: str | None, step: Step) -> Iterator[Lack]:
        """Take a step at a node and at all above it, or at none of them."""
        tried: dict[str, Mapping[Key, Cell]] = {}
        while node is not None and step:
            firm = self._firm.get(row.pool, {}) if node == CITY and step.nested else None
            settled = settle(self._cells.get(node, {}), row.pool, step, firm)
            if settled.excesses:
                first = {excess.dimension: excess for excess in reversed(settled.excesses)}
                yield from (_lack(row, node, excess) for excess in first.values())
                return
            tried[node] = settled.cells
            node, step = self.parent(node), settled.above
        for name, cells in tried.items():
            self._cells.setdefault(name, {}).update(cells)

    def _cell(self, node: str, pool: str, dimension: str) -> Cell:
        return self._cells.get(node, {}).get((pool, dimension), Cell())


def _lack(row: BaselineRow, node: str, excess: Excess) -> Lack:
    asked = excess.taken + excess.asked
    pool = None if excess.pool == ALL else excess.pool
    return Lack(row.key, node, pool, excess.dimension, excess.limit, asked, excess.missing)
