"""Moving quota of one tenant between two of its pools: shrink, confirm, grow.

Called by the command line. Calls `yunjin.ledger` and the spine. Promises that the shrink is in force before
the growth is written, whatever the two substrates are, that nothing of other leaves is changed on the way,
that of a move which was given up nothing is left, not even its key, and that one nobody agrees to is given up
by itself: whoever is killed at the question leaves nothing for long.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from yunjin.engine.split import narrowed
from yunjin.engine.units import require_whole
from yunjin.errors import PermanentError, RefusalError, Text, UnreachableError, UsageError
from yunjin.ledger import Ledger, moves
from yunjin.ledger.shares import shares
from yunjin.model.amounts import Amounts
from yunjin.model.tenancy import leaf_node

if TYPE_CHECKING:
    from yunjin.engine.spine import Judged, Spine
    from yunjin.model.change import Change, Failure
    from yunjin.model.estate import Estate

_OPEN: Final = frozenset({"reserved", "committed"})
_GIVEN_UP: Final = frozenset({"released", "expired"})
_QUESTION: Final = timedelta(hours=1)
"""How long a move waits for consent."""


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

    @property
    def endpoints(self) -> tuple[str, str]:
        """Of the first leaf and of the second."""
        return self.source.split("/", 2)[1], self.target.split("/", 2)[1]


class Progress(StrEnum):
    """How far a move is."""

    LOWERING = "lowering"  # the first leaf is not seen lowered yet; the second waits
    RAISING = "raising"  # the first is lowered, the second not seen raised yet
    MOVED = "moved"
    DROPPED = "dropped"  # the second no longer had room when its turn came, or the move was given up


def between(estate: Estate, tenant: str, source: str, target: str, amounts: Amounts) -> Move:
    """The move from a tenant's leaf in one pool to its leaf in another.

    Raises:
        UsageError: it has no leaf in one of them, or several of which none is named after the pool.
        RefusalError: one of them is in quarantine, where nothing is written.
    """
    move = Move(_leaf(estate, tenant, source), _leaf(estate, tenant, target), amounts)
    for node in (move.source, move.target):
        if estate.tenants[tenant].frozen(node):
            raise RefusalError(
                Text(
                    f"{node} 隔离待核, 不下发任何变更, 无从调剂",
                    f"{node} is quarantined: nothing is written there, so nothing can be moved",
                ),
                Text("补齐所属单位、联系人和批复文件后再调剂", "state its owner, contacts and paper first"),
            )
    return move


def reserve(spine: Spine, move: Move, actor: str, key: str = "") -> int:
    """Enter the move into the ledger: the shrink is reserved until `agree`, the growth waits for it.

    Returns:
        The id of the shrink.

    Raises:
        ShortageError: a limit above the second leaf is in the way.
        RefusalError: the second pool is in deficit and takes no growth.
        UsageError: the first leaf does not hold as much, an amount is no whole unit of a backend, or an
            endpoint is only planned.
        ConflictError: the key belongs to another request.
    """
    for endpoint in move.endpoints:
        spine.endpoints.backend(endpoint)
    spine.enter(actor)
    _ledger(spine, actor).expire()  # what others were asked for in vain is in nobody's way
    held = shares(spine.store.database) or {}
    for leaf, sign in ((move.source, -1), (move.target, 1)):
        after = dict(held[leaf].planned) if leaf in held else {}
        for dimension, value in move.amounts.items():
            after[dimension] = max(0, after.get(dimension, 0) + sign * value)
        require_whole(spine.estate, leaf, Amounts(after))
    ledger = _ledger(spine, actor)

    def asked(under: str) -> int:
        return ledger.move(move.source, move.target, move.amounts, lasts=_QUESTION, key=under)

    number, times = asked(key), 1
    while key and moves.halves(spine.store.database, number)[0] in _GIVEN_UP:
        times += 1  # who was asked for consent and gave none may ask again under the same key
        number = asked(f"{key}/{times}")
    return number


def agree(spine: Spine, number: int, actor: str) -> None:
    """Somebody consented to the move. Raises ConflictError where that took too long."""
    _ledger(spine, actor).consent(number)


def judged(spine: Spine, move: Move) -> Judged:
    """The plan of what the move changes, and what it relies on.

    Raises:
        UnreachableError: one of the two endpoints does not answer.
        PermanentError: it could not be read for another reason.
    """
    plan = spine.plan().plan
    for endpoint in move.endpoints:
        if endpoint in plan.unknown:
            raise _unread(endpoint, plan.bindings[endpoint].failure)
    ours = {move.source, move.target}

    def kept(change: Change) -> bool:
        of = change.key.endpoint
        return leaf_node(of, change.leaf) in ours or (not change.leaf and of in move.endpoints)

    return spine.judge(narrowed(plan, [change for change in plan.changes if kept(change)]))


def progress(spine: Spine, number: int) -> Progress:
    """How far the move with this id is, by what was seen in force."""
    shrink, growth = moves.halves(spine.store.database, number)
    if growth == "confirmed":
        return Progress.MOVED
    if growth == "waiting":
        return Progress.LOWERING
    return Progress.RAISING if shrink == "confirmed" and growth in _OPEN else Progress.DROPPED


def give_up(spine: Spine, number: int, actor: str) -> None:
    """Take a move out of the ledger again; one that is being carried out goes on."""
    with suppress(RefusalError):
        _ledger(spine, actor).release(number)


def _ledger(spine: Spine, actor: str) -> Ledger:
    return Ledger(spine.store.database, spine.store.now, actor)


def _unread(endpoint: str, failure: Failure | None) -> UnreachableError | PermanentError:
    if failure is None:
        said = Text(f"接入点 {endpoint} 未知", f"endpoint {endpoint} is unknown")
        return UnreachableError(said, Text("执行 yunjin doctor 查明原因", "ask yunjin doctor why"))
    kind = UnreachableError if failure.code == UnreachableError.code else PermanentError
    return kind(failure.message, failure.remedy)


def _leaf(estate: Estate, tenant: str, pool: str) -> str:
    rows = [row.node for row in estate.leaf_rows if (row.tenant, row.pool) == (tenant, pool)]
    into = estate.pools[pool]
    own = leaf_node(into.endpoint, f"{tenant}-{into.suffix}")
    if len(rows) == 1 or own in rows:
        return own if own in rows else rows[0]
    listed = ", ".join(sorted({row.pool for row in estate.leaf_rows if row.tenant == tenant}))
    raise UsageError(
        Text(
            f"{tenant} 在资源池 {pool} 有 {len(rows)} 个命名空间/项目, 无从调剂",
            f"{tenant} has {len(rows)} leaves in pool {pool}; a move needs one",
        ),
        Text(f"其所在资源池: {listed}", f"its pools: {listed}"),
    )
