"""Backups of every database into every store of objects: taken online, verified, put back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from audits import Place, planted
from yunjin.engine import backups
from yunjin.errors import ConflictError, RefusalError
from yunjin.ledger import export
from yunjin.ledger.chain import links
from yunjin.ledger.records import canonical
from yunjin.ledger.verification import verify_database
from yunjin.store import Store
from yunjin.store.objects import ObjectStore, open_objects
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from buckets import S3Server
    from clocks import Clock
    from ledgers import Hand
    from postgres import Server
    from yunjin.engine.backups import Restored
    from yunjin.store.connection import Connection

SERVER = pytest.param("postgresql", marks=pytest.mark.postgres)
LEAF = "leaf/k1/jtj-egov"
IN_FOLDER = pytest.mark.parametrize("shelf", ["folder"], indirect=True)


@operation
def many_rows(connection: Connection, rows: list[tuple[int, dict[str, str]]]) -> None:
    connection.executemany(
        "INSERT INTO audit (seq, key, at, actor, operation, digest, request, result) "
        "VALUES (?, ?, ?, ?, 'filler', '', ?, '{}')",
        [(seq, said["key"], said["at"], said["actor"], canonical(said)) for seq, said in rows],
    )


Shelf = Callable[[str], ObjectStore]


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """Opens what is below a place for backups, or with an empty name the place."""
    if request.param == "folder":
        return partial(_below, str(tmp_path / "shelf"), "")
    s3: S3Server = request.getfixturevalue("s3")
    return partial(_below, f"s3://{s3.bucket(locked=False)}/backups", s3.access)


def _below(place: str, access: str, name: str) -> ObjectStore:
    return open_objects(f"{place}/{name}", access)


@dataclass
class State:
    """A state with a ledger, and a new place to restore it to."""

    store: Store
    hand: Hand
    target: Place

    def exported(self, store: Store | None = None) -> str:
        database = (store or self.store).database
        return export.document(export.read(database.rows, database.dialect))

    def restore(self, backup: ObjectStore, consent: str = "") -> Restored:
        if self.target.url:
            return backups.restore_into_server(backup, self.target.folder, self.target.url, consent, "tests")
        return backups.restore_into_folder(backup, self.target.folder, consent, "tests")

    @contextmanager
    def restored(self) -> Iterator[Store]:
        with Store.open(self.target.folder, url=self.target.url) as store:
            yield store


def _url(request: pytest.FixtureRequest, kind: str) -> str | None:
    if kind != "postgresql":
        return None
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(params=["sqlite", SERVER])
def source(request: pytest.FixtureRequest) -> str | None:
    """Address of the database that is backed up; a file's is None."""
    return _url(request, request.param)


@pytest.fixture(params=["sqlite", SERVER])
def target(request: pytest.FixtureRequest) -> str | None:
    """Address of the database that is restored to."""
    return _url(request, request.param)


@pytest.fixture
def state(tmp_path: Path, clock: Clock, source: str | None, target: str | None) -> Iterator[State]:
    with Store.open(tmp_path / "state", clock, source) as store:
        hand = planted(store.database, clock)
        hand.allot(LEAF, cpu=6, memory=60)
        yield State(store, hand, Place(tmp_path / "restored", target))


def test_a_restore_ends_with_the_same_ledger_and_a_sound_chain(state: State, shelf: Shelf) -> None:
    name, manifest = backups.take(state.store, shelf(""))
    done = state.restore(shelf(name))

    assert (done.equal, done.report.sound, done.before) == (True, True, "")
    assert done.report.rows == manifest.summary.position + 1
    with state.restored() as store:
        assert state.exported(store) == state.exported()
        ((operation, actor),) = store.database.rows(
            "SELECT operation, actor FROM audit ORDER BY seq DESC LIMIT 1"
        )
        assert (operation, actor) == ("restore", "tests")


