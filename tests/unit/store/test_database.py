"""Group commit: many writers, whole operations, errors that reach the one they concern."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from yunjin.errors import ConflictError, PermanentError, Text
from yunjin.store.local import SqliteDatabase
from yunjin.store.operations import operation
from yunjin.store.sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.store.connection import Connection


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    path = tmp_path / "some.db"
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    opened = SqliteDatabase(path)
    yield opened
    opened.close()


@operation
def _add(connection: Connection, numbers: list[int]) -> int:
    for number in numbers:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
    return len(numbers)


@operation
def _count(connection: Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
    return int(count)


@operation
def _stumble(connection: Connection, number: int) -> None:
    _add(connection, [number])
    raise ConflictError(Text("已变更", "it moved"))


def _numbers(database: SqliteDatabase) -> list[int]:
    return [row[0] for row in database.rows("SELECT n FROM numbers ORDER BY n")]


def test_what_many_threads_wrote_is_there_when_their_calls_return(database: SqliteDatabase) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda n: database.write(_add, [n]), range(400))) == [1] * 400

    assert _numbers(database) == list(range(400))


def test_writes_are_done_in_the_order_of_one_thread(database: SqliteDatabase) -> None:
    futures = [database.submit(_add, [number]) for number in (3, 1, 2)]
    last = database.submit(_count)

    assert last.result() == 3
    assert all(future.done() for future in futures)


def test_an_operation_that_fails_takes_back_its_own_rows_alone(database: SqliteDatabase) -> None:
    first = database.submit(_add, [1])
    refused = database.submit(_stumble, 2)
    twice = database.submit(_add, [3, 1])
    last = database.submit(_add, [4])

    assert (first.result(), last.result()) == (1, 1)
    with pytest.raises(ConflictError):
        refused.result()
    with pytest.raises(PermanentError, match="UNIQUE"):
        twice.result()
    assert _numbers(database) == [1, 4]


def test_a_closed_database_has_finished_what_was_queued(database: SqliteDatabase) -> None:
    futures = [database.submit(_add, [number]) for number in range(2000)]
    database.close()

    assert all(future.result() == 1 for future in futures)
    with closing(connect(database.path)) as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (2000,)


def test_questions_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(PermanentError, match="readonly"):
        database.rows("INSERT INTO numbers VALUES (1)")


def test_no_exception_of_the_library_gets_out(database: SqliteDatabase) -> None:
    database.write(_add, [1])
    with closing(connect(database.path)) as other:
        other.execute("DROP TABLE numbers")

    with pytest.raises(PermanentError, match="no such table"):
        database.write(_add, [2])
