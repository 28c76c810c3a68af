"""The tree itself: nodes come below others and end; none is ever deleted.

Called through `Ledger`. Calls `rows`. Promises that an id is never used twice, that a node which holds or is
promised anything does not end, and that every place a node ever had is kept with its day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import ConflictError, Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.records import audited

if TYPE_CHECKING:
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

_ADD: Final = "INSERT INTO quota_nodes (id, parent, pool) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"
_PLACE: Final = "INSERT INTO quota_places (node, parent, valid_from, recorded, basis) VALUES (?, ?, ?, ?, ?)"


@audited
def add_node(connection: Connection, request: Request) -> Result:
    """A new node.

    Args:
        connection: of the transaction.
        request: `node`; `parent`, None for the city; `pool` of a leaf, else None; `today`, the business date.

    Raises:
        ConflictError: the id is or was in use.
        UsageError: no such parent, or it has ended.
    """
    return put_node(connection, request)


def put_node(connection: Connection, request: Request) -> Result:
    """`add_node` as part of another operation."""
    node, parent = str(request["node"]), request["parent"]
    if parent is not None and rows.lock(connection, str(parent)).ended is not None:
        raise UsageError(Text(f"{parent} 已停用", f"{parent} has ended"))
    if not connection.execute(_ADD, (node, parent, request["pool"])).rowcount:
        raise ConflictError(
            Text(f"编号 {node} 已用过", f"the id {node} is or was in use"),
            Text("编号不得重复使用, 请换一个", "ids are never used again, choose another"),
        )
    connection.execute(_PLACE, (node, parent, request["today"], request["at"], request.get("basis", "")))
    return {"node": node, "counted": []}


@audited
def end_node(connection: Connection, request: Request) -> Result:
    """A node ends on `today`. Raises ConflictError while it holds anything or has children."""
    node = str(request["node"])
    rows.lock_paths(connection, (node,))
    rows.lock(connection, node)
    held = connection.execute(
        "SELECT 1 FROM quota_cells WHERE node = ? AND (allotted > 0 OR nested > 0 OR guarantee > 0)", (node,)
    ).fetchone()
    child = connection.execute(
        "SELECT id FROM quota_nodes WHERE parent = ? AND ended IS NULL", (node,)
    ).fetchone()
    if held or child:
        raise ConflictError(
            Text(f"{node} 尚有额度或下级, 不能停用", f"{node} still holds quota or has nodes below it"),
            Text("先收回其额度、停用其下级", "take its quota back and end what is below it first"),
        )
    connection.execute("UPDATE quota_nodes SET ended = ? WHERE id = ?", (request["today"], node))
    return {"node": node, "counted": []}
