"""Brings the schema of the state database up to date.

Called by `database.open_database` alone. Reads the schema's version with the database's own library;
SQLAlchemy and Alembic are imported only when a migration is due, because every command pays for what start-up
imports. Promises that two processes that start at once do not collide, and that a migration is whole or has
not happened.
"""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import PermanentError, Text
from yunjin.store.sqlite import connect, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from yunjin.store.pool import Pool, Raw

HEAD: Final = "0004"
"""The newest revision in `migrations/versions`; revisions are numbers of four digits and only ever grow."""


MIGRATIONS: Final = Path(__file__).parent / "migrations"
_ADVISORY_LOCK: Final = 0x59756E6A696E  # the name of the product, as a number


def bring_file_up_to_date(path: Path) -> None:
    """Migrate an SQLite file to `HEAD`; an empty one gets the whole schema.

    Raises:
        PermanentError: a newer Yunjin wrote it, or it is no database of ours.
    """
    if file_version(path) == HEAD:
        return
    path.with_suffix(".lock").touch(mode=0o600)
    with path.with_suffix(".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file_version(path) == HEAD:
            return
        with translated(path), closing(connect(path)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")  # kept in the file; cannot change inside a transaction
            _upgrade("sqlite://", raw, "BEGIN IMMEDIATE", path)


def bring_server_up_to_date(pool: Pool) -> None:
    """Migrate a database of a PostgreSQL server to `HEAD`; an empty one gets the whole schema.

    Raises:
        PermanentError: a newer Yunjin wrote it, or its user may not make tables.
        TransientError: the server cannot be reached, or another migrates for too long.
    """
    from yunjin.store.pool import translated as on_server

    with on_server(pool.name), pool.connection() as raw:
        if server_version(raw, pool.name) == HEAD:
            return
    with on_server(pool.name), closing(pool.connect()) as raw:
        raw.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))  # until the connection ends
        if server_version(raw, pool.name) != HEAD:
            _upgrade("postgresql+psycopg://", raw, "BEGIN", pool.name)


def file_version(path: Path) -> str:
    """Revision of the schema in the file; empty where there is none yet."""
    with translated(path), closing(connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
            return ""
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return _known(row, path)


def server_version(raw: Raw, name: str) -> str:
    """Revision of the schema on the server; empty where there is none yet."""
    if raw.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return ""
    return _known(raw.execute("SELECT version_num FROM alembic_version").fetchone(), name)


def _known(row: tuple[Any, ...] | None, where: object) -> str:
    found = str(row[0]) if row else ""
    if found > HEAD:
        raise PermanentError(
            Text(
                f"状态库 {where} 的结构版本为 {found}, 高于本程序支持的 {HEAD}",
                f"the state database {where} has schema {found}; this program knows {HEAD} at most",
            ),
            Text(
                "请安装写入它的云锦版本, 或恢复升级前的备份",
                "install the Yunjin that wrote it, or restore the backup made before the upgrade",
            ),
        )
    return found


def _upgrade(dialect: str, raw: sqlite3.Connection | Raw, begin: str, where: object) -> None:
    """All migrations that are due, in one transaction on a connection in autocommit mode."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    engine = create_engine(dialect, creator=lambda: raw, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))

    @event.listens_for(engine, "begin")
    def open_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlite3.Error:
        raise
    except Exception as error:
        raise PermanentError(
            Text(
                f"状态库 {where} 升级失败: {error}",
                f"the state database {where} could not be upgraded: {error}",
            ),
            Text("原数据未改动; 请保留原样并反馈", "nothing was changed; leave it as it is and report this"),
        ) from error
    finally:
        engine.dispose()
