"""What a quota ledger is, in plain Python, from the design alone: no counter is kept, all is recomputed.

Used by `ledger_model`, which knows what may be done with it. Reservations, grants and supply are what there
is; every figure of every node is derived from them each time it is asked for.

    c_p = max(g_p, a_p)                     what a node charges its parent, in a pool
    a_p = sum of c_p of the children        of a leaf: its reservations
    c*  = sum of c_p over the pools
    G_p = max(g_p, sum of G_p of the children)
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledgers import By, ByPool

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

    def held(self, leaf: str) -> dict[str, int]:
        """What a leaf is charged: the greater of old and new."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.reservations.values():
            for d, value in one.deltas.items():
                counts = one.state == "confirmed" or (one.state in ("reserved", "committed") and value > 0)
                if one.leaf == leaf and counts:
                    sums[d] += value
        return dict(sums)

    def target(self, leaf: str) -> dict[str, int]:
        """What it shall hold in the end."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.reservations.values():
            if one.leaf == leaf and one.state in ("reserved", "committed", "confirmed"):
                for d, value in one.deltas.items():
                    sums[d] += value
        return dict(sums)

    def written(self, leaf: str) -> dict[str, int]:
        """What the backend shall hold by self."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.reservations.values():
            if one.leaf == leaf and one.state in ("committed", "confirmed"):
                for d, value in one.deltas.items():
                    sums[d] += value
        return dict(sums)

    def rows(self) -> dict[Key, Row]:
        """Every figure of every node but the leaves', which have no limits."""
        rows: dict[Key, Row] = {}
        children: dict[str | None, list[str]] = defaultdict(list)
        for node, parent in (self.parents | self._holds()).items():
            children[parent].append(node)
        own, limits, firm = self._granted()
        held = {leaf: self.held(leaf) for leaf in self.pools}

        def visit(node: str, pool: str, d: str) -> Row:
            if node in self.pools:
                return Row(allotted=held[node].get(d, 0) if self.pools[node] == pool else 0)
            below = [visit(child, pool, d) for child in children[node]]
            key = (node, pool, d)
            promised, charged = sum(one.promised for one in below), sum(one.charge for one in below)
            stands = firm.get(key, 0) if node == "city" else None
            row = rows[key] = Row(own[key], promised, limits[key], charged, stands)
            over = rows.get((node, ALL, d), Row(limit=limits[node, ALL, d]))
            rows[node, ALL, d] = over._replace(allotted=over.allotted + row.charge)
            return row

        for pool in self.supply:
            for d in self._dimensions():
                visit("city", pool, d)
        return rows

    def _holds(self) -> dict[str, str | None]:
        """What is promised from a later day is held in a node beside the one that gets it."""
        future = [(number, one) for number, one in self.grants.items() if one.state == "future"]
        return {f"hold/{number}": self.parents[one.node] for number, one in future if one.guarantee}

    def _granted(self) -> tuple[dict[Key, int], dict[Key, int], dict[Key, int]]:
        """Guarantees, limits, and what stands in the pools."""
        own: dict[Key, int] = defaultdict(int)
        limits: dict[Key, int] = defaultdict(int)
        firm: dict[Key, int] = {}
        for number, one in self.grants.items():
            if one.state == "in_force":
                _collect(own, one.node, one.guarantee)
                _collect(limits, one.node, one.limit)
            elif one.state == "future":
                _collect(own, f"hold/{number}", one.guarantee)
                _collect(limits, f"hold/{number}", one.guarantee)
                for by in one.guarantee.values():
                    _collect(limits, f"hold/{number}", {ALL: by})
        for pool, by_dimension in self.supply.items():
            for d, (amount, reserve, percent) in by_dimension.items():
                firm["city", pool, d] = max(0, amount - reserve)
                limits["city", pool, d] = firm["city", pool, d] * percent // 100
                limits["city", ALL, d] += limits["city", pool, d]
        return own, limits, firm

    def _dimensions(self) -> set[str]:
        found = {d for by in self.supply.values() for d in by}
        for grant in self.grants.values():
            found |= {d for by in (*grant.limit.values(), *grant.guarantee.values()) for d in by}
        return found | {d for one in self.reservations.values() for d in one.deltas}


def _collect(sums: dict[Key, int], node: str, by_pool: Mapping[str, Mapping[str, int]]) -> None:
    for pool, by in by_pool.items():
        for d, value in by.items():
            sums[node, pool, d] += value
