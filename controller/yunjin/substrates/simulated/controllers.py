"""What a cluster's own controllers do some time after a write: quotas come into force, namespaces go.

Called by `server` within a transaction, at every call of a client: the controllers have no thread, they act
when somebody looks, and then as of the moment that was due. Calls `ownership`. Promises that nothing happens
while they are frozen, and everything that is due when they are thawed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from yunjin.substrates.simulated import database
from yunjin.substrates.simulated.ownership import STATUS, UPDATE, Author, update

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from yunjin.model.resources import Body
    from yunjin.substrates.simulated.database import Row

_MANAGER: Final = Author("kube-controller-manager", UPDATE, STATUS)


def due(connection: sqlite3.Connection, now: float) -> bool:
    """Whether there is anything to do."""
    if database.setting(connection, "frozen"):
        return False
    return connection.execute("SELECT 1 FROM due WHERE moment <= ? LIMIT 1", (now,)).fetchone() is not None


def expect(connection: sqlite3.Connection, row: Row, now: float) -> None:
    """Note that a quota is to be counted, or a namespace to be emptied, after the usual delay."""
    delay = database.setting(connection, "removal_delay" if row.kind == "Namespace" else "quota_delay")
    connection.execute(
        "INSERT OR IGNORE INTO due VALUES (?, ?, ?, ?)", (row.leaf, row.kind, row.name, now + delay)
    )


def settle(connection: sqlite3.Connection, now: float, stamp: str) -> None:
    """Do what is due. `stamp` is the time as objects carry it."""
    if not due(connection, now):
        return
    found = connection.execute(
        "DELETE FROM due WHERE moment <= ? RETURNING leaf, kind, name", (now,)
    ).fetchall()
    for leaf, kind, name in found:
        if kind == "Namespace":
            connection.execute(
                "DELETE FROM object WHERE leaf = ? AND kind = ? AND name = ?", (leaf, kind, name)
            )
            connection.execute("DELETE FROM object WHERE leaf = ?", (name,))
            connection.execute("DELETE FROM used WHERE leaf = ?", (name,))
        else:
            _count(connection, leaf, name, stamp)


def counted(live: Body, used: Mapping[str, str], stamp: str) -> Body:
    """A quota once it is counted: enforced as written, with what is used of it."""
    hard = (live.get("spec") or {}).get("hard") or {}
    status = {"hard": hard, "used": {resource: used.get(resource, "0") for resource in hard}}
    return update(live, {**live, "status": status}, _MANAGER, stamp)


def _count(connection: sqlite3.Connection, leaf: str, name: str, stamp: str) -> None:
    row = database.row(connection, leaf, "ResourceQuota", name)
    if row is None:
        return
    live: Body = json.loads(row.body)
    used = dict(connection.execute("SELECT resource, amount FROM used WHERE leaf = ?", (leaf,)))
    result = counted(live, used, stamp)
    if result != live:
        database.put(connection, row, result)
