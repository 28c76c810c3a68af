"""Ledgers to test on: a tree that fits on a page, and a city of thousands of nodes.

Used by the tests of the ledger. `Hand` hands operations to a database as the ledger's own objects do, with a
key, an actor and the time of a clock; `plant` writes a tree down.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clocks import Clock
from yunjin.ledger import grants, nodes, reservations, supply
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from yunjin.store.database import Database

DAY: Final = "2026-11-22"
K8S: Final = "k8s-egov"
CLOUD: Final = "os-egov"

By = dict[str, int]
ByPool = dict[str, By]


class Hand:
    """Hands operations in, each under a key of its own unless one is given; from several threads at once.

    Attributes:
        where: the file or the address of the database, for programs beside.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime] | None = None, where: str = ""
    ) -> None:
        self.database = database
        self.where = where
        self.clock = clock or Clock()
        self._name = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def request(self, **content: Any) -> dict[str, Any]:
        """As an operation takes it."""
        signed = {"key": f"{self._name}-{next(self._numbers)}", "actor": "tests", "at": text(self.clock())}
        return {**signed, **content}

    def __call__(self, operation: Callable[..., Any], **content: Any) -> Any:
        """Do an operation and wait until it is durable."""
        return self.database.write(operation, self.request(**content))

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return self.database.rows(sql, *values)

    def allot(self, leaf: str, **amounts: int) -> int:
        """Reserve, commit and confirm what a leaf shall hold, as if its backend followed at once."""
        reserved = self(reservations.reserve, leaf=leaf, target=amounts)
        self(reservations.commit, leaf=leaf, target=reserved["target"])
        self(reservations.confirm, leaf=leaf, enforced=reserved["target"], used={})
        return int(reserved["reservation"])

    def cell(self, node: str, pool: str, dimension: str = "cpu") -> tuple[int, int, int, int]:
        """Guarantee, nested guarantees, limit and what is allotted; zeros where there is no row."""
        sql = (
            "SELECT guarantee, nested, limit_, allotted FROM quota_cells "
            "WHERE node = ? AND pool = ? AND dimension = ?"
        )
        found = self.rows(sql, node, pool, dimension)
        return found[0] if found else (0, 0, 0, 0)

    def allotted(self, node: str, pool: str = K8S, dimension: str = "cpu") -> int:
        """What a leaf holds, or the children of a node together."""
        return self.cell(node, pool, dimension)[3]

    def state(self, number: int) -> str:
        """What became of a reservation."""
        return str(self.rows("SELECT state FROM reservations WHERE id = ?", number)[0][0])

    def deficits(self, *, promise: bool = False) -> list[tuple[Any, ...]]:
        """Those that are open, of charges or of promises: node, pool, dimension, amount, cause."""
        sql = (
            "SELECT node, pool, dimension, amount, cause FROM quota_deficits "
            "WHERE closed IS NULL AND promise = ? ORDER BY node, pool, dimension"
        )
        return self.rows(sql, int(promise))


@dataclass(frozen=True)
class Body:
    """A node between the city and the leaves, and what it is granted.

    `limit` is by pool; `over_all` the raise over its pools together; `guarantee` by pool.
    """

    node: str
    parent: str
    limit: ByPool
    over_all: By
    guarantee: ByPool


@dataclass(frozen=True)
class Tree:
    """A whole city: supply by pool as (supply, reserve, percent), bodies from the top, leaves by pool."""

    supply: Mapping[str, tuple[By, By, By]]
    bodies: tuple[Body, ...]
    leaves: tuple[tuple[str, str, str], ...]  # node, parent, pool

    @property
    def parents(self) -> dict[str, str | None]:
        """Who is above whom."""
        found: dict[str, str | None] = {"city": None}
        found |= {body.node: body.parent for body in self.bodies}
        return found | {leaf: parent for leaf, parent, _ in self.leaves}


