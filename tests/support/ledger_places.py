"""Where the tests of the ledger run: the small tree in a file, through the writer's socket, or on a server.

Used by the conftest of `tests/contract/ledger`. The tree is planted once a session on each kind of database;
every test finds it as it was planted.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from ledgers import Hand, plant, small_tree
from store_operations import echo
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clocks import Clock
    from postgres import Server

_TABLES: Final = (
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
)
_NUMBERED: Final = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
    "AND pg_get_serial_sequence(table_name, column_name) IS NOT NULL"
)


def plant_file(folder: Path) -> Path:
    """A file with the small tree in it, nobody's yet."""
    with Store.open(folder) as store:
        plant(Hand(store.database), small_tree())
    return folder / "state.db"


@contextmanager
def file_ledger(planted: Path, folder: Path, clock: Clock, *, elsewhere: bool = False) -> Iterator[Hand]:
    """A copy of it, which this process writes, or `elsewhere`, as if another did."""
    folder.mkdir(mode=0o700)
    (folder / "state.db").write_bytes(planted.read_bytes())
    with ExitStack() as stack:
        if elsewhere:
            stack.enter_context(Store.open(folder)).database.write(echo, "it writes for the other")
        store = stack.enter_context(Store.open(folder, now=clock))
        yield Hand(store.database, clock, where=str(folder / "state.db"))


class ServerLedgers:
    """One database for all tests: a copy for each of them takes the server longer than the tests."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.url = server.new_database()
        with Store.open(folder, url=self.url) as store:
            plant(Hand(store.database), small_tree())
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            self._tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
            self._numbered = connection.execute(_NUMBERED).fetchall()
            connection.execute("CREATE SCHEMA planted")
            for name in self._tables:
                connection.execute(
                    sql.SQL("CREATE TABLE planted.{0} AS TABLE {0}").format(sql.Identifier(name))
                )

    @contextmanager
    def ledger(self, folder: Path, clock: Clock) -> Iterator[Hand]:
        """The database as it was planted."""
        self._plant_again()
        with Store.open(folder, now=clock, url=self.url) as store:
            yield Hand(store.database, clock, where=self.url)

    def _plant_again(self) -> None:
        names = sql.SQL("; ").join(
            sql.SQL("DELETE FROM {0}; INSERT INTO {0} SELECT * FROM planted.{0}").format(sql.Identifier(name))
            for name in self._tables
        )
        sequences = sql.SQL("; ").join(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence({0}, {1}), coalesce(max({2}) + 1, 1), false) FROM {3}"
            ).format(name, column, sql.Identifier(column), sql.Identifier(name))
            for name, column in self._numbered
        )
        # Audit rows are refused their end otherwise.
        parts = (sql.SQL("BEGIN; SET LOCAL session_replication_role = replica"), names, sequences)
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            connection.execute(sql.SQL("; ").join((*parts, sql.SQL("COMMIT"))))
