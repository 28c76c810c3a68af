"""Backups that are not what they say, states that cannot be read: clear errors, and nothing is changed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import states
from audits import planted
from killing import fork
from yunjin.engine import backups, manifests
from yunjin.errors import PermanentError, RefusalError, UsageError
from yunjin.store import Store
from yunjin.store.database import FILE
from yunjin.store.objects import open_objects
from yunjin.store.objects.folder import FolderStore
from yunjin.store.sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clocks import Clock

LEAF = "leaf/k1/jtj-egov"


@pytest.fixture
def backup(tmp_path: Path, clock: Clock) -> Path:
    """A backup in a folder."""
    with Store.open(states.begin(tmp_path / "state"), clock) as store:
        planted(store.database, clock).allot(LEAF, cpu=6, memory=60)
        name, _ = backups.take(store, open_objects(str(tmp_path / "shelf")))
    return tmp_path / "shelf" / name


def _forge(backup: Path, sql: str) -> None:
    """Change the content by hand, and the manifest so that it fits."""
    with closing(sqlite3.connect(backup / manifests.CONTENT, isolation_level=None)) as file:
        for trigger in ("audit_no_update", "audit_no_delete", "audit_chain_no_delete"):
            file.execute(f"DROP TRIGGER {trigger}")
        file.executescript(sql)
    _resign(backup)


def _resign(backup: Path) -> None:
    content = backup / manifests.CONTENT
    said = manifests.read(open_objects(str(backup)))
    manifest = replace(said, size=content.stat().st_size, sha256=backups._sha256(content))
    (backup / manifests.NAME).write_bytes(manifest.written())


def _truncate(backup: Path) -> None:
    content = backup / manifests.CONTENT
    content.write_bytes(content.read_bytes()[:-4096])


def _flip(backup: Path) -> None:
    content = bytearray((backup / manifests.CONTENT).read_bytes())
    content[len(content) // 2] ^= 1
    (backup / manifests.CONTENT).write_bytes(content)


def _grow(backup: Path) -> None:
    with (backup / manifests.CONTENT).open("ab") as file:
        file.write(b"more")


def _newer_schema(backup: Path) -> None:
    _forge(backup, "UPDATE alembic_version SET version_num = '9999'")


def _other_schema(backup: Path) -> None:
    _forge(backup, "UPDATE alembic_version SET version_num = '0001'")


def _no_database(backup: Path) -> None:
    (backup / manifests.CONTENT).write_bytes(b"hello")
    _resign(backup)


def _empty_database(backup: Path) -> None:
    (backup / manifests.CONTENT).write_bytes(b"")
    _resign(backup)


def _other_ledger(backup: Path) -> None:
    _forge(backup, "UPDATE quota_cells SET allotted = 0")


def _shorter_audit(backup: Path) -> None:
    _forge(
        backup,
        "DELETE FROM audit_chain WHERE position > 5; DELETE FROM audit WHERE seq > 5",
    )


def _dangling(backup: Path) -> None:
    _forge(backup, "PRAGMA foreign_keys = OFF; DELETE FROM audit WHERE seq = 4")


def _manifest(change: Callable[[dict[str, object]], dict[str, object]]) -> Callable[[Path], None]:
    def spoil(backup: Path) -> None:
        said = json.loads((backup / manifests.NAME).read_bytes())
        (backup / manifests.NAME).write_text(json.dumps(change(said)))

    return spoil


def _no_manifest(backup: Path) -> None:
    (backup / manifests.NAME).unlink()


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (_truncate, PermanentError, "incomplete or was changed"),
        (_flip, PermanentError, "incomplete or was changed"),
        (_grow, PermanentError, "more than"),
        (_newer_schema, PermanentError, "9999"),
        (_other_schema, PermanentError, "its schema is another"),
        (_no_database, PermanentError, "cannot be used"),
        (_empty_database, PermanentError, "damaged"),
        (_other_ledger, PermanentError, "its ledger is another"),
        (_shorter_audit, PermanentError, "its audit is another"),
        (_dangling, PermanentError, "damaged"),
        (_no_manifest, UsageError, "no backup"),
        (_manifest(lambda said: {**said, "format": 2}), PermanentError, "newer Yunjin"),
        (_manifest(lambda said: {**said, "size": -1}), PermanentError, "damaged"),
        (_manifest(lambda said: {**said, "more": 1}), PermanentError, "damaged"),
        (_manifest(lambda _: {}), PermanentError, "damaged"),
        (lambda backup: (backup / manifests.NAME).write_bytes(b"\xff" * 10), PermanentError, "damaged"),
        (lambda backup: (backup / manifests.NAME).write_bytes(b"[" * 60_000), PermanentError, "damaged"),
        (lambda backup: (backup / manifests.NAME).write_bytes(b" " * 70_000), PermanentError, "more than"),
    ],
)
def test_a_backup_that_is_not_what_it_says_is_refused(
    backup: Path, tmp_path: Path, spoil: Callable[[Path], object], kind: type[Exception], said: str
) -> None:
    for path in backup.iterdir():
        path.chmod(0o600)
    spoil(backup)
    place = open_objects(str(backup))

    with pytest.raises(kind, match=said), backups.opened(place):
        pass
    with pytest.raises(kind, match=said):
        backups.restore_into_folder(place, tmp_path / "restored", "", "tests")
    assert not (tmp_path / "restored" / FILE).exists()


def test_a_folder_others_may_write_into_gets_nothing(backup: Path, tmp_path: Path) -> None:
    """Else the state would be there, and the next command would refuse the folder."""
    folder = tmp_path / "restored"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UsageError, match="others may write"):
        backups.restore_into_folder(open_objects(str(backup)), folder, "", "tests")
    assert list(folder.iterdir()) == []

    folder.chmod(0o700)
    assert backups.restore_into_folder(open_objects(str(backup)), folder, "", "tests").equal


def test_a_forged_row_in_a_backup_is_seen(backup: Path) -> None:
    for path in backup.iterdir():
        path.chmod(0o600)
    _forge(backup, "UPDATE audit SET actor = 'nobody' WHERE seq = 4")

    with backups.opened(open_objects(str(backup))) as checked:
        assert [(problem.kind, problem.where) for problem in checked.report.problems] == [("changed", "4")]


def test_the_backups_below_a_place_are_named(backup: Path) -> None:
    with pytest.raises(UsageError) as caught, backups.opened(open_objects(str(backup.parent))):
        pass
    assert caught.value.remedy
    assert backup.name in caught.value.remedy.en


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_state_that_cannot_be_read_is_replaced_with_consent(
    backup: Path, tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "restored"
    folder.mkdir(mode=0o700)
    (folder / FILE).write_bytes(content)
    place = open_objects(str(backup))
    if content:
        with pytest.raises(RefusalError, match="a state"):
            backups.restore_into_folder(place, folder, "", "tests")
    done = backups.restore_into_folder(place, folder, backups.UNREADABLE if content else "", "tests")

    assert (done.equal, done.report.sound, bool(done.before)) == (True, True, bool(content))
    if content:
        assert (folder / done.before).read_bytes() == content


def test_a_log_left_beside_the_old_state_is_not_taken_for_the_new_one(backup: Path, tmp_path: Path) -> None:
    """As after a crash: the old file has rows in its log that never reached it."""
    folder = tmp_path / "restored"
    with Store.open(folder) as store:
        phrase = backups._phrase(store.database)
        assert phrase == ""
    with closing(connect(folder / FILE)) as raw:
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        raw.execute("INSERT INTO clocks VALUES ('x', 'y', '2026-01-01', NULL)")
        log = (folder / f"{FILE}-wal").read_bytes()
        main = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(main)
    (folder / f"{FILE}-wal").write_bytes(log)
    with pytest.raises(RefusalError) as caught:
        backups.restore_into_folder(open_objects(str(backup)), folder, "", "tests")
    assert caught.value.remedy
    phrase = caught.value.remedy.en.partition("--replace ")[2].partition(";")[0]

    done = backups.restore_into_folder(open_objects(str(backup)), folder, phrase, "tests")
    assert (done.equal, done.report.sound) == (True, True)
    with closing(connect(folder / done.before)) as old:
        assert old.execute("SELECT kind FROM clocks").fetchall() == [("x",)]


class _Deadly(FolderStore):
    """A place whose writer is killed."""

    def put(self, *_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_killed_backups_left_does_not_pile_up(tmp_path: Path, clock: Clock) -> None:
    """A whole copy each. A young one may be of a backup that is being taken."""
    state = states.begin(tmp_path / "state")

    def take() -> None:
        with Store.open(state, clock) as store:
            backups.take(store, _Deadly(tmp_path / "shelf"))

    assert fork(take) == -signal.SIGKILL
    (left,) = state.glob(".backup-*")
    shelf = open_objects(str(state))  # the worst place for backups
    with Store.open(state, clock) as store:
        first, _ = backups.take(store, shelf)
        assert (left / manifests.CONTENT).exists()
        for old in (left, state / first):
            os.utime(old, (0, 0))
        second, _ = backups.take(store, shelf)
    assert list(state.glob(".backup-*")) == []
    assert all((state / name / manifests.NAME).exists() for name in (first, second))
