"""State databases as an earlier Yunjin left them.

Used by the tests of upgrades. `take_back` gives a state file the schema of an earlier revision, made by the
migrations of that time, with what the rows of today say in the tables there were.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from yunjin.store import migrate
from yunjin.store.database import FILE

if TYPE_CHECKING:
    from pathlib import Path


def take_back(folder: Path, revision: str) -> None:
    """Give the state of a folder, which nobody has open, an earlier schema."""
    current, old = folder / FILE, folder / f"{FILE}.old"
    make(old, revision)
    with closing(sqlite3.connect(old, isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = OFF")
        file.execute("ATTACH ? AS today", (str(current),))
        tables = file.execute(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        for (table,) in tables:
            if table != "alembic_version":
                columns = ", ".join(row[1] for row in file.execute(f"PRAGMA main.table_info({table})"))
                file.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}")  # noqa: S608 (names of the schema)
    for suffix in ("", "-wal", "-shm"):
        current.with_name(f"{FILE}{suffix}").unlink(missing_ok=True)
    old.rename(current)


def make(path: Path, revision: str) -> None:
    """An empty state file of an earlier schema."""
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
    path.chmod(0o600)
