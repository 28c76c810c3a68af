"""Where operations of the ledger are handed in: signed, each under its key.

Base of `Ledger` and `Capacity`. Calls the store's database. Promises that what is handed in says who asks and
when, and is durable when the call returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yunjin.ledger.records import asked_key
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from yunjin.store.database import Database


class Desk:
    """Safe to use from several threads, and beside other processes.

    Attributes:
        actor: who asks, as the audit rows say it.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], actor: str) -> None:
        self.actor = actor
        self._database = database
        self._now = now

    def _write(self, operation: Callable[..., dict[str, Any]], key: str, **request: Any) -> dict[str, Any]:
        whole = {**request, "key": asked_key(key), **self._signed()}
        return self._database.write(operation, whole)

    def _signed(self) -> dict[str, str]:
        return {"actor": self.actor, "at": text(self._now())}