@IN_FOLDER
def test_what_is_restored_goes_on(state: State, shelf: Shelf, clock: Clock) -> None:
    name, _ = backups.take(state.store, shelf(""))
    state.restore(shelf(name))
    with state.restored() as store:
        hand = type(state.hand)(store.database, clock)
        number = hand.allot(LEAF, cpu=7, memory=60)
        assert number == 2, "numbers go on where they were"
        assert verify_database(store.database, links(store.database)).sound


@IN_FOLDER
@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
def test_a_backup_is_one_moment_while_others_write(state: State, shelf: Shelf) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            state.hand.allot("leaf/k1/dawa-egov", cpu=1)
            state.hand.allot("leaf/k1/dawa-egov", cpu=2)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        taken = [backups.take(state.store, shelf("")) for _ in range(3)]
    finally:
        stop.set()
        worker.join()

    rows = [manifest.summary.position + manifest.summary.unsealed for _, manifest in taken]
    assert rows == sorted(rows)
    for name, manifest in taken:
        with backups.opened(shelf(name)) as checked:
            assert checked.report.sound
            assert checked.report.rows == manifest.summary.position


HUNDRED_THOUSAND = 100_000


@pytest.mark.storm
@pytest.mark.timeout(600)
@IN_FOLDER
@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "sqlite"), pytest.param("postgresql", "postgresql", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_a_hundred_thousand_audit_rows_come_back(state: State, shelf: Shelf) -> None:
    before = state.exported()
    start = 1 + state.hand.rows("SELECT max(seq) FROM audit")[0][0]
    for first in range(start, start + HUNDRED_THOUSAND, 5000):
        requests = [(seq, state.hand.request()) for seq in range(first, first + 5000)]
        state.store.database.write(many_rows, requests)
    name, manifest = backups.take(state.store, shelf(""))
    done = state.restore(shelf(name))

    assert manifest.summary.position == start - 1 + HUNDRED_THOUSAND
    assert (done.equal, done.report.sound, done.report.rows) == (True, True, start + HUNDRED_THOUSAND)
    with state.restored() as store:
        assert state.exported(store) == before


# ---- a state that is there already


@IN_FOLDER
@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_a_state_that_is_there_is_replaced_only_with_consent_and_kept_beside(
    state: State, shelf: Shelf, clock: Clock
) -> None:
    name, _ = backups.take(state.store, shelf(""))
    with state.restored() as store:
        planted(store.database, clock).allot(LEAF, cpu=1)
        standing = state.exported(store)
    for consent in ("", "replace-0123456789ab"):
        with pytest.raises(RefusalError) as caught:
            state.restore(shelf(name), consent)
        with state.restored() as store:
            assert state.exported(store) == standing
    assert caught.value.remedy
    phrase = caught.value.remedy.en.partition("--replace ")[2].partition(";")[0]

    done = state.restore(shelf(name), phrase)
    assert (done.equal, done.report.sound) == (True, True)
    with state.restored() as store:
        assert state.exported(store) == state.exported()
    ((kept,),) = state.target.administrator.execute(
        f"SELECT count(*) FROM {done.before}.audit" if state.target.url else "SELECT 1"  # noqa: S608 (its own)
    )
    if state.target.url:
        assert kept > 0
        return
    with closing(sqlite3.connect(done.before)) as old:
        assert old.execute(
            "SELECT allotted FROM quota_cells WHERE node = ? AND dimension = 'cpu'", (LEAF,)
        ).fetchall() == [(1,)]


@IN_FOLDER
@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_a_state_in_use_is_left_alone(state: State, shelf: Shelf, clock: Clock) -> None:
    name, _ = backups.take(state.store, shelf(""))
    with state.restored() as store:
        planted(store.database, clock)
        standing = state.exported(store)
        with pytest.raises(RefusalError) as caught:
            state.restore(shelf(name))
        assert caught.value.remedy
        phrase = caught.value.remedy.en.partition("--replace ")[2].partition(";")[0]
        with pytest.raises(ConflictError):
            state.restore(shelf(name), phrase)
        assert state.exported(store) == standing
