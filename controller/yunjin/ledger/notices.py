"""Clocks of grants: warnings before an end, and what is to be reclaimed after it.

Called by the controller's sweep and the command line. Calls the store's database. Promises that a warning is
raised once, whichever process sweeps and however often it is restarted or upgraded; that a grant which is
renewed is warned of anew before its new end; and that nothing is ever taken away or deleted by a clock.

A clock is a row: kind, subject (a grant's number), the business day on which it is due, and when it was seen
to. The clock of a reclaim stays open until its node no longer uses more than it may.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from yunjin.ledger.desk import Desk
from yunjin.ledger.grants import RECLAIM
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yunjin.ledger.records import Request
    from yunjin.store.connection import Connection

_ENDS: Final = "grant-end"
_ENDING: Final = (
    "SELECT number, node, kind, valid_from, valid_to FROM grants "
    "WHERE superseded IS NULL AND state = 'in_force' AND valid_to > ? AND valid_to <= ? "
    "ORDER BY valid_to, number"
)
_RUNG: Final = "SELECT kind, subject, due FROM clocks WHERE kind LIKE 'grant-end/%' AND due >= ?"
_RING: Final = (
    "INSERT INTO clocks (kind, subject, due, done) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (kind, subject, due) DO NOTHING"
)
_RECLAIMS: Final = (
    "SELECT c.subject, g.node, c.due, EXISTS (SELECT 1 FROM quota_deficits d WHERE d.node = g.node "
    "AND d.closed IS NULL) FROM clocks c JOIN grants g ON g.number = c.subject "
    "WHERE c.kind = ? AND c.done IS NULL AND g.superseded IS NULL AND g.state <> 'moved' "
    "ORDER BY c.due, c.subject"
)
_CLOSE: Final = "UPDATE clocks SET done = ? WHERE kind = ? AND subject = ? AND due = ? AND done IS NULL"


@dataclass(frozen=True, slots=True)
class Ending:
    """A grant in force that ends soon.

    Attributes:
        kind: grant, opening or contribution.
        left: days until it ends.
        warned: how many days before its end it was warned of, those that were raised.
    """

    number: str
    node: str
    kind: str
    valid_from: date
    valid_to: date
    left: int
    warned: tuple[int, ...] = ()

    def is_due(self, days: int) -> bool:
        """Whether it is to be warned of so many days before its end; never before it begins."""
        begins = self.valid_from <= self.valid_to - timedelta(days=days)
        return begins and self.left <= days and days not in self.warned


@dataclass(frozen=True, slots=True)
class Reclaim:
    """What a grant that ended has left in use beyond what its node may have."""

    number: str
    node: str
    since: date


@operation
def ring(connection: Connection, request: Request) -> bool:
    """Note that a clock has rung; whether it is this very call that did."""
    key = (request["kind"], request["subject"], request["due"], request["at"])
    return connection.execute(_RING, key).rowcount == 1


@operation
def close(connection: Connection, request: Request) -> bool:
    """A clock has done its work; whether it is this very call that ended it."""
    key = (request["at"], request["kind"], request["subject"], request["due"])
    return connection.execute(_CLOSE, key).rowcount == 1


class Notices(Desk):
    """The clocks as a sweep works them and as people ask for them."""

    def raise_due(self, today: date, days: Sequence[int]) -> tuple[Ending, ...]:
        """Raise every warning whose day has come and that nobody has raised.

        Where several are due at once, because nothing swept for a while, the latest of them is raised and
        the earlier ones count as raised.

        Args:
            today: the business date.
            days: how long before an end to warn, such as 30, 7 and 1.

        Returns:
            What is to be told now, a grant once.
        """
        told = []
        for ending in self.ending(today, max(days, default=0)):
            due = [each for each in days if ending.is_due(each)]
            fresh = [each for each in due if self._ring(ending, each)]
            if fresh and not any(each < min(fresh) for each in ending.warned):
                told.append(ending)
        return tuple(told)

    def ending(self, today: date, within: int) -> tuple[Ending, ...]:
        """Grants in force that end within so many days, the next one first."""
        last = today + timedelta(days=within)
        rung = self._rung(today)
        found = self._database.rows(_ENDING, today.isoformat(), last.isoformat())
        endings = []
        for number, node, kind, begun, until in found:
            end = date.fromisoformat(until)
            warned = _of(rung, number, end)
            endings.append(
                Ending(number, node, kind, date.fromisoformat(begun), end, (end - today).days, warned)
            )
        return tuple(endings)

    def reclaims(self) -> tuple[Reclaim, ...]:
        """What ended and is still used beyond what may be, the longest first."""
        found = self._database.rows(_RECLAIMS, RECLAIM)
        return tuple(
            Reclaim(number, node, date.fromisoformat(due)) for number, node, due, short in found if short
        )

    def close_reclaims(self) -> int:
        """End the clocks of what is no longer used beyond what may be; how many."""
        done = [
            self._database.write(close, {"kind": RECLAIM, "subject": number, "due": due, **self._signed()})
            for number, _, due, short in self._database.rows(_RECLAIMS, RECLAIM)
            if not short
        ]
        return sum(done)

    def _ring(self, ending: Ending, days: int) -> bool:
        due = (ending.valid_to - timedelta(days=days)).isoformat()
        clock = {"kind": f"{_ENDS}/{days}", "subject": ending.number, "due": due}
        return self._database.write(ring, {**clock, **self._signed()})

    def _rung(self, today: date) -> Iterable[tuple[str, str, str]]:
        """Warnings of ends that are still to come: none is raised more than a year before."""
        earliest = today - timedelta(days=366)
        return self._database.rows(_RUNG, earliest.isoformat())


def _of(rung: Iterable[tuple[str, str, str]], number: str, end: date) -> tuple[int, ...]:
    """Which warnings of this end were raised."""
    warned = []
    for kind, subject, due in rung:
        days = int(kind.removeprefix(f"{_ENDS}/"))
        if subject == number and date.fromisoformat(due) + timedelta(days=days) == end:
            warned.append(days)
    return tuple(sorted(warned, reverse=True))
