"""The quota ledger once more, in plain Python, from the design alone: no counter is kept, all is recomputed.

Used by the state machine that holds it against the real one. It knows reservations, grants and supply; every
figure of every node is derived from them each time it is asked for. An operation is tried on a copy and
stands if it breaks no bound; its answer is "" or the code of the error that the real one must raise.

    c_p = max(g_p, a_p)                     what a node charges its parent, in a pool
    a_p = sum of c_p of the children        of a leaf: its reservations
    c*  = sum of c_p over the pools
    G_p = max(g_p, sum of G_p of the children)
    a row that rises stays within its limit; of the city, G_p also within supply less reserve
"""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledgers import Body, By, ByPool, Tree

ALL = "*"
Key = tuple[str, str, str]
"""Node, pool, dimension."""


class Row(NamedTuple):
    """g, the sum of what is promised to the children, l, a; the last is what promises must fit beside l."""

    guarantee: int = 0
    nested: int = 0
    limit: int = 0
    allotted: int = 0
    firm: int | None = None

    @property
    def charge(self) -> int:
        return max(self.guarantee, self.allotted)

    @property
    def promised(self) -> int:
        return max(self.guarantee, self.nested)

    @property
    def deficit(self) -> int:
        return max(0, self.charge - self.limit)

    @property
    def broken_promise(self) -> int:
        return 0 if self.firm is None else max(0, self.promised - self.firm)


@dataclass
class Reservation:
    leaf: str
    state: str
    deltas: By
    expires: int | None = None
    follows: int | None = None


@dataclass
class Grant:
    node: str
    limit: ByPool  # with ALL
    guarantee: ByPool
    state: str  # future, in_force, ended
    starts: int = 0


@dataclass
class Figures:
    """What a model is: everything else follows from it."""

    parents: dict[str, str | None]
    pools: dict[str, str]  # of leaves
    supply: dict[str, dict[str, tuple[int, int, int]]]  # by pool, by dimension: supply, reserve, percent
    grants: dict[str, Grant] = field(default_factory=dict)
    reservations: dict[int, Reservation] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """The code of the error that is due."""


