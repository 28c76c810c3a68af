"""The ledger benchmark measures what it says: both sides do the same, and its trees are sound."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quota_trees import plant
from yunjin.ledger import reservations
from yunjin.store.database import FILE, open_database
from yunjin.store.sqlite import connect

if TYPE_CHECKING:
    from types import ModuleType

PATH = Path(__file__).parents[3] / "benchmarks" / "ledger.py"
CELLS = "SELECT * FROM quota_cells ORDER BY node, pool, dimension"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_ledger", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_bare_loop_leaves_what_the_operations_leave(benchmark: ModuleType, tmp_path: Path) -> None:
    leaves = benchmark.planted(tmp_path / "first", 200)
    operations = benchmark.record(tmp_path / "first" / FILE, leaves, 10)
    raw = connect(tmp_path / "first" / FILE)
    before = raw.execute(CELLS).fetchall()
    assert raw.execute("SELECT count(*) FROM audit").fetchone() == (0,)  # recording changed nothing
    raw.close()
    loaded = benchmark.replay(benchmark.copied(tmp_path, "bare") / FILE, operations[:9])
    raw = connect(tmp_path / "bare" / FILE)
    assert raw.execute("SELECT count(*) FROM audit").fetchone() == (9,)
    assert raw.execute(
        "SELECT state, count(*) FROM reservations GROUP BY state ORDER BY state"
    ).fetchall() == [
        ("released", 4),
        ("reserved", 1),
    ]
    assert len(raw.execute(CELLS).fetchall()) >= len(before)
    raw.close()
    assert len(loaded.took) == 9


def test_clients_of_several_processes_are_all_counted(benchmark: ModuleType, tmp_path: Path) -> None:
    leaves = benchmark.planted(tmp_path / "first", 200)
    loaded = benchmark.load(tmp_path / "first", "", leaves, 2, 0.2)
    raw = connect(tmp_path / "first" / FILE)
    assert raw.execute("SELECT count(*) FROM audit").fetchone() == (len(loaded.took),)
    raw.close()


def test_a_guaranteed_tree_keeps_its_operations_below_the_tenant(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    leaf = plant(database, 200, guarantee=10**6)[0]
    above = (
        "SELECT * FROM quota_cells WHERE node NOT LIKE 'leaf/%' AND node NOT LIKE 'tenant/%' ORDER BY 1, 2, 3"
    )
    before = database.rows(above)
    asked = {"key": "one", "actor": "tests", "at": "2026-11-22T00:00:00.000000+00:00", "expires": None}
    database.write(reservations.reserve, {**asked, "leaf": leaf, "delta": {"cpu": 1000}})
    assert database.rows(above) == before
    database.close()
