"""What would close a deficit: a proposal, in the order the city has declared. Nothing is changed by it.

Called by `yunjin.engine`. Calls `branches` and `supply`. Pure and deterministic: the same figures give the
same proposal. Promises that the steps, taken together, cover the shortage, or that the proposal says what
remains; that nobody gives while a kind that comes before is not used up; and that of one kind the greatest
holders give first, so that as few as possible are asked.

What is proposed is carried out by ordinary, approved operations alone: a smaller reserve, allotments that are
lowered, grants that end or are granted anew. No granted number changes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.ledger.branches import RESERVE, Branches, Figure
from yunjin.ledger.supply import bound
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from yunjin.ledger.branches import Holding

TRIALS: Final = "trials"
BORROWED: Final = "borrowed"
GUARANTEES: Final = "guarantees"
ORDER: Final = (RESERVE, TRIALS, BORROWED, GUARANTEES)
"""Who gives, from the first to the last, where the city says nothing else."""
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class Rank:
    """When a leaf gives.

    Attributes:
        importance: of what runs there; the least gives first.
        trial: nothing but trials runs there.
        fixed: it is counted and never changed.
    """

    importance: int = 0
    trial: bool = False
    fixed: bool = False


_LEAST: Final = Rank()


@dataclass(frozen=True, slots=True)
class Situation:
    """One pool in one dimension.

    Attributes:
        nodes: every node that holds, or is promised, something there; parents with them.
    """

    pool: str
    dimension: str
    supply: int
    reserve: int
    percent: int
    nodes: Mapping[str, Holding]


@dataclass(frozen=True, slots=True)
class Step:
    """One giver.

    Attributes:
        kind: reserve, trials, borrowed or guarantees.
        changes: the giver's figure first; then those of nodes above that must follow.
        remains: what does not fit after it.
    """

    kind: str
    changes: tuple[Figure, ...]
    remains: int

    @property
    def gives(self) -> int:
        """By how much the giver's figure falls."""
        return self.changes[0].before - self.changes[0].after


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would close a shortage.

    Attributes:
        short: what does not fit now: charges above the limit, or guarantees above what stands.
        remains: what would still not fit after every step.
    """

    pool: str
    dimension: str
    short: int
    steps: tuple[Step, ...]
    remains: int


@dataclass(frozen=True, slots=True)
class Leaving:
    """Servers that go home.

    Attributes:
        supply: what leaves the pool with them.
        guarantee: what the body is promised less; its limit falls by the same.
        slack: what the body's limit over all pools has left now.
    """

    node: str
    supply: int
    guarantee: int
    slack: int


def propose(situation: Situation, ranks: Mapping[str, Rank], order: Sequence[str] = ORDER) -> Proposal:
    """What would make everything fit in a pool.

    Args:
        situation: of the pool.
        ranks: by leaf; one that is missing runs nothing of importance.
        order: kinds, from who gives first.
    """
    return _Plan(situation, ranks).proposal(order)


def drain(
    situation: Situation, leaving: Leaving, ranks: Mapping[str, Rank], order: Sequence[str] = ORDER
) -> Proposal:
    """What must give before servers go home, so that nothing is short on that day.

    First what the body itself uses beyond what it may have then, after that what the pool then lacks.
    """
    return _Plan(situation, ranks, leaving).proposal(order)


class _Plan:
    """A proposal in the making: everybody gives on a copy of the tree."""

    def __init__(
        self, situation: Situation, ranks: Mapping[str, Rank], leaving: Leaving | None = None
    ) -> None:
        self._situation, self._ranks, self._leaving = situation, ranks, leaving
        self._branches = Branches(situation.nodes)
        self._reserve = situation.reserve
        self._supply = situation.supply
        self._steps: list[Step] = []
        if leaving:
            self._charged = self._branches.charge(leaving.node)
            self._branches.lower(leaving.node, leaving.guarantee)
            self._supply = max(0, situation.supply - leaving.supply)

    def proposal(self, order: Sequence[str]) -> Proposal:
        """Let everybody give in turn, as far as it takes."""
        short = self._remains()
        for kind in order if self._leaving else ():
            self._give(kind, self._leaving.node if self._leaving else CITY, self._of_body)
        for kind in order:
            if kind == RESERVE:
                self._keep_less()
            self._give(kind, CITY, self._of_pool)
            if kind == GUARANTEES:
                self._promise_less()
        pool, dimension = self._situation.pool, self._situation.dimension
        return Proposal(pool, dimension, short, tuple(self._steps), self._remains())

    def _of_pool(self) -> int:
        """Charges that do not fit the pool."""
        limit = bound(self._supply, self._reserve, self._situation.percent)
        return max(0, self._branches.allotted(CITY) - limit)

    def _promised(self) -> int:
        """Guarantees that do not fit what stands."""
        return max(0, self._branches.nested(CITY) - max(0, self._supply - self._reserve))

    def _of_body(self) -> int:
        """What the body uses beyond its limits after its servers went: in the pool, and over all pools."""
        if self._leaving is None:
            return 0
        node, falls = self._leaving.node, self._leaving.guarantee
        now = self._branches.charge(node)
        limit = self._situation.nodes[node].limit - falls
        return max(0, now - limit, now - self._charged + falls - self._leaving.slack)

    def _remains(self) -> int:
        return max(self._of_pool(), self._promised(), self._of_body())

    def _step(self, kind: str, *changes: Figure) -> None:
        self._steps.append(Step(kind, changes, self._remains()))

    def _keep_less(self) -> None:
        """As much of the reserve as it takes, or all of it."""
        percent, charged = self._situation.percent, self._branches.allotted(CITY)
        stand = -(-charged * _WHOLE // percent) if percent else 0  # where nothing is lent it does not help
        stand = max(stand, self._branches.nested(CITY))
        after = min(self._reserve, max(0, self._supply - stand))
        if after < self._reserve and stand > max(0, self._supply - self._reserve):
            before, self._reserve = self._reserve, after
            self._step(RESERVE, Figure(CITY, RESERVE, before, after))

    def _give(self, kind: str, root: str, need: Callable[[], int]) -> None:
        if kind == GUARANTEES:
            self._give_idle(root, need)
            self._give_used(root, need)
        elif kind in (TRIALS, BORROWED):
            for leaf in self._givers(root, trial=kind == TRIALS):
                gives = min(need(), self._branches.spare(leaf, root))
                if gives:
                    self._step(kind, self._branches.shrink(leaf, gives))

    def _givers(self, root: str, *, trial: bool) -> list[str]:
        """Leaves that borrow: the least important first, of these the greatest borrowers."""
        branches = self._branches
        found = [
            (self._rank(leaf).importance, -branches.spare(leaf, root), leaf)
            for leaf in branches.leaves
            if branches.is_below(leaf, root)
            and self._rank(leaf).trial == trial
            and not self._rank(leaf).fixed
        ]
        return [leaf for _, _, leaf in sorted(found)]

    def _give_idle(self, root: str, need: Callable[[], int]) -> None:
        """Guarantees that nobody uses, from the top, so that what is freed below gets through."""
        branches = self._branches
        for node in branches.below(root, branches.idle):
            wanted = max(need(), self._promised() if root == CITY else 0)
            gives = min(wanted, branches.idle(node))
            if gives:
                self._step(GUARANTEES, branches.lower(node, gives), *branches.follow(node, root))

    def _give_used(self, root: str, need: Callable[[], int]) -> None:
        """What runs within guarantees: the last that gives."""
        branches = self._branches

        def turn(leaf: str) -> tuple[bool, int, int, str]:
            rank = self._rank(leaf)
            return not rank.trial, rank.importance, -branches.allotted(leaf), leaf

        for leaf in sorted(branches.leaves, key=turn):
            gives = min(need(), branches.allotted(leaf))
            if gives and branches.is_below(leaf, root) and not self._rank(leaf).fixed:
                self._step(GUARANTEES, branches.shrink(leaf, gives), *branches.follow(leaf, root))

    def _promise_less(self) -> None:
        """Guarantees that do not fit what stands; what runs within them goes on, as borrowed."""
        branches = self._branches
        for node in branches.below(CITY, branches.loose):
            gives = min(self._promised(), branches.loose(node))
            if gives:
                lowered = branches.lower(node, gives)
                self._step(GUARANTEES, lowered, *branches.follow(node, CITY, promised=True))

    def _rank(self, leaf: str) -> Rank:
        return self._ranks.get(leaf, _LEAST)
