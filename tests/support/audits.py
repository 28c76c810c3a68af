"""Audits to test on, and the administrator who would rather have another one.

Used by the tests of the chain, of its heads and of backups. `Administrator` writes into the database past
Yunjin, as whoever holds the file or the server may.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from ledgers import Hand, plant, small_tree
from yunjin.ledger.chain import GENESIS, Entry, Seal, hash_of
from yunjin.store.database import FILE, Database, open_database
from yunjin.store.postgres import placed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

TABLES = ("audit", "audit_chain", "audit_heads")


@dataclass(frozen=True)
class Place:
    """Where a state database is: in a file of `folder`, or at `url`."""

    folder: Path
    url: str | None = None

    def open(self) -> Database:
        """A new handle on it."""
        return open_database(self.folder, self.url)

    @property
    def administrator(self) -> Administrator:
        """Who may do everything to it."""
        return Administrator(self)


@dataclass(frozen=True)
class Administrator:
    """Writes into a database by hand."""

    place: Place

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement, committed at once."""
        if self.place.url:
            with closing(psycopg.connect(self.place.url, autocommit=True)) as server:
                cursor = server.execute(placed(sql), values)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.place.folder / FILE, isolation_level=None)) as file:
            return file.execute(sql, values).fetchall()

    def take_guards_away(self) -> None:
        """Drop whatever keeps audit rows from being changed."""
        for table in TABLES:
            if self.place.url:
                self.execute(f"DROP TRIGGER {table}_is_kept ON {table}")
                continue
            for kind in ("update", "delete", "replace"):
                self.execute(f"DROP TRIGGER {table}_no_{kind}")
        if self.place.url:
            self.execute("ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_seq_fkey")

    def rewrite_chain(self) -> None:
        """Compute all hashes anew over what the audit says now, as one who knows how it is done."""
        chained = self.execute("SELECT position, seq, sealed FROM audit_chain ORDER BY position")
        self.execute("DELETE FROM audit_chain")
        previous, position = GENESIS, 0
        for _, seq, sealed in chained:
            rows = self.execute("SELECT * FROM audit WHERE seq = ?", seq)
            if not rows:
                continue
            position += 1
            previous = hash_of(previous, position, sealed, Entry(*rows[0]))
            self.execute("INSERT INTO audit_chain VALUES (?, ?, ?, ?)", position, seq, previous, sealed)


def planted(database: Database, clock: Callable[[], datetime]) -> Hand:
    """The small tree, with its audit rows sealed."""
    hand = Hand(database, clock)
    plant(hand, small_tree())
    Seal(database, clock).seal()
    return hand
