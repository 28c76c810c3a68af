"""The arithmetic of one node of the quota tree: what a step changes there, and what its parent is charged.

Used by `climb` and by the questions. Calls nothing and keeps nothing. Promises, of every node, pool and
dimension: the charge c = max(g, a); the promise G = max(g, sum of the children's G); over all pools, in the
cells of pool `*`, a = sum of c. Nothing that rises passes a limit; a limit that falls may leave a deficit.
Promises may have a bound of their own beside the limit: the city's is what really stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ALL: Final = "*"
"""The row over all pools of a node."""

By = Mapping[str, int]
"""Amounts or differences by dimension, in base units."""
Key = tuple[str, str]
"""Pool and dimension."""


@dataclass(slots=True)
class Cell:
    """Figures of one node in one pool and dimension; in pool `*` the guarantee stays 0.

    Attributes:
        guarantee: g, the node's own.
        nested: sum of what is promised to the children.
        limit: l.
        allotted: a; of a leaf its reservations, of an inner node its children's charges.
    """

    guarantee: int = 0
    nested: int = 0
    limit: int = 0
    allotted: int = 0

    @property
    def charge(self) -> int:
        """What it costs its parent."""
        return max(self.guarantee, self.allotted)

    @property
    def promised(self) -> int:
        """What is carved out for it and all below; nested guarantees count once."""
        return max(self.guarantee, self.nested)

    @property
    def borrowed(self) -> int:
        """What it uses above its own guarantee."""
        return max(0, self.allotted - self.guarantee)

    @property
    def deficit(self) -> int:
        """By how much its charge is above its limit."""
        return max(0, self.charge - self.limit)


@dataclass(frozen=True, slots=True)
class Step:
    """What changes at one node in one pool, differences by dimension.

    Attributes:
        allotted: of what its children, or its reservations, charge it.
        nested: of what is promised to its children.
        guarantee: of its own.
        limit: of its limit in the pool.
        limit_all: of its limit over all pools.
        cause: why a limit falls, as it stands beside the deficit that may open.
    """

    allotted: By = field(default_factory=dict)
    nested: By = field(default_factory=dict)
    guarantee: By = field(default_factory=dict)
    limit: By = field(default_factory=dict)
    limit_all: By = field(default_factory=dict)
    cause: str = ""

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return any((self.allotted, self.nested, self.guarantee, self.limit, self.limit_all))


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit in the way of a step.

    Attributes:
        taken: what the limit carries before the step.
        asked: by how much the step would raise that.
        promise: whether it is guarantees, not charges, that do not fit.
    """

    pool: str
    dimension: str
    limit: int
    taken: int
    asked: int
    promise: bool = False

    @property
    def missing(self) -> int:
        """By how much it does not fit."""
        return self.taken + self.asked - self.limit


@dataclass(frozen=True, slots=True)
class Settled:
    """What a step makes of a node.

    Attributes:
        cells: those that changed, as they are after it.
        deficits: those whose deficit changed, and how much it is now.
        above: the step of the parent.
        excesses: limits in the way; where there are any, nothing else of this counts.
    """

    cells: Mapping[Key, Cell]
    deficits: Mapping[Key, int]
    above: Step
    excesses: tuple[Excess, ...]


def settle(cells: Mapping[Key, Cell], pool: str, step: Step, firm: By | None = None) -> Settled:
    """Take a step at one node.

    Args:
        cells: its cells in `pool` and in `*`; a missing one is all zero.
        pool: where the step happens.
        step: what changes.
        firm: what bounds promises there beside the limit, by dimension; None where nothing does.
    """
    changed: dict[Key, Cell] = {}
    charges: dict[str, int] = {}
    promises: dict[str, int] = {}
    excesses: list[Excess] = []
    deficits: dict[Key, int] = {}
    for dimension in _dimensions(step):
        here, over_all = (pool, dimension), (ALL, dimension)
        old, whole = cells.get(here, Cell()), cells.get(over_all, Cell())
        new = _moved(old, step, dimension)
        rise = new.charge - old.charge
        both = Cell(0, 0, whole.limit + step.limit_all.get(dimension, 0), whole.allotted + rise)
        for key, before, after in ((here, old, new), (over_all, whole, both)):
            if after != before:
                changed[key] = after
            if after.deficit != before.deficit:
                deficits[key] = after.deficit
        bound = new.limit if firm is None else min(new.limit, firm.get(dimension, 0))
        excesses += _excesses(here, old, new, bound) + _excesses(over_all, whole, both, both.limit)
        charges[dimension] = rise
        promises[dimension] = new.promised - old.promised
    above = Step(allotted=_nonzero(charges), nested=_nonzero(promises))
    return Settled(changed, deficits, above, tuple(excesses))


def _dimensions(step: Step) -> list[str]:
    parts = (step.allotted, step.nested, step.guarantee, step.limit, step.limit_all)
    return sorted({dimension for part in parts for dimension in part})


def _moved(cell: Cell, step: Step, dimension: str) -> Cell:
    return Cell(
        cell.guarantee + step.guarantee.get(dimension, 0),
        cell.nested + step.nested.get(dimension, 0),
        cell.limit + step.limit.get(dimension, 0),
        cell.allotted + step.allotted.get(dimension, 0),
    )


def _excesses(key: Key, before: Cell, after: Cell, bound: int) -> list[Excess]:
    """What rises passes neither the limit nor, being promised, the bound; a fall never fails."""
    rises = (
        (before.charge, after.charge, after.limit, False),
        (before.promised, after.promised, bound, True),
    )
    return [
        Excess(*key, limit, old, new - old, promise)
        for old, new, limit, promise in rises
        if new > old and new > limit
    ]


def _nonzero(by: By) -> dict[str, int]:
    return {dimension: value for dimension, value in by.items() if value}
