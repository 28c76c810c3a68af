"""What the pools can carry, and the deficits that open when they carry less.

Called through `Capacity`. Calls `climb` and `promises`. Promises that the city's limit in a pool is
floor((supply - reserve) x percent / 100) and over all pools their sum, and that a fall of supply is recorded
with its cause, whatever is already promised: the ledger says what is true, and refuses growth until it fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import Text, UsageError
from yunjin.ledger import causes, promises, rows
from yunjin.ledger.cells import Step
from yunjin.ledger.climb import climb
from yunjin.ledger.records import audited
from yunjin.model.amounts import MOST, known
from yunjin.model.estate import CITY
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

Figure = tuple[int, int, int]
"""Supply, reserve, percent."""

_NOW: Final = (
    "SELECT dimension, supply, reserve, percent FROM pool_supply WHERE pool = ? AND superseded IS NULL"
)
_END: Final = "UPDATE pool_supply SET superseded = ? WHERE pool = ? AND dimension = ? AND superseded IS NULL"
_ADD: Final = (
    "INSERT INTO pool_supply (pool, dimension, supply, reserve, percent, cause, valid_from, recorded) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_SHORT: Final = (
    "SELECT dimension, amount FROM quota_deficits "
    "WHERE node = ? AND pool = ? AND promise = 0 AND closed IS NULL ORDER BY dimension"
)
_MOST_PERCENT: Final = 1000
_PLAIN: Final[Figure] = (0, 0, 100)
"""Of a dimension that a pool does not have."""
_MOST_CAUSE: Final = 400


@audited
def set_supply(connection: Connection, request: Request) -> Result:
    """A pool's supply becomes what is stated; a dimension that is not stated is gone.

    Args:
        connection: of the transaction.
        request: `pool`; `supply`, `reserve` (amounts by dimension), `percent` (by dimension, 100 where none
            is given); `cause`, why, as people will read it beside a deficit; `today`, the business date.

    Returns:
        As `replace` does.

    Raises:
        UsageError: an amount below zero or beyond what is counted, an unknown dimension, no cause.
    """
    supply, reserve, percent = request["supply"], request["reserve"], request["percent"]
    rows.lock(connection, CITY)
    figures = {d: (supply.get(d, 0), reserve.get(d, 0), percent.get(d, 100)) for d in {*supply, *reserve}}
    return replace(connection, request, figures)


@audited
def change_supply(connection: Connection, request: Request) -> Result:
    """A pool's supply becomes, rises or falls by what is stated; the rest stays.

    Args:
        connection: of the transaction.
        request: `pool`; by dimension `supply`, `reserve` and `percent`, the new figures, and `delta`,
            differences of supply; `cause`; `today`.

    Returns:
        As `replace` does.

    Raises:
        UsageError: as `set_supply`, or a fall of more than there is.
    """
    rows.lock(connection, CITY)
    return replace(connection, request, changed(connection, request))


def changed(connection: Connection, request: Request) -> dict[str, Figure]:
    """The figures of a pool with what `change_supply` is asked for. The city is locked."""
    pool = str(request["pool"])
    figures = figures_of(connection, pool)
    names = ("supply", "delta", "reserve", "percent")
    stated, delta, reserve, percent = (request.get(name) or {} for name in names)
    for d in {*stated, *delta, *reserve, *percent}:
        stood, kept, ratio = figures.get(d, _PLAIN)
        supply = stated.get(d, stood)
        _require_counted(pool, d, supply)
        _require_counted(pool, d, delta.get(d, 0), least=-MOST)
        if supply + delta.get(d, 0) < 0:
            name = dimension_text(d)
            raise UsageError(
                Text(
                    f"资源池 {pool} 的{name.zh}供给只有 {amount_text(d, supply, 'zh')}, 不能减少这么多",
                    f"pool {pool} has {amount_text(d, supply, 'en')} of {name.en}: it cannot lose so much",
                ),
                Text("用 yunjin supply show 核对供给", "check it with `yunjin supply show`"),
            )
        figures[d] = (supply + delta.get(d, 0), reserve.get(d, kept), percent.get(d, ratio))
    return figures


def figures_of(connection: Connection, pool: str) -> dict[str, Figure]:
    """Supply, reserve and percent of a pool, by dimension."""
    return {d: (supply, reserve, percent) for d, supply, reserve, percent in _rows(connection, pool)}


def replace(connection: Connection, request: Request, figures: Mapping[str, Figure]) -> Result:
    """Give a pool these figures, as part of an operation that has locked the city.

    Args:
        connection: of the transaction.
        request: `pool`, `cause`, `at`; `today`, the day of `at` where it is not given.
        figures: the whole of them.

    Returns:
        `bound`, the city's limit in the pool from now on; `deficits`, the charges and `promises`, the
        guarantees that do not fit, by dimension.
    """
    pool, at, cause = str(request["pool"]), str(request["at"]), str(request["cause"]).strip()
    _require_sound(pool, figures, cause)
    old = figures_of(connection, pool)
    figures = {**dict.fromkeys(old, _PLAIN), **figures}
    begun = sorted(d for d, figure in figures.items() if old.get(d, _PLAIN) != figure)
    connection.executemany(_END, [(at, pool, d) for d in begun])
    today = str(request.get("today") or causes.day(at))
    connection.executemany(_ADD, [(pool, d, *figures[d], cause, today, at) for d in begun])
    bounds = {d: bound(*figure) for d, figure in figures.items()}
    change = {d: bounds[d] - bound(*old.get(d, _PLAIN)) for d in begun}
    change = {d: value for d, value in change.items() if value}
    climb(connection, CITY, pool, Step(limit=change, limit_all=change, cause=cause), at)
    # Also where the limit stays: what stands there for guarantees may be another.
    promised = promises.record(connection, pool, cause, at)
    short = dict(connection.execute(_SHORT, (CITY, pool)).fetchall())
    return {"pool": pool, "bound": bounds, "deficits": short, "promises": promised, "counted": []}


def bound(supply: int, reserve: int, percent: int) -> int:
    """How much of a supply may be promised."""
    return max(0, supply - reserve) * percent // 100


def require_counted(name: str, amounts: Mapping[str, Any]) -> None:
    """Refuse amounts of `name` that the ledger cannot mean. Raises UsageError."""
    for dimension, value in amounts.items():
        _require_counted(name, dimension, value)


def _rows(connection: Connection, pool: str) -> list[tuple[Any, ...]]:
    return list(connection.execute(_NOW, (pool,)).fetchall())


def _require_sound(pool: str, figures: Mapping[str, Figure], cause: str) -> None:
    if not pool or pool == "*":
        raise UsageError(Text("须写明资源池", "name the pool"))
    if not 1 <= len(cause) <= _MOST_CAUSE or not cause.isprintable():
        raise UsageError(
            Text("供给变动须用一行文字写明原因", "a change of supply needs its cause, in one line"),
            Text("用 --cause 写明", "say it with --cause"),
        )
    for dimension, (supply, reserve, percent) in figures.items():
        require_counted(pool, {dimension: supply})
        require_counted(pool, {dimension: reserve})
        if not isinstance(percent, int) or not 0 <= percent <= _MOST_PERCENT:
            raise UsageError(
                Text(
                    f"资源池 {pool} 的超分比例不能为 {percent}%",
                    f"pool {pool} cannot promise {percent}% of its supply",
                ),
                Text(f"写 0 到 {_MOST_PERCENT} 之间的整数", f"write a whole number up to {_MOST_PERCENT}"),
            )
        require_counted(pool, {dimension: bound(supply, reserve, percent)})


def _require_counted(name: str, dimension: str, value: Any, least: int = 0) -> None:
    if not known(dimension):
        raise UsageError(
            Text(f"台账不计 {dimension}", f"the ledger counts no {dimension}"),
            Text("核对资源类型", "check the dimension"),
        )
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
        zh, en = dimension_text(dimension).zh, dimension_text(dimension).en
        raise UsageError(
            Text(f"{name} 的{zh}不能为 {value}", f"{name} cannot have {value} of {en}"),
            Text(
                "数额不能为负或超出可计范围",
                "amounts are whole, not below zero, and not beyond what is counted",
            ),
        )
