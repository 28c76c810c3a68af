"""The checker finds what is planted: without this, a ledger that it calls right would prove nothing."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import check_ledger

PROGRAM = Path(check_ledger.__file__)
SOON, LATER = "2026-11-22T01:30:00", "2026-11-22T03:00:00"


@pytest.fixture
def file(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "state.db"))


def plant(file: Path, *statements: str) -> None:
    """As somebody would who has the file, and no regard for its triggers."""
    with closing(sqlite3.connect(file)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount, statement
        connection.commit()


def test_a_ledger_that_has_lived_is_right(file: Path) -> None:
    assert check_ledger.check(str(file), SOON) == []


CELL = "UPDATE quota_cells SET {} WHERE node = '{}' AND pool = '{}' AND dimension = 'cpu'"
RESERVATION = "INSERT INTO reservations (id, leaf, pool, state, actor, at) VALUES (9, {}, 'x', 'x')"
SUPPLY = "INSERT INTO pool_supply SELECT NULL, {}, NULL FROM pool_supply WHERE dimension = 'cpu' LIMIT 1"
DEFICIT = "INSERT INTO quota_deficits (node, pool, dimension, amount, cause, opened) VALUES ({}, 'x', 'x')"


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        # Cells
        (
            CELL.format("allotted = allotted + 1", "leaf/k1/jtj-egov", "k8s-egov"),
            "allotted should be 25, is 26",
        ),
        (
            CELL.format("allotted = allotted - 1", "bureau/jtj", "k8s-egov"),
            "bureau/jtj k8s-egov cpu: allotted",
        ),
        (CELL.format("allotted = allotted - 1", "city", "*"), "city * cpu: allotted"),
        (CELL.format("limit_ = limit_ + 1", "tenant/jtj", "k8s-egov"), "tenant/jtj k8s-egov cpu: limit"),
        (CELL.format("limit_ = limit_ + 1", "tenant/jtj", "*"), "tenant/jtj * cpu: limit should be 50"),
        (CELL.format("limit_ = 90", "city", "k8s-egov"), "city k8s-egov cpu: limit should be 45, is 90"),
        (CELL.format("guarantee = 0", "area/dawa", "k8s-egov"), "area/dawa k8s-egov cpu: guarantee"),
        (CELL.format("nested = 0", "city", "k8s-egov"), "city k8s-egov cpu: nested guarantees should be 35"),
        ("DELETE FROM quota_cells WHERE node = 'tenant/dawa' AND pool = '*'", "tenant/dawa * cpu: allotted"),
        (
            "INSERT INTO quota_cells VALUES ('city', 'k8s-egov', 'pods', 0, 0, 5, 0)",
            "pods: limit should be 0",
        ),
        ("INSERT INTO quota_cells VALUES ('nobody', '*', 'cpu', 0, 0, 0, 0)", "nobody * cpu: no such node"),
        # Reservations
        (
            "UPDATE reservation_amounts SET delta = 26 WHERE reservation = 1 AND delta = 25",
            "should be 26, is 25",
        ),
        ("UPDATE reservations SET state = 'released' WHERE id = 5", "allotted should be 0, is 6"),
        ("UPDATE reservations SET state = 'lost' WHERE id = 8", "reservation 8 is lost"),
        (
            "UPDATE reservations SET state = 'reserved' WHERE id = 8",
            "leak: reservation 8 should have expired",
        ),
        ("UPDATE reservations SET state = 'released' WHERE id = 6", "leak: reservation 7 waits for 6"),
        ("UPDATE reservations SET follows = NULL WHERE id = 7", "leak: reservation 7 waits for None"),
        ("UPDATE reservations SET pool = 'k8s-egov' WHERE id = 5", "is not in k8s-egov"),
        ("DELETE FROM reservation_amounts WHERE reservation = 5", "leak: reserved 5 changes nothing"),
        ("UPDATE reservation_amounts SET delta = -26 WHERE reservation = 6", "reservation 6 takes more cpu"),
        ("UPDATE reservation_amounts SET delta = 0 WHERE reservation = 7", "changes cpu by nothing"),
        (RESERVATION.format("'leaf/k1/jtj-gis', 'k8s-egov', 'released'"), "nobody made reservation 9"),
        # Grants and supply
        ("UPDATE grants SET state = 'ended' WHERE node = 'tenant/bus'", "tenant/bus k8s-egov cpu: limit"),
        ("UPDATE grants SET state = 'lost' WHERE node = 'tenant/bus'", "grant opening/tenant/bus is lost"),
        (
            "UPDATE grant_amounts SET limit_ = 41 WHERE pool = 'k8s-egov' AND limit_ = 40",
            "limit should be 41",
        ),
        ("UPDATE pool_supply SET supply = 90 WHERE superseded IS NULL AND supply = 45", "limit should be 90"),
        (
            SUPPLY.format("pool, dimension, supply, reserve, percent, cause, valid_from, recorded"),
            "pool k8s-egov has two supplies of cpu",
        ),
        # Deficits
        ("DELETE FROM quota_deficits WHERE promise = 0 AND node = 'city' AND pool <> '*'", "overshoot: city"),
        ("UPDATE quota_deficits SET amount = amount + 1 WHERE promise = 0", "overshoot: city"),
        ("UPDATE quota_deficits SET closed = 'x' WHERE promise = 1", "guarantees pass their bound by 10"),
        ("UPDATE quota_deficits SET cause = '' WHERE promise = 1", "has no cause"),
        (
            DEFICIT.format("'tenant/jtj', 'k8s-egov', 'cpu', 3"),
            "overshoot: tenant/jtj k8s-egov cpu: charges pass their bound by 0, 3 is on record",
        ),
        # Audit
        (
            "DELETE FROM audit WHERE operation = 'reserve' AND request LIKE '%dawa-egov%'",
            "should hold 0, holds",
        ),
        ("UPDATE audit SET result = replace(result, '6', '7') WHERE result LIKE '%{\"cpu\":6}%'", "holds 6"),
        ("UPDATE audit SET actor = 'x', request = replace(request, 'tests', 'x')", "does not say what was"),
        # Tree
        ("UPDATE quota_nodes SET parent = NULL WHERE id = 'area/dawa'", "area/dawa hangs below nobody"),
        ("UPDATE quota_nodes SET parent = 'nobody' WHERE id = 'area/dawa'", "which is not there"),
        (
            "UPDATE quota_nodes SET parent = 'tenant/jtj' WHERE id = 'bureau/jtj'",
            "not below the city: bureau/jtj",
        ),
        ("UPDATE quota_nodes SET parent = 'leaf/k1/jtj-gis' WHERE id = 'tenant/bus'", "hangs below the leaf"),
        ("UPDATE quota_nodes SET ended = 'x' WHERE id = 'tenant/jtj'", "is below tenant/jtj, which ended"),
        (
            "UPDATE quota_nodes SET ended = 'x' WHERE id = 'leaf/o1/jtj-egov'",
            "leak: leaf/o1/jtj-egov has ended",
        ),
        (
            "UPDATE quota_nodes SET ended = 'x' WHERE id = 'leaf/o1/dawa-egov'",
            "leaf/o1/dawa-egov ended and holds",
        ),
        (
            "UPDATE quota_nodes SET id = 'hold/G2' WHERE id = 'hold/G1'",
            "nothing holds the guarantee of grant G1",
        ),
    ],
)
def test_what_is_planted_is_found(file: Path, planted: str, said: str) -> None:
    plant(file, planted)
    found = check_ledger.check(str(file), SOON)

    assert any(said in line for line in found), found


def test_a_whole_path_that_overshoots_alike_is_found(file: Path) -> None:
    """Counters that agree with each other prove nothing: they must agree with the limits."""
    plant(
        file,
        "UPDATE reservation_amounts SET delta = delta + 30 WHERE reservation = 1 AND dimension = 'cpu'",
        "UPDATE quota_cells SET allotted = allotted + 30 WHERE dimension = 'cpu' "
        "AND node IN ('leaf/k1/jtj-egov', 'tenant/jtj', 'bureau/jtj', 'city') AND pool IN ('k8s-egov', '*')",
    )
    found = check_ledger.check(str(file), SOON)

    assert any("overshoot: tenant/jtj k8s-egov cpu: charges pass their bound by 20" in line for line in found)


def test_what_is_under_way_is_a_leak_where_nothing_should_be(file: Path) -> None:
    found = check_ledger.check(str(file), SOON, idle=True)

    assert [line.split()[2] for line in found] == ["4", "5", "6", "7"]


def test_what_should_have_expired_by_now_is_a_leak(file: Path) -> None:
    (line,) = check_ledger.check(str(file), LATER)

    assert line.startswith("leak: reservation 5 should have expired at")


def test_the_program_exits_with_what_it_found(file: Path) -> None:
    right = subprocess.run([sys.executable, PROGRAM, file], capture_output=True, text=True, check=False)
    plant(file, CELL.format("allotted = 24", "leaf/k1/jtj-egov", "k8s-egov"))
    wrong = subprocess.run([sys.executable, PROGRAM, file], capture_output=True, text=True, check=False)

    assert (right.returncode, right.stdout) == (0, "every figure, bound and state is right\n")
    assert wrong.returncode == 1
    assert wrong.stdout.endswith("leaf/k1/jtj-egov k8s-egov cpu: allotted should be 25, is 24\n1 wrong\n")


def test_the_program_imports_nothing_of_the_product() -> None:
    listing = (
        "import sys, runpy; runpy.run_path(sys.argv[1]); print([m for m in sys.modules if 'yunjin' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", listing, PROGRAM], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
