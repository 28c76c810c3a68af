"""Grants: dated raises of a node's limit and guarantee, each with its basis.

Called through `Ledger`. Calls `climb`. Promises that a limit which rises fits its parent's, that a guarantee
fits all the way up from the day it is approved (a grant that begins later is held beside its node until
then), and that an end lowers limits and takes nothing away: what is used beyond them becomes a deficit.

    future ──start──> in_force ──end──> ended
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, RefusalError, Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.cells import ALL, Cell, Excess, Step
from yunjin.ledger.climb import climb, require_no_deficit, shortage
from yunjin.ledger.records import audited
from yunjin.model.amounts import MOST
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

Figures = dict[str, dict[str, int]]
"""By pool, by dimension."""

_ADD: Final = (
    "INSERT INTO grants (number, node, kind, grantor, basis, valid_from, valid_to, state, follows, recorded) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_AMOUNT: Final = (
    "INSERT INTO grant_amounts (grant_id, pool, dimension, limit_, guarantee) VALUES (?, ?, ?, ?, ?)"
)
_ONE: Final = (
    "SELECT id, node, state, valid_from, valid_to FROM grants "
    "WHERE number = ? AND superseded IS NULL AND state <> 'moved'"
)
_AMOUNTS: Final = "SELECT pool, dimension, limit_, guarantee FROM grant_amounts WHERE grant_id = ?"
_SUPERSEDE: Final = "UPDATE grants SET superseded = ? WHERE id = ?"
_AGAIN: Final = (
    "INSERT INTO grants "
    "(number, node, kind, grantor, basis, valid_from, valid_to, state, cause, follows, recorded) "
    "SELECT number, node, kind, grantor, COALESCE(?, basis), valid_from, ?, ?, ?, id, ? FROM grants "
    "WHERE id = ? RETURNING id"
)
_COPY: Final = (
    "INSERT INTO grant_amounts (grant_id, pool, dimension, limit_, guarantee) "
    "SELECT ?, pool, dimension, limit_, guarantee FROM grant_amounts WHERE grant_id = ?"
)


@audited
def add_grant(connection: Connection, request: Request) -> Result:
    """Approve a grant.

    Args:
        connection: of the transaction.
        request: `number`, "" for the next of the ledger's own; `node`; `limit`, by pool, by dimension, pool
            `*` for the raise over all pools; `guarantee`, by pool, by dimension; `kind` (grant, opening,
            contribution); `grantor`, the node by whose authority; `basis`; `valid_from` (inclusive),
            `valid_to` (exclusive, or None); `today`.

    Raises:
        ShortageError: a limit above is in the way.
        RefusalError: the pool is in deficit, or the grantor does not stand above the node.
        UsageError: figures or dates that cannot be meant.
        ConflictError: the number is taken.
    """
    _require_sound(request)
    rows.lock_tree(connection)
    node = str(request["node"])
    _require_authority(connection, node, str(request["grantor"]))
    limit, guarantee = _figures(request["limit"]), _figures(request["guarantee"])
    begun = request["valid_from"] <= request["today"]
    numbered = {**request, "number": _number(connection, request)}
    _insert(connection, numbered, "in_force" if begun else "future", limit, guarantee)
    if begun:
        _enter(connection, node, limit, guarantee, request["at"])
    elif guarantee:
        _hold(connection, node, numbered, guarantee)
    return {"grant": numbered["number"], "state": "in_force" if begun else "future", "counted": []}


@audited
def start_grant(connection: Connection, request: Request) -> Result:
    """The day of a grant has come. Raises as `add_grant` does; what was held for it is its own until then."""
    number, node, state, _, until = _grant(connection, request)
    if state != "future":
        return {"grant": request["number"], "state": state, "counted": []}
    limit, guarantee = _recorded(connection, number)
    if guarantee:
        _unhold(connection, request, guarantee)
    _enter(connection, node, limit, guarantee, request["at"])
    _again(connection, number, request, "in_force", until)
    return {"grant": request["number"], "state": "in_force", "counted": []}


@audited
def end_grant(connection: Connection, request: Request) -> Result:
    """A grant ends: its day has come, or it is withdrawn. `cause` stands beside the deficit that may open."""
    number, node, state, _, until = _grant(connection, request)
    if state == "ended":
        return {"grant": request["number"], "state": "ended", "counted": []}
    limit, guarantee = _recorded(connection, number)
    if state == "future" and guarantee:
        _unhold(connection, request, guarantee)
    elif state == "in_force":
        lower = {pool: {d: -value for d, value in by.items()} for pool, by in limit.items()}
        give_back = {pool: {d: -value for d, value in by.items()} for pool, by in guarantee.items()}
        _step(connection, node, lower, give_back, request["at"], str(request["cause"]))
    today = str(request["today"])
    _again(connection, number, request, "ended", min(until, today) if until else today)
    return {"grant": request["number"], "state": "ended", "counted": []}


@audited
def renew_grant(connection: Connection, request: Request) -> Result:
    """A grant runs until another day, `valid_to`. The earlier term stays on record."""
    number, _, state, valid_from, _ = _grant(connection, request)
    if state == "ended":
        raise RefusalError(
            Text(f"核定配额 {request['number']} 已到期", f"grant {request['number']} has ended"),
            Text("重新核定一笔", "add a new grant"),
        )
    until = request["valid_to"]
    if until is not None and until <= max(valid_from, request["today"]):
        raise UsageError(Text("新的到期日须晚于今天", "the new end must be after today"))
    _again(connection, number, request, state, until)
    return {"grant": request["number"], "state": state, "counted": []}


def _again(connection: Connection, version: int, request: Request, state: str, until: str | None) -> None:
    """What a grant says from now on, with its new basis or cause; what it said until now stays on record."""
    connection.execute(_SUPERSEDE, (request["at"], version))
    said = (request.get("basis"), until, state, request.get("cause"), request["at"], version)
    row = connection.execute(_AGAIN, said).fetchone()
    connection.execute(_COPY, (row[0], version))


def _enter(connection: Connection, node: str, limit: Figures, guarantee: Figures, at: str) -> None:
    """Raise limits, against the parent's, and carve guarantees out."""
    parent = rows.node(connection, node).parent
    for pool in sorted({*limit, *guarantee} - {ALL}):
        require_no_deficit(connection, pool)
    _step(connection, node, limit, guarantee, at, "")
    if parent is None:
        return
    for pool in sorted(limit):
        _require_within(connection, node, parent, pool, limit[pool])


