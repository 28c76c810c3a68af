"""The writer of an SQLite file: one thread that commits in groups.

Run by `local` while its process holds the writer's lock. Calls `sqlite`, `answers` and the operations.
Promises that a future ends only once its rows are on the disk, that many jobs share one disk flush, that they
are done in the order they were given, and that a job which fails takes back its own rows alone.
"""

from __future__ import annotations

import queue
import sqlite3
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from yunjin.store.answers import PRUNE_SECONDS, find, keep, prune
from yunjin.store.sqlite import SqliteConnection, connect, ours, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.store.jobs import Job

GROUP: Final = 512
"""The most jobs one transaction carries, so that the first does not wait for an endless tail."""

Jobs = queue.SimpleQueue["Job | None"]
"""What is to be written, in order; None ends the writer."""


def write(path: Path, jobs: Jobs) -> None:
    """Do jobs until the end is among them."""
    connection: SqliteConnection | None = None
    prune_after = monotonic()
    while (first := jobs.get()) is not None:
        group = [first, *_waiting(jobs)]
        try:
            with translated(path):
                connection = connection or SqliteConnection(connect(path))
                results = _commit(connection, group)
        except Exception as error:  # noqa: BLE001 (whatever it was, each waiting thread must hear of it)
            for job in group:
                job.future.set_exception(error)
            continue
        for job, (value, failure) in zip(group, results, strict=True):
            if failure is None:
                job.future.set_result(value)
            elif isinstance(failure, sqlite3.Error):
                job.future.set_exception(ours(path, failure))
            else:
                job.future.set_exception(failure)
        if monotonic() > prune_after and any(job.id for job in group):
            with suppress(sqlite3.Error):  # nobody waits for it, and the next minute tries again
                prune_after = monotonic() + (PRUNE_SECONDS if prune(connection) else 0)
    if connection is not None:
        connection.raw.close()


def _waiting(jobs: Jobs) -> Iterator[Job]:
    for _ in range(GROUP - 1):
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return
        if job is None:  # the end belongs to the loop that waits for it
            jobs.put(None)
            return
        yield job


def _commit(connection: SqliteConnection, group: list[Job]) -> list[tuple[Any, Exception | None]]:
    """One transaction for all jobs; a job that fails takes back its own rows alone."""
    results: list[tuple[Any, Exception | None]] = []
    raw = connection.raw
    raw.execute("BEGIN IMMEDIATE")
    try:
        for job in group:
            raw.execute("SAVEPOINT job")
            try:
                results.append((_done(connection, job), None))
            except Exception as error:
                if not raw.in_transaction:
                    raise  # SQLite gave up the whole transaction: nobody's rows are in
                raw.execute("ROLLBACK TO job")
                results.append((None, error))
            raw.execute("RELEASE job")
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise
    return results


def _done(connection: SqliteConnection, job: Job) -> Any:
    if job.again and (found := find(connection, job.id)):
        return found[0]
    result = job.run(connection)
    if job.id:
        keep(connection, job.id, result)
    return result
