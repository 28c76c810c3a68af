"""SQLite: connections with the settings every user of the file must have, and its errors in our words.

Used by `writer`, `local` and `migrate` alone. Promises that no sqlite3 exception passes `translated`.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from yunjin.errors import PermanentError, Text, YunjinError
from yunjin.store import faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from yunjin.store.connection import Cursor

BUSY_SECONDS: Final = 30.0
"""How long a connection waits for another's transaction."""
_ROOM: Final = 64 << 10
"""With less SQLite cannot even begin a log's index, and calls that an I/O error."""


class SqliteConnection:
    """`yunjin.store.connection.Connection` on SQLite."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        return self.raw.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        self.raw.executemany(sql, rows)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise ours(path, error) from error


def ours(path: Path, error: sqlite3.Error) -> YunjinError:
    """The error of ours that says what this one means."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None  # the low byte is the kind, the rest its detail
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return faults.busy(path)
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _is_full(path)):
        return faults.disk_full(path)
    return PermanentError(
        Text(f"状态库 {path} 无法读写: {error}", f"the state database {path} cannot be used: {error}"),
        Text(
            f"请检查目录 {path.parent} 的权限和磁盘; 文件损坏时请从备份恢复",
            f"check the permissions and the disk of {path.parent}; restore a backup if the file is damaged",
        ),
    )


def _is_full(path: Path) -> bool:
    try:
        there = os.statvfs(path.parent)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize < _ROOM