def _step(connection: Connection, node: str, limit: Figures, guarantee: Figures, at: str, cause: str) -> None:
    rows.lock_paths(connection, (node,))
    pools = sorted({*limit, *guarantee} - {ALL})
    for pool in pools:
        over_all = limit.get(ALL, {}) if pool == pools[0] else {}
        step = Step(guarantee=guarantee.get(pool, {}), limit=limit.get(pool, {}), limit_all=over_all)
        climb(connection, node, pool, step, at, cause=cause)


def _require_within(
    connection: Connection, node: str, parent: str, pool: str, raised: Mapping[str, int]
) -> None:
    """What was raised may not be above what the parent may have itself."""
    own, above = rows.cells(connection, node, pool), rows.cells(connection, parent, pool)
    for dimension in sorted(raised):
        key = (pool, dimension)
        limit, bound = own.get(key, Cell()).limit, above.get(key, Cell()).limit
        if raised[dimension] > 0 and limit > bound:
            excess = Excess(*key, bound, limit - raised[dimension], raised[dimension])
            raise shortage(connection, parent, excess, "")


def _hold(connection: Connection, node: str, request: Request, guarantee: Figures) -> None:
    """Carve a later guarantee out of the parent, in a node of its own beside the one that gets it."""
    parent = rows.node(connection, node).parent
    name = f"hold/{request['number']}"
    connection.execute("INSERT INTO quota_nodes (id, parent, pool) VALUES (?, ?, NULL)", (name, parent))
    _step(connection, name, _with_total(guarantee), guarantee, request["at"], "")


def _unhold(connection: Connection, request: Request, guarantee: Figures) -> None:
    name = f"hold/{request['number']}"
    back = {pool: {d: -value for d, value in by.items()} for pool, by in guarantee.items()}
    _step(connection, name, _with_total(back), back, request["at"], "")
    connection.execute("DELETE FROM quota_cells WHERE node = ?", (name,))
    connection.execute("DELETE FROM quota_nodes WHERE id = ?", (name,))


def _with_total(figures: Figures) -> Figures:
    whole: dict[str, int] = {}
    for by in figures.values():
        for dimension, value in by.items():
            whole[dimension] = whole.get(dimension, 0) + value
    return {**figures, ALL: whole}


