"""A process that is killed at any statement of any operation leaves it done or not done, and can do it again.

For every statement of every operation a process dies just before it, by SIGKILL, in the thread that writes.
Then the same request is made again: the database is byte for byte that of a run that nobody interrupted.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from check_ledger import check
from clocks import Clock
from killing import fork
from ledgers import CLOUD, DAY, K8S, Body, Hand, grant, plant, small_tree
from yunjin.ledger import grants, moves, nodes, reservations, supply
from yunjin.store import Store
from yunjin.store.operations import operation
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yunjin.store.connection import Connection

pytestmark = [pytest.mark.storm, pytest.mark.timeout(600)]

EGOV, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"
DAWA = Body("area/dawa", "city", {K8S: {"cpu": 5}, CLOUD: {"cpu": 40}}, {"cpu": 40}, {CLOUD: {"cpu": 10}})
LATER = "2026-12-01"


@dataclass(frozen=True)
class Case:
    """An operation and what has happened before it."""

    operation: Callable[..., Any]
    request: dict[str, Any]
    before: Callable[[Hand], None] = lambda _: None


def allotted(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20, memory=100)


def grown(hand: Hand) -> None:
    """Reservation 2 adds what 3, the first half of a move, takes away again."""
    hand.allot(EGOV, cpu=2)
    soon = text(hand.clock() - timedelta(hours=1))
    hand(reservations.reserve, leaf=EGOV, delta={"cpu": 5}, expires=soon)
    hand(moves.move, source=EGOV, target=GIS, amounts={"cpu": 6})


def moving(hand: Hand) -> None:
    allotted(hand)
    hand(moves.move, source=EGOV, target=GIS, amounts={"cpu": 5})


def moved(hand: Hand) -> None:
    moving(hand)
    hand(reservations.commit, leaf=EGOV, target={"cpu": 15, "memory": 100})


def granted(hand: Hand) -> None:
    hand(grants.add_grant, **{**grant(DAWA, "G1"), "valid_from": DAY}, today=DAY)


def promised(hand: Hand) -> None:
    hand(grants.add_grant, **{**grant(DAWA, "G1"), "valid_from": LATER}, today=DAY)


FALL = {
    "supply": {"cpu": 30, "memory": 100},
    "reserve": {},
    "percent": {"cpu": 110},
    "cause": "hosts died",
    "today": DAY,
}
CASES = {
    "reserve": Case(reservations.reserve, {"leaf": EGOV, "delta": {"cpu": 25}}),
    "reserve, one up and one down": Case(
        reservations.reserve, {"leaf": EGOV, "delta": {"cpu": 5, "memory": -50}}, allotted
    ),
    "commit": Case(reservations.commit, {"leaf": EGOV, "target": {"cpu": 15, "memory": 100}}, moving),
    "confirm, and what follows": Case(
        reservations.confirm, {"leaf": EGOV, "enforced": {"cpu": 15, "memory": 100}, "used": {}}, moved
    ),
    "release, and what leaned on it": Case(reservations.release, {"reservation": 2}, grown),
    "release, and what waited for it": Case(reservations.release, {"reservation": 2}, moving),
    "expire": Case(reservations.expire, {"reservation": 2}, grown),
    "move": Case(moves.move, {"source": EGOV, "target": BUS, "amounts": {"cpu": 5}}, allotted),
    "grant": Case(grants.add_grant, {**grant(DAWA, "G1"), "today": DAY}),
    "grant for later": Case(grants.add_grant, {**grant(DAWA, "G1"), "valid_from": LATER, "today": DAY}),
    "start of a grant": Case(grants.start_grant, {"number": "G1", "today": LATER}, promised),
    "end of a grant": Case(grants.end_grant, {"number": "G1", "cause": "withdrawn", "today": DAY}, granted),
    "end of one that has not begun": Case(
        grants.end_grant, {"number": "G1", "cause": "withdrawn", "today": DAY}, promised
    ),
    "renewal": Case(
        grants.renew_grant, {"number": "G1", "valid_to": LATER, "basis": "", "today": DAY}, granted
    ),
    "fall of supply": Case(supply.set_supply, {"pool": K8S, **FALL}, allotted),
    "new node": Case(
        nodes.add_node, {"node": "leaf/k1/new", "parent": "tenant/bus", "pool": K8S, "today": DAY}
    ),
    "end of a node": Case(nodes.end_node, {"node": BUS, "today": DAY}),
}


@operation
def arm(connection: Connection, fatal: int) -> None:
    """From the next transaction on, die before statement `fatal`, counted from 1."""
    raw = connection.raw  # type: ignore[attr-defined]  # this is SQLite
    began, count = False, 0

    def trace(sql: str) -> None:
        nonlocal began, count
        began = began or sql.startswith("BEGIN")
        count += began
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    raw.set_trace_callback(trace)


def act(folder: Path, case: Case, fatal: int = 0) -> Any:
    """Do the operation, in this process; die on the way where `fatal` says so."""
    clock = Clock()
    with Store.open(folder, now=clock) as store:
        hand = Hand(store.database, clock)
        if fatal:
            store.database.write(arm, fatal)
        return hand(case.operation, **case.request, key="the same")


def die_after(folder: Path, case: Case) -> None:
    """Once it is acknowledged."""
    act(folder, case)
    os.kill(os.getpid(), signal.SIGKILL)


def dump(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but what the store keeps for itself."""
    with closing(sqlite3.connect(folder / "state.db")) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608 (its own names)
            for name in names
            if name != "answers"
        }


def prepared(folder: Path, case: Case) -> Path:
    clock = Clock()
    with Store.open(folder, now=clock) as store:
        hand = Hand(store.database, clock)
        plant(hand, small_tree())
        case.before(hand)
    return folder / "state.db"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_killed_before_any_statement_it_can_be_done_again(tmp_path: Path, case: Case) -> None:
    origin = prepared(tmp_path / "origin", case)

    def copy(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        shutil.copy(origin, folder / "state.db")
        return folder

    whole = copy("whole")
    answer = act(whole, case)
    wanted, before = dump(whole), dump(tmp_path / "origin")
    assert wanted != before

    fatal, deaths = 0, 0
    while True:
        fatal += 1
        folder = copy(f"killed-{fatal}")
        code = fork(lambda fatal=fatal, folder=folder: act(folder, case, fatal))  # type: ignore[misc]
        if code != -signal.SIGKILL:
            assert code == 0
            break
        deaths += 1
        assert dump(folder) == before
        again = act(folder, case)
        assert dump(folder) == wanted
        assert again == answer
        assert check(str(folder / "state.db")) == []
        shutil.rmtree(folder)
    assert deaths > 8, (
        "BEGIN, SAVEPOINT, what it does, its audit row, RELEASE and COMMIT are at least as many"
    )

    folder = copy("acknowledged")
    assert fork(lambda: die_after(folder, case)) == -signal.SIGKILL
    assert dump(folder) == wanted
    act(folder, case)
    assert dump(folder) == wanted
