"""Followers: reservations that wait for a shrink elsewhere, the second half of a move.

Used by `reservations` when a shrink is confirmed, given up or trimmed. Calls `leaves`. Promises that a
follower counts in the very transaction that frees what it waited for, that it never takes more than that, and
that it does not outlive a shrink which will not come.

    waiting ──the shrink is confirmed──> reserved
       └──it no longer fits; the shrink is given up──> released
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import RefusalError
from yunjin.ledger import leaves
from yunjin.ledger.climb import require_no_deficit
from yunjin.ledger.records import own_key, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.leaves import Counted, Leaf, Reservation
    from yunjin.ledger.records import Request
    from yunjin.store.connection import Connection

_OF_LEAF: Final = (
    "SELECT f.leaf FROM reservations f JOIN reservations r ON r.id = f.follows "
    "WHERE r.leaf = ? AND f.state = 'waiting'"
)
_OF_ONE: Final = "SELECT id FROM reservations WHERE follows = ? AND state = 'waiting' ORDER BY id"


def waiting_leaves(connection: Connection, leaf: str) -> list[str]:
    """Leaves that wait for a shrink of this one."""
    return [name for (name,) in connection.execute(_OF_LEAF, (leaf,)).fetchall()]


def begin(connection: Connection, request: Request, number: int, source: Leaf) -> None:
    """A shrink was confirmed: what waited for it counts now, or is released where it no longer fits."""
    for follower in _waiting(connection, number):
        name, reservation = leaves.reservation(connection, follower)
        target = leaves.find(connection, name)
        counted = _grown(connection, target, reservation, source, request["at"])
        state = "reserved" if counted else "released"
        leaves.set_state(connection, follower, state)
        _record(connection, request, follower, state, counted)


def drop(connection: Connection, request: Request, number: int) -> None:
    """A shrink was given up: what waited for it is released."""
    for follower in _waiting(connection, number):
        leaves.set_state(connection, follower, "released")
        _record(connection, request, follower, "released", [])


def trim(
    connection: Connection, request: Request, cuts: Mapping[int, Mapping[str, int]]
) -> dict[int, Mapping[str, int]]:
    """Shrinks were trimmed: what waits for them grows by less; what was cut from which follower."""
    followed: dict[int, Mapping[str, int]] = {}
    for number, by in cuts.items():
        for follower in _waiting(connection, number):
            followed[follower] = by
            _, reservation = leaves.reservation(connection, follower)
            for dimension, value in by.items():
                leaves.cut(connection, reservation, dimension, value)
            if not reservation.deltas:
                leaves.set_state(connection, follower, "released")
                _record(connection, request, follower, "released", [])
    return followed


def _grown(connection: Connection, leaf: Leaf, reservation: Reservation, source: Leaf, at: str) -> Counted:
    """Charge it, all or nothing."""
    connection.execute("SAVEPOINT follower")
    try:
        if leaf.pool != source.pool:
            require_no_deficit(connection, leaf.pool)
        counted = leaves.charge(connection, leaf, reservation.growth, at)
    except RefusalError:
        connection.execute("ROLLBACK TO SAVEPOINT follower")
        counted = []
    connection.execute("RELEASE SAVEPOINT follower")
    return counted


def _waiting(connection: Connection, number: int) -> list[int]:
    return [follower for (follower,) in connection.execute(_OF_ONE, (number,)).fetchall()]


def _record(connection: Connection, request: Request, follower: int, state: str, counted: Counted) -> None:
    result = {"reservations": [follower], "state": state, "counted": counted}
    record(connection, "follow", {**request, "key": own_key("follow", follower)}, result)
