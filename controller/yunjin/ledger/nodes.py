"""The tree itself: nodes come below others and end; none is ever deleted.

Called through `Ledger`. Calls `rows`. Promises that an id is never used twice, that a node which holds, is
promised or awaits anything does not end, and that every place a node ever had is kept with its day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import ConflictError, Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.records import audited
from yunjin.ledger.terms import HOLD
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

_ADD: Final = "INSERT INTO quota_nodes (id, parent, pool) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"
_PLACE: Final = "INSERT INTO quota_places (node, parent, valid_from, recorded, basis) VALUES (?, ?, ?, ?, ?)"


_HELD: Final = (
    "SELECT 1 FROM quota_cells WHERE node = ? AND (allotted > 0 OR nested > 0 OR guarantee > 0)",
    Text("尚有额度", "still holds quota"),
    Text("先收回其额度", "take its quota back first"),
)
_BELOW: Final = (
    "SELECT 1 FROM quota_nodes WHERE parent = ? AND ended IS NULL",
    Text("尚有下级", "has nodes below it"),
    Text("先停用其下级", "end what is below it first"),
)
_UNDER_WAY: Final = (
    "SELECT 1 FROM reservations WHERE leaf = ? AND state IN ('waiting', 'reserved', 'committed')",
    Text("尚有在途的预占", "has reservations under way"),
    Text("先完成或撤销在途的预占", "see its reservations through, or release them"),
)
_GRANTED: Final = (
    "SELECT 1 FROM grants WHERE node = ? AND superseded IS NULL AND state IN ('future', 'in_force')",
    Text("尚有未终止的核定配额", "has grants that have not ended"),
    Text("先用 yunjin grant end 终止其核定配额", "end its grants with `yunjin grant end` first"),
)
"""What keeps a node: the question, how it is said, and what to do about it."""


@audited
def add_node(connection: Connection, request: Request) -> Result:
    """A new node.

    Args:
        connection: of the transaction.
        request: `node`; `parent`, None for the city; `pool` of a leaf, else None; `today`, the business date.

    Raises:
        ConflictError: the id is or was in use.
        UsageError: no such parent, or one below which nothing can hang; no id.
    """
    return put_node(connection, request)


def put_node(connection: Connection, request: Request) -> Result:
    """`add_node` as part of another operation."""
    node, parent = str(request["node"]), request["parent"]
    if not node or not node.isprintable() or node.startswith(HOLD) or (parent is None) != (node == CITY):
        raise UsageError(
            Text(
                f"{node!r} 不能作为节点编号, 或缺少上级", f"{node!r} is no id of a node, or lacks its parent"
            ),
            Text("除全市外, 每个节点都有上级", "every node but the city has a parent"),
        )
    if parent is not None:
        _require_parent(str(parent), rows.lock(connection, str(parent)))
    if not connection.execute(_ADD, (node, parent, request["pool"])).rowcount:
        raise ConflictError(
            Text(f"编号 {node} 已用过", f"the id {node} is or was in use"),
            Text("编号不得重复使用, 请换一个", "ids are never used again, choose another"),
        )
    connection.execute(_PLACE, (node, parent, request["today"], request["at"], request.get("basis", "")))
    return {"node": node, "counted": []}


@audited
def end_node(connection: Connection, request: Request) -> Result:
    """A node ends on `today`; one that has ended stays as it is.

    Raises:
        ConflictError: it holds, is promised or awaits something, or has nodes below it.
        UsageError: no such node, or the city.
    """
    node = str(request["node"])
    if node == CITY:
        raise UsageError(Text("全市不能停用", "the city does not end"))
    rows.lock_tree(connection)
    if rows.lock(connection, node).ended is not None:
        return {"node": node, "counted": []}
    for question, what, remedy in (_HELD, _BELOW, _UNDER_WAY, _GRANTED):
        if connection.execute(question, (node,)).fetchone():
            raise ConflictError(
                Text(f"{node} {what.zh}, 不能停用", f"{node} {what.en} and cannot end"), remedy
            )
    connection.execute("UPDATE quota_nodes SET ended = ? WHERE id = ?", (request["today"], node))
    return {"node": node, "counted": []}


def _require_parent(name: str, found: rows.Node) -> None:
    if found.ended is not None:
        raise UsageError(
            Text(f"{name} 已停用", f"{name} has ended"),
            Text("用 yunjin ledger show 核对上级", "check the parent with `yunjin ledger show`"),
        )
    if found.pool is not None or name.startswith(HOLD):
        raise UsageError(
            Text(f"{name} 之下不能再设节点", f"nothing hangs below {name}"),
            Text("命名空间/项目没有下级", "a namespace or project has no nodes below it"),
        )
