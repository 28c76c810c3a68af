"""Moving an allotment from one leaf to another.

Called through `Ledger`. Calls `leaves` and `reservations`; `followers` goes on from there. Promises that what
moves is charged to the first leaf until its backend was seen lowered, and then to the second, in one
transaction: nobody takes it between, and a move asks for nothing that its two leaves do not have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import ConflictError, Text, UsageError
from yunjin.ledger import leaves, reservations, rows
from yunjin.ledger.climb import require_no_deficit
from yunjin.ledger.records import audited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.leaves import Leaf
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

_HALVES: Final = (
    "SELECT r.state, f.state FROM reservations r JOIN reservations f ON f.follows = r.id WHERE r.id = ?"
)

_STAYS: Final = "UPDATE reservations SET expires = NULL WHERE id = ?"


@audited
def move(connection: Connection, request: Request) -> Result:
    """Shrink the first leaf, and once that is confirmed grow the second.

    Args:
        connection: of the transaction.
        request: `source`, `target` (leaves), `amounts` by dimension; `lasts`, seconds, where it is given up
            after that unless somebody consents.

    Returns:
        `reservation`, the id of the shrink; `follower`, of what waits for it.

    Raises:
        ShortageError: the second leaf's path would not take it.
        RefusalError: the pool is in deficit and takes no growth.
        UsageError: no such leaf, the same leaf twice, or the first does not hold as much.
    """
    amounts: dict[str, int] = dict(request["amounts"])
    leaves.require_countable(str(request["target"]), amounts)
    if request["source"] == request["target"] or not amounts or 0 in amounts.values():
        raise UsageError(
            Text("调剂须有两个不同的去处和正的数额", "a move needs two leaves and amounts above 0"),
            Text(
                "--from 与 --to 写不同的资源池, 数额大于 0",
                "name different pools after --from and --to, and amounts above 0",
            ),
        )
    rows.lock_paths(connection, (request["source"], request["target"]))
    source = leaves.find(connection, request["source"])
    target = leaves.find(connection, request["target"])
    require_no_deficit(connection, target.pool)
    _require_held(source, amounts)
    _rehearse(connection, source, target, amounts, request["at"])
    taken = {d: -value for d, value in amounts.items()}
    own = {name: request.get(name) for name in ("actor", "at", "lasts")}
    shrink = reservations.place(connection, {**own, "leaf": source.name, "delta": taken})["reservation"]
    follower = leaves.add(connection, {**request, "follows": shrink}, target, "waiting", amounts)
    return {"reservation": shrink, "follower": follower, "counted": []}


@audited
def consent(connection: Connection, request: Request) -> Result:
    """A move was agreed to: it waits for as long as it takes from now on.

    Args:
        connection: of the transaction.
        request: `reservation`, the id of its shrink.

    Raises:
        ConflictError: it was given up before, or its time was over.
    """
    number = int(request["reservation"])
    name, shrink = leaves.reservation(connection, number)
    if shrink.state in ("released", "expired"):
        raise ConflictError(
            Text(
                f"由 {name} 调出的额度等待同意过久, 已失效",
                f"the move from {name} waited too long for consent",
            ),
            Text("重新提出调剂", "ask for the move again"),
        )
    connection.execute(_STAYS, (number,))
    return {"reservation": number, "counted": []}


def halves(database: Database, number: int) -> tuple[str, str]:
    """The states of a move's shrink, which has this id, and of the growth that follows it."""
    ((shrink, growth),) = database.rows(_HALVES, number)
    return shrink, growth


def _require_held(source: Leaf, amounts: Mapping[str, int]) -> None:
    held = source.target()
    if any(value > held.get(d, 0) for d, value in amounts.items()):
        raise UsageError(
            Text(f"{source.name} 没有这么多额度可调出", f"{source.name} does not hold as much"),
            Text("核对调剂的数额", "check the amounts"),
        )


def _rehearse(
    connection: Connection, source: Leaf, target: Leaf, amounts: Mapping[str, int], at: str
) -> None:
    """Whether it would fit, on the paths as they are now; the two are not used for figures after it.

    Raises:
        ShortageError: it would not.
    """
    connection.execute("SAVEPOINT rehearsal")
    try:
        leaves.charge(connection, source, {d: -value for d, value in amounts.items()}, at)
        leaves.charge(connection, target, amounts, at)
    finally:
        connection.execute("ROLLBACK TO SAVEPOINT rehearsal")
        connection.execute("RELEASE SAVEPOINT rehearsal")
