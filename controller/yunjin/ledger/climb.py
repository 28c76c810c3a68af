"""Carrying a step from a leaf or a node up to the city.

Used by the operations of this package. Calls `cells`, `rows` and `promises`. Promises that the whole path
takes the step or nobody does, that the climb ends where a charge no longer changes, and that who is refused
learns whose limit it was, how much is missing and who holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import RefusalError, ShortageError, Text
from yunjin.ledger import causes, promises, rows
from yunjin.ledger.cells import ALL, Excess, Step, settle
from yunjin.model.estate import CITY
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from yunjin.errors import JSON, Lang
    from yunjin.store.connection import Connection

_DEFICIT: Final = (
    "SELECT cause, opened FROM quota_deficits WHERE node = ? AND pool = ? AND closed IS NULL ORDER BY opened"
)
_SINCE: Final = (
    "SELECT cause, opened FROM quota_deficits "
    "WHERE node = ? AND pool = ? AND dimension = ? AND closed IS NULL ORDER BY promise"
)
# Over all pools a leaf has no row, so what a child holds there is summed.
_HOLDERS: Final = (
    "SELECT n.id, SUM(CASE WHEN c.guarantee > {taken} THEN c.guarantee ELSE {taken} END) "
    "FROM quota_nodes n JOIN quota_cells c ON c.node = n.id "
    "WHERE n.parent = ? AND c.pool <> '*' AND (c.pool = ? OR ? = '*') AND c.dimension = ? GROUP BY n.id"
)
_MOST_NAMED: Final = 3


def climb(
    connection: Connection,
    node: str | None,
    pool: str,
    step: Step,
    at: str,
    child: str = "",
) -> None:
    """Take a step at a node and at all above it that it concerns.

    Args:
        connection: of the transaction.
        node: where it begins; None where there is nothing above.
        pool: where it happens.
        step: what changes.
        at: time of the operation.
        child: the node below whose charge has been changed already.

    Raises:
        ShortageError: a limit is in the way.
    """
    while node is not None and step:
        parent = rows.lock(connection, node).parent
        promised = node == CITY and step.nested  # of guarantees the city carries no more than stands there
        firm = promises.firm(connection, pool) if promised else None
        settled = settle(rows.cells(connection, node, pool), pool, step, firm)
        if settled.excesses:
            raise shortage(connection, node, settled.excesses[0], child, step)
        rows.write(connection, node, settled.cells)
        rows.write_deficits(connection, node, settled.deficits, step.cause, at)
        if promised:
            promises.record(connection, pool, step.cause, at)
        child, node, step = node, parent, settled.above


def require_no_deficit(connection: Connection, pool: str) -> None:
    """A pool that cannot carry what it promised takes no growth. Raises RefusalError."""
    row = connection.execute(_DEFICIT, (CITY, pool)).fetchone()
    if row is not None:
        cause, since = causes.said(row[0]), causes.day(row[1])
        raise RefusalError(
            Text(
                f"资源池 {pool} 自 {since} 起欠额({cause.zh}), 暂不新增",
                f"pool {pool} is in deficit since {since} ({cause.en}) and takes no growth",
            ),
            Text(
                f"用 yunjin supply relief {pool} 查看补足办法",
                f"`yunjin supply relief {pool}` proposes how to close it",
            ),
            facts={"pool": pool, "cause": row[0], "since": row[1]},
        )


def shortage(
    connection: Connection, node: str, excess: Excess, asker: str = "", step: Step | None = None
) -> ShortageError:
    """Whose limit is in the way, by how much, and who holds most of it.

    Args:
        connection: of the transaction.
        node: whose limit it is.
        excess: the limit, and what does not fit.
        asker: the child that has taken `step` already in this transaction; "" where none has.
        step: what that child charges the node more.
    """
    sql = _HOLDERS.format(taken="c.nested" if excess.promise else "c.allotted")
    found = connection.execute(sql, (node, excess.pool, excess.pool, excess.dimension)).fetchall()
    held = {name: int(value) for name, value in found}
    if step is not None and asker in held:
        held[asker] -= (step.nested if excess.promise else step.allotted).get(excess.dimension, 0)
    holders = sorted(((-value, name) for name, value in held.items() if value > 0))[:_MOST_NAMED]
    figures: dict[str, JSON] = {
        "limit": excess.limit,
        "taken": excess.taken,
        "asked": excess.asked,
        "missing": excess.missing,
    }
    deficit = connection.execute(_SINCE, (node, excess.pool, excess.dimension)).fetchone()
    message = _message(node, excess)
    if deficit is not None:
        cause, since = causes.said(deficit[0]), causes.day(deficit[1])
        message = Text(
            f"{message.zh}; 自 {since} 起欠额: {cause.zh}",
            f"{message.en}; in deficit since {since}: {cause.en}",
        )
        figures |= {"cause": deficit[0], "since": deficit[1]}
    return ShortageError(
        message,
        Text(
            "调低申请的数额, 或由有权单位提高其配额上限", "ask for less, or have whoever may raise that limit"
        ),
        facts={
            "node": node,
            "pool": excess.pool,
            "dimension": excess.dimension,
            "promise": excess.promise,
            **figures,
            "holders": [[name, -value] for value, name in holders],
        },
    )


def _message(node: str, excess: Excess) -> Text:
    def figure(value: int, lang: Lang) -> str:
        return amount_text(excess.dimension, value, lang)

    where = Text("各资源池合计", "over all pools") if excess.pool == ALL else Text(excess.pool, excess.pool)
    dimension = dimension_text(excess.dimension)
    bound, taken = (
        (Text("最多可保底", "that can be guaranteed is"), Text("已保底", "already guaranteed"))
        if excess.promise
        else (Text("配额上限为", "limit is"), Text("已计入", "already charged"))
    )
    return Text(
        f"{node} ({where.zh}) 的{dimension.zh}{bound.zh} {figure(excess.limit, 'zh')}, "
        f"{taken.zh} {figure(excess.taken, 'zh')}, 本次需再增加 {figure(excess.asked, 'zh')}, "
        f"超出 {figure(excess.missing, 'zh')}",
        f"{node} ({where.en}): the {dimension.en} {bound.en} {figure(excess.limit, 'en')}, "
        f"{taken.en} {figure(excess.taken, 'en')}, this asks for {figure(excess.asked, 'en')} more: "
        f"{figure(excess.missing, 'en')} too much",
    )
