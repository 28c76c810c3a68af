"""What an operation is given to work with: one connection, the same on both databases.

Written against by every operation; `sqlite` and `postgres` implement it. Promises that SQL has `?` for its
values whichever database runs it, and that nobody but the one who opened the transaction begins or ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Dialect = Literal["sqlite", "postgresql"]


class Cursor(Protocol):
    """What a statement answered."""

    @property
    def rowcount(self) -> int:
        """How many rows an UPDATE, DELETE or INSERT touched."""
        ...

    def fetchone(self) -> Any:
        """The next row, a tuple; None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left, tuples."""
        ...


class Connection(Protocol):
    """A connection inside a transaction that its owner began and will end."""

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it speaks, for the few statements that differ."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        ...


def locked(connection: Connection, select: str, *, alone: bool = False) -> str:
    """A SELECT whose rows nobody changes before the transaction ends; with `alone`, nobody locks either.

    SQLite has one writer, so there the rows are safe as they are.
    """
    if connection.dialect == "sqlite":
        return select
    return f"{select} {'FOR UPDATE' if alone else 'FOR SHARE'}"
