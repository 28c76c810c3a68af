"""The state database on a PostgreSQL server, which many processes write.

Opened by `database.open_database`. Calls `pool` and `answers`. Each job is one transaction. Promises that a
job is done once, also where the connection is cut in the middle of its commit, and that jobs of one thread
are done in their order.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import lru_cache
from itertools import cycle
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, TypeVarTuple

import psycopg

from yunjin.store import faults
from yunjin.store.answers import PRUNE_SECONDS, claim, find, keep, prune, settle
from yunjin.store.jobs import Job, new_id
from yunjin.store.operations import name_of
from yunjin.store.pool import Pool, gone, ours, repeatable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from yunjin.store.connection import Connection, Cursor
    from yunjin.store.operations import Call
    from yunjin.store.pool import Raw

T = TypeVar("T")
Args = TypeVarTuple("Args")

PATIENCE: Final = 30.0
"""Seconds for which a job is repeated."""
_LANES: Final = 8
_MOST_QUEUED: Final = 1024
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.5
_MARKS: Final = re.compile(r"'(?:[^']|'')*'|\?|%")


class PostgresConnection:
    """`yunjin.store.connection.Connection` on PostgreSQL. Statements used often are prepared by psycopg."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        return self.raw.execute(placed(sql), values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        with self.raw.cursor() as cursor:
            cursor.executemany(placed(sql), rows)


@lru_cache(maxsize=1024)
def placed(sql: str) -> str:
    """The statement with psycopg's placeholders; a `?` in quotes is itself."""

    def mark(found: re.Match[str]) -> str:
        return "%s" if found[0] == "?" else found[0].replace("%", "%%")

    return _MARKS.sub(mark, sql)


class PostgresDatabase:
    """`yunjin.store.database.Database` on a server."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: str) -> None:
        self.pool = Pool(url)
        self._reading = Pool(url, read_only=True)
        self._lanes = [ThreadPoolExecutor(1, "yunjin-store-lane") for _ in range(_LANES)]
        self._next_lane = cycle(self._lanes)
        self._room = threading.BoundedSemaphore(_MOST_QUEUED)
        self._mine = threading.local()  # the lane of this thread, and what it submitted last
        self._prune_after = 0.0
        self._closed = False

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Everything one question answers, as of now."""
        return self._patiently(lambda: self._ask(sql, values))

    def submit(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> Future[T]:
        """Queue an operation; waits where very many are queued."""
        job = self._job([(operation, args)])
        if not hasattr(self._mine, "lane"):
            self._mine.lane = next(self._next_lane)
        self._room.acquire()
        try:
            future: Future[T] = self._mine.lane.submit(self._do, job)
        except RuntimeError as error:  # shut down meanwhile
            self._room.release()
            raise faults.closed(self.pool.name) from error
        future.add_done_callback(lambda _: self._room.release())
        self._mine.last = future
        return future

    def write(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Do an operation and wait until it is durable."""
        result: T = self._in_turn(self._job([(operation, args)]))
        return result

    def write_all(self, calls: Sequence[Call]) -> list[Any]:
        """Do several operations in one transaction."""
        results: list[Any] = self._in_turn(self._job(calls, many=True))
        return results

    def close(self) -> None:
        """Finish what was submitted and end every connection."""
        self._closed = True
        for lane in self._lanes:
            lane.shutdown()
        self.pool.close()
        self._reading.close()

    def _job(self, calls: Sequence[Call], *, many: bool = False) -> Job:
        for function, _ in calls:
            name_of(function)
        if self._closed:
            raise faults.closed(self.pool.name)
        return Job(calls, many=many, id=new_id())

    def _in_turn(self, job: Job) -> Any:
        last: Future[Any] | None = getattr(self._mine, "last", None)
        if last is not None:
            wait([last])
        return self._do(job)

    def _do(self, job: Job) -> Any:
        result = self._patiently(lambda: self._transact(job), job)
        if monotonic() > self._prune_after:
            self._prune_after = monotonic() + PRUNE_SECONDS
            with suppress(psycopg.Error), self.pool.connection() as raw:  # nobody waits for it
                prune(PostgresConnection(raw))
        return result

    def _patiently(self, step: Callable[[], T], job: Job | None = None) -> T:
        """Repeat what may be repeated, for a while."""
        until, pause = monotonic() + PATIENCE, _FIRST_PAUSE
        while True:
            try:
                return step()
            except psycopg.Error as error:
                if gone(error):
                    self.pool.forget()
                    self._reading.forget()
                if not repeatable(error) or monotonic() > until:
                    said = ours(self.pool.name, error)
                    raise (faults.in_doubt(said.message) if job and job.again else said) from error
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _ask(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reading.connection() as raw:
            return raw.execute(placed(sql), values).fetchall()

    def _transact(self, job: Job) -> Any:
        with self.pool.connection() as raw:
            connection = PostgresConnection(raw)
            try:
                raw.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                if job.again and not claim(connection, job.id):
                    result = find(connection, job.id)[0]
                else:
                    result = job.run(connection)
                    (settle if job.again else keep)(connection, job.id, result)
            except BaseException:
                with suppress(psycopg.Error):
                    raw.execute("ROLLBACK")
                raise
            self._commit(raw, job)
            return result

    def _commit(self, raw: Raw, job: Job) -> None:
        try:
            ended = raw.execute("COMMIT").statusmessage
        except psycopg.Error:
            job.again = True  # cut here, the server may have committed, or be about to
            raise
        if ended != "COMMIT":
            raise psycopg.InternalError(f"the transaction ended with {ended}")
