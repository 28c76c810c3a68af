"""What the state database need not remember any longer: old plans, and old rows of the journal.

Called by `yunjin.engine.clocks`. Calls `database`. Promises that however old it is, nothing goes that a sweep
still reads: what is in doubt, how each object was left last and what may have changed it since; nor the
newest plan. The ledger and the audit are none of its business: they are kept for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.store.operations import operation
from yunjin.store.times import text

if TYPE_CHECKING:
    from datetime import datetime

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

_MOST: Final = 100_000
"""Rows of the journal that go at once; the rest goes the next time."""
_AT_ONCE: Final = 1000
"""Rows of one transaction: others wait for as long as it takes."""
_OVER: Final = """
    SELECT old.run, old.seq FROM entries AS old
    JOIN runs ON runs.id = old.run AND runs.started < ? AND runs.state <> 'running'
    LEFT JOIN (
        SELECT endpoint, namespace, kind, name, max(run) AS run FROM entries
        WHERE state IN ('done', 'already', 'pending') GROUP BY endpoint, namespace, kind, name
    ) AS stands ON stands.endpoint = old.endpoint AND stands.namespace = old.namespace
        AND stands.kind = old.kind AND stands.name = old.name
    LEFT JOIN (
        SELECT endpoint, namespace, kind, name, after_hash, max(run) AS run FROM entries
        WHERE state = 'failed' GROUP BY endpoint, namespace, kind, name, after_hash
    ) AS tried ON tried.endpoint = old.endpoint AND tried.namespace = old.namespace
        AND tried.kind = old.kind AND tried.name = old.name AND tried.after_hash = old.after_hash
    WHERE old.state IN ('moved', 'skipped')
       OR (old.state <> 'before' AND stands.run > old.run)
       OR (old.state = 'failed' AND (stands.run IS NULL OR tried.run > old.run))
    ORDER BY old.run, old.seq LIMIT ?
"""


def forget(database: Database, before: datetime) -> None:
    """Delete what was over before a moment.

    Raises:
        YunjinError: the database cannot be used; what went until then is gone.
    """
    # What may go at one moment may go ever after, so it is looked for outside of any transaction.
    rows = database.rows(_OVER, text(before), _MOST)
    for start in range(0, len(rows), _AT_ONCE):
        database.write(_delete, rows[start : start + _AT_ONCE])
    database.write(_end, text(before))


@operation
def _delete(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany("DELETE FROM entries WHERE run = ? AND seq = ?", rows)


@operation
def _end(connection: Connection, before: str) -> None:
    """Runs of which nothing is left, and plans but the newest."""
    connection.execute(
        """
        DELETE FROM runs WHERE started < ? AND state <> 'running'
        AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.run = runs.id)
        """,
        (before,),
    )
    connection.execute("DELETE FROM plans WHERE made < ? AND seq < (SELECT max(seq) FROM plans)", (before,))
