"""A state of the schema before the ledger migrates forward, and an apply that was in flight is finished.

A process applies a plan and is killed in its midst. Its state gets the schema it would have had before there
was a ledger. The next Yunjin brings the schema up to date, takes the declared city into the ledger, finishes
what was begun, and ledger and endpoint agree. The same state goes through a backup on its way.
"""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from killing import Steps, fork
from old_states import take_back
from spines import QUICK, City
from yunjin.engine import backups
from yunjin.ledger.chain import Seal, links
from yunjin.ledger.checks import check
from yunjin.ledger.verification import verify_database
from yunjin.store.database import FILE
from yunjin.store.migrate import HEAD, file_version
from yunjin.store.objects import open_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.store import Store

BEFORE = "0001"
ONE_BY_ONE = replace(QUICK, workers=1, chunk=3)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    """A small city that was being applied when the process died, in a state of the schema before."""
    with closing(City(tmp_path)) as made:
        assert fork(lambda: _die_applying(made)) == -signal.SIGKILL
        with made.store() as store:
            ((run, entries),) = store.journal.unfinished()
        assert (run.state, bool(entries)) == ("running", True)
        take_back(made.state, BEFORE)
        yield made


def _die_applying(city: City) -> None:
    with city.spine() as spine:
        judged = spine.plan()
        middle = len(judged.plan.changes) // 2
        steps = Steps(judged.plan.changes, f"after backend.write {middle}")
        stepped = {name: steps.backend(backend) for name, backend in spine.endpoints.backends.items()}
        spine.endpoints = replace(spine.endpoints, backends=stepped)
        spine.apply(judged, ONE_BY_ONE, "cloud-ops", lambda _: None)


def _check_finished(city: City, store: Store) -> None:
    assert store.journal.unfinished() == ()
    assert [run.state for run in store.journal.runs()] == ["finished", "interrupted"]
    assert check(store.database) == ()
    Seal(store.database, store.now).seal()
    report = verify_database(store.database, links(store.database))
    assert report.sound
    assert report.rows > 0
    assert city.cpu() == "4"


def test_the_next_apply_finishes_it(city: City) -> None:
    receipts = city.apply()

    assert [receipt for receipt in receipts if not receipt.settled] == []
    assert file_version(city.state / FILE) == HEAD
    with city.store() as store:
        _check_finished(city, store)
    assert [receipt for receipt in city.apply() if receipt.outcome.value == "done"] == []


def test_it_is_finished_from_a_backup_too(city: City, tmp_path: Path) -> None:
    """Taken by the product of then, put back by that of now."""
    place = open_objects(str(tmp_path / "old-backup"))
    _backup_as_then(city, tmp_path / "old-backup")
    (city.state / FILE).unlink()

    done = backups.restore_into_folder(place, city.state, "", "cloud-ops")
    assert (done.equal, done.report.sound, done.report.rows) == (None, True, 1)
    receipts = city.apply()
    assert [receipt for receipt in receipts if not receipt.settled] == []
    with city.store() as store:
        _check_finished(city, store)


def _backup_as_then(city: City, folder: Path) -> None:
    from yunjin.engine.manifests import CONTENT, NAME, Manifest, Summary

    folder.mkdir()
    content = folder / CONTENT
    content.write_bytes((city.state / FILE).read_bytes())
    manifest = Manifest(
        product="0.0.9",
        made="2026-11-22T01:00:00.000000+00:00",
        dialect="sqlite",
        revision=BEFORE,
        size=content.stat().st_size,
        sha256=backups._sha256(content),
        summary=Summary(),
    )
    (folder / NAME).write_bytes(manifest.written())
