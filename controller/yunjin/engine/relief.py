"""Relief of pools that are short, and what must drain before servers go home: figures and declared data met.

Called by the command line. Calls `yunjin.ledger` for figures and proposals, and the estate for who runs what
where. Promises that nothing is changed by a proposal, and that its figures stood there at one moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.engine.choices import importance_order, relief_order
from yunjin.ledger.branches import Holding
from yunjin.ledger.cells import ALL
from yunjin.ledger.relief import Leaving, Rank, Situation, drain, propose
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.ledger.capacity import Contribution
    from yunjin.ledger.history import Standing
    from yunjin.ledger.relief import Proposal
    from yunjin.model.estate import Estate
    from yunjin.model.tenants import System


def proposals(estate: Estate, standing: Standing, pool: str) -> tuple[Proposal, ...]:
    """What would close the deficits of a pool, a dimension each; none where all fits."""
    ranked, order = ranks(estate), relief_order(estate)
    found = (propose(each, ranked, order) for each in situations(standing, pool))
    return tuple(each for each in found if each.short)


def drains(estate: Estate, standing: Standing, contribution: Contribution) -> tuple[Proposal, ...]:
    """What must give before servers go home, a dimension each; none where nothing must."""
    ranked, order = ranks(estate), relief_order(estate)
    node, pool = contribution.node, contribution.pool
    promised = contribution.promised if contribution.state in ("staying", "recalled") else None
    found = []
    for each in situations(standing, pool, node):
        whole = standing.cell(node, ALL, each.dimension)
        leaving = Leaving(
            node,
            contribution.amounts.of(each.dimension),
            promised.of(each.dimension) if promised else 0,
            whole.limit - whole.charge,
        )
        found.append(drain(each, leaving, ranked, order))
    return tuple(each for each in found if each.short)


def situations(standing: Standing, pool: str, node: str = CITY) -> tuple[Situation, ...]:
    """A pool in each dimension it has; `node` is part of it also where it holds nothing there."""
    return tuple(
        Situation(
            pool,
            record.dimension,
            record.supply,
            record.reserve,
            record.percent,
            _holdings(standing, pool, record.dimension, node),
        )
        for record in standing.supply
        if record.pool == pool
    )


def _holdings(standing: Standing, pool: str, dimension: str, also: str) -> dict[str, Holding]:
    names = {CITY, *standing.path(also)}
    for name, cells in standing.cells.items():
        if (pool, dimension) in cells and name in standing.nodes and name not in names:
            names.update(standing.path(name))
    found = {}
    for name in sorted(names):
        node, cell = standing.nodes[name], standing.cell(name, pool, dimension)
        found[name] = Holding(
            node.parent, node.pool is not None, cell.guarantee, cell.nested, cell.limit, cell.allotted
        )
    return found


def ranks(estate: Estate) -> Mapping[str, Rank]:
    """When each leaf gives, by what the tenant's systems in its pool are.

    The most important of them counts, planned ones too. A leaf is a trial where nothing but trials runs in it
    and none of its systems is of the kind that gives last. What is in quarantine is counted, never changed.
    """
    order = importance_order(estate)
    found = {}
    for row in estate.leaf_rows:
        tenant = estate.tenants[str(row.tenant)]
        systems = [each for each in tenant.systems if _stands_in(each, row.pool)]
        importance = max((order.index(each.importance) for each in systems), default=0)
        trial = {each.stage for each in systems} - {"planned"} == {"trial"}
        found[row.node] = Rank(importance, trial and importance < len(order) - 1, tenant.frozen(row.node))
    return found


def _stands_in(system: System, pool: str) -> bool:
    return not system.groups or any(group.pool == pool for group in system.groups)
