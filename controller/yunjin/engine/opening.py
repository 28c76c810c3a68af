"""The declared city enters the quota ledger: all of it once, and later what is new.

Called by `spine` before it applies, by imports and adoptions, and by whoever first writes to the ledger.
Calls `yunjin.ledger`. Promises that the opening is whole or not there; that it happens once, whoever comes
first; that figures are imported by it alone: what is declared later enters with nothing allotted; and that a
limit is never entered before its parent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError
from yunjin.ledger import GrantTerms, causes, grants, nodes, reservations, supply
from yunjin.ledger.records import own_key
from yunjin.ledger.shares import opened
from yunjin.ledger.terms import OPENING
from yunjin.model.amounts import Amounts
from yunjin.model.estate import CITY
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from yunjin.model.centre import Pool
    from yunjin.model.estate import Estate
    from yunjin.model.tenants import BaselineRow
    from yunjin.store import Store
    from yunjin.store.operations import Call

_BASIS: Final = "baseline.yaml"


def enter(store: Store, estate: Estate, day: date, actor: str) -> None:
    """Bring what is declared, and the ledger does not know, into it.

    Args:
        store: with the ledger.
        estate: whose rules have been kept: what they let pass, the ledger takes.
        day: from which it holds.
        actor: who asks for it.

    Raises:
        RefusalError: the ledger has no room for it; nothing entered.
        UsageError: something is declared below a body that has ended in the ledger; nothing entered.
    """
    calls = _calls(store, estate, day, actor)
    if not calls:
        return
    try:
        store.database.write_all(calls)
    except ConflictError:  # another process was faster: what is missing now is what it did not declare
        again = _calls(store, estate, day, actor)
        if len(again) == len(calls):
            raise
        if again:
            store.database.write_all(again)


def take_in(store: Store, estate: Estate, leaf: str, raised: Amounts, day: date, actor: str) -> None:
    """Bring a leaf that stood before into a ledger that was opened before.

    Args:
        store: with the ledger.
        estate: which declares the leaf, and its tenant, with the figures that stand.
        leaf: its node.
        raised: by how much its tenant's limit must rise for it.
        day: from which it holds.
        actor: who asks for it.

    Raises:
        ShortageError: a limit above is in the way; nothing entered.
    """
    row = next(row for row in estate.leaf_rows if row.node == leaf)
    signed = {"actor": actor, "at": text(store.now())}
    entry = _Entry(estate, day, signed)
    known = frozenset(node for (node,) in store.database.rows("SELECT id FROM quota_nodes"))
    calls = list(entry.tree(known))
    if any(raised.values()):
        calls.append(
            entry.grant(f"import/{leaf.removeprefix('leaf/')}", f"tenant/{row.tenant}", row.pool, raised)
        )
    calls.append(allotment(leaf, row.allotted or Amounts(), signed))
    store.database.write_all(calls)


def _calls(store: Store, estate: Estate, day: date, actor: str) -> list[Call]:
    entry = _Entry(estate, day, {"actor": actor, "at": text(store.now())})
    known = frozenset(node for (node,) in store.database.rows("SELECT id FROM quota_nodes"))
    supplied = frozenset(pool for (pool,) in store.database.rows("SELECT DISTINCT pool FROM pool_supply"))
    first = not opened(store.database)
    calls = list(entry.tree(known))
    calls += [entry.supply(pool) for pool in estate.pools.values() if pool.id not in supplied]
    if first:
        calls += entry.figures()
    return calls


class _Entry:
    """Operations that enter one estate."""

    def __init__(self, estate: Estate, day: date, signed: dict[str, str]) -> None:
        self._estate = estate
        self._day = day
        self._signed = signed

    def tree(self, known: frozenset[str]) -> Iterator[Call]:
        """Nodes that are not known, parents first."""
        pools = {row.node: row.pool for row in self._estate.leaf_rows}
        declared = [
            CITY,
            *(f"bureau/{each}" for each in self._estate.bureaus),
            *(f"area/{each}" for each in self._estate.areas),
            *(f"tenant/{each}" for each in self._estate.tenants),
            *pools,
        ]
        for node in sorted(declared, key=self._depth):
            if node not in known:
                parent = self._estate.parent(node)
                yield self._call(
                    nodes.add_node, ("node", node), node=node, parent=parent, pool=pools.get(node)
                )

    def supply(self, pool: Pool) -> Call:
        """What a pool can carry."""
        return self._call(
            supply.set_supply,
            ("pool", pool.id),
            pool=pool.id,
            supply=dict(pool.supply),
            reserve=dict(pool.reserve),
            percent=dict(pool.overcommit_percent),
            cause=causes.OPENING,
        )

    def figures(self) -> Iterator[Call]:
        """A grant for each inner row, from the city downwards, then what each leaf is allotted."""
        rows = sorted(self._estate.baseline.values(), key=lambda row: self._depth(row.node))
        yield from (self._opening(row) for row in rows if row.limit)
        for row in rows:
            if row.is_leaf:
                yield allotment(row.node, row.allotted or Amounts(), self._signed)

    def grant(
        self, number: str, node: str, pool: str, limit: Amounts, guarantee: Amounts | None = None
    ) -> Call:
        """What a node had in a pool before."""
        terms = GrantTerms(
            number=number,
            node=node,
            amount=limit,
            pools={pool: limit},
            guarantee={pool: guarantee} if guarantee else {},
            kind=OPENING,
            basis=_BASIS,
            valid_from=self._day,
        )
        return self._call(grants.add_grant, ("grant", number), **terms.request())

    def _opening(self, row: BaselineRow) -> Call:
        number = f"{OPENING}/{row.node}/{row.pool}"
        return self.grant(number, row.node, row.pool, row.limit or Amounts(), row.guarantee)

    def _call(self, operation: Any, key: tuple[str, ...], **request: Any) -> Call:
        return operation, (
            {**request, **self._signed, "today": self._day.isoformat(), "key": own_key(OPENING, *key)},
        )

    def _depth(self, node: str) -> int:
        depth, above = 0, self._estate.parent(node)
        while above is not None:
            depth, above = depth + 1, self._estate.parent(above)
        return depth


def allotment(leaf: str, amounts: Amounts, signed: dict[str, str]) -> Call:
    """The operation that gives a leaf the figures it was imported with."""
    request = {"leaf": leaf, "target": dict(amounts), "expires": None}
    return reservations.reserve, ({**request, **signed, "key": own_key(OPENING, "leaf", leaf)},)