def _number(connection: Connection, request: Request) -> str:
    """The number asked for, if nobody has it, or the next of the year: G-2026-0001."""
    if asked := str(request["number"]):
        if connection.execute("SELECT 1 FROM grants WHERE number = ?", (asked,)).fetchone() is not None:
            raise ConflictError(
                Text(f"核定配额 {asked} 已存在", f"grant {asked} exists already"),
                Text("换一个编号, 或不写编号由台账编排", "choose another, or leave it to the ledger"),
            )
        return asked
    series = f"G-{str(request['today'])[:4]}-"
    sql = "SELECT DISTINCT number FROM grants WHERE number LIKE ?"
    taken = [name.removeprefix(series) for (name,) in connection.execute(sql, (f"{series}%",)).fetchall()]
    return f"{series}{max((int(part) for part in taken if part.isdecimal()), default=0) + 1:04}"


def _insert(connection: Connection, request: Request, state: str, limit: Figures, guarantee: Figures) -> None:
    names = ("number", "node", "kind", "grantor", "basis", "valid_from", "valid_to")
    values: list[Any] = [request[name] for name in names]
    row = connection.execute(_ADD, (*values, state, None, request["at"])).fetchone()
    number = int(row[0])
    keys = {(pool, d) for figures in (limit, guarantee) for pool, by in figures.items() for d in by}
    connection.executemany(
        _AMOUNT,
        [
            (number, pool, d, limit.get(pool, {}).get(d, 0), guarantee.get(pool, {}).get(d, 0))
            for pool, d in sorted(keys)
        ],
    )


def _grant(connection: Connection, request: Request) -> tuple[int, str, str, str, str | None]:
    rows.lock_tree(connection)
    row = connection.execute(_ONE, (request["number"],)).fetchone()
    if row is None:
        raise UsageError(
            Text(f"没有核定配额 {request['number']}", f"there is no grant {request['number']}"),
            Text("用 yunjin grant list 核对编号", "check the number with `yunjin grant list`"),
        )
    return row[0], row[1], row[2], row[3], row[4]


def _recorded(connection: Connection, number: int) -> tuple[Figures, Figures]:
    limit: Figures = {}
    guarantee: Figures = {}
    for pool, dimension, raised, carved in connection.execute(_AMOUNTS, (number,)).fetchall():
        if raised:
            limit.setdefault(pool, {})[dimension] = raised
        if carved:
            guarantee.setdefault(pool, {})[dimension] = carved
    return limit, guarantee


def _figures(by_pool: Mapping[str, Mapping[str, int]]) -> Figures:
    found = {pool: {d: int(value) for d, value in by.items() if value} for pool, by in by_pool.items()}
    return {pool: by for pool, by in found.items() if by}


def _require_sound(request: Request) -> None:
    limit, guarantee = request["limit"], request["guarantee"]
    if request["node"] == CITY or str(request["node"]).startswith("leaf/"):
        raise UsageError(
            Text(
                "核定配额给单位, 不给全市或命名空间",
                "a grant is a body's or a tenant's, never the city's or a leaf's",
            )
        )
    if not limit.keys() - {ALL} or ALL in guarantee:
        raise UsageError(Text("核定配额须写明资源池", "a grant names its pools"))
    for figures in (limit, guarantee):
        if any(not 0 <= value <= MOST for by in figures.values() for value in by.values()):
            raise UsageError(
                Text("数额不能为负或超出可计范围", "amounts cannot be below zero or beyond what is counted")
            )
    if any(
        value > limit.get(pool, {}).get(d, 0) for pool, by in guarantee.items() for d, value in by.items()
    ):
        raise UsageError(Text("保底额度不能高于配额上限", "a guarantee cannot be above the limit"))
    until = request["valid_to"]
    if until is not None and until <= max(request["valid_from"], request["today"]):
        raise UsageError(Text("到期日须晚于起始日和今天", "the end must be after the start and after today"))


def _require_authority(connection: Connection, node: str, grantor: str) -> None:
    """A body may share out what is below it; only the city shares out among bodies."""
    above = rows.node(connection, node).parent
    while above is not None and above != grantor:
        above = rows.node(connection, above).parent
    if above is None:
        raise RefusalError(
            Text(f"{grantor} 不是 {node} 的上级, 无权核定", f"{grantor} does not stand above {node}"),
            Text("由其上级单位核定", "the decision belongs to a body above it"),
        )
