"""Copies between a PostgreSQL server and an SQLite file of the same schema.

Called by `backup` and `yunjin.engine.backups`, for servers alone. Calls psycopg through `pool`, and
SQLAlchemy for the list of tables. Promises that what is read is one snapshot, that what is written is one
transaction, and that a state which gives way is kept beside under another name.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, Text
from yunjin.store.migrate import bring_server_up_to_date
from yunjin.store.pool import translated as on_server
from yunjin.store.sqlite import translated as in_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Table

    from yunjin.store.pool import Pool, Raw

PASSING: Final = frozenset({"answers"})
"""Tables whose rows mean nothing to another database."""
_PIECE: Final = 2000
_GRACE: Final = 2.0
"""Seconds in which a connection that was just closed may still be listed."""
_PAUSE: Final = 0.1
_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = 'yunjin' AND pid <> ALL(%s)"
)
_DRAWN: Final = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}"
_OURS: Final = (
    "SELECT 'TABLE', quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema() "
    "UNION ALL SELECT 'FUNCTION', quote_ident(p.proname) || '()' FROM pg_proc p "
    "JOIN pg_namespace n ON n.oid = p.pronamespace "
    "WHERE n.nspname = current_schema() AND p.proname LIKE 'audit%is_%'"
)


def copy_from_server(pool: Pool, target: Path) -> None:
    """Copy every table into a file that has the newest schema and no rows."""
    with (
        on_server(pool.name),
        closing(pool.connect()) as raw,
        in_file(target),
        closing(sqlite3.connect(target, isolation_level=None)) as file,
    ):
        raw.execute("SET idle_in_transaction_session_timeout = 0")
        raw.execute(_SNAPSHOT)
        file.execute("PRAGMA foreign_keys = OFF")
        file.execute("BEGIN")
        for table in _tables():
            for rows in _read(raw, table):
                file.executemany(_insert(table), rows)
        for table, _, sequence in _sequences(raw):
            if table.dialect_options["sqlite"]["autoincrement"]:
                (last,) = raw.execute(_DRAWN.format(sequence)).fetchone() or (0,)
                file.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
                file.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))
        file.execute("COMMIT")
        raw.execute("COMMIT")


def copy_to_server(path: Path, pool: Pool) -> None:
    """Copy every table of a file into a server's empty ones of the same schema, in one transaction."""
    with (
        on_server(pool.name),
        closing(pool.connect()) as raw,
        in_file(path),
        closing(sqlite3.connect(path, isolation_level=None)) as file,
    ):
        raw.execute("BEGIN")
        for table in _tables():
            columns = ", ".join(column.name for column in table.columns)
            with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copied:
                for row in file.execute(f"SELECT {columns} FROM {table.name}"):  # noqa: S608 (names of the schema)
                    copied.write_row(row)
        drawn = dict(file.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
        for table, column, sequence in _sequences(raw):
            highest = f"SELECT coalesce(max({column}), 0) FROM {table.name}"  # noqa: S608 (names of the schema)
            (most,) = raw.execute(highest).fetchone() or (0,)
            if last := max(most, drawn.get(table.name, 0)):
                raw.execute("SELECT setval(%s, %s)", (sequence, last))
        raw.execute("COMMIT")


def put_aside(pool: Pool) -> str:
    """Move all that is in the schema into another, and make the tables anew; the other's name.

    Raises:
        ConflictError: a process is connected that might write.
    """
    with on_server(pool.name), closing(pool.connect()) as raw:
        _require_alone(pool, raw)
        name = f"replaced_{datetime.now(UTC):%Y%m%dt%H%M%S}"
        raw.execute("BEGIN")
        raw.execute(f"CREATE SCHEMA {name}")
        for kind, what in raw.execute(_OURS).fetchall():
            raw.execute(f"ALTER {kind} {what} SET SCHEMA {name}")
        raw.execute("COMMIT")
    bring_server_up_to_date(pool)
    return name


def _require_alone(pool: Pool, raw: Raw) -> None:
    pool.forget()
    until = monotonic() + _GRACE
    while others := (raw.execute(_OTHERS, ([raw.info.backend_pid],)).fetchone() or (0,))[0]:
        if monotonic() < until:
            sleep(_PAUSE)
            continue
        raise ConflictError(
            Text(
                f"另有 {others} 个云锦连接正在使用状态库 {pool.name}",
                f"{others} other connections of Yunjin use the state database {pool.name}",
            ),
            Text("先停止控制器和其他云锦进程", "stop the controller and other Yunjin processes first"),
        )


def _tables() -> list[Table]:
    """Tables of the newest schema, those that others point at first."""
    from yunjin.store.schema import METADATA

    return [table for table in METADATA.sorted_tables if table.name not in PASSING]


def _read(raw: Raw, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
    columns = ", ".join(column.name for column in table.columns)
    with raw.cursor(name="yunjin_copy") as cursor:
        cursor.execute(f"SELECT {columns} FROM {table.name}")  # noqa: S608 (names of the schema)
        while rows := cursor.fetchmany(_PIECE):
            yield rows


def _insert(table: Table) -> str:
    names = [column.name for column in table.columns]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 (names of the schema)


def _sequences(raw: Raw) -> Iterator[tuple[Table, str, str]]:
    """Table, column and sequence of every number that the server draws."""
    for table in _tables():
        for column in table.columns:
            found = raw.execute("SELECT pg_get_serial_sequence(%s, %s)", (table.name, column.name)).fetchone()
            if found and found[0]:
                yield table, column.name, found[0]