def plant(hand: Hand, tree: Tree) -> None:
    """Write a tree down, in one transaction."""
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def call(operation: Callable[..., Any], **content: Any) -> None:
        calls.append((operation, (hand.request(today=DAY, **content),)))

    call(nodes.add_node, node="city", parent=None, pool=None)
    for pool, (amounts, reserve, percent) in tree.supply.items():
        call(supply.set_supply, pool=pool, supply=amounts, reserve=reserve, percent=percent, cause="opening")
    for body in tree.bodies:
        call(nodes.add_node, node=body.node, parent=body.parent, pool=None)
        call(grants.add_grant, **grant(body))
    for leaf, parent, pool in tree.leaves:
        call(nodes.add_node, node=leaf, parent=parent, pool=pool)
    hand.database.write_all(calls)


def grant(body: Body, number: str = "") -> dict[str, Any]:
    """The terms of a grant that gives a body what it has."""
    return {
        "number": number or f"opening/{body.node}",
        "node": body.node,
        "limit": {**body.limit, "*": body.over_all},
        "guarantee": body.guarantee,
        "kind": "opening",
        "grantor": "city",
        "basis": "",
        "valid_from": DAY,
        "valid_to": None,
    }


def small_tree() -> Tree:
    """Two bodies with three tenants and six leaves in two pools; cpu and memory."""
    both = {K8S: {"cpu": 40, "memory": 400}, CLOUD: {"cpu": 30, "memory": 300}}
    return Tree(
        supply={
            K8S: ({"cpu": 100, "memory": 1000}, {"cpu": 10}, {}),
            CLOUD: ({"cpu": 50, "memory": 500}, {}, {"cpu": 200}),
        },
        bodies=(
            Body("bureau/jtj", "city", both, {"cpu": 60, "memory": 600}, {K8S: {"cpu": 20}}),
            Body("area/dawa", "city", both, {"cpu": 70, "memory": 700}, {K8S: {"cpu": 15}}),
            Body("tenant/jtj", "bureau/jtj", both, {"cpu": 50, "memory": 500}, {K8S: {"cpu": 10}}),
            Body("tenant/bus", "bureau/jtj", {K8S: both[K8S]}, both[K8S], {}),
            Body("tenant/dawa", "area/dawa", both, {"cpu": 70, "memory": 700}, {K8S: {"cpu": 5}}),
        ),
        leaves=(
            ("leaf/k1/jtj-egov", "tenant/jtj", K8S),
            ("leaf/k1/jtj-gis", "tenant/jtj", K8S),
            ("leaf/o1/jtj-egov", "tenant/jtj", CLOUD),
            ("leaf/k1/bus-egov", "tenant/bus", K8S),
            ("leaf/k1/dawa-egov", "tenant/dawa", K8S),
            ("leaf/o1/dawa-egov", "tenant/dawa", CLOUD),
        ),
    )


def city_tree(bureaus: int = 20, tenants: int = 10, leaves: int = 15) -> Tree:
    """City, bureaus, tenants, leaves: 3,221 nodes unless asked for others.

    Limits are tight on every level: a leaf that grows meets now its tenant's, now its bureau's, now the
    city's. Every second bureau has a guarantee, and half of its tenants have some of it.
    """
    bodies: list[Body] = []
    found: list[tuple[str, str, str]] = []
    share = leaves * 10  # of a tenant
    for b in range(bureaus):
        bureau, firm = f"bureau/b{b}", b % 2 == 0
        whole = share * tenants * 2 // 3
        promise = {K8S: {"cpu": whole // 3}} if firm else {}
        bodies.append(Body(bureau, "city", *_limits(whole), promise))
        for t in range(tenants):
            tenant = f"tenant/b{b}-t{t}"
            promise = {K8S: {"cpu": whole // 3 // tenants}} if firm and t % 2 == 0 else {}
            bodies.append(Body(tenant, bureau, *_limits(share), promise))
            found += [
                (f"leaf/e{n % 2}/b{b}-t{t}-{n}", tenant, CLOUD if n % 3 == 0 else K8S) for n in range(leaves)
            ]
    stands = share * tenants * bureaus // 3
    firm_and_lent = ({"cpu": stands}, {"cpu": stands // 20}, {"cpu": 110})
    return Tree({K8S: firm_and_lent, CLOUD: firm_and_lent}, tuple(bodies), tuple(found))


def _limits(whole: int) -> tuple[ByPool, By]:
    return {K8S: {"cpu": whole * 2 // 3}, CLOUD: {"cpu": whole // 2}}, {"cpu": whole}
