"""Copies of the state database: one SQLite file, whichever database it was taken from or goes into.

Called by `yunjin.engine.backups`. Calls `migrate` and the databases' own libraries. Promises that a copy is
one moment of the database, taken while others write; that it holds every table, and of every table every row;
and that what is put back either is there whole or has not happened.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from yunjin.errors import ConflictError, PermanentError, Text
from yunjin.store import gate
from yunjin.store.database import FILE
from yunjin.store.migrate import bring_file_up_to_date, file_version
from yunjin.store.sqlite import connect, translated

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.store.database import Database

SUFFIXES: Final = ("-wal", "-shm")
_SOUND: Final = "ok"


def copy(database: Database, target: Path) -> None:
    """Copy a database into a new file, a single one that nothing else belongs to.

    Raises:
        PermanentError: the disk is full, or the database is damaged.
        TransientError: the server cannot be reached.
    """
    from yunjin.store.local import SqliteDatabase

    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if isinstance(database, SqliteDatabase):
        with (
            translated(target),
            closing(connect(database.path)) as source,
            closing(sqlite3.connect(target)) as copied,
        ):
            source.backup(copied)  # all pages in one reading; in WAL mode nobody waits for it
    else:
        from yunjin.store.backup_server import copy_from_server
        from yunjin.store.postgres import PostgresDatabase

        if not isinstance(database, PostgresDatabase):
            raise TypeError(type(database))
        bring_file_up_to_date(target)
        copy_from_server(database.pool, target)
        target.with_suffix(".lock").unlink(missing_ok=True)
    with translated(target), closing(connect(target)) as copied:
        copied.execute("PRAGMA journal_mode = DELETE")


def check(path: Path) -> str:
    """Look into every page of a copy; the revision of its schema.

    Raises:
        PermanentError: it is damaged, no state database, or of a newer schema.
    """
    with translated(path), closing(connect(path)) as copied:
        found = copied.execute("PRAGMA integrity_check(1)").fetchall()
        dangling = copied.execute("PRAGMA foreign_key_check").fetchone()
    version = file_version(path)
    if found != [(_SOUND,)] or dangling or not version:
        raise PermanentError(
            Text("备份中的状态库已损坏", "the state database in the backup is damaged"),
            Text("改用另一份备份", "take another backup"),
        )
    return version


def put_into_folder(path: Path, folder: Path, *, keep: bool) -> Path | None:
    """Make a copy the state database of a folder. The copy lies on the same file system, and is moved.

    Args:
        path: the copy.
        folder: of the installation.
        keep: what is there keeps another name; else it is empty and goes.

    Returns:
        What was there before, under its new name; None where nothing is kept.

    Raises:
        ConflictError: a process writes the database that is there.
        UsageError, PermanentError: the folder cannot be written to, or its disk is full.
    """
    lock = gate.take(folder)
    if lock is None:
        raise ConflictError(
            Text(
                f"目录 {folder} 的状态库正由其他进程写入", f"a process writes the state database of {folder}"
            ),
            Text("先停止控制器和其他云锦进程", "stop the controller and other Yunjin processes first"),
        )
    try:
        with translated(path), closing(connect(path)) as copied:
            copied.execute("PRAGMA journal_mode = WAL")
        with gate.usable(folder):
            before = _put_aside(folder) if keep else None
            for suffix in SUFFIXES:  # a log that is left would be taken for the new file's
                (folder / f"{FILE}{suffix}").unlink(missing_ok=True)
            path.replace(folder / FILE)
            _flush(folder)
    finally:
        lock.drop()
    return before


def _put_aside(folder: Path) -> Path:
    """The old file gets a second name, and what its log still holds goes into it."""
    current = folder / FILE
    aside = folder / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}.db"
    with suppress(sqlite3.Error), closing(connect(current)) as old:
        # Where it is damaged, which may be why a backup is put back, the files are kept as they are.
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside.hardlink_to(current)
    for suffix in SUFFIXES:
        log = current.with_name(f"{FILE}{suffix}")
        if log.exists():
            log.rename(aside.with_name(f"{aside.name}{suffix}"))
    return aside


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