class Model:
    """A ledger. Operations return "" or the code of an error, and then have changed nothing."""

    def __init__(self, tree: Tree) -> None:
        supply = {
            pool: {
                d: (amounts.get(d, 0), reserve.get(d, 0), percent.get(d, 100)) for d in {*amounts, *reserve}
            }
            for pool, (amounts, reserve, percent) in tree.supply.items()
        }
        self.now = Figures(tree.parents, {leaf: pool for leaf, _, pool in tree.leaves}, supply)
        for body in tree.bodies:
            assert self.grant(f"opening/{body.node}", body, starts=0, today=0) == ""

    # What people can do

    def reserve(self, leaf: str, delta: Mapping[str, int], expires: int | None = None) -> str:
        return self._try(lambda: self._reserve(leaf, delta, expires))

    def allot(self, leaf: str, target: Mapping[str, int]) -> str:
        held = self.target(leaf)
        if any(value < 0 for value in target.values()):
            return "usage"
        return self.reserve(leaf, {d: value - held.get(d, 0) for d, value in target.items()})

    def commit(self, leaf: str, target: Mapping[str, int]) -> tuple[str, list[int]]:
        held = self.target(leaf)
        if any(held.get(d, 0) != target.get(d, 0) for d in {*held, *target}):
            return "conflict", []
        numbers = [number for number, one in self._open(leaf) if one.state == "reserved"]
        for number in numbers:
            self.now.reservations[number].state = "committed"
        return "", numbers

    def confirm(self, leaf: str, enforced: Mapping[str, int], used: Mapping[str, int]) -> list[int]:
        written = self.written(leaf)
        through = [(number, one) for number, one in self._open(leaf) if one.state == "committed"]
        for _, one in through:
            for d, value in one.deltas.items():
                if enforced.get(d) != written.get(d, 0) or (value < 0 and used.get(d, 0) > enforced[d]):
                    return []
        for _, one in through:
            one.state = "confirmed"
        for number, _ in through:
            for follower in self._followers(number):
                waiting = self.now.reservations[follower]
                if self._try(lambda waiting=waiting: self._follow(waiting, leaf)):  # type: ignore[misc]
                    self.now.reservations[follower].state = "released"
        return [number for number, _ in through]

    def release(self, number: int, enforced: Mapping[str, int] | None) -> str:
        one = self.now.reservations[number]
        if one.state in ("released", "expired"):
            return ""
        if one.state == "waiting":
            one.state = "released"
            return ""
        if one.state == "confirmed":
            return "refused"
        if one.state == "committed":
            held = self.held(one.leaf)
            growth = {d: value for d, value in one.deltas.items() if value > 0}
            if enforced is None or any(enforced.get(d, 0) > held[d] - value for d, value in growth.items()):
                return "refused"
        self._give_up(number, "released")
        return ""

    def expire(self, number: int, now: int) -> bool:
        one = self.now.reservations[number]
        if one.state != "reserved" or one.expires is None or one.expires > now:
            return False
        self._give_up(number, "expired")
        return True

    def move(self, source: str, target: str, amounts: Mapping[str, int]) -> str:
        held = self.target(source)
        if source == target or not amounts or any(value <= 0 for value in amounts.values()):
            return "usage"

        def work() -> None:
            self._require_sound_pool(self.now.pools[target])
            if any(value > held.get(d, 0) for d, value in amounts.items()):
                raise Refused("usage")
            self._rehearse(source, target, amounts)
            shrink = self._add(source, "reserved", {d: -value for d, value in amounts.items()})
            self.now.reservations[self._add(target, "waiting", dict(amounts))].follows = shrink

        return self._try(work)

    def grant(self, number: str, body: Body, starts: int, today: int) -> str:
        new = Grant(body.node, {**body.limit, ALL: body.over_all}, body.guarantee, "future", starts)
        carved: dict[str, int] = defaultdict(int)
        for by in body.guarantee.values():
            for d, value in by.items():
                carved[d] += value
        if any(value > body.over_all.get(d, 0) for d, value in carved.items()):
            return "usage"

        def work() -> None:
            if starts <= today:
                self._enter(number, new)
            else:
                for pool in new.guarantee:
                    self._require_sound_pool(pool)
                before = self.rows()
                self.now.grants[number] = new
                self._require_bounds(before)

        return self._try(work)

    def start(self, number: str, today: int) -> str:
        found = self.now.grants[number]
        if found.state != "future" or found.starts > today:
            return ""
        return self._try(lambda: self._enter(number, self.now.grants.pop(number)))

    def end(self, number: str) -> str:
        self.now.grants[number].state = "ended"
        return ""

    def set_supply(self, pool: str, dimension: str, figures: tuple[int, int, int]) -> str:
        self.now.supply[pool][dimension] = figures
        return ""

    # What follows from it

    def held(self, leaf: str) -> dict[str, int]:
        """What a leaf is charged: the greater of old and new."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.now.reservations.values():
            for d, value in one.deltas.items():
                counts = one.state == "confirmed" or (one.state in ("reserved", "committed") and value > 0)
                if one.leaf == leaf and counts:
                    sums[d] += value
        return dict(sums)

    def target(self, leaf: str) -> dict[str, int]:
        """What it shall hold in the end."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.now.reservations.values():
            if one.leaf == leaf and one.state in ("reserved", "committed", "confirmed"):
                for d, value in one.deltas.items():
                    sums[d] += value
        return dict(sums)

    def written(self, leaf: str) -> dict[str, int]:
        """What the backend shall hold by now."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.now.reservations.values():
            if one.leaf == leaf and one.state in ("committed", "confirmed"):
                for d, value in one.deltas.items():
                    sums[d] += value
        return dict(sums)

    def rows(self) -> dict[Key, Row]:
        """Every figure of every node but the leaves', which have no limits."""
        now, rows = self.now, dict[Key, Row]()
        children: dict[str | None, list[str]] = defaultdict(list)
        for node, parent in (now.parents | self._holds()).items():
            children[parent].append(node)
        own, limits, firm = self._granted()
        held = {leaf: self.held(leaf) for leaf in now.pools}

        def visit(node: str, pool: str, d: str) -> Row:
            if node in now.pools:
                return Row(allotted=held[node].get(d, 0) if now.pools[node] == pool else 0)
            below = [visit(child, pool, d) for child in children[node]]
            key = (node, pool, d)
            promised, charged = sum(one.promised for one in below), sum(one.charge for one in below)
            stands = firm.get(key, 0) if node == "city" else None
            row = rows[key] = Row(own[key], promised, limits[key], charged, stands)
            over = rows.get((node, ALL, d), Row(limit=limits[node, ALL, d]))
            rows[node, ALL, d] = over._replace(allotted=over.allotted + row.charge)
            return row

        for pool in now.supply:
            for d in self._dimensions():
                visit("city", pool, d)
        return rows

    def _holds(self) -> dict[str, str | None]:
        """What is promised from a later day is held in a node beside the one that gets it."""
        future = [(number, one) for number, one in self.now.grants.items() if one.state == "future"]
        return {f"hold/{number}": self.now.parents[one.node] for number, one in future if one.guarantee}

    def _granted(self) -> tuple[dict[Key, int], dict[Key, int], dict[Key, int]]:
        """Guarantees, limits, and what stands in the pools."""
        own: dict[Key, int] = defaultdict(int)
        limits: dict[Key, int] = defaultdict(int)
        firm: dict[Key, int] = {}
        for number, one in self.now.grants.items():
            if one.state == "in_force":
                _collect(own, one.node, one.guarantee)
                _collect(limits, one.node, one.limit)
            elif one.state == "future":
                _collect(own, f"hold/{number}", one.guarantee)
                _collect(limits, f"hold/{number}", one.guarantee)
                for by in one.guarantee.values():
                    _collect(limits, f"hold/{number}", {ALL: by})
        for pool, by_dimension in self.now.supply.items():
            for d, (amount, reserve, percent) in by_dimension.items():
                firm["city", pool, d] = max(0, amount - reserve)
                limits["city", pool, d] = firm["city", pool, d] * percent // 100
                limits["city", ALL, d] += limits["city", pool, d]
        return own, limits, firm

    def _dimensions(self) -> set[str]:
        found = {d for by in self.now.supply.values() for d in by}
        for grant in self.now.grants.values():
            found |= {d for by in (*grant.limit.values(), *grant.guarantee.values()) for d in by}
        return found | {d for one in self.now.reservations.values() for d in one.deltas}

    # How it is done

    def _try(self, work: Callable[[], None]) -> str:
        kept = copy.deepcopy(self.now)
        try:
            work()
        except Refused as refused:
            self.now = kept
            return str(refused)
        return ""

    def _require_bounds(self, before: Mapping[Key, Row]) -> None:
        for key, row in self.rows().items():
            old = before.get(key, Row())
            bound = row.limit if row.firm is None else min(row.limit, row.firm)
            if old.charge < row.charge > row.limit or old.promised < row.promised > bound:
                raise Refused("shortage")

    def _require_sound_pool(self, pool: str) -> None:
        for (node, where, _), row in self.rows().items():
            if node == "city" and where == pool and (row.deficit or row.broken_promise):
                raise Refused("refused")

    def _reserve(self, leaf: str, delta: Mapping[str, int], expires: int | None) -> None:
        delta = {d: value for d, value in delta.items() if value}
        if not delta:
            return
        held = self.target(leaf)
        if any(held.get(d, 0) + value < 0 for d, value in delta.items()):
            raise Refused("usage")
        if any(value > 0 for value in delta.values()):
            self._require_sound_pool(self.now.pools[leaf])
        before = self.rows()
        self._add(leaf, "reserved", dict(delta), expires)
        self._require_bounds(before)

    def _add(self, leaf: str, state: str, deltas: By, expires: int | None = None) -> int:
        number = len(self.now.reservations) + 1
        self.now.reservations[number] = Reservation(leaf, state, deltas, expires)
        return number

    def _open(self, leaf: str) -> list[tuple[int, Reservation]]:
        """Those under way, the committed ones first."""
        states = ("committed", "reserved")
        found = [
            (states.index(one.state), number, one)
            for number, one in self.now.reservations.items()
            if one.leaf == leaf and one.state in states
        ]
        return [(number, one) for _, number, one in sorted(found, key=lambda row: row[:2])]

    def _followers(self, number: int) -> list[int]:
        return [
            other
            for other, one in self.now.reservations.items()
            if one.follows == number and one.state == "waiting"
        ]

    def _follow(self, waiting: Reservation, source: str) -> None:
        if self.now.pools[waiting.leaf] != self.now.pools[source]:
            self._require_sound_pool(self.now.pools[waiting.leaf])
        before = self.rows()
        waiting.state = "reserved"
        self._require_bounds(before)

    def _rehearse(self, source: str, target: str, amounts: Mapping[str, int]) -> None:
        kept = copy.deepcopy(self.now)
        self._add(source, "confirmed", {d: -value for d, value in amounts.items()})
        before = self.rows()
        self._add(target, "reserved", dict(amounts))
        self._require_bounds(before)
        self.now = kept

    def _enter(self, number: str, new: Grant) -> None:
        raised = [
            pool for by_pool in (new.limit, new.guarantee) for pool, by in by_pool.items() if any(by.values())
        ]
        for pool in raised:
            self._require_sound_pool(pool)
        before = self.rows()
        self.now.grants[number] = Grant(new.node, new.limit, new.guarantee, "in_force", new.starts)
        self._require_bounds(before)
        rows, parent = self.rows(), self.now.parents[new.node]
        assert parent is not None
        for pool, by in new.limit.items():
            for d, value in by.items():
                above = rows.get((parent, pool, d), Row()).limit
                if value and rows[new.node, pool, d].limit > above:
                    raise Refused("shortage")

    def _give_up(self, number: int, state: str) -> None:
        leaf = self.now.reservations[number].leaf
        self.now.reservations[number].state = state
        for follower in self._followers(number):
            self.now.reservations[follower].state = "released"
        there: dict[str, int] = defaultdict(int)
        for one in self.now.reservations.values():
            if one.leaf == leaf and one.state == "confirmed":
                for d, value in one.deltas.items():
                    there[d] += value
        for other, one in self._open(leaf):
            for d, value in list(one.deltas.items()):
                left = max(value, -there[d])
                there[d] += left
                self._cut(other, d, value - left)
                for follower in self._followers(other):
                    self._cut(follower, d, left - value)

    def _cut(self, number: int, dimension: str, by: int) -> None:
        one = self.now.reservations[number]
        one.deltas[dimension] -= by
        if not one.deltas[dimension]:
            del one.deltas[dimension]
        if not one.deltas:
            one.state = "released"


def _collect(sums: dict[Key, int], node: str, by_pool: Mapping[str, Mapping[str, int]]) -> None:
    for pool, by in by_pool.items():
        for d, value in by.items():
            sums[node, pool, d] += value
