"""Replays a ledger's audit rows and checks every bound after each: `replay_ledger.py FILE|postgresql://...`.

A program of its own, as `check_ledger.py` is: that one proves the last state, this one every state on the way
to it. Audit rows are written under the locks of what they changed, so their order is that of the changes
wherever two of them touched the same node. It follows limits and guarantees by the requests that changed
them, and exits with 1 where a charge or a promise rose beyond its bound at any row, or where it arrives at
other counters than the database has.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

from check_ledger import ALL, Database

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str, str, str]
By = dict[str, int]

QUIET = frozenset({"add_node", "end_node", "renew_grant", "commit"})
COUNTING = frozenset({"reserve", "confirm", "release", "expire", "move", "follow"})


class Replay:
    """The counters as they stand after the rows so far; [guarantee, nested, limit, allotted]."""

    def __init__(self, parents: dict[str, str | None]) -> None:
        self.parents = parents
        self.rows: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self.supply: dict[str, dict[str, tuple[int, int, int]]] = defaultdict(dict)
        self.grants: dict[str, tuple[str, dict[str, By], dict[str, By]]] = {}
        self.states: dict[str, str] = {}
        self.wrong: list[str] = []
        self.peak = 0
        self._row = ""

    def follow(self, seq: int, operation: str, request: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """One audit row."""
        self._row = f"row {seq} ({operation})"
        if operation in COUNTING:
            for leaf, pool, by in result["counted"]:
                for d, value in by.items():
                    self.rows[leaf, pool, d][3] += value
                    self.climb(self.parents[leaf], pool, d, value, 0)
        elif operation in ("set_supply", "change_supply"):
            self.change_supply(operation, request)
        elif operation == "add_grant":
            name = result["grant"]
            limit, guarantee = request["limit"], request["guarantee"]
            self.grants[name] = (request["node"], limit, guarantee)
            self.turn(name, "", result["state"])
        elif operation in ("start_grant", "end_grant"):
            name = result["grant"]
            self.turn(name, self.states[name], result["state"])
        elif operation not in QUIET:
            self.wrong.append(f"{self._row}: cannot be replayed")

    def change_supply(self, operation: str, request: Mapping[str, Any]) -> None:
        """The city's limits become what the pool can carry."""
        pool = request["pool"]
        old = self.supply[pool]
        if operation == "set_supply":
            stated = {*request["supply"], *request["reserve"]}
            new = {
                d: (request["supply"].get(d, 0), request["reserve"].get(d, 0), request["percent"].get(d, 100))
                for d in stated
            }
        else:
            new = dict(old)
            for d in {*request["delta"], *request["reserve"], *request["percent"]}:
                amount, reserve, percent = old.get(d, (0, 0, 100))
                new[d] = (
                    amount + request["delta"].get(d, 0),
                    request["reserve"].get(d, reserve),
                    request["percent"].get(d, percent),
                )
        for d in {*old, *new}:
            rise = _bound(new.get(d)) - _bound(old.get(d))
            self.rows["city", pool, d][2] += rise
            self.rows["city", ALL, d][2] += rise
        self.supply[pool] = new

    def turn(self, name: str, before: str, after: str) -> None:
        """A grant goes from one state to another."""
        if before == after:
            return
        node, limit, guarantee = self.grants[name]
        whole: By = defaultdict(int)
        for by in guarantee.values():
            for d, value in by.items():
                whole[d] += value
        hold = f"hold/{name}"
        self.parents[hold] = self.parents[node]
        for state, sign in ((before, -1), (after, 1)):
            if state == "future":
                self.raise_limits(hold, {**guarantee, ALL: whole}, sign)
                self.carve(hold, guarantee, sign)
            elif state == "in_force":
                self.raise_limits(node, limit, sign)
                self.carve(node, guarantee, sign)
        self.states[name] = after

    def raise_limits(self, node: str, limit: Mapping[str, By], sign: int) -> None:
        """By pool and over all."""
        for pool, by in limit.items():
            for d, value in by.items():
                self.rows[node, pool, d][2] += sign * value

    def carve(self, node: str, guarantee: Mapping[str, By], sign: int) -> None:
        """A guarantee, and what it costs above."""
        for pool, by in guarantee.items():
            for d, value in by.items():
                self.climb(node, pool, d, 0, 0, sign * value)

    def climb(self, node: str | None, pool: str, d: str, charge: int, promise: int, own: int = 0) -> None:
        """What changed below a node, or in it, as far up as it is felt."""
        while node is not None and (charge or promise or own):
            row = self.rows[node, pool, d]
            charged, promised = max(row[0], row[3]), max(row[0], row[1])
            row[0] += own
            row[1] += promise
            row[3] += charge
            charge, promise, own = max(row[0], row[3]) - charged, max(row[0], row[1]) - promised, 0
            over = self.rows[node, ALL, d]
            over[3] += charge
            if charge > 0:
                self.require(max(row[0], row[3]) <= row[2], node, pool, d)
                self.require(over[3] <= over[2], node, ALL, d)
                self.peak += node == "city"
            if promise > 0:
                stands = row[2] if node != "city" else min(row[2], _firm(self.supply[pool].get(d)))
                self.require(max(row[0], row[1]) <= stands, node, pool, d)
            node = self.parents[node]

    def require(self, fact: bool, *key: str) -> None:  # noqa: FBT001 (a fact is what this is about)
        if not fact:
            self.wrong.append(f"{self._row}: {' '.join(key)} rose beyond its bound: {self.rows[key]}")  # type: ignore[index]

    def arrive(self, cells: Mapping[Key, tuple[int, ...]]) -> None:
        """The counters of the database are those that the rows lead to."""
        for key in sorted({*self.rows, *cells}):
            here, there = tuple(self.rows[key]), cells.get(key, (0, 0, 0, 0))
            if here != there:
                self.wrong.append(f"{' '.join(key)}: the rows lead to {here}, the database has {there}")


def _firm(figures: tuple[int, int, int] | None) -> int:
    return max(0, figures[0] - figures[1]) if figures else 0


def _bound(figures: tuple[int, int, int] | None) -> int:
    return _firm(figures) * figures[2] // 100 if figures else 0


def replay(where: str) -> Replay:
    """Follow every row of a ledger."""
    with closing(Database(where)) as database:
        replayed = Replay(dict(database.ask("SELECT id, parent FROM quota_nodes")))
        for seq, operation, request, result in database.ask(
            "SELECT seq, operation, request, result FROM audit ORDER BY seq"
        ):
            replayed.follow(seq, operation, json.loads(request), json.loads(result))
        sql = "SELECT node, pool, dimension, guarantee, nested, limit_, allotted FROM quota_cells"
        replayed.arrive({(node, pool, d): tuple(rest) for node, pool, d, *rest in database.ask(sql)})
    return replayed


def main() -> int:
    """Read the argument, replay, tell."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = replay(sys.argv[1]).wrong
    for line in wrong:
        print(line)
    print(f"{len(wrong)} wrong" if wrong else "no row rose beyond a bound, and all lead here")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
