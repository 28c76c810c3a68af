"""The state database in an SQLite file, which one process at a time writes.

Opened by `database.open_database`. Calls `gate`, `writer`, `service` and `remote`. A thread that starts with
the first write takes the writer's lock, or else sends what this process writes to the process that has it;
when that one ends, it tries for the lock again. Promises that a job is done once, however often the writer
changes meanwhile, and that jobs of one thread are done in their order.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, TypeVarTuple

from yunjin.errors import Text, TransientError, UsageError, YunjinError
from yunjin.store import faults, gate, wire
from yunjin.store.jobs import Job, new_id
from yunjin.store.migrate import HEAD
from yunjin.store.operations import name_of
from yunjin.store.remote import Remote, reach
from yunjin.store.service import Service
from yunjin.store.sqlite import BUSY_SECONDS, connect, translated
from yunjin.store.writer import Jobs, write

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from yunjin.store.connection import Connection
    from yunjin.store.operations import Call

T = TypeVar("T")
Args = TypeVarTuple("Args")

_GREETING: Final = [wire.PROTOCOL, HEAD]
_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.05


class SqliteDatabase:
    """`yunjin.store.database.Database` in a file."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers: deque[sqlite3.Connection] = deque([self._reader()])
        self._changing = threading.RLock()
        self._thread: threading.Thread | None = None
        self._closed = False
        # As the writer: what is to be done, and the socket for the others.
        self._jobs = Jobs()
        self._service: Service | None = None
        # As anybody else: what has no answer yet, oldest first, and whom it was sent to.
        self._pending: dict[str, Job] = {}
        self._remote: Remote | None = None

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Everything one question answers, as of now."""
        if self._closed:
            raise faults.closed(self.path)
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self._reader()
        try:
            with translated(self.path):
                return reader.execute(sql, values).fetchall()
        finally:
            self._readers.append(reader)

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
        """Finish what was submitted, hand the writing over, and close every connection."""
        with self._changing:
            thread, already = self._thread, self._closed
            self._closed = True
            if self._service and not already:
                self._end_writing(self._service)
            elif self._remote and not self._pending:
                self._remote.end()
        if thread is not None:
            thread.join()
        while self._readers:
            self._readers.pop().close()

    def _reader(self) -> sqlite3.Connection:
        with translated(self.path):
            reader = connect(self.path)
            reader.execute("PRAGMA query_only = ON")
        return reader

    def _put(self, job: Job) -> Future[Any]:
        for function, _ in job.calls:
            name_of(function)
        with self._changing:
            if self._closed:
                raise faults.closed(self.path)
            if self._service:
                self._jobs.put(job)
                return job.future
            job.id = new_id()
            self._pending[job.id] = job
            if self._remote:
                self._send(self._remote, job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="yunjin-store-writer", daemon=True)
                self._thread.start()
        return job.future

    def _send(self, remote: Remote, job: Job) -> None:
        try:
            remote.send(job)
        except (UsageError, TypeError) as error:
            del self._pending[job.id]
            job.future.set_exception(error)

    def _run(self) -> None:
        """Be the writer or its client until the end; give up where neither can be had."""
        deadline, pause = monotonic() + BUSY_SECONDS, _FIRST_PAUSE
        while not self._idle():
            try:
                lock = gate.take(self.path.parent)
                if lock:
                    self._be_writer(lock)
                    return
                remote = reach(self.path.parent, _GREETING, BUSY_SECONDS)
                if remote:
                    self._be_client(remote)
                    deadline, pause = monotonic() + BUSY_SECONDS, _FIRST_PAUSE
                elif monotonic() > deadline:
                    self._give_up(self._unanswered())
                    return
                else:  # the old writer has gone and the new one is about to listen
                    sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 (whatever it was, each waiting thread must hear of it)
                self._give_up(error)
                return

    def _idle(self) -> bool:
        with self._changing:
            return self._closed and not self._pending

    def _be_writer(self, lock: gate.WriterLock) -> None:
        folder = self.path.parent
        try:
            service = Service(folder, _GREETING, self._jobs.put)
            with self._changing:
                self._service = service
                for job in self._pending.values():
                    if not job.again:
                        job.id = ""  # nobody else has heard of it
                    self._jobs.put(job)
                self._pending.clear()
                if self._closed:
                    self._end_writing(service)
            write(self.path, self._jobs)
            service.close()
            gate.unlink(folder)
        finally:
            lock.drop()

    def _end_writing(self, service: Service) -> None:
        service.stop_reading()
        self._jobs.put(None)

    def _be_client(self, remote: Remote) -> None:
        with self._changing:
            self._remote = remote
            for job in list(self._pending.values()):
                self._send(remote, job)
            if self._closed and not self._pending:
                remote.end()
        for answer in remote.answers():
            job = self._pending.pop(answer["id"])
            if "error" in answer:
                job.future.set_exception(wire.read(answer["error"]))
            else:
                job.future.set_result(answer["result"])
            if self._closed and not self._pending:
                break
        with self._changing:
            self._remote = None
            remote.drop()

    def _give_up(self, error: Exception) -> None:
        with self._changing:
            self._thread = None  # the next write tries again
            jobs = list(self._pending.values())
            self._pending.clear()
        for job in jobs:
            job.future.set_exception(_in_doubt(error) if job.again else error)

    def _unanswered(self) -> TransientError:
        return TransientError(
            Text(
                f"状态库 {self.path} 的写入进程没有响应",
                f"the process that writes the state database {self.path} does not answer",
            ),
            Text("请检查该进程后重试", "look after that process, then try again"),
        )


def _in_doubt(error: Exception) -> TransientError:
    return faults.in_doubt(error.message if isinstance(error, YunjinError) else Text(str(error), str(error)))
