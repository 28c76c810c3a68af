"""Why a node is full: whose limit it is, who holds it, who borrows, and what will become free.

Asked by the command line and by `yunjin.engine`. Calls `questions` and `history`; changes nothing. Promises
that every dimension of every pool of the node is accounted for, that what is full stands first, and that who
holds a limit is listed whole, the greatest first, so that the parts add up to what is charged.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from yunjin.ledger.cells import ALL
from yunjin.ledger.questions import Bound, headroom, rows_of
from yunjin.model.amounts import Amounts, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yunjin.ledger.books import Deficit, Reservation
    from yunjin.ledger.history import Standing


@dataclass(frozen=True, slots=True)
class Holder:
    """What one node takes of the limit of the node above it.

    Attributes:
        charge: the greater of guarantee and allotment in each pool.
        borrowed: what of it is above the guarantee: lent by the node above for as long as it has it. A leaf
            has no guarantee; it uses what its tenant has.
    """

    node: str
    charge: Amounts
    guarantee: Amounts
    allotted: Amounts
    borrowed: Amounts


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit leaves in one dimension.

    Attributes:
        pool: of the node that was asked about; `*` over all pools.
        limit: the one in the way.
        charged: what it carries.
        free: what may still be allotted at the node that was asked about.
    """

    pool: str
    dimension: str
    limit: int
    charged: int
    free: int


@dataclass(frozen=True, slots=True)
class Loan:
    """What a node takes above its guarantee from the node above it."""

    node: str
    lender: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Reason:
    """One limit, and everything about it.

    Attributes:
        rooms: dimensions that it is in the way of, full ones first.
        holders: the nodes below it, by what they take of the first dimension.
        loans: what these borrow, then what the limit's own node and those above it borrow.
        growing: reservations below it that count already and are not in force yet.
        shrinking: reservations below it that will free something once they are confirmed.
        waiting: what will take from what is freed.
        deficits: on record for the limit's own row, or, where the pool takes no growth, for the pool.
    """

    bound: Bound
    rooms: tuple[Room, ...]
    holders: tuple[Holder, ...]
    loans: tuple[Loan, ...]
    growing: tuple[Reservation, ...]
    shrinking: tuple[Reservation, ...]
    waiting: tuple[Reservation, ...]
    deficits: tuple[Deficit, ...]

    @property
    def full(self) -> bool:
        """Whether nothing is left of at least one dimension."""
        return any(not room.free for room in self.rooms)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every limit that a node runs up to, full ones first."""

    node: str
    reasons: tuple[Reason, ...]


def explain(found: Standing, node: str, pool: str | None = None) -> Explanation:
    """Why a node has no more room, in one pool or in all. Raises UsageError where there is no such node."""
    found.path(node)
    rooms: dict[Bound, list[Room]] = defaultdict(list)
    for row in rows_of(found, node, pool):
        for dimension in row.free:
            free, bound = headroom(found, node, row.pool, dimension)
            rooms[bound].append(_room(found, row.pool, dimension, free, bound))
    reasons = [_reason(found, bound, _full_first(each)) for bound, each in rooms.items()]
    return Explanation(node, tuple(sorted(reasons, key=_order)))


def _room(found: Standing, pool: str, dimension: str, free: int, bound: Bound) -> Room:
    cell = found.cell(bound.node, bound.pool, dimension)
    return Room(pool, dimension, cell.limit, cell.charge, free)


def _full_first(rooms: Iterable[Room]) -> tuple[Room, ...]:
    return tuple(sorted(rooms, key=lambda room: (room.free > 0, room.dimension, room.pool)))


def _order(reason: Reason) -> tuple[bool, bool, str, str]:
    return (not reason.full, reason.bound.pool == ALL, reason.bound.pool, reason.bound.node)


def _reason(found: Standing, bound: Bound, rooms: tuple[Room, ...]) -> Reason:
    dimensions = list(dict.fromkeys(room.dimension for room in rooms))
    below = set(found.below(bound.node))
    under_way = [
        one
        for one in found.reservations
        if one.leaf in below
        and bound.pool in (ALL, one.pool)
        and not one.deltas.keys().isdisjoint(dimensions)
    ]
    counting = [one for one in under_way if one.state != "waiting"]
    holders = _holders(found, bound, dimensions)
    return Reason(
        bound=bound,
        rooms=rooms,
        holders=holders,
        loans=(*_lent(bound.node, holders), *_borrowed(found, bound, dimensions)),
        growing=tuple(one for one in counting if _any(one, dimensions, 1)),
        shrinking=tuple(one for one in counting if _any(one, dimensions, -1)),
        waiting=tuple(one for one in under_way if one.state == "waiting"),
        deficits=tuple(
            each
            for each in found.deficits
            if (each.node, each.pool) == (bound.node, bound.pool)
            and (bound.short or each.dimension in dimensions)
        ),
    )


def _any(reservation: Reservation, dimensions: Iterable[str], sign: int) -> bool:
    return any(reservation.deltas.get(dimension, 0) * sign > 0 for dimension in dimensions)


def _holders(found: Standing, bound: Bound, dimensions: Sequence[str]) -> tuple[Holder, ...]:
    """Over all pools, what a node takes in each of them is summed."""
    below = found.children.get(bound.node, [])
    holders = [_holder(found, name, bound, dimensions) for name in below]
    holders = [holder for holder in holders if holder.charge]
    first = dimensions[0]
    return tuple(sorted(holders, key=lambda holder: (-holder.charge.of(first), holder.node)))


def _holder(found: Standing, node: str, bound: Bound, dimensions: Sequence[str]) -> Holder:
    inner = found.nodes[node].pool is None
    chosen = [
        (dimension, cell)
        for (pool, dimension), cell in found.cells.get(node, {}).items()
        if pool != ALL and bound.pool in (ALL, pool) and dimension in dimensions
    ]
    return Holder(
        node=node,
        charge=_sum((d, cell.charge) for d, cell in chosen),
        guarantee=_sum((d, cell.guarantee) for d, cell in chosen),
        allotted=_sum((d, cell.allotted) for d, cell in chosen),
        borrowed=_sum((d, cell.borrowed) for d, cell in chosen if inner),
    )


def _sum(parts: Iterable[tuple[str, int]]) -> Amounts:
    return total(Amounts({dimension: value}) for dimension, value in parts if value)


def _lent(lender: str, holders: Iterable[Holder]) -> tuple[Loan, ...]:
    return tuple(Loan(holder.node, lender, holder.borrowed) for holder in holders if holder.borrowed)


def _borrowed(found: Standing, bound: Bound, dimensions: Sequence[str]) -> tuple[Loan, ...]:
    """What the limit's own node takes from above it, and so on up to the city."""
    path = found.path(bound.node)
    loans = []
    for node, above in pairwise(path):
        holder = _holder(found, node, bound, dimensions)
        if holder.borrowed:
            loans.append(Loan(node, above, holder.borrowed))
    return tuple(loans)
