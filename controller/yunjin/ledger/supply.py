"""What the pools can carry, and the deficits that open when they carry less.

Called through `Ledger`. Calls `climb`. Promises that the city's limit in a pool is
floor((supply - reserve) x percent / 100) and over all pools their sum, and that a fall of supply is recorded
with its cause, whatever is already promised: the ledger says what is true, and refuses growth until it fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.cells import Cell, Step
from yunjin.ledger.climb import climb
from yunjin.ledger.records import audited
from yunjin.model.amounts import MOST
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

_NOW: Final = (
    "SELECT dimension, supply, reserve, percent FROM pool_supply WHERE pool = ? AND superseded IS NULL"
)
_END: Final = "UPDATE pool_supply SET superseded = ? WHERE pool = ? AND superseded IS NULL"
_ADD: Final = (
    "INSERT INTO pool_supply (pool, dimension, supply, reserve, percent, cause, valid_from, recorded) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@audited
def set_supply(connection: Connection, request: Request) -> Result:
    """A pool's supply changes.

    Args:
        connection: of the transaction.
        request: `pool`; `supply`, `reserve` (amounts by dimension), `percent` (by dimension, 100 where none
            is given); `cause`, why, as people will read it beside a deficit.

    Returns:
        `deficits`: what opened or stays open, by dimension.

    Raises:
        UsageError: an amount below zero or beyond what is counted.
    """
    pool = str(request["pool"])
    figures = {
        d: (int(value), int(request["reserve"].get(d, 0)), int(request["percent"].get(d, 100)))
        for d, value in request["supply"].items()
    }
    if any(not 0 <= part <= MOST for figure in figures.values() for part in figure):
        raise UsageError(Text(f"资源池 {pool} 的供给数额有误", f"the supply of pool {pool} cannot be meant"))
    rows.lock(connection, CITY)
    old = {d: bound(*rest) for d, *rest in connection.execute(_NOW, (pool,)).fetchall()}
    new = {d: bound(*figure) for d, figure in figures.items()}
    at, cause = str(request["at"]), str(request["cause"])
    connection.execute(_END, (at, pool))
    connection.executemany(_ADD, [(pool, d, *figure, cause, at[:10], at) for d, figure in figures.items()])
    change = {d: new.get(d, 0) - old.get(d, 0) for d in {*old, *new}}
    change = {d: value for d, value in change.items() if value}
    climb(connection, CITY, pool, Step(limit=change, limit_all=change), at, cause=cause)
    cells = rows.cells(connection, CITY, pool)
    short = {d: deficit for d in new if (deficit := cells.get((pool, d), Cell()).deficit)}
    return {"pool": pool, "bound": new, "deficits": short, "counted": []}


def bound(supply: int, reserve: int, percent: int) -> int:
    """How much of a supply may be promised."""
    return max(0, supply - reserve) * percent // 100
