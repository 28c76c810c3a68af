"""A leaf as the ledger has it: what it is charged, and the reservations that are under way.

Used by the operations of this package. Calls `climb` and `rows`. Promises, of every leaf, that what it is
charged is the sum of its reservations (what is taken away counts once it is confirmed), and that what its
open reservations take away is always there to be taken, whichever of them are given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import Text, UsageError
from yunjin.ledger import rows
from yunjin.ledger.cells import Cell, Step
from yunjin.ledger.climb import climb
from yunjin.model.amounts import MOST, known
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.cells import By
    from yunjin.ledger.records import Request
    from yunjin.store.connection import Connection

Counted = list[list[Any]]
"""What entered or left leaves: [leaf, pool, {dimension: difference}]."""

_INSERT: Final = (
    "INSERT INTO reservations (leaf, pool, state, expires, follows, actor, at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_DELTA: Final = "INSERT INTO reservation_amounts (reservation, dimension, delta) VALUES (?, ?, ?)"
# Committed ones first: no later reservation may be what they take from.
_OPEN: Final = (
    "SELECT r.id, r.state, d.dimension, d.delta FROM reservations r "
    "JOIN reservation_amounts d ON d.reservation = r.id "
    "WHERE r.leaf = ? AND r.state IN ('reserved', 'committed') ORDER BY r.state, r.id, d.dimension"
)
_ONE: Final = "SELECT leaf, state FROM reservations WHERE id = ?"
_DELTAS: Final = "SELECT dimension, delta FROM reservation_amounts WHERE reservation = ?"
_STATE: Final = "UPDATE reservations SET state = ? WHERE id = ?"
_TRIM: Final = "UPDATE reservation_amounts SET delta = ? WHERE reservation = ? AND dimension = ?"
_DROP: Final = "DELETE FROM reservation_amounts WHERE reservation = ? AND dimension = ?"


@dataclass(slots=True)
class Reservation:
    """One reservation.

    Attributes:
        state: waiting, reserved, committed, confirmed, released or expired.
        deltas: differences by dimension.
    """

    number: int
    state: str
    deltas: dict[str, int]

    @property
    def growth(self) -> dict[str, int]:
        """What it adds, charged from the moment it is made."""
        return {d: value for d, value in self.deltas.items() if value > 0}

    @property
    def shrink(self) -> dict[str, int]:
        """What it takes away, below zero."""
        return {d: value for d, value in self.deltas.items() if value < 0}


@dataclass(slots=True)
class Leaf:
    """A leaf, locked until the transaction ends.

    Attributes:
        held: what it is charged, by dimension.
        reservations: those under way, in the order in which they count.
    """

    name: str
    parent: str | None
    pool: str
    held: dict[str, int]
    reservations: list[Reservation]

    def target(self) -> dict[str, int]:
        """What it shall hold once all that is under way is through."""
        wanted = dict(self.held)
        for reservation in self.reservations:
            _add(wanted, reservation.shrink)
        return wanted

    def written(self) -> dict[str, int]:
        """What the backend shall hold by now: what is only reserved has not been written."""
        figures = dict(self.held)
        for reservation in self.reservations:
            if reservation.state == "committed":
                _add(figures, reservation.shrink)
            else:
                _add(figures, reservation.growth, -1)
        return figures

    def settled(self) -> dict[str, int]:
        """What is left of it if all that is under way is given up."""
        figures = dict(self.held)
        for reservation in self.reservations:
            _add(figures, reservation.growth, -1)
        return figures


def find(connection: Connection, name: str) -> Leaf:
    """Lock a leaf and read it. Raises UsageError where there is none, or it has ended."""
    node = rows.lock(connection, name)
    if node.pool is None or node.ended is not None:
        raise UsageError(
            Text(f"{name} 不是在用的命名空间或项目", f"{name} is no namespace or project in use"),
            Text("用 yunjin ledger show 核对名称", "check the name with `yunjin ledger show`"),
        )
    held = {key[1]: cell.allotted for key, cell in rows.cells(connection, name, node.pool).items()}
    return Leaf(name, node.parent, node.pool, held, _under_way(connection, name))


def charge(connection: Connection, leaf: Leaf, change: By, at: str) -> Counted:
    """Change what a leaf is charged, and all above it. Raises ShortageError."""
    change = {d: value for d, value in change.items() if value}
    if not change:
        return []
    _add(leaf.held, change)
    rows.write(connection, leaf.name, {(leaf.pool, d): Cell(allotted=leaf.held[d]) for d in change})
    climb(connection, leaf.parent, leaf.pool, Step(allotted=change), at, leaf.name)
    return [[leaf.name, leaf.pool, change]]


def add(connection: Connection, request: Request, leaf: Leaf, state: str, deltas: Mapping[str, int]) -> int:
    """Write a new reservation down; its id. `expires` and `follows` are taken from the request."""
    expires, follows = request.get("expires"), request.get("follows")
    row = (leaf.name, leaf.pool, state, expires, follows, request["actor"], request["at"])
    number = int(connection.execute(_INSERT, row).fetchone()[0])
    connection.executemany(_DELTA, [(number, dimension, value) for dimension, value in deltas.items()])
    return number


def set_state(connection: Connection, number: int, state: str) -> None:
    """Write down what became of a reservation."""
    connection.execute(_STATE, (state, number))


def reservation(connection: Connection, number: int) -> tuple[str, Reservation]:
    """A reservation and its leaf, which is locked. Raises UsageError where there is none."""
    row = connection.execute(_ONE, (number,)).fetchone()
    if row is None:
        raise UsageError(
            Text(f"没有预占 {number}", f"there is no reservation {number}"),
            Text("编号见 yunjin ledger show 节点", "yunjin ledger show NODE lists their numbers"),
        )
    rows.lock(connection, row[0])
    name, state = connection.execute(_ONE, (number,)).fetchone()  # as it stands under the lock
    return name, Reservation(number, state, dict(connection.execute(_DELTAS, (number,)).fetchall()))


def trim(connection: Connection, leaf: Leaf) -> dict[int, dict[str, int]]:
    """Take from each shrink what is no longer there to be taken, after growth before it was given up.

    Returns:
        What was taken from which, by id and dimension. One that has nothing left is released.
    """
    left = leaf.settled()
    cuts: dict[int, dict[str, int]] = {}
    for one in leaf.reservations:
        for dimension, value in list(one.deltas.items()):
            missing = -(left.get(dimension, 0) + value)
            if missing > 0:
                cuts.setdefault(one.number, {})[dimension] = missing
                cut(connection, one, dimension, missing)
            left[dimension] = left.get(dimension, 0) + one.deltas.get(dimension, 0)
    for number in cuts:
        if not next(one.deltas for one in leaf.reservations if one.number == number):
            set_state(connection, number, "released")
    leaf.reservations = [one for one in leaf.reservations if one.deltas]
    return cuts


def cut(connection: Connection, one: Reservation, dimension: str, by: int) -> None:
    """Bring a delta nearer to zero; at zero it is gone."""
    value = one.deltas[dimension]
    one.deltas[dimension] = value + by if value < 0 else value - by
    if one.deltas[dimension]:
        connection.execute(_TRIM, (one.deltas[dimension], one.number, dimension))
    else:
        del one.deltas[dimension]
        connection.execute(_DROP, (one.number, dimension))


def require_countable(leaf: str, amounts: Mapping[str, int]) -> None:
    """Raises UsageError for what is not counted, below zero, or beyond what can be counted."""
    for dimension, value in amounts.items():
        if not known(dimension) or not isinstance(value, int):
            raise UsageError(
                Text(f"台账不计 {dimension} {value!r}", f"the ledger counts no {dimension} {value!r}"),
                Text("核对资源类型和数额", "check the dimension and the amount"),
            )
        if not 0 <= value <= MOST:
            name = dimension_text(dimension)
            raise UsageError(
                Text(
                    f"{leaf} 的{name.zh}额度不能为 {amount_text(dimension, value, 'zh')}",
                    f"{leaf} cannot hold {amount_text(dimension, value, 'en')} of {name.en}",
                ),
                Text("核对申请的数额", "check the amount asked for"),
            )


def _under_way(connection: Connection, name: str) -> list[Reservation]:
    found: dict[int, Reservation] = {}
    for number, state, dimension, value in connection.execute(_OPEN, (name,)).fetchall():
        found.setdefault(number, Reservation(number, state, {})).deltas[dimension] = value
    return list(found.values())


def _add(figures: dict[str, int], change: Mapping[str, int], sign: int = 1) -> None:
    for dimension, value in change.items():
        figures[dimension] = figures.get(dimension, 0) + sign * value
