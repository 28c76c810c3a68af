"""Brings the schema of the state database up to date.

Called by `database.open_database` alone. Reads the schema's version with sqlite3; SQLAlchemy and Alembic
are imported only when a migration is due, because every command pays for what start-up imports. Promises
that two processes that start at once do not collide, and that a migration is whole or has not happened.
"""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunjin.errors import PermanentError, Text
from yunjin.store.sqlite import connect, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD: Final = "0001"
"""The newest revision in `migrations/versions`; revisions are numbers of four digits and only ever grow."""


MIGRATIONS: Final = Path(__file__).parent / "migrations"


def bring_up_to_date(path: Path) -> None:
    """Migrate the file to `HEAD`; an empty file gets the whole schema.

    Raises:
        PermanentError: a newer Yunjin wrote the file, or it is no database of ours.
    """
    if version(path) == HEAD:
        return
    path.with_suffix(".lock").touch(mode=0o600)
    with path.with_suffix(".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if version(path) != HEAD:
            _migrate(path)


def version(path: Path) -> str:
    """Revision of the schema in the file; empty where there is none yet."""
    with translated(path), closing(connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
            return ""
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    found = str(row[0]) if row else ""
    if found > HEAD:
        raise PermanentError(
            Text(
                f"状态库 {path} 的结构版本为 {found}, 高于本程序支持的 {HEAD}",
                f"the state database {path} has schema {found}; this program knows {HEAD} at most",
            ),
            Text(
                "请安装写入它的云锦版本, 或恢复升级前的备份",
                "install the Yunjin that wrote it, or restore the backup made before the upgrade",
            ),
        )
    return found


def _migrate(path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    with translated(path), closing(connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")  # kept in the file; cannot change inside a transaction
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        try:
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except sqlite3.Error:
            raise
        except Exception as error:
            raise PermanentError(
                Text(
                    f"状态库 {path} 升级失败: {error}",
                    f"the state database {path} could not be upgraded: {error}",
                ),
                Text(
                    "原数据未改动; 请保留该文件并反馈", "nothing was changed; keep the file and report this"
                ),
            ) from error
        finally:
            engine.dispose()
