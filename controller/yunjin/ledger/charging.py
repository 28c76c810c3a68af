"""What an apply tells the ledger, about many leaves at once.

Called by `yunjin.apply`, within the transaction of its journal. Calls `reservations` and `reclaims`. Promises
that either all leaves of a call are committed or nobody is, and that whoever is in the way is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yunjin.errors import ConflictError, Text
from yunjin.ledger import followers, leaves, reclaims, reservations, rows
from yunjin.ledger.records import own_key
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.store.connection import Connection

Request = dict[str, Any]


@operation
def commit_leaves(connection: Connection, request: Request) -> None:
    """Quotas are about to be written.

    Args:
        connection: of the transaction that also writes the journal's rows.
        request: `leaves`, by node: `target`, what the ledger was read to want; `written`, by dimension, what
            is written instead because it is in use. `due`, until when the rest is to be had; `actor`, `at`.

    Raises:
        ConflictError: the ledger wants something else by now; `leaves` of its facts names where.
    """
    moved = []
    for leaf, asked in sorted(request["leaves"].items()):
        try:
            reservations.commit(connection, _signed(request, leaf, target=asked["target"]))
        except ConflictError:
            moved.append(leaf)
        else:
            reclaims.note(connection, leaf, asked["target"], asked["written"], request)
    if moved:
        raise ConflictError(
            Text("台账额度在此期间已变动", "the ledger holds other figures by now"), facts={"leaves": moved}
        )


@operation
def vacate(connection: Connection, request: Request) -> None:
    """Leaves are about to be removed: what they hold is given back once they are gone.

    Args:
        connection: of the transaction that also writes the journal's rows.
        request: `leaves`, nodes that the ledger knows; `run`, the journal's number; `actor`, `at`.
    """
    for name in sorted(request["leaves"]):
        wanted = leaves.find(connection, name).target()
        nothing = dict.fromkeys(wanted, 0)
        if any(wanted.values()):
            key = own_key("vacate", request["run"], name)
            asked = _signed(request, name, target=nothing, expires=None, key=key)
            reservations.reserve(connection, asked)
        reservations.commit(connection, _signed(request, name, target=nothing))


@operation
def confirm_leaves(connection: Connection, request: Request) -> list[str]:
    """Quotas were read back in force, or removed leaves were seen to be gone.

    Args:
        connection: of the transaction.
        request: `leaves`, by node: `enforced` and `used`, amounts by dimension; `actor`, `at`.

    Returns:
        The leaves of which something is confirmed now.
    """
    found: Mapping[str, Request] = request["leaves"]
    _lock_shrinking(connection, sorted(found))
    confirmed = []
    for leaf, seen in sorted(found.items()):
        if reservations.confirm(connection, _signed(request, leaf, **seen)):
            confirmed.append(leaf)
        reclaims.close(connection, leaf, request["at"])
    return confirmed


def _lock_shrinking(connection: Connection, names: Sequence[str]) -> None:
    """What is given back changes every node above: these are locked in the order all others keep."""
    if connection.dialect == "sqlite" or not names:
        return
    marks = ", ".join("?" * len(names))
    sql = (
        "SELECT DISTINCT r.leaf FROM reservations r JOIN reservation_amounts d ON d.reservation = r.id "  # noqa: S608 (marks)
        f"WHERE r.state = 'committed' AND d.delta < 0 AND r.leaf IN ({marks})"
    )
    shrinking = [leaf for (leaf,) in connection.execute(sql, names).fetchall()]
    waiting = [name for leaf in shrinking for name in followers.waiting_leaves(connection, leaf)]
    rows.lock_paths(connection, (*shrinking, *waiting))


def _signed(request: Request, leaf: str, **more: Any) -> Request:
    return {"actor": request["actor"], "at": request["at"], "leaf": leaf, **more}
