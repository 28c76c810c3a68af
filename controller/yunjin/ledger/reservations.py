"""Reservations: reserve, commit, confirm, release, expire.

Called through `Ledger` and, for `commit` and `confirm`, by `yunjin.apply` in the transaction of its journal.
Calls `leaves` and `followers`. Promises that in flight the greater of old and new is charged: what a
reservation adds counts from the moment it is made, what it takes away counts only once the backend was seen
lowered.

    reserved ──commit──> committed ──confirm──> confirmed
        └──release, expire──> released, expired
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, RefusalError, Text
from yunjin.ledger import followers, leaves, rows
from yunjin.ledger.climb import require_no_deficit
from yunjin.ledger.records import audited, own_key, record
from yunjin.store.operations import operation
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.leaves import Leaf, Reservation
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection

_EXPIRES: Final = "SELECT expires FROM reservations WHERE id = ?"


@audited
def reserve(connection: Connection, request: Request) -> Result:
    """Change what a leaf is allotted.

    Args:
        connection: of the transaction.
        request: `leaf`; either `delta` (differences by dimension) or `target` (amounts by dimension, the
            others stay); `expires`, UTC text, or `lasts`, seconds, so that a request which is sent again is
            the same one; neither where it does not expire.

    Returns:
        `reservation`, its id, None where nothing differs; `target`, what the leaf shall hold after it;
        `expires`, UTC text, where it does.

    Raises:
        ShortageError: a limit above is in the way.
        RefusalError: the pool is in deficit and takes no growth.
        UsageError: no such leaf, an ended one, amounts below zero or beyond what is counted.
    """
    return place(connection, request)


def place(connection: Connection, request: Request) -> Result:
    """`reserve` as part of another operation."""
    leaf = leaves.find(connection, str(request["leaf"]))
    wanted = leaf.target()
    deltas = _deltas(request, wanted)
    if not deltas:
        return {"reservation": None, "target": wanted, "counted": []}
    after = {d: wanted.get(d, 0) + deltas.get(d, 0) for d in {*wanted, *deltas}}
    leaves.require_countable(leaf.name, {d: after[d] for d in deltas})
    growth = {d: value for d, value in deltas.items() if value > 0}
    if growth:
        require_no_deficit(connection, leaf.pool)
    counted = leaves.charge(connection, leaf, growth, request["at"])
    expires = _expiry(request)
    number = leaves.add(connection, {**request, "expires": expires}, leaf, "reserved", deltas)
    ends = {"expires": expires} if expires else {}
    return {"reservation": number, "target": after, **ends, "counted": counted}


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
    leaf, target = leaves.find(connection, str(request["leaf"])), request["target"]
    wanted = leaf.target()
    if any(wanted.get(d, 0) != target.get(d, 0) for d in {*wanted, *target}):
        raise ConflictError(
            Text(f"{leaf.name} 的台账额度已变动", f"the ledger holds another figure for {leaf.name} by now"),
            Text("请重新生成变更方案", "plan again"),
        )
    numbers = [one.number for one in leaf.reservations if one.state == "reserved"]
    for number in numbers:
        leaves.set_state(connection, number, "committed")
    if numbers:
        _record(connection, request, "commit", {"reservations": numbers, "counted": []})
    return numbers


@operation
def confirm(connection: Connection, request: Request) -> list[int]:
    """The backend was read back. What is really in force ends its reservations' way.

    Args:
        connection: of the transaction.
        request: `leaf`; `enforced` and `used`, amounts by dimension as the backend shows them.

    Returns:
        Ids of the reservations that are confirmed now; empty while the backend still holds something else in
        a dimension that they change, or uses more than it is lowered to.
    """
    name, enforced, used = str(request["leaf"]), request["enforced"], request["used"]
    waiting = followers.waiting_leaves(connection, name)
    if waiting:
        rows.lock_paths(connection, (name, *waiting))
    leaf = leaves.find(connection, name)
    found = [one for one in leaf.reservations if one.state == "committed"]
    written = leaf.written()
    if any(enforced.get(d) != written[d] for one in found for d in one.deltas) or any(
        used.get(d, 0) > written[d] for one in found for d in one.shrink
    ):
        return []
    counted: leaves.Counted = []
    for one in found:
        leaves.set_state(connection, one.number, "confirmed")
        counted += leaves.charge(connection, leaf, one.shrink, request["at"])
    numbers = [one.number for one in found]
    if numbers:
        _record(connection, request, "confirm", {"reservations": numbers, "counted": counted})
    for number in numbers:
        followers.begin(connection, request, number, leaf)
    return numbers


@audited
def release(connection: Connection, request: Request) -> Result:
    """Give a reservation up.

    Args:
        connection: of the transaction.
        request: `reservation`; `enforced`, what the backend was seen to hold, needed once it was committed.

    Raises:
        RefusalError: the backend may hold it: it was committed and not seen to be gone, or it is confirmed.
        UsageError: no such reservation.
    """
    number = int(request["reservation"])
    name, one = leaves.reservation(connection, number)
    if one.state in ("released", "expired"):
        return {"reservation": number, "counted": []}
    if one.state == "waiting":
        leaves.set_state(connection, number, "released")
        return {"reservation": number, "counted": []}
    leaf = leaves.find(connection, name)
    if one.state == "confirmed" or (
        one.state == "committed" and not _seen_without(leaf, one, request.get("enforced"))
    ):
        raise RefusalError(
            Text(
                f"预占 {number} 已下发, 尚未看到 {name} 降回原额度",
                f"reservation {number} was written and {name} was not seen without it",
            ),
            Text(
                "先用 yunjin allot 调低该额度并下发执行", "lower it with `yunjin allot` and apply that first"
            ),
        )
    return _give_up(connection, request, leaf, one, "released")


@operation
def expire(connection: Connection, request: Request) -> bool:
    """End one reservation whose time is over at `at`; False where it is not, or no longer, to be ended."""
    number = int(request["reservation"])
    name, one = leaves.reservation(connection, number)
    expires = connection.execute(_EXPIRES, (number,)).fetchone()[0]
    if one.state != "reserved" or expires is None or expires > request["at"]:
        return False
    result = _give_up(connection, request, leaves.find(connection, name), one, "expired")
    _record(connection, request, "expire", {"reservations": [number], **result})
    return True


def _expiry(request: Request) -> str | None:
    if request.get("lasts") is None:
        return request.get("expires")
    return text(time(request["at"]) + timedelta(seconds=request["lasts"]))


def _deltas(request: Request, wanted: Mapping[str, int]) -> dict[str, int]:
    if "target" in request:
        asked: Mapping[str, int] = request["target"]
        leaves.require_countable(str(request["leaf"]), asked)
        return {d: value - wanted.get(d, 0) for d, value in asked.items() if value != wanted.get(d, 0)}
    return {d: value for d, value in request["delta"].items() if value}


def _seen_without(leaf: Leaf, one: Reservation, enforced: Mapping[str, int] | None) -> bool:
    """Whether the backend was seen without what it adds."""
    return enforced is not None and all(
        enforced.get(d, 0) <= leaf.held[d] - value for d, value in one.growth.items()
    )


def _give_up(connection: Connection, request: Request, leaf: Leaf, one: Reservation, state: str) -> Result:
    waiting = followers.waiting_leaves(connection, leaf.name)
    if waiting:  # what is cut may cut them too: nobody above is held while they are waited for
        rows.lock_paths(connection, (leaf.name, *waiting))
    leaves.set_state(connection, one.number, state)
    leaf.reservations = [other for other in leaf.reservations if other.number != one.number]
    freed = {d: -value for d, value in one.growth.items()}
    counted = leaves.charge(connection, leaf, freed, request["at"])
    followers.drop(connection, request, one.number)
    cuts = leaves.trim(connection, leaf)
    followed = followers.trim(connection, request, cuts)
    trimmed = [[number, by] for number, by in {**cuts, **followed}.items()]
    return {"reservation": one.number, "counted": counted, "trimmed": trimmed}


def _record(connection: Connection, request: Request, name: str, result: dict[str, Any]) -> None:
    key = own_key(name, *result["reservations"])
    record(connection, name, {**request, "key": key}, result)
