"""How fast the quota ledger answers, beside a bare loop that sends the same SQL.

A tree of 3,000 nodes in four levels; each client reserves on a leaf and gives it back, and every answer is
durable (SQLite, synchronous=FULL). Three sides take turns:

- 1 x 32: one process with 32 clients;
- 4 x 8: four processes with 8 clients each; one of them writes, the others send to it;
- bare: the statements of the same operations, recorded before, in a loop over sqlite3 that knows no queue, no
  futures and no sockets; as many operations a transaction as the writer finds waiting on average.

Then what an operation costs in a tree of 100,000 nodes beside one of 3,000 (processor time of the statements
and all that surrounds them, in one transaction), and, on PostgreSQL, 32 clients on guaranteed subtrees of
their own beside the same 32 on one leaf. Prints each ratio of medians beside its aim.

    python benchmarks/ledger.py [--seconds 5] [--runs 3] [--nodes 3000] [--many 100000]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import quota_clients
from postgres import Server
from quota_clients import releasing, reserving
from quota_trees import plant
from yunjin.ledger import reservations
from yunjin.store.database import FILE, open_database
from yunjin.store.sqlite import SqliteConnection, connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from yunjin.store.connection import Cursor

CLIENTS = 32
GROUP = 16
"""Operations of one transaction of the bare loop. Of so many clients the writer finds that many waiting on
average (15.9 and 16.9): half of them hear their answers while the other half is written."""
AIM_RATE, AIM_P99, AIM_WAIT, AIM_GROWTH, AIM_DISJOINT = 0.3, 20.0, 1.0, 1.5, 1.5
CLIENT = Path(quota_clients.__file__)
Statement = tuple[str, "Sequence[Any]", bool]


@dataclass(frozen=True)
class Load:
    """What one side did: operations a second, and the seconds each took."""

    rate: float
    took: Sequence[float]

    @property
    def p99(self) -> float:
        """Seconds that one operation of a hundred takes longer than."""
        return quantiles(self.took, n=100)[98]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=3000)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="yunjin-bench-") as folder:
        files(Path(folder), options.nodes, options.runs, options.seconds)
        growth(Path(folder), options.nodes, options.many)
    servers(options.nodes, options.runs, options.seconds)


def files(folder: Path, nodes: int, runs: int, seconds: float) -> None:
    """Both shapes of clients beside the bare loop, on SQLite."""
    leaves = planted(folder / "first", nodes)
    statements = record(folder / "first" / FILE, leaves, 4000)
    found: dict[str, list[Load]] = {"1 x 32": [], "4 x 8": [], "bare": []}
    for number in range(runs):
        for side, processes in (("1 x 32", 1), ("4 x 8", 4)):
            place = copied(folder, f"{number}-{processes}")
            found[side].append(load(place, "", leaves, processes, seconds))
        found["bare"].append(replay(copied(folder, f"{number}-bare") / FILE, statements))
    for side, loads in found.items():
        print(
            f"{side:>7} {median(each.rate for each in loads):8.0f} operations/s, p99 "
            f"{1000 * median(each.p99 for each in loads):6.1f} ms, longest "
            f"{1000 * max(max(each.took) for each in loads):6.1f} ms"
        )
    bare_rate, bare_p99 = (median(getattr(each, name) for each in found["bare"]) for name in ("rate", "p99"))
    for side in ("1 x 32", "4 x 8"):
        rate = median(each.rate for each in found[side]) / bare_rate
        slow = median(each.p99 for each in found[side]) / bare_p99
        longest = max(max(each.took) for each in found[side])
        print(f"{side}: rate / bare loop: {rate:.2f} (aim >= {AIM_RATE})")
        print(f"{side}: p99 / bare loop: {slow:.1f} (aim <= {AIM_P99:.0f})")
        print(f"{side}: longest wait: {longest:.2f} s (aim <= {AIM_WAIT:.0f})")


def planted(folder: Path, nodes: int) -> list[str]:
    """A state folder with a tree; its leaves."""
    folder.mkdir()
    database = open_database(folder)
    leaves = plant(database, nodes)
    database.close()
    return leaves


def copied(folder: Path, name: str) -> Path:
    """A state folder like the first."""
    shutil.copytree(folder / "first", folder / name, ignore=shutil.ignore_patterns("*.sock", "*.writer"))
    return folder / name


class Recorder:
    """A connection that keeps what it is asked."""

    dialect = "sqlite"

    def __init__(self, raw: sqlite3.Connection, kept: list[Statement]) -> None:
        self._inner = SqliteConnection(raw)
        self._kept = kept

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run and keep one statement."""
        self._kept.append((sql, values, False))
        return self._inner.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run and keep one statement with its rows."""
        found = list(rows)
        self._kept.append((sql, found, True))
        self._inner.executemany(sql, found)


def record(file: Path, leaves: Sequence[str], operations: int) -> list[list[Statement]]:
    """The statements of so many operations, by operation. The file stays as it was."""
    raw, chance = connect(file), Random(1)
    found: list[list[Statement]] = []
    raw.execute("BEGIN IMMEDIATE")
    for _ in range(operations // 2):
        for_reserve: list[Statement] = []
        answer = reservations.reserve(Recorder(raw, for_reserve), reserving(chance.choice(leaves)))  # type: ignore[arg-type]  # a Recorder is a Connection but for the attribute's type
        for_release: list[Statement] = []
        reservations.release(Recorder(raw, for_release), releasing(answer["reservation"]))  # type: ignore[arg-type]
        found += [for_reserve, for_release]
    raw.execute("ROLLBACK")
    raw.close()
    return found


def replay(file: Path, operations: Sequence[Sequence[Statement]]) -> Load:
    """The bare loop."""
    raw = connect(file)
    took: list[float] = []
    began = time.monotonic()
    for start in range(0, len(operations), GROUP):
        group = operations[start : start + GROUP]
        entered = time.monotonic()
        raw.execute("BEGIN IMMEDIATE")
        for statements in group:
            for sql, values, many in statements:
                if many:
                    raw.executemany(sql, values)
                else:
                    raw.execute(sql, values).fetchall()
        raw.execute("COMMIT")
        took += [time.monotonic() - entered] * len(group)
    seconds = time.monotonic() - began
    raw.close()
    return Load(len(operations) / seconds, took)


def load(folder: Path, url: str, leaves: Sequence[str], processes: int, seconds: float) -> Load:
    """So many processes, 32 clients together, for a while; each client has leaves of its own."""
    started = [
        subprocess.Popen(
            [
                *(sys.executable, str(CLIENT), str(folder), url, str(CLIENTS // processes), str(seconds)),
                *(str(1000 * number), json.dumps(leaves[number::processes] or leaves)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for process in started:
        assert process.stdout
        process.stdout.readline()
    answers = []
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate()
        answers.append(json.loads(out))
    took = [each for answer in answers for each in answer["took"]]
    lasted = max(answer["ended"] for answer in answers) - min(answer["began"] for answer in answers)
    return Load(len(took) / lasted, took)


def growth(folder: Path, nodes: int, many: int) -> None:
    """What one operation costs in a large tree beside a small one; the trees take turns."""
    costs: dict[int, list[float]] = {nodes: [], many: []}
    open_ones = {}
    for size in costs:
        leaves = planted(folder / f"of-{size}", size)
        open_ones[size] = connect(folder / f"of-{size}" / FILE), leaves
    for number in range(7):
        for size, (raw, leaves) in open_ones.items():
            costs[size].append(cost(raw, Random(number).sample(leaves, 200)))
    for raw, _ in open_ones.values():
        raw.close()
    ratio = median(costs[many]) / median(costs[nodes])
    print(f"cost of an operation among {many} nodes / among {nodes}: {ratio:.2f} (aim <= {AIM_GROWTH})")


def cost(raw: sqlite3.Connection, leaves: Sequence[str]) -> float:
    """Processor seconds of an operation, in a transaction that is taken back."""
    connection = SqliteConnection(raw)
    raw.execute("BEGIN IMMEDIATE")
    began = time.process_time()
    for leaf in leaves:
        answer = reservations.reserve(connection, reserving(leaf))
        reservations.release(connection, releasing(answer["reservation"]))
    spent = time.process_time() - began
    raw.execute("ROLLBACK")
    return spent / (2 * len(leaves))


def servers(nodes: int, runs: int, seconds: float) -> None:
    """32 clients apart and together, on PostgreSQL."""
    apart: list[Load] = []
    together: list[Load] = []
    with Server.start() as server:
        for _ in range(runs):
            for found, shared in ((apart, False), (together, True)):
                url = server.new_database()
                database = open_database(server.folder, url)
                leaves = plant(database, nodes, guarantee=10**9)
                database.close()
                of_a_tenant_each = leaves[::4]
                chosen = leaves[:1] if shared else of_a_tenant_each
                found.append(load(server.folder, url, chosen, 4, seconds))
    rates = [median(each.rate for each in loads) for loads in (apart, together)]
    print(f"PostgreSQL: {rates[0]:.0f} operations/s apart, {rates[1]:.0f} on one leaf")
    print(f"PostgreSQL: apart / on one leaf: {rates[0] / rates[1]:.2f} (aim >= {AIM_DISJOINT})")


if __name__ == "__main__":
    main()
