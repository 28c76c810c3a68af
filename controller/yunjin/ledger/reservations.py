"""Reservations: reserve, commit, confirm, release, expire.

Called through `Ledger` and, for `commit` and `confirm`, by `yunjin.apply` in the transaction of its journal.
Calls `climb`. Promises that in flight the greater of old and new is charged: what a reservation adds counts
from the moment it is made, what it takes away counts only once the backend was seen lowered.

    reserved ──commit──> committed ──confirm──> confirmed
        └──release, expire──> released, expired
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, RefusalError, Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.climb import climb_leaf
from yunjin.ledger.records import audited, record
from yunjin.model.amounts import MOST
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

_INSERT: Final = (
    "INSERT INTO reservations (leaf, pool, state, expires, follows, actor, at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_DELTA: Final = "INSERT INTO reservation_amounts (reservation, dimension, delta) VALUES (?, ?, ?)"
_OPEN: Final = (
    "SELECT r.id, r.state, d.dimension, d.delta FROM reservations r "
    "JOIN reservation_amounts d ON d.reservation = r.id "
    "WHERE r.leaf = ? AND r.state IN ('reserved', 'committed') ORDER BY r.id, d.dimension"
)
_ONE: Final = "SELECT leaf, pool, state FROM reservations WHERE id = ?"
_DELTAS: Final = "SELECT dimension, delta FROM reservation_amounts WHERE reservation = ?"
_STATE: Final = "UPDATE reservations SET state = ?, expires = ? WHERE id = ? AND state = ?"


@audited
def reserve(connection: Connection, request: Request) -> Result:
    """Change what a leaf is allotted.

    Args:
        connection: of the transaction.
        request: `leaf`; either `delta` (differences by dimension) or `target` (amounts by dimension, the
            others stay); `expires`, UTC text, or None.

    Returns:
        `reservation`, its id, None where nothing differs; `target`, what the leaf shall hold after it.

    Raises:
        ShortageError: a limit above is in the way.
        RefusalError: the pool is in deficit and takes no growth.
        UsageError: no such leaf, an ended one, amounts below zero or beyond what is counted.
    """
    return place(connection, request)


def place(connection: Connection, request: Request) -> Result:
    """`reserve` as part of another operation."""
    leaf = str(request["leaf"])
    pool = _pool_of(connection, leaf)
    wanted = targets(connection, leaf, pool)
    delta = _delta(request, wanted)
    if not delta:
        return {"reservation": None, "target": wanted, "counted": []}
    after = {d: wanted.get(d, 0) + delta.get(d, 0) for d in {*wanted, *delta}}
    _require_countable(leaf, after)
    growth = {d: value for d, value in delta.items() if value > 0}
    if growth:
        require_no_deficit(connection, pool)
        climb_leaf(connection, leaf, pool, growth, request["at"])
    number = _insert(connection, request, pool, "reserved", delta)
    return {"reservation": number, "target": after, "counted": [[leaf, pool, growth]] if growth else []}


@operation
def commit(connection: Connection, request: Request) -> list[int]:
    """What a leaf's open reservations add up to is about to be written; from now on they do not expire.

    Args:
        connection: of the transaction that also writes the journal's row.
        request: `leaf`, `target`: the amounts about to be written.

    Returns:
        Ids of the reservations that are committed now.

    Raises:
        ConflictError: the ledger holds another target for this leaf by now.
    """
    leaf, target = str(request["leaf"]), request["target"]
    pool = _pool_of(connection, leaf)
    held = targets(connection, leaf, pool)
    if any(held.get(d, 0) != target.get(d, 0) for d in {*held, *target}):
        raise ConflictError(
            Text(f"{leaf} 的台账额度已变动", f"the ledger holds another figure for {leaf} by now"),
            Text("请重新生成变更方案", "plan again"),
        )
    numbers = [number for number, state, _ in _open(connection, leaf) if state == "reserved"]
    for number in numbers:
        connection.execute(_STATE, ("committed", None, number, "reserved"))
    if numbers:
        _record(connection, request, "commit", numbers, {"reservations": numbers, "counted": []})
    return numbers


@operation
def confirm(connection: Connection, request: Request) -> list[int]:
    """The backend was read back. What is really in force ends its reservations' way.

    Args:
        connection: of the transaction.
        request: `leaf`; `enforced` and `used`, amounts by dimension as the backend shows them.

    Returns:
        Ids of the reservations that are confirmed now; empty while the backend still holds something else,
        or something uses more than the new figure.
    """
    leaf, enforced, used = str(request["leaf"]), request["enforced"], request["used"]
    rows.lock_paths(connection, (leaf, *_following(connection, leaf)))
    pool = _pool_of(connection, leaf)
    found = [(number, delta) for number, state, delta in _open(connection, leaf) if state == "committed"]
    held = targets(connection, leaf, pool, states=("committed",))
    shrunk = {d for _, delta in found for d, value in delta.items() if value < 0}
    if any(enforced.get(d) != value for d, value in held.items()) or any(
        used.get(d, 0) > held.get(d, 0) for d in shrunk
    ):
        return []
    counted = []
    for number, delta in found:
        connection.execute(_STATE, ("confirmed", None, number, "committed"))
        freed = {d: value for d, value in delta.items() if value < 0}
        climb_leaf(connection, leaf, pool, freed, request["at"])
        if freed:
            counted.append([leaf, pool, freed])
    numbers = [number for number, _ in found]
    if numbers:
        result: Result = {"reservations": numbers, "counted": counted}
        _record(connection, request, "confirm", numbers, result)
        for number in numbers:
            _begin_followers(connection, request, number)
    return numbers


@audited
def release(connection: Connection, request: Request) -> Result:
    """Give a reservation up.

    Args:
        connection: of the transaction.
        request: `reservation`; `enforced`, what the backend was seen to hold, needed once it was committed.

    Raises:
        RefusalError: the backend may hold it: it is confirmed, or not seen to be without it.
        UsageError: no such reservation.
    """
    number = int(request["reservation"])
    leaf, pool, state = _reservation(connection, number)
    if state in ("released", "expired"):
        return {"reservation": number, "counted": []}
    delta = _deltas(connection, number)
    growth = {d: value for d, value in delta.items() if value > 0}
    if state in ("committed", "confirmed") and not _seen_without(connection, request, leaf, pool, growth):
        raise RefusalError(
            Text(
                f"预占 {number} 已下发, 尚未看到 {leaf} 降回原额度",
                f"reservation {number} was written and {leaf} was not seen without it",
            ),
            Text(
                "先用 yunjin allot 调低该额度并下发执行", "lower it with `yunjin allot` and apply that first"
            ),
        )
    return _give_back(connection, request, number, "released")


@operation
def expire(connection: Connection, request: Request) -> bool:
    """End one reservation whose time is over at `at`; False where it is not, or no longer, to be ended."""
    number = int(request["reservation"])
    leaf, _, _ = _reservation(connection, number)
    rows.lock(connection, leaf)
    row = connection.execute("SELECT state, expires FROM reservations WHERE id = ?", (number,)).fetchone()
    if row[0] != "reserved" or row[1] is None or row[1] > request["at"]:
        return False
    _record(connection, request, "expire", [number], _give_back(connection, request, number, "expired"))
    return True


@audited
def move(connection: Connection, request: Request) -> Result:
    """Move an allotment from one leaf to another: shrink, confirm, and in that transaction grow.

    What the shrink will free is charged to the first leaf until it is confirmed, and then to the second.

    Args:
        connection: of the transaction.
        request: `source`, `target` (leaves), `amounts` by dimension.

    Raises:
        ShortageError: the second leaf's path would not take it.
        UsageError: the first does not hold as much.
    """
    source, target, amounts = str(request["source"]), str(request["target"]), request["amounts"]
    if source == target or not amounts or any(value <= 0 for value in amounts.values()):
        raise UsageError(
            Text("调剂须有两个不同的去处和正的数额", "a move needs two leaves and amounts above 0")
        )
    rows.lock_paths(connection, (source, target))
    pool = _pool_of(connection, target)
    require_no_deficit(connection, pool)
    _rehearse(connection, request, source, target)
    taken = {d: -value for d, value in amounts.items()}
    shrink = place(connection, {**request, "leaf": source, "delta": taken, "expires": None})
    follower = {**request, "leaf": target, "expires": None, "follows": shrink["reservation"]}
    number = _insert(connection, follower, pool, "waiting", amounts)
    return {"reservation": shrink["reservation"], "follower": number, "counted": []}


def targets(
    connection: Connection, leaf: str, pool: str, states: Iterable[str] = ("reserved", "committed")
) -> dict[str, int]:
    """What a leaf shall hold once its open reservations in `states` are through; the leaf is locked."""
    rows.lock(connection, leaf)
    held = {key[1]: cell.allotted for key, cell in rows.cells(connection, leaf, pool).items()}
    for _, state, delta in _open(connection, leaf):
        for dimension, value in delta.items():
            if value < 0 and state in states:
                held[dimension] = held.get(dimension, 0) + value
            elif value > 0 and state not in states:
                held[dimension] = held.get(dimension, 0) - value
    return held


def require_no_deficit(connection: Connection, pool: str) -> None:
    """A pool that cannot carry what it promised takes no growth. Raises RefusalError."""
    sql = "SELECT cause, opened FROM quota_deficits WHERE node = 'city' AND pool = ? AND closed IS NULL"
    row = connection.execute(sql, (pool,)).fetchone()
    if row is not None:
        raise RefusalError(
            Text(
                f"资源池 {pool} 自 {row[1][:10]} 起欠额({row[0]}), 暂不新增",
                f"pool {pool} is in deficit since {row[1][:10]} ({row[0]}) and takes no growth",
            ),
            Text(
                "见 yunjin ledger explain city 中的补足办法", "`yunjin ledger explain city` shows the relief"
            ),
            facts={"pool": pool, "cause": row[0], "since": row[1]},
        )


def _delta(request: Request, wanted: Mapping[str, int]) -> dict[str, int]:
    if "target" in request:
        asked: Mapping[str, int] = request["target"]
        _require_countable(str(request["leaf"]), asked)
        return {d: value - wanted.get(d, 0) for d, value in asked.items() if value != wanted.get(d, 0)}
    return {d: value for d, value in request["delta"].items() if value}


def _require_countable(leaf: str, amounts: Mapping[str, int]) -> None:
    for dimension, value in amounts.items():
        if not 0 <= value <= MOST:
            raise UsageError(
                Text(f"{leaf} 的 {dimension} 不能为 {value}", f"{leaf} cannot hold {value} of {dimension}"),
                Text("核对申请的数额", "check the amount asked for"),
            )


def _pool_of(connection: Connection, leaf: str) -> str:
    node = rows.lock(connection, leaf)
    if node.pool is None or node.ended is not None:
        raise UsageError(
            Text(f"{leaf} 不是在用的命名空间或项目", f"{leaf} is no namespace or project in use"),
            Text("用 yunjin ledger show 核对名称", "check the name with `yunjin ledger show`"),
        )
    return node.pool


def _insert(connection: Connection, request: Request, pool: str, state: str, delta: Mapping[str, int]) -> int:
    row = connection.execute(
        _INSERT,
        (
            request["leaf"],
            pool,
            state,
            request.get("expires"),
            request.get("follows"),
            request["actor"],
            request["at"],
        ),
    ).fetchone()
    number = int(row[0]) if row else 0
    connection.executemany(_DELTA, [(number, dimension, value) for dimension, value in delta.items()])
    return number


def _open(connection: Connection, leaf: str) -> list[tuple[int, str, dict[str, int]]]:
    found: dict[int, tuple[str, dict[str, int]]] = {}
    for number, state, dimension, value in connection.execute(_OPEN, (leaf,)).fetchall():
        found.setdefault(number, (state, {}))[1][dimension] = value
    return [(number, state, delta) for number, (state, delta) in found.items()]


def _reservation(connection: Connection, number: int) -> tuple[str, str, str]:
    row = connection.execute(_ONE, (number,)).fetchone()
    if row is None:
        raise UsageError(Text(f"没有预占 {number}", f"there is no reservation {number}"))
    return row[0], row[1], row[2]


def _deltas(connection: Connection, number: int) -> dict[str, int]:
    return dict(connection.execute(_DELTAS, (number,)).fetchall())


def _seen_without(
    connection: Connection, request: Request, leaf: str, pool: str, growth: Mapping[str, int]
) -> bool:
    enforced = request.get("enforced")
    if enforced is None:
        return False
    rows.lock(connection, leaf)
    held = {key[1]: cell.allotted for key, cell in rows.cells(connection, leaf, pool).items()}
    return all(enforced.get(d, 0) <= held.get(d, 0) - value for d, value in growth.items())


def _give_back(connection: Connection, request: Request, number: int, state: str) -> Result:
    leaf, pool, before = _reservation(connection, number)
    freed = {d: -value for d, value in _deltas(connection, number).items() if value > 0}
    if before == "waiting":
        freed = {}
    connection.execute(_STATE, (state, None, number, before))
    climb_leaf(connection, leaf, pool, freed, request["at"])
    return {"reservation": number, "counted": [[leaf, pool, freed]] if freed else []}


def _following(connection: Connection, leaf: str) -> list[str]:
    sql = (
        "SELECT f.leaf FROM reservations f JOIN reservations r ON r.id = f.follows "
        "WHERE r.leaf = ? AND f.state = 'waiting'"
    )
    return [name for (name,) in connection.execute(sql, (leaf,)).fetchall()]


def _begin_followers(connection: Connection, request: Request, number: int) -> None:
    sql = "SELECT id, leaf, pool FROM reservations WHERE follows = ? AND state = 'waiting'"
    for follower, leaf, pool in connection.execute(sql, (number,)).fetchall():
        amounts = _deltas(connection, follower)
        connection.execute("SAVEPOINT follower")
        try:
            climb_leaf(connection, leaf, pool, amounts, request["at"])
        except RefusalError:
            connection.execute("ROLLBACK TO SAVEPOINT follower")
            state, counted = "released", []
        else:
            state, counted = "reserved", [[leaf, pool, amounts]]
        connection.execute("RELEASE SAVEPOINT follower")
        connection.execute(_STATE, (state, None, follower, "waiting"))
        _record(connection, request, "follow", [follower], {"state": state, "counted": counted})


def _rehearse(connection: Connection, request: Request, source: str, target: str) -> None:
    """Whether the move would fit, on the path as it is now."""
    amounts: dict[str, int] = dict(request["amounts"])
    held = targets(connection, source, _pool_of(connection, source))
    short = {d: value for d, value in amounts.items() if value > held.get(d, 0)}
    if short:
        raise UsageError(
            Text(f"{source} 没有这么多额度可调出", f"{source} does not hold as much"),
            Text("核对调剂的数额", "check the amounts"),
        )
    connection.execute("SAVEPOINT rehearsal")
    try:
        freed = {d: -value for d, value in amounts.items()}
        climb_leaf(connection, source, _pool_of(connection, source), freed, request["at"])
        climb_leaf(connection, target, _pool_of(connection, target), amounts, request["at"])
    finally:
        connection.execute("ROLLBACK TO SAVEPOINT rehearsal")
        connection.execute("RELEASE SAVEPOINT rehearsal")


def _record(connection: Connection, request: Request, name: str, numbers: list[int], result: Any) -> None:
    key = f"{name}/{','.join(map(str, numbers))}"
    record(connection, name, {**request, "key": key}, result)
