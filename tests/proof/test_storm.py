"""Random operations from several processes at once, on 3,221 nodes in four levels, driven to their limits.

What is left is judged by two programs that read only the database: `check_ledger.py`, the last state, and
`replay_ledger.py`, every state on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from check_ledger import check
from replay_ledger import replay
from storms import Storm

if TYPE_CHECKING:
    from pathlib import Path

    from postgres import Server

pytestmark = [pytest.mark.storm, pytest.mark.timeout(0)]


def weather(storm: Storm, where: str, operations: int, kills: int) -> None:
    """Blow, look meanwhile, settle, and look again."""
    looks = 0
    found: list[str] = []

    def look(done: int) -> None:
        nonlocal looks
        if done >= operations * looks // 4:
            looks += 1
            found.extend(check(where))

    storm.blow(operations, kills=kills, meanwhile=look)
    at = storm.settle()
    replayed = replay(where)
    report(storm, replayed.peak)

    assert storm.killed == kills
    assert storm.done >= operations * 0.99
    assert found == []
    assert check(where, at, idle=True) == []
    assert replayed.wrong == []
    assert_driven_to_the_limits(storm)


def report(storm: Storm, peak: int) -> None:
    codes = storm.refused()
    total = sum(codes.values())
    shares = ", ".join(f"{code} {count / total:.0%}" for code, count in codes.most_common())
    limits = ", ".join(f"{kind} {count}" for kind, count in storm.limits.most_common())
    print(f"\n{storm.done} operations, {storm.killed} processes killed: {shares}")
    print(f"limits met: {limits}; {peak} rises of what the city is charged")


def assert_driven_to_the_limits(storm: Storm) -> None:
    """A storm that nothing refuses has tested nothing."""
    assert storm.outcomes["reserve shortage"] > 0.05 * storm.outcomes["reserve done"]
    assert set(storm.limits) >= {"city", "bureau", "tenant"}
    for outcome in (
        "reserve refused",
        "reserve conflict",
        "commit done",
        "commit conflict",
        "confirm done",
        "release done",
        "release refused",
        "expire done",
        "move done",
        "move shortage",
        "add_grant done",
        "start_grant done",
        "end_grant done",
        "set_supply done",
    ):
        assert storm.outcomes[outcome] > 0, outcome


def test_fifty_thousand_operations_on_sqlite(tmp_path: Path) -> None:
    weather(Storm(tmp_path / "state"), str(tmp_path / "state" / "state.db"), 50_000, kills=2)


def test_fifteen_thousand_operations_on_postgresql(tmp_path: Path, postgres: Server) -> None:
    url = postgres.new_database()
    weather(Storm(tmp_path / "state", url), url, 15_000, kills=2)


@pytest.mark.prove
def test_a_million_operations_on_sqlite(tmp_path: Path) -> None:
    weather(Storm(tmp_path / "state"), str(tmp_path / "state" / "state.db"), 1_000_000, kills=20)


@pytest.mark.prove
def test_two_hundred_thousand_operations_on_postgresql(tmp_path: Path, postgres: Server) -> None:
    url = postgres.new_database()
    weather(Storm(tmp_path / "state", url), url, 200_000, kills=10)
