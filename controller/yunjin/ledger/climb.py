"""Carrying a step from a leaf or a node up to the city.

Used by the operations of this package. Calls `cells` and `rows`. Promises that the whole path takes the step
or nobody does, that the climb ends where a charge no longer changes, and that who is refused learns whose
limit it was, how much is missing and who holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import ShortageError, Text
from yunjin.ledger import rows
from yunjin.ledger.cells import ALL, Cell, Excess, Step, settle
from yunjin.model.estate import CITY
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.errors import Lang
    from yunjin.ledger.cells import By
    from yunjin.store.connection import Connection

_HOLDERS: Final = (
    "SELECT n.id, CASE WHEN c.guarantee > c.allotted THEN c.guarantee ELSE c.allotted END AS charge "
    "FROM quota_nodes n JOIN quota_cells c ON c.node = n.id "
    "WHERE n.parent = ? AND c.pool = ? AND c.dimension = ? AND (c.guarantee > 0 OR c.allotted > 0) "
    "ORDER BY charge DESC, n.id LIMIT 3"
)


def climb_leaf(connection: Connection, leaf: str, pool: str, change: By, at: str) -> None:
    """Change what a leaf is allotted.

    Args:
        connection: of the transaction.
        leaf: locked by the caller or not; it is locked here again.
        pool: the leaf's.
        change: differences by dimension.
        at: time of the operation.

    Raises:
        ShortageError: a limit above it is in the way.
        ValueError: the leaf would hold less than nothing; the caller has not looked.
    """
    change = {dimension: value for dimension, value in change.items() if value}
    if not change:
        return
    parent = rows.lock(connection, leaf).parent
    held = rows.cells(connection, leaf, pool)
    after = {
        (pool, dimension): Cell(allotted=held.get((pool, dimension), Cell()).allotted + value)
        for dimension, value in change.items()
    }
    if any(cell.allotted < 0 for cell in after.values()):
        raise ValueError(f"{leaf} would hold less than nothing")
    rows.write(connection, leaf, after)
    climb(connection, parent, pool, Step(allotted=change), at, child=leaf)


def climb(
    connection: Connection,
    node: str | None,
    pool: str,
    step: Step,
    at: str,
    *,
    cause: str = "",
    child: str = "",
) -> None:
    """Take a step at a node and at all above it that it concerns.

    Args:
        connection: of the transaction.
        node: where it begins; None where there is nothing above.
        pool: where it happens.
        step: what changes.
        at: time of the operation.
        cause: why a limit falls; what opens a deficit must say so.
        child: the node below whose charge has been changed already.

    Raises:
        ShortageError: a limit is in the way.
    """
    while node is not None and step:
        parent = rows.lock(connection, node).parent
        settled = settle(rows.cells(connection, node, pool), pool, step)
        excesses = [*settled.excesses, *_beyond_supply(connection, node, pool, settled.cells, step)]
        if excesses:
            raise shortage(connection, node, excesses[0], child)
        rows.write(connection, node, settled.cells)
        if settled.deficits:
            rows.write_deficits(connection, node, settled.cells, settled.deficits, cause, at)
        child, node, step = node, parent, settled.above


def _beyond_supply(
    connection: Connection, node: str, pool: str, cells: Mapping[tuple[str, str], Cell], step: Step
) -> list[Excess]:
    """All guarantees together fit what really stands there: overcommit lends, it does not guarantee."""
    if node != CITY or not step.nested:
        return []
    firm = dict(
        connection.execute(
            "SELECT dimension, CASE WHEN supply > reserve THEN supply - reserve ELSE 0 END "
            "FROM pool_supply WHERE pool = ? AND superseded IS NULL",
            (pool,),
        ).fetchall()
    )
    return [
        Excess(pool, dimension, firm.get(dimension, 0), cell.promised - rise, rise, promise=True)
        for dimension, rise in step.nested.items()
        if rise > 0 and (cell := cells[(pool, dimension)]).promised > firm.get(dimension, 0)
    ]


def shortage(connection: Connection, node: str, excess: Excess, asker: str) -> ShortageError:
    """Whose limit is in the way, by how much, and who holds most of it.

    Args:
        connection: of the transaction.
        node: whose limit it is.
        excess: the limit, and what does not fit.
        asker: the child whose charge this transaction has raised already; "" where none.
    """
    found = connection.execute(_HOLDERS, (node, excess.pool, excess.dimension)).fetchall()
    holders = [(name, charge - excess.asked * (name == asker)) for name, charge in found]
    figures = {"limit": excess.limit, "taken": excess.taken, "asked": excess.asked, "missing": excess.missing}
    return ShortageError(
        _message(node, excess),
        Text(
            "调低申请的数额, 或由有权单位提高其配额上限", "ask for less, or have whoever may raise that limit"
        ),
        facts={
            "node": node,
            "pool": excess.pool,
            "dimension": excess.dimension,
            "promise": excess.promise,
            **figures,
            "holders": [[name, charge] for name, charge in holders if charge > 0],
        },
    )


def _message(node: str, excess: Excess) -> Text:
    def figure(value: int, lang: Lang) -> str:
        return amount_text(excess.dimension, value, lang)

    where = Text("各资源池合计", "over all pools") if excess.pool == ALL else Text(excess.pool, excess.pool)
    dimension = dimension_text(excess.dimension)
    taken = Text("已保底", "already guaranteed") if excess.promise else Text("已计入", "already charged")
    return Text(
        f"{node} ({where.zh}) 的{dimension.zh}配额上限为 {figure(excess.limit, 'zh')}, "
        f"{taken.zh} {figure(excess.taken, 'zh')}, 本次需再增加 {figure(excess.asked, 'zh')}, "
        f"超出 {figure(excess.missing, 'zh')}",
        f"{node} ({where.en}): the {dimension.en} limit is {figure(excess.limit, 'en')}, "
        f"{taken.en} {figure(excess.taken, 'en')}, this asks for {figure(excess.asked, 'en')} more: "
        f"{figure(excess.missing, 'en')} too much",
    )
