"""What writes answered, kept for a day, so that one whose answer was lost is not done twice.

Used by `writer` and `postgres`. A row is written in the transaction of the write itself. Its time is the
machine's, not the store's clock: it says when a row may go, nothing else.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import PermanentError, Text
from yunjin.store.times import text
from yunjin.store.wire import LIMIT

if TYPE_CHECKING:
    from yunjin.store.connection import Connection

KEPT: Final = timedelta(days=1)
PRUNE_SECONDS: Final = 60.0
"""How often old rows are looked for."""
_AT_ONCE: Final = 1000
_MARGIN: Final = 1 << 10  # what stands around a result in a frame


def find(connection: Connection, number: str) -> list[Any]:
    """The result of a write that is done already, alone in a list; empty where it is not."""
    row = connection.execute("SELECT result FROM answers WHERE id = ?", (number,)).fetchone()
    return [json.loads(row[0])] if row else []


def keep(connection: Connection, number: str, result: Any) -> None:
    """Write down that a write is done, and what came of it.

    Raises:
        TypeError: the result holds what JSON cannot say.
        PermanentError: it is too long to be sent.
    """
    row = (number, _written(result), text(datetime.now(UTC)))
    connection.execute("INSERT INTO answers (id, result, at) VALUES (?, ?, ?)", row)


def prune(connection: Connection) -> bool:
    """Forget some of the oldest rows. False where there may be more to forget."""
    # An id begins with its time, so the oldest are found without an index of their own.
    done = connection.execute(
        "DELETE FROM answers WHERE at < ? AND id IN (SELECT id FROM answers ORDER BY id LIMIT ?)",
        (text(datetime.now(UTC) - KEPT), _AT_ONCE),
    )
    return done.rowcount < _AT_ONCE


def claim(connection: Connection, number: str) -> bool:
    """Be the one who does it, before it is done; False where it is done already.

    Waits for another transaction that has written the same number and not ended.
    """
    sql = "INSERT INTO answers (id, result, at) VALUES (?, 'null', ?) ON CONFLICT (id) DO NOTHING"
    return connection.execute(sql, (number, text(datetime.now(UTC)))).rowcount == 1


def settle(connection: Connection, number: str, result: Any) -> None:
    """Write down what came of a write that was claimed. Raises as `keep` does."""
    connection.execute("UPDATE answers SET result = ? WHERE id = ?", (_written(result), number))


def _written(result: Any) -> str:
    written = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    if len(written.encode()) > LIMIT - _MARGIN:
        raise PermanentError(
            Text(
                f"写入结果超过上限 {LIMIT} 字节, 未写入",
                f"the result of the write is longer than {LIMIT} bytes; nothing was written",
            )
        )
    return written
