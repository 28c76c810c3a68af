"""One lease an endpoint, with a fencing number that only grows.

Taken by `yunjin.apply` and the controller's sweep, shown by `yunjin status`. Calls `database` and
`processes`. Promises that at most one holder has a lease at a time, that each new holder gets a higher
number, and that a dead process of this machine keeps nobody waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from yunjin.store.operations import operation
from yunjin.store.processes import Holder
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

# Makes the row or locks it; either way nobody else takes the lease before the transaction ends.
_TOUCH = """
    INSERT INTO leases (endpoint, fence) VALUES (?, 0)
    ON CONFLICT (endpoint) DO UPDATE SET fence = leases.fence
    RETURNING holder, fence, expires
"""

__all__ = ["Fence", "HeldBy", "Holder", "Leases"]


@dataclass(frozen=True, slots=True)
class Fence:
    """A lease that was taken: its number marks every row written under it."""

    endpoint: str
    holder: Holder
    number: int
    until: datetime


@dataclass(frozen=True, slots=True)
class HeldBy:
    """A lease that somebody else has."""

    endpoint: str
    holder: Holder
    until: datetime


class Leases:
    """The leases of all endpoints."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def acquire(self, endpoint: str, holder: Holder, seconds: float) -> Fence | HeldBy:
        """Take the lease for `seconds`, or say who has it. A holder that has it already keeps its number."""
        now = self._now()
        until = now + timedelta(seconds=seconds)
        held = self._held(endpoint)
        # Asked outside the transaction: whether a process lives is no matter of the database's.
        dead = str(held.holder) if held and held.holder.dead else ""
        written, number, expires = self._database.write(
            _acquire, endpoint, (str(holder), dead), text(now), text(until)
        )
        if written == str(holder):
            return Fence(endpoint, holder, number, until)
        return HeldBy(endpoint, Holder.parse(written), time(expires))

    def renew(self, fence: Fence, seconds: float) -> Fence | None:
        """The same lease for `seconds` from now; None where somebody else has taken it meanwhile."""
        until = self._now() + timedelta(seconds=seconds)
        kept = self._database.write(_renew, fence.endpoint, str(fence.holder), fence.number, text(until))
        return Fence(fence.endpoint, fence.holder, fence.number, until) if kept else None

    def release(self, fence: Fence) -> None:
        """Give it back; nothing happens where it is no longer this holder's."""
        self._database.write(_release, fence.endpoint, str(fence.holder), fence.number)

    def held(self) -> tuple[Fence, ...]:
        """Leases in force, by endpoint. One whose holder died unseen stands until it expires."""
        sql = "SELECT endpoint, holder, fence, expires FROM leases WHERE expires > ? ORDER BY endpoint"
        rows = self._database.rows(sql, text(self._now()))
        return tuple(Fence(row[0], Holder.parse(row[1]), row[2], time(row[3])) for row in rows)

    def _held(self, endpoint: str) -> Fence | None:
        return next((fence for fence in self.held() if fence.endpoint == endpoint), None)


@operation
def _acquire(
    connection: Connection, endpoint: str, holders: tuple[str, str], now: str, until: str
) -> tuple[str, int, str]:
    """Who has the lease after this, its number, its end. `holders`: who asks, who is known dead."""
    holder = holders[0]
    current, number, expires = connection.execute(_TOUCH, (endpoint,)).fetchone()
    if current is not None and current not in holders and expires > now:
        return current, number, expires
    if current != holder:
        number += 1
    connection.execute(
        "UPDATE leases SET holder = ?, fence = ?, expires = ? WHERE endpoint = ?",
        (holder, number, until, endpoint),
    )
    return holder, number, until


@operation
def _renew(connection: Connection, endpoint: str, holder: str, number: int, until: str) -> bool:
    done = connection.execute(
        "UPDATE leases SET expires = ? WHERE endpoint = ? AND holder = ? AND fence = ?",
        (until, endpoint, holder, number),
    )
    return done.rowcount == 1


@operation
def _release(connection: Connection, endpoint: str, holder: str, number: int) -> None:
    connection.execute(
        "UPDATE leases SET holder = NULL, expires = NULL WHERE endpoint = ? AND holder = ? AND fence = ?",
        (endpoint, holder, number),
    )
