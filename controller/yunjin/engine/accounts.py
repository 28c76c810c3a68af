"""What the ledger knows, for the spine: figures for plans, facts for rules, and what it still waits to see.

Called by `spine`. Calls the questions of `yunjin.ledger`; changes nothing. Promises that before the opening
there is no ledger, which is not the same as one that knows nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from yunjin.ledger import books
from yunjin.ledger.cells import ALL
from yunjin.ledger.records import own_key
from yunjin.ledger.shares import shares, under_way
from yunjin.ledger.terms import OPENING
from yunjin.model.amounts import Amounts
from yunjin.model.change import Hold
from yunjin.model.estate import CITY
from yunjin.model.resources import Key, ObjectClass
from yunjin.model.tenancy import leaf_node
from yunjin.policy import Figures, LedgerFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yunjin.ledger.books import Grant
    from yunjin.model.change import Plan
    from yunjin.model.estate import Estate
    from yunjin.model.tenancy import Leaf
    from yunjin.store.database import Database
    from yunjin.substrates.contract import Translator

_IN_FORCE: Final = "in_force"
_ASKED: Final = "SELECT key, request FROM audit WHERE key IN ({})"
_AT_ONCE: Final = 500


def entries(database: Database) -> int:
    """Rises with everything that is entered into the ledger."""
    ((newest,),) = database.rows("SELECT max(seq) FROM audit")
    return newest or 0


def facts(database: Database, estate: Estate) -> LedgerFacts | None:
    """What rules may know of the ledger; None before the opening."""
    found = books.read(database, (books.NODES, books.CELLS, books.GRANTS))
    held = shares(database)
    if held is None or CITY not in found.nodes:
        return None
    pools = {node: each.pool for node, each in found.nodes.items() if each.pool}
    now = {f"{node} {pools[node]}": Figures(share.planned) for node, share in held.items() if node in pools}
    for node, cells in found.cells.items():
        for pool in {pool for pool, _ in cells if pool != ALL and node not in pools}:
            own = {dimension: cell for (of, dimension), cell in cells.items() if of == pool}
            now[f"{node} {pool}"] = Figures(
                Amounts({d: cell.limit for d, cell in own.items() if cell.limit}),
                Amounts({d: cell.guarantee for d, cell in own.items() if cell.guarantee}),
            )
    grants: dict[str, tuple[str, ...]] = {}
    for grant in found.grants:
        for pool in grant.limit if grant.state == _IN_FORCE else ():
            grants[f"{grant.node} {pool}"] = (*grants.get(f"{grant.node} {pool}", ()), grant.number)
    return LedgerFacts(now, _imported(database, estate, found.grants, now), grants)


def unsettled(
    database: Database, leaves: Iterable[Leaf], translators: Mapping[str, Translator], plan: Plan
) -> tuple[Key, ...]:
    """What the ledger waits to see in force though the plan has no change of it.

    Args:
        database: of the ledger.
        leaves: all that are declared, with what the ledger says they shall hold.
        translators: by endpoint.
        plan: made just now, or part of such a one.

    Returns:
        Quotas that a killed or impatient run wrote, and namespaces of leaves that are no longer declared and
        may be gone; on endpoints the plan has seen.
    """
    held = shares(database) or {}
    seen = plan.bindings.keys() - set(plan.unknown)
    passed = {
        leaf_node(c.key.endpoint, c.leaf)
        for c in plan.changes
        if c.object_class is ObjectClass.QUOTA or (c.destructive and c.object_class is ObjectClass.NAMESPACE)
    } | {leaf_node(each.endpoint, each.leaf) for each in plan.held if each.hold is Hold.IN_USE}
    waiting = under_way(database) - passed
    keys: list[Key] = []
    declared = set()
    for leaf in leaves:
        declared.add(leaf.node)
        if leaf.node in waiting and leaf.endpoint in seen:
            wanted = translators[leaf.endpoint].wanted(leaf)
            keys += [one.key for one in wanted if one.object_class is ObjectClass.QUOTA]
    for node, share in held.items():
        _, endpoint, name = node.split("/", 2)
        if node not in declared | passed and endpoint in seen and any(share.charged.values()):
            keys.append(translators[endpoint].home(endpoint, name))
    return tuple(keys)


def _imported(
    database: Database, estate: Estate, grants: Iterable[Grant], now: Mapping[str, Figures]
) -> dict[str, Figures]:
    """Figures as they entered, of rows that say something else than the ledger does now."""
    imported: dict[str, Figures] = {}
    for grant in grants:
        for pool in set(grant.limit) - {ALL} if grant.kind == OPENING and grant.state != "moved" else ():
            before = imported.get(f"{grant.node} {pool}", Figures())
            imported[f"{grant.node} {pool}"] = Figures(
                before.amount + grant.limit[pool],
                before.guarantee + grant.guarantee.get(pool, Amounts()),
            )
    keys = {
        own_key(OPENING, "leaf", row.node): row.key
        for row in estate.leaf_rows
        if now.get(row.key, Figures()).amount != (row.allotted or Amounts())
    }
    for key, request in _requests(database, list(keys)):
        imported[keys[key]] = Figures(Amounts(json.loads(request)["target"]))
    return imported


def _requests(database: Database, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        yield from database.rows(_ASKED.format(", ".join("?" * len(part))), *part)
