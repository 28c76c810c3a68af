"""What the day brings: grants begin and end, recalled servers go, reservations run out, ends are warned of.

Called by the controller's sweep and by `yunjin advance`. Calls `yunjin.ledger` and `yunjin.store`. Promises
that it may run as often and in as many processes as it likes: everything happens once, and nothing is deleted
by it but what the city has kept for as long as it wants to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from yunjin.engine.choices import grant_warnings, log_retention
from yunjin.ledger import Ledger
from yunjin.ledger.notices import Notices
from yunjin.ledger.shares import opened
from yunjin.store import retention

if TYPE_CHECKING:
    from datetime import date

    from yunjin.errors import YunjinError
    from yunjin.ledger.notices import Ending
    from yunjin.model.estate import Estate
    from yunjin.store import Store


@dataclass(frozen=True, slots=True)
class Day:
    """What came of it.

    Attributes:
        changed: numbers of grants and contributions that began, ended or went.
        refused: those that could not begin yet, and why.
        expired: how many reservations ran out.
        warnings: grants that end soon, each told once for each of the city's warnings.
    """

    changed: tuple[str, ...] = ()
    refused: tuple[tuple[str, YunjinError], ...] = ()
    expired: int = 0
    warnings: tuple[Ending, ...] = ()


def advance(store: Store, estate: Estate, today: date, actor: str) -> Day:
    """Do what is due on `today`; nothing where the city has not entered the ledger.

    Args:
        store: with the ledger.
        estate: with the city's policies.
        today: the business date.
        actor: who asks.
    """
    days = grant_warnings(estate)
    if not opened(store.database):
        return Day()
    ledger = Ledger(store.database, store.now, actor)
    notices = Notices(store.database, store.now, actor)
    advanced = ledger.advance(today)
    expired = ledger.expire()
    notices.close_reclaims()
    return Day(advanced.done, advanced.refused, expired, notices.raise_due(today, days))


def forget(store: Store, estate: Estate) -> None:
    """Delete plans and rows of the journal that were kept long enough; once a day is often enough."""
    retention.forget(store.database, store.now() - timedelta(log_retention(estate)))
