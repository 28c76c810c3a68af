"""The state database as the rest of the package uses it, whichever database it is.

Used by the other modules of this package and by `yunjin.ledger`; opened by `Store.open`. Promises that a
write which returned is on the disk, and that no exception of a database's library gets out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from yunjin.store.connection import Connection, Dialect
    from yunjin.store.operations import Call

T = TypeVar("T")
Args = TypeVarTuple("Args")
FILE: Final = "state.db"


class Database(Protocol):
    """One open database. Safe to use from several threads, not across a fork."""

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it speaks."""
        ...

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Everything one question answers, as of now."""
        ...

    def write(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Do an operation and wait until it is durable.

        Raises:
            YunjinError: the operation's own, and nothing of it is there.
        """
        ...

    def submit(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> Future[T]:
        """Queue an operation. The future ends once it is durable, or with one of `yunjin.errors`."""
        ...

    def write_all(self, calls: Sequence[Call]) -> list[Any]:
        """Do several operations in one transaction, all or none of them, and wait until it is durable.

        Returns:
            Their results, in order.

        Raises:
            YunjinError: that of the first operation that failed; its facts say which, as `operation`,
                counted from 0.
        """
        ...

    def close(self) -> None:
        """Finish what was submitted and end every connection."""
        ...


def open_database(folder: Path, url: str | None = None) -> Database:
    """The database of an installation, its schema current: a server's, else the file in its folder.

    Args:
        folder: where everything of the installation lies.
        url: `postgresql://...`; None for the file.

    Raises:
        UsageError: the address is none.
        PermanentError: the database is damaged, or a newer Yunjin wrote it.
        TransientError: the server cannot be reached, or another process held the database for too long.
    """
    from yunjin.store.migrate import bring_file_up_to_date, bring_server_up_to_date

    if url:
        from yunjin.store.postgres import PostgresDatabase

        server = PostgresDatabase(url)
        try:
            bring_server_up_to_date(server.pool)
        except BaseException:
            server.close()
            raise
        return server
    from yunjin.store.local import SqliteDatabase

    path = folder / FILE
    bring_file_up_to_date(path)
    return SqliteDatabase(path)
