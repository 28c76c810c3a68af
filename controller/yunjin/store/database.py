"""Connections to the state database: one writer with group commit, one reader.

Used by the other modules of this package alone. Promises that a write which returned is on the disk, that
many threads share one disk flush, and that no sqlite3 exception leaves the package.

An operation is a function of a connection and plain values. It runs inside the writer's transaction, so it
neither begins nor commits. Its arguments are plain so that another process may send them through a socket one
day; until then SQLite's own lock puts the writers of several processes in turn.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from yunjin.errors import PermanentError, Text, TransientError, YunjinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

P = ParamSpec("P")
T = TypeVar("T")
_Job = tuple["Callable[[sqlite3.Connection], Any]", "Future[Any]"]

BUSY_SECONDS: Final = 30.0
"""How long a connection waits for another process's transaction."""
GROUP: Final = 512
"""The most operations one transaction carries, so that the first does not wait for an endless tail."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode with the settings every user of the file must have."""
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
        raise _ours(path, error) from error


def _ours(path: Path, error: sqlite3.Error) -> YunjinError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None  # the low byte is the kind, the rest its detail
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientError(
            Text(f"状态库 {path} 正被其他进程占用", f"another process keeps the state database {path} busy"),
            Text("请稍后重试", "try again later"),
        )
    if primary == sqlite3.SQLITE_FULL:
        return PermanentError(
            Text(f"状态库 {path} 所在磁盘已满", f"the disk of the state database {path} is full"),
            Text("请清理磁盘空间后重试", "free some space and run it again"),
        )
    return PermanentError(
        Text(f"状态库 {path} 无法读写: {error}", f"the state database {path} cannot be used: {error}"),
        Text(
            f"请检查目录 {path.parent} 的权限和磁盘; 文件损坏时请从备份恢复",
            f"check the permissions and the disk of {path.parent}; restore a backup if the file is damaged",
        ),
    )


class Database:
    """The open file. The writer's thread starts with the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            self._reader = connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Everything one question answers, as of now."""
        with self._reading, translated(self.path):
            return self._reader.execute(sql, values).fetchall()

    def submit(
        self, operation: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Queue a write. The future ends once the write is durable, or with one of `yunjin.errors`."""
        future: Future[T] = Future()
        with self._starting:
            if self._closed:
                raise PermanentError(
                    Text(f"状态库 {self.path} 已关闭", f"the state database {self.path} is closed")
                )
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="yunjin-store-writer", daemon=True)
                self._thread.start()
            self._jobs.put((lambda connection: operation(connection, *args, **kwargs), future))
        return future

    def write(
        self, operation: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do a write and wait until it is durable."""
        return self.submit(operation, *args, **kwargs).result()

    def close(self) -> None:
        """Finish what is queued and close both connections."""
        with self._starting:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()
        self._reader.close()

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        while (first := self._jobs.get()) is not None:
            group = [first, *self._waiting()]
            try:
                with translated(self.path):
                    connection = connection or connect(self.path)
                    results = _commit(connection, [job for job, _ in group])
            except Exception as error:  # noqa: BLE001 (whatever it was, each waiting thread must hear of it)
                for _, future in group:
                    future.set_exception(error)
                continue
            for (_, future), (value, failure) in zip(group, results, strict=True):
                if failure is None:
                    future.set_result(value)
                elif isinstance(failure, sqlite3.Error):
                    future.set_exception(_ours(self.path, failure))
                else:
                    future.set_exception(failure)
        if connection is not None:
            connection.close()

    def _waiting(self) -> Iterator[_Job]:
        for _ in range(GROUP - 1):
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is None:  # the end belongs to the loop that waits for it
                self._jobs.put(None)
                return
            yield job


def _commit(
    connection: sqlite3.Connection, jobs: list[Callable[[sqlite3.Connection], Any]]
) -> list[tuple[Any, Exception | None]]:
    """One transaction for all jobs; a job that fails takes back its own rows alone."""
    results: list[tuple[Any, Exception | None]] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for job in jobs:
            connection.execute("SAVEPOINT job")
            try:
                results.append((job(connection), None))
            except Exception as error:
                if not connection.in_transaction:
                    raise  # SQLite gave up the whole transaction: nobody's rows are in
                connection.execute("ROLLBACK TO job")
                results.append((None, error))
            connection.execute("RELEASE job")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results
