"""Operations on tables of the tests' own, and the tables. Used by tests of the store and their workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yunjin.errors import ConflictError, Text
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from yunjin.store.connection import Connection

# No key: what was done twice shows.
TABLE = "CREATE TABLE marks (who TEXT NOT NULL, n INTEGER NOT NULL)"
UNIQUE_TABLE = "CREATE TABLE numbers (n INTEGER PRIMARY KEY)"


@operation
def mark(connection: Connection, who: str, number: int) -> int:
    """One more row, `number` of `who`."""
    connection.execute("INSERT INTO marks (who, n) VALUES (?, ?)", (who, number))
    return number


@operation
def add(connection: Connection, numbers: list[int]) -> int:
    for number in numbers:
        connection.execute("INSERT INTO numbers (n) VALUES (?)", (number,))
    return len(numbers)


@operation
def refuse(connection: Connection, number: int) -> None:
    """Writes, then thinks better of it."""
    add(connection, [number])
    raise ConflictError(
        Text("已变更", "it moved"), Text("请重新生成", "make it anew"), facts={"short": {"cpu": number}}
    )


@operation
def count(connection: Connection) -> int:
    (found,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
    return int(found)


@operation
def echo(connection: Connection, value: Any) -> Any:
    return value


@operation
def statement(connection: Connection, sql: str) -> None:
    connection.execute(sql)


@operation
def repeat(connection: Connection, value: str, times: int) -> str:
    """A long answer to a short question."""
    return value * times


@operation
def fill_the_disk(connection: Connection) -> None:
    """SQLite is told that there is no more room; the server says what it says where there is none."""
    if connection.dialect == "sqlite":
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 8}")
    else:
        connection.execute(
            """
            CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
            """
        )
        connection.execute("CREATE TRIGGER full_ BEFORE INSERT ON marks EXECUTE FUNCTION no_room()")


@operation
def empty_the_disk(connection: Connection) -> None:
    if connection.dialect == "sqlite":
        connection.execute("PRAGMA max_page_count = 1000000")
    else:
        connection.execute("DROP TRIGGER full_ ON marks")


@operation
def stray(connection: Connection) -> None:
    """What no operation should do."""
    raise ZeroDivisionError("a fault of the program")
