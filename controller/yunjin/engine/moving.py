"""Moving quota of one tenant between two of its pools: shrink, confirm, grow.

Called by the command line. Calls `yunjin.ledger` and the spine. Promises that the shrink is in force before
the growth is written, whatever the two substrates are, and that nothing else is changed on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.engine.split import narrowed
from yunjin.engine.units import require_whole
from yunjin.errors import Text, UsageError
from yunjin.ledger import Ledger
from yunjin.ledger.shares import shares
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from yunjin.engine.spine import Judged, Spine
    from yunjin.model.change import Change
    from yunjin.model.estate import Estate


@dataclass(frozen=True, slots=True)
class Move:
    """What goes where.

    Attributes:
        source: leaf it is taken from, `leaf/ENDPOINT/NAME`.
        target: leaf that gets it.
    """

    source: str
    target: str
    amounts: Amounts


def between(estate: Estate, tenant: str, source: str, target: str, amounts: Amounts) -> Move:
    """The move from a tenant's leaf in one pool to its leaf in another.

    Raises:
        UsageError: it has no leaf in one of them, or several of which none is named after the pool.
    """
    return Move(_leaf(estate, tenant, source), _leaf(estate, tenant, target), amounts)


def reserve(spine: Spine, move: Move, actor: str, key: str = "") -> int:
    """Enter the move into the ledger: the shrink is reserved, the growth waits for it.

    Returns:
        The id of the shrink; while it is not applied it can be released, and the growth with it.

    Raises:
        ShortageError: a limit above the second leaf is in the way.
        RefusalError: the second pool is in deficit and takes no growth.
        UsageError: the first leaf does not hold as much, or an amount is no whole unit of a backend.
    """
    spine.enter(actor)
    held = shares(spine.store.database) or {}
    for leaf, sign in ((move.source, -1), (move.target, 1)):
        after = dict(held[leaf].planned) if leaf in held else {}
        for dimension, value in move.amounts.items():
            after[dimension] = max(0, after.get(dimension, 0) + sign * value)
        require_whole(spine.estate, leaf, Amounts(after))
    ledger = Ledger(spine.store.database, spine.store.now, actor)
    return ledger.move(move.source, move.target, move.amounts, key=key)


def judged(spine: Spine, move: Move) -> Judged:
    """The plan of what the move changes, and what it relies on."""
    plan = spine.plan().plan
    names = [leaf.split("/", 2)[1:] for leaf in (move.source, move.target)]
    ours = {(endpoint, name) for endpoint, leaf in names for name in (leaf, "")}

    def kept(change: Change) -> bool:
        return (change.key.endpoint, change.leaf) in ours

    return spine.judge(narrowed(plan, [change for change in plan.changes if kept(change)]))


def _leaf(estate: Estate, tenant: str, pool: str) -> str:
    rows = [row.node for row in estate.leaf_rows if (row.tenant, row.pool) == (tenant, pool)]
    if len(rows) == 1:
        return rows[0]
    listed = ", ".join(sorted({row.pool for row in estate.leaf_rows if row.tenant == tenant}))
    raise UsageError(
        Text(
            f"{tenant} 在资源池 {pool} 有 {len(rows)} 个命名空间/项目, 无从调剂",
            f"{tenant} has {len(rows)} leaves in pool {pool}; a move needs one",
        ),
        Text(f"其所在资源池: {listed}", f"its pools: {listed}"),
    )
