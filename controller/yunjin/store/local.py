"""The state database in an SQLite file.

Opened by `database.open_database`. Calls `sqlite` and `writer`. The writer's thread starts with the first
write.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, TypeVar, TypeVarTuple

from yunjin.store.jobs import Job
from yunjin.store.operations import name_of
from yunjin.store.sqlite import closed, connect, translated
from yunjin.store.writer import Jobs, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from yunjin.store.connection import Connection
    from yunjin.store.database import Call

T = TypeVar("T")
Args = TypeVarTuple("Args")


class SqliteDatabase:
    """`yunjin.store.database.Database` in a file."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            self._reader = connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()
        self._jobs = Jobs()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Everything one question answers, as of now."""
        with self._reading, translated(self.path):
            return self._reader.execute(sql, values).fetchall()

    def submit(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> Future[T]:
        """Queue an operation."""
        return self._put(Job([(operation, args)]))

    def write(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Do an operation and wait until it is durable."""
        return self.submit(operation, *args).result()

    def write_all(self, calls: Sequence[Call]) -> list[Any]:
        """Do several operations in one transaction."""
        results: list[Any] = self._put(Job(calls, many=True)).result()
        return results

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

    def _put(self, job: Job) -> Future[Any]:
        for function, _ in job.calls:
            name_of(function)
        with self._starting:
            if self._closed:
                raise closed(self.path)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=write, args=(self.path, self._jobs), name="yunjin-store-writer", daemon=True
                )
                self._thread.start()
            self._jobs.put(job)
        return job.future
