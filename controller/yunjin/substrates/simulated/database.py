"""The one file behind a simulated endpoint: SQLite in WAL mode, shared by threads and processes.

Called by the simulated cluster and the simulated cloud. Promises that a transaction is whole or not at all
wherever the process is killed, that readers see one moment and never wait for a writer, and that no exception
of sqlite3 passes. The file is the endpoint: it holds nothing of Yunjin's own state.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from yunjin.substrates.simulated import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.model.resources import Body

_PATIENCE: Final = 30.0  # seconds a writer waits for another
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS object (
  leaf TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (leaf, kind, name));
CREATE TABLE IF NOT EXISTS due (
  leaf TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, moment REAL NOT NULL,
  PRIMARY KEY (leaf, kind, name));
CREATE TABLE IF NOT EXISTS used (
  leaf TEXT NOT NULL, resource TEXT NOT NULL, amount TEXT NOT NULL, PRIMARY KEY (leaf, resource));
CREATE TABLE IF NOT EXISTS lease (
  id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value REAL NOT NULL);
INSERT OR IGNORE INTO setting VALUES ('version', 0), ('frozen', 0), ('quota_delay', 0), ('removal_delay', 0);
%s
PRAGMA application_id = %d;
COMMIT;
"""


class Application(NamedTuple):
    """What is simulated in a file.

    Attributes:
        mark: tells such a file from any other database.
        tables: what it keeps besides.
    """

    mark: int
    tables: str = ""


CLUSTER: Final = Application(0x596A5331)  # "YjS1"


class Row(NamedTuple):
    """One stored object."""

    leaf: str
    kind: str
    name: str
    version: int
    body: str


class Database:
    """Connections to the file. Safe to use from several threads.

    Args:
        endpoint: its id, for messages.
        path: of the file.
        application: what is simulated in it; none opens the file of another.

    Raises:
        UsageError: the file is something else.
        PermanentError: the file cannot be made or used.
    """

    def __init__(self, endpoint: str, path: Path, application: Application = CLUSTER) -> None:
        self._endpoint = endpoint
        self._path = path
        self._application = application
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._give_back(self._prepared())

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the file, for as long as the context lasts."""
        with self._translated():
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.rollback()
                self._give_back(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other writer overlaps; rolled back where the context raises."""
        with self._translated():
            connection = self._take()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
            finally:
                connection.rollback()
                self._give_back(connection)

    def close(self) -> None:
        """Close what is idle now, and the rest as it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connected()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        # A crash of the process loses nothing; only a power cut may lose the last moments of a simulation.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepared(self) -> sqlite3.Connection:
        connection = self._connected()
        # In this order: tables and mark come in one transaction, perhaps another process's between the two.
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application != self._application.mark and tables:
            connection.close()
            raise errors.not_ours(self._endpoint, self._path)
        if application != self._application.mark:
            _in_wal_mode(connection)
            connection.executescript(_SCHEMA % (self._application.tables, self._application.mark))
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise errors.busy(self._endpoint, 503, None) from error
            raise errors.unusable(self._endpoint, self._path, str(error)) from error
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise errors.not_ours(self._endpoint, self._path) from error
            raise errors.unusable(self._endpoint, self._path, str(error)) from error
        except OSError as error:
            raise errors.unusable(self._endpoint, self._path, error.strerror or str(error)) from error


def _in_wal_mode(connection: sqlite3.Connection) -> None:
    """SQLite does not wait while another process switches the same new file, so this does."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def setting(connection: sqlite3.Connection, name: str) -> float:
    """A figure of the simulated cluster itself."""
    return float(connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()[0])


def put_setting(connection: sqlite3.Connection, name: str, value: float) -> None:
    """Change such a figure."""
    connection.execute("UPDATE setting SET value = ? WHERE name = ?", (value, name))


def next_version(connection: sqlite3.Connection) -> int:
    """The version of the next object written; one sequence for the whole endpoint."""
    connection.execute("UPDATE setting SET value = value + 1 WHERE name = 'version'")
    return int(setting(connection, "version"))


def row(connection: sqlite3.Connection, leaf: str, kind: str, name: str) -> Row | None:
    """One object; None where there is none."""
    found = connection.execute(
        "SELECT leaf, kind, name, version, body FROM object WHERE leaf = ? AND kind = ? AND name = ?",
        (leaf, kind, name),
    ).fetchone()
    return Row(*found) if found else None


def rows_of_leaves(connection: sqlite3.Connection) -> Iterator[Row]:
    """Everything but the endpoint's own objects, leaf by leaf in ascending order of name."""
    cursor = connection.execute(
        "SELECT leaf, kind, name, version, body FROM object WHERE leaf > '' ORDER BY leaf, kind, name"
    )
    return map(Row._make, cursor)


def of_leaf(connection: sqlite3.Connection, leaf: str) -> list[Row]:
    """All objects under one leaf."""
    found = connection.execute(
        "SELECT leaf, kind, name, version, body FROM object WHERE leaf = ? ORDER BY kind, name", (leaf,)
    )
    return [Row(*values) for values in found]


def put(connection: sqlite3.Connection, place: Row, body: Body, *, told: bool = True) -> Row:
    """Keep `body` under a new version, which the body itself tells unless `told` is False."""
    version = next_version(connection)
    if told:
        body["metadata"]["resourceVersion"] = str(version)
    kept = Row(place.leaf, place.kind, place.name, version, json.dumps(body, separators=(",", ":")))
    connection.execute("INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?)", kept)
    return kept


def drop(connection: sqlite3.Connection, place: Row) -> None:
    """Forget an object."""
    connection.execute(
        "DELETE FROM object WHERE leaf = ? AND kind = ? AND name = ?", (place.leaf, place.kind, place.name)
    )
