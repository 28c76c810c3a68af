"""The quota tree of the opening baseline, summed up from the leaves: one account a node and pool.

Used by the quota rules; calls `yunjin.model`. Promises nested guarantees counted once, the charge max(g, a)
at every node, 0 for every figure that nobody recorded, and one pass over the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yunjin.model.amounts import Amounts, total
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.estate import Estate


@dataclass(frozen=True, slots=True)
class Account:
    """What one node may use, promises and is charged in one pool.

    Attributes:
        parent: node above; None for the city.
        recorded: whether the baseline has a row of it; the city's limit is the pool's bound instead.
        limit: l.
        guarantee: g, the node's own.
        nested: sum of the children's promised guarantees.
        shares: who is charged to it: leaves with what they are allotted, or children with their charges.
    """

    node: str
    pool: str
    parent: str | None
    recorded: bool
    limit: Amounts
    guarantee: Amounts
    nested: Amounts
    shares: tuple[tuple[str, Amounts], ...]

    @property
    def allotted(self) -> Amounts:
        """The sum of the shares: a."""
        return total(amounts for _, amounts in self.shares)

    @property
    def promised(self) -> Amounts:
        """What is carved out for it and all below: G = max(g, sum of the children's G)."""
        return _most(self.guarantee, self.nested)

    @property
    def charge(self) -> Amounts:
        """What it costs its parent: c = max(g, a)."""
        return _most(self.guarantee, self.allotted)


@dataclass
class _Draft:
    limit: Amounts = field(default_factory=Amounts)
    guarantee: Amounts = field(default_factory=Amounts)
    recorded: bool = False
    nested: list[Amounts] = field(default_factory=list)
    shares: list[tuple[str, Amounts]] = field(default_factory=list)


def _most(first: Amounts, second: Amounts) -> Amounts:
    if not first or first == second:
        return second
    return Amounts({d: max(first.of(d), second.of(d)) for d in {*first, *second}})


def accounts(estate: Estate) -> Mapping[tuple[str, str], Account]:
    """Accounts by (node, pool), the deepest nodes first, the city last.

    Raises:
        ValueError: a body is declared below itself.
    """
    drafts: dict[tuple[str, str], _Draft] = {(CITY, pool): _Draft() for pool in estate.pools}
    for row in estate.baseline.values():
        if row.is_leaf:
            draft = drafts.setdefault((f"tenant/{row.tenant}", row.pool), _Draft())
            draft.shares.append((row.node, row.allotted or Amounts()))
        elif row.node != CITY:
            draft = drafts.setdefault((row.node, row.pool), _Draft())
            draft.recorded = True
            draft.limit, draft.guarantee = row.limit or Amounts(), row.guarantee or Amounts()
    levels = _levels(estate, {node for node, _ in drafts})
    waiting: dict[int, list[tuple[str, str]]] = {}
    for node, pool in drafts:
        waiting.setdefault(levels[node], []).append((node, pool))
    finished: dict[tuple[str, str], Account] = {}
    for level in range(max(waiting, default=0), -1, -1):
        for node, pool in waiting.get(level, []):
            account = _finished(estate, node, pool, drafts[(node, pool)])
            finished[(node, pool)] = account
            if account.parent is None:
                continue
            above = (account.parent, pool)
            if above not in drafts:
                drafts[above] = _Draft()
                waiting.setdefault(level - 1, []).append(above)
            drafts[above].nested.append(account.promised)
            drafts[above].shares.append((node, account.charge))
    return finished


def _finished(estate: Estate, node: str, pool: str, draft: _Draft) -> Account:
    is_city = node == CITY
    return Account(
        node=node,
        pool=pool,
        parent=estate.parent(node),
        recorded=draft.recorded or is_city,
        limit=estate.pools[pool].bound() if is_city else draft.limit,
        guarantee=draft.guarantee,
        nested=total(iter(draft.nested)),
        shares=tuple(draft.shares),
    )


def _levels(estate: Estate, nodes: set[str]) -> dict[str, int]:
    levels = {CITY: 0}
    for node in nodes:
        path: list[str] = []
        above: str | None = node
        while above is not None and above not in levels:
            if above in path:
                raise ValueError(f"{above} is declared below itself")
            path.append(above)
            above = estate.parent(above)
        for step in reversed(path):
            levels[step] = levels[above] + 1 if above is not None else 0
            above = step
    return levels
