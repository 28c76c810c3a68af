"""Large quota trees, written straight into a fresh state database, for the ledger's benchmark.

Four levels: the city, bureaus, tenants, leaves. One pool; every limit is far away, so that each operation
climbs as far as its charges do. With `guarantee`, each tenant's covers all that its leaves will ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

POOL = "k8s-egov"
DIMENSIONS = ("cpu", "memory")
FAR = 10**12
TENANTS = 10  # of a bureau; each has LEAVES
LEAVES = 4


def leaves_of(nodes: int) -> list[str]:
    """The leaves of a tree of about so many nodes."""
    bureaus = max(1, nodes // (1 + TENANTS * (1 + LEAVES)))
    return [
        f"leaf/k8s/t{bureau}-{tenant}-{leaf}"
        for bureau in range(bureaus)
        for tenant in range(TENANTS)
        for leaf in range(LEAVES)
    ]


def plant(database: Database, nodes: int, guarantee: int = 0) -> list[str]:
    """Write the tree; returns its leaves."""
    leaves = leaves_of(nodes)
    above: list[tuple[str, str | None, str | None]] = [("city", None, None)]
    for leaf in leaves:
        bureau, tenant, _ = leaf.rpartition("/")[2][1:].split("-")
        above += [
            (f"bureau/{bureau}", "city", None),
            (f"tenant/{bureau}-{tenant}", f"bureau/{bureau}", None),
            (leaf, f"tenant/{bureau}-{tenant}", POOL),
        ]
    rows = list(dict.fromkeys(above))
    for start in range(0, len(rows), 5000):
        database.write(_plant, rows[start : start + 5000], guarantee)
    return leaves


@operation
def _plant(
    connection: Connection, rows: Sequence[tuple[str, str | None, str | None]], guarantee: int
) -> None:
    connection.executemany("INSERT INTO quota_nodes (id, parent, pool) VALUES (?, ?, ?)", rows)
    cells: list[tuple[Any, ...]] = []
    for node, _, pool in rows:
        if pool is not None:
            continue
        own = guarantee if str(node).startswith("tenant/") else 0
        below = guarantee * {"bureau": TENANTS, "city": 0}.get(str(node).partition("/")[0], 0)
        charged = max(own, below)
        for dimension in DIMENSIONS:
            cells.append((node, POOL, dimension, own, below, FAR, below))
            cells.append((node, "*", dimension, 0, 0, FAR, charged))
    connection.executemany(
        "INSERT INTO quota_cells (node, pool, dimension, guarantee, nested, limit_, allotted) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        cells,
    )
