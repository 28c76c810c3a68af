"""The schema: one definition, whole migrations, two starts at once, a newer database."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from yunjin.errors import PermanentError
from yunjin.store import Store, migrate
from yunjin.store.schema import METADATA
from yunjin.store.sqlite import connect

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from pathlib import Path


def test_the_migrations_end_at_the_schema_the_code_expects(folder: Path, file_store: Store) -> None:
    engine = create_engine(f"sqlite:///{folder / 'state.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()

    assert differences == []


def test_the_newest_revision_is_the_one_the_code_knows() -> None:
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))

    assert scripts.get_heads() == [migrate.HEAD]
    assert all(len(script.revision) == 4 and script.revision.isdigit() for script in scripts.walk_revisions())


def test_the_database_survives_a_power_cut_by_its_settings(folder: Path, file_store: Store) -> None:
    with closing(connect(folder / "state.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_database_of_a_newer_schema_is_left_alone(folder: Path) -> None:
    Store.open(folder).close()
    with closing(sqlite3.connect(folder / "state.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(PermanentError, match="9999"):
        Store.open(folder)


def test_a_migration_that_fails_leaves_nothing_behind(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / "state.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE sightings (it INTEGER)")  # in the way of the last table

    with pytest.raises(PermanentError, match="could not be upgraded"):
        Store.open(folder)

    with closing(sqlite3.connect(folder / "state.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("sightings",)]


def _open(folder: Path, answers: Queue[str]) -> None:
    try:
        with Store.open(folder) as store:
            store.sightings.update("k8s-egov", [])
        answers.put("opened")
    except Exception as error:  # noqa: BLE001 (the parent judges it)
        answers.put(repr(error))


def test_processes_that_start_at_once_do_not_collide(folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers: Queue[str] = context.Queue()
    processes = [context.Process(target=_open, args=(folder, answers)) for _ in range(6)]
    for process in processes:
        process.start()

    assert [answers.get(timeout=60) for _ in processes] == ["opened"] * len(processes)
    for process in processes:
        process.join()
