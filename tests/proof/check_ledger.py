"""Checks a quota ledger by its database alone: `check_ledger.py FILE|postgresql://... [--at TIME] [--idle]`.

A program of its own, so that no mistake of the ledger's is repeated here: it imports nothing of the product,
keeps no counter, and recomputes every figure of every node from reservations, grants and supply. It says what
is wrong, a line each, and then exits with 1. `--at` is the time (UTC text) after which what was to expire has
leaked; `--idle` says that nothing may be under way any more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Key = tuple[str, str, str]
"""Node, pool, dimension."""

ALL = "*"
UNDER_WAY = ("waiting", "reserved", "committed")
STATES = (*UNDER_WAY, "confirmed", "released", "expired")


class Database:
    """One reading: every question is answered as of the same moment."""

    def __init__(self, where: str) -> None:
        self.connection: Any
        if where.startswith("postgresql://"):
            import psycopg

            self.connection = psycopg.connect(where)
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            self.connection = sqlite3.connect(f"file:{where}?mode=ro", uri=True, isolation_level=None)
            self.connection.execute("BEGIN")

    def ask(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Rows as they come."""
        yield from self.connection.execute(sql)

    def close(self) -> None:
        self.connection.close()


class Check:
    """What the database says, what follows from it, and where the two differ."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wrong: list[str] = []
        self.parents: dict[str, str | None] = {}
        self.pools: dict[str, str] = {}
        self.ended: set[str] = set()
        for node, parent, pool, ended in database.ask("SELECT id, parent, pool, ended FROM quota_nodes"):
            self.parents[node] = parent
            if pool is not None:
                self.pools[node] = pool
            if ended is not None:
                self.ended.add(node)
        self.cells: dict[Key, tuple[int, int, int, int]] = {
            (node, pool, d): (guarantee, nested, limit, allotted)
            for node, pool, d, guarantee, nested, limit, allotted in database.ask(
                "SELECT node, pool, dimension, guarantee, nested, limit_, allotted FROM quota_cells"
            )
        }
        self.firm: dict[Key, int] = {}
        self.due: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def run(self, at: str, *, idle: bool) -> list[str]:
        """Everything."""
        self.tree()
        if not self.wrong:
            self.grants()
            self.supply()
            self.reservations(at, idle=idle)
            self.figures()
            self.deficits()
            self.audit()
        return self.wrong

    def tree(self) -> None:
        """One city, everybody below it, leaves at the ends."""
        children: dict[str, list[str]] = defaultdict(list)
        for node, parent in self.parents.items():
            if parent is None:
                self.expect(node == "city", f"{node} hangs below nobody")
            else:
                children[parent].append(node)
                self.expect(parent in self.parents, f"{node} hangs below {parent}, which is not there")
                self.expect(parent not in self.pools, f"{node} hangs below the leaf {parent}")
                self.expect(
                    parent not in self.ended or node in self.ended, f"{node} is below {parent}, which ended"
                )
        self.order = ["city"]
        for node in self.order:
            self.order += children[node]
        lost = sorted(set(self.parents) - set(self.order))
        self.expect(not lost, f"not below the city: {', '.join(lost[:5])}")

    def grants(self) -> None:
        """Guarantees and limits of all nodes but the city."""
        counts: dict[str, int] = defaultdict(int)
        for number, node, state in self.database.ask(
            "SELECT number, node, state FROM grants WHERE superseded IS NULL AND state <> 'moved'"
        ):
            counts[number] += 1
            self.expect(node in self.parents, f"grant {number} is for {node}, which is not there")
            self.expect(state in ("future", "in_force", "ended"), f"grant {number} is {state}")
        for number, count in counts.items():
            self.expect(count == 1, f"grant {number} has {count} versions that count")
        for number, node, state, pool, d, limit, guarantee in self.database.ask(
            "SELECT g.number, g.node, g.state, a.pool, a.dimension, a.limit_, a.guarantee "
            "FROM grants g JOIN grant_amounts a ON a.grant_id = g.id WHERE g.superseded IS NULL "
            "AND g.state IN ('in_force', 'future')"
        ):
            if state == "in_force":
                self.due[node, pool, d][0] += guarantee
                self.due[node, pool, d][2] += limit
            elif guarantee:
                hold = f"hold/{number}"
                self.expect(hold in self.parents, f"nothing holds the guarantee of grant {number}")
                self.due[hold, pool, d][0] += guarantee
                self.due[hold, pool, d][2] += guarantee
                self.due[hold, ALL, d][2] += guarantee

    def supply(self) -> None:
        """The city's limits, and what guarantees must fit."""
        for pool, d, supply, reserve, percent in self.database.ask(
            "SELECT pool, dimension, supply, reserve, percent FROM pool_supply WHERE superseded IS NULL"
        ):
            self.expect(("city", pool, d) not in self.firm, f"pool {pool} has two supplies of {d}")
            self.firm["city", pool, d] = max(0, supply - reserve)
            bound = max(0, supply - reserve) * percent // 100
            self.due["city", pool, d][2] = bound
            self.due["city", ALL, d][2] += bound

    def reservations(self, at: str, *, idle: bool) -> None:
        """What the leaves hold; and every reservation can still come to its end."""
        states: dict[int, str] = {}
        below: dict[tuple[str, str], list[tuple[bool, int, int]]] = defaultdict(list)
        there: dict[tuple[str, str], int] = defaultdict(int)
        follows: list[tuple[int, int]] = []
        for number, leaf, pool, state, expires, follow in self.database.ask(
            "SELECT id, leaf, pool, state, expires, follows FROM reservations ORDER BY id"
        ):
            states[number] = state
            self.expect(state in STATES, f"reservation {number} is {state}")
            self.expect(self.pools.get(leaf) == pool, f"reservation {number}: {leaf} is not in {pool}")
            late = state == "reserved" and expires is not None and expires <= at
            self.expect(not late, f"leak: reservation {number} should have expired at {expires}")
            open_one = state in UNDER_WAY
            self.expect(not (idle and open_one), f"leak: reservation {number} of {leaf} is still {state}")
            self.expect(not (open_one and leaf in self.ended), f"leak: {leaf} has ended, {number} has not")
            if state == "waiting":
                follows.append((number, follow))
        for number, follow in follows:
            alive = states.get(follow) in ("reserved", "committed")
            self.expect(alive, f"leak: reservation {number} waits for {follow}, which will not come")
        bare = set(states)
        for number, leaf, pool, state, d, delta in self.database.ask(
            "SELECT r.id, r.leaf, r.pool, r.state, a.dimension, a.delta FROM reservations r "
            "JOIN reservation_amounts a ON a.reservation = r.id ORDER BY r.id"
        ):
            bare.discard(number)
            self.expect(delta != 0, f"reservation {number} changes {d} by nothing")
            if state == "confirmed":
                there[leaf, d] += delta
            if state in ("reserved", "committed"):
                below[leaf, d].append((state == "reserved", number, delta))
            if state == "confirmed" or (state in ("reserved", "committed") and delta > 0):
                self.due[leaf, pool, d][3] += delta
        for number in sorted(bare):
            self.expect(states[number] not in STATES[:4], f"leak: {states[number]} {number} changes nothing")
        for (leaf, d), deltas in below.items():
            left = there[leaf, d]
            for _, number, delta in sorted(deltas):
                left += delta
                self.expect(left >= 0, f"reservation {number} takes more {d} than {leaf} will have")

    def figures(self) -> None:
        """Every cell, from the leaves upwards."""
        by_node: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for node, pool, d in self.due:
            by_node[node].add((pool, d))
        for node in reversed(self.order):
            for pool, d in sorted(by_node[node]):
                row, parent = self.due[node, pool, d], self.parents[node]
                charge = max(row[0], row[3])
                if pool == ALL:
                    continue
                if node not in self.pools:
                    self.due[node, ALL, d][3] += charge
                if parent is not None:
                    self.due[parent, pool, d][1] += max(row[0], row[1])
                    self.due[parent, pool, d][3] += charge
                    by_node[parent].add((pool, d))
        for key in sorted({*self.cells, *self.due}):
            found, due = self.cells.get(key, (0, 0, 0, 0)), tuple(self.due[key])
            names = ("guarantee", "nested guarantees", "limit", "allotted")
            for name, ours, theirs in zip(names, due, found, strict=True):
                self.expect(ours == theirs, f"{' '.join(key)}: {name} should be {ours}, is {theirs}")
            self.expect(key[0] in self.parents, f"{' '.join(key)}: no such node")
            self.expect(
                key[0] not in self.ended or not (due[0] or due[1] or due[3]),
                f"{key[0]} ended and holds {due}",
            )

    def deficits(self) -> None:
        """A deficit is open where, and only where, a bound is passed: that is an overshoot with a cause."""
        found: dict[tuple[Key, int], int] = {}
        for node, pool, d, promise, amount, cause in self.database.ask(
            "SELECT node, pool, dimension, promise, amount, cause FROM quota_deficits WHERE closed IS NULL"
        ):
            found[(node, pool, d), promise] = amount
            self.expect(bool(cause), f"the deficit of {node} {pool} {d} has no cause")
        for key, (guarantee, nested, limit, allotted) in self.due.items():
            if key[0] in self.pools:
                continue
            over = max(0, max(guarantee, allotted) - limit)
            firm = self.firm.get(key, 0) if key[0] == "city" and key[1] != ALL else None
            broken = max(0, max(guarantee, nested) - firm) if firm is not None else 0
            for promise, amount in enumerate((over, broken)):
                known = found.pop((key, promise), 0)
                kind = "guarantees" if promise else "charges"
                self.expect(
                    known == amount,
                    f"overshoot: {' '.join(key)}: {kind} pass their bound by {amount}, {known} is on record",
                )
        for (key, _), amount in found.items():
            self.expect(amount == 0, f"a deficit of {amount} is open on {' '.join(key)}, which has none")

    def audit(self) -> None:
        """The rows add up to what the leaves hold, and nobody reserved without one."""
        sums: dict[Key, int] = defaultdict(int)
        told: set[int] = set()
        for seq, operation, digest, request, result in self.database.ask(
            "SELECT seq, operation, digest, request, result FROM audit ORDER BY seq"
        ):
            timeless = {"at", "today"}
            content = {name: value for name, value in json.loads(request).items() if name not in timeless}
            written = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            true = hashlib.sha256(written.encode()).hexdigest() == digest
            self.expect(true, f"audit row {seq} ({operation}) does not say what was asked for")
            answer = json.loads(result)
            for leaf, pool, by in answer.get("counted", ()):
                for d, value in by.items():
                    sums[leaf, pool, d] += value
            told |= set(_numbers(answer))
        for key in sorted({*sums, *(key for key in self.due if key[0] in self.pools)}):
            held = self.due[key][3] if key in self.due else 0
            self.expect(sums[key] == held, f"audit: {' '.join(key)} should hold {sums[key]}, holds {held}")
        for (number,) in self.database.ask("SELECT id FROM reservations ORDER BY id"):
            self.expect(number in told, f"audit: nobody made reservation {number}")

    def expect(self, fact: bool, otherwise: str) -> None:  # noqa: FBT001 (a fact is what this is about)
        if not fact:
            self.wrong.append(otherwise)


def _numbers(answer: Any) -> Iterator[int]:
    """Ids of reservations that an answer names."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name in ("reservation", "follower") and isinstance(value, int):
                yield value
            elif name == "reservations" and isinstance(value, list):
                yield from (one for one in value if isinstance(one, int))
            else:
                yield from _numbers(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _numbers(value)


def check(where: str, at: str = "", *, idle: bool = False) -> list[str]:
    """What is wrong with a ledger; nothing where nothing is."""
    with closing(Database(where)) as database:
        return Check(database).run(at, idle=idle)


def main() -> int:
    """Read the arguments, check, tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("where", help="the file of the state database, or its postgresql:// address")
    parser.add_argument("--at", default="", help="what should have expired by then has leaked")
    parser.add_argument("--idle", action="store_true", help="nothing may be under way")
    arguments = parser.parse_args()
    wrong = check(arguments.where, arguments.at, idle=arguments.idle)
    for line in wrong:
        print(line)
    print(f"{len(wrong)} wrong" if wrong else "every figure, bound and state is right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
