"""A copy of the tree in one pool and dimension, to try out what giving something up would change.

Used by `relief`. Calls nothing and touches no database. Promises, after every change, what `cells` promises
of the real one: the charge max(g, a), the promise max(g, sum of the children's), up to the city.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ALLOTTED: Final = "allotted"
GUARANTEE: Final = "guarantee"
RESERVE: Final = "reserve"


class Holding(NamedTuple):
    """Figures of one node; `leaf` where nothing hangs below it."""

    parent: str | None
    leaf: bool
    guarantee: int
    nested: int
    limit: int
    allotted: int


class Figure(NamedTuple):
    """A figure of a node that would be another: what it is allotted, its guarantee, a pool's reserve."""

    node: str
    what: str
    before: int
    after: int


class Branches:
    """Changes itself; the holdings it was made of stay as they are."""

    def __init__(self, nodes: Mapping[str, Holding]) -> None:
        self._parent = {name: node.parent for name, node in nodes.items()}
        self._guarantee = {name: node.guarantee for name, node in nodes.items()}
        self._nested = {name: node.nested for name, node in nodes.items()}
        self._allotted = {name: node.allotted for name, node in nodes.items()}
        self.leaves = tuple(sorted(name for name, node in nodes.items() if node.leaf))
        self._inner = tuple(name for name, node in nodes.items() if not node.leaf)
        self._depth = {name: sum(1 for _ in self.path(name)) for name in self._inner}

    def allotted(self, node: str) -> int:
        """What a leaf holds, or its children charge it."""
        return self._allotted.get(node, 0)

    def charge(self, node: str) -> int:
        """What it costs its parent."""
        return max(self._guarantee[node], self._allotted[node])

    def nested(self, node: str) -> int:
        """What is promised to its children."""
        return self._nested.get(node, 0)

    def idle(self, node: str) -> int:
        """What of its own guarantee nobody below uses or is promised."""
        return max(0, self._guarantee[node] - self._allotted[node])

    def loose(self, node: str) -> int:
        """What of its own guarantee is not promised further down."""
        return max(0, self._guarantee[node] - self._nested[node])

    def path(self, node: str) -> Iterator[str]:
        """All above a node, the nearest first."""
        above = self._parent[node]
        while above is not None:
            yield above
            above = self._parent[above]

    def below(self, root: str, size: Callable[[str], int]) -> list[str]:
        """Inner nodes below `root`, parents before their children, of one depth the greatest first."""
        found = [name for name in self._inner if self.is_below(name, root)]
        return sorted(found, key=lambda name: (self._depth[name], -size(name), name))

    def is_below(self, node: str, root: str) -> bool:
        """Whether `root` stands above it."""
        return root in self.path(node)

    def spare(self, leaf: str, root: str) -> int:
        """How much of a leaf's allotment is borrowed all the way up to `root`."""
        least = self._allotted[leaf]
        for above in self.path(leaf):
            if above == root:
                break
            least = min(least, max(0, self._allotted[above] - self._guarantee[above]))
        return least

    def shrink(self, leaf: str, by: int) -> Figure:
        """A leaf gives."""
        before = self._allotted[leaf]
        self._change(leaf, allotted=before - by)
        return Figure(leaf, ALLOTTED, before, before - by)

    def lower(self, node: str, by: int) -> Figure:
        """A guarantee falls."""
        before = self._guarantee[node]
        self._change(node, guarantee=before - by)
        return Figure(node, GUARANTEE, before, before - by)

    def follow(self, node: str, root: str, *, promised: bool = False) -> list[Figure]:
        """Guarantees above a node that gave fall as far as it takes for what it gave to reach `root`."""
        found = []
        for above in self.path(node):
            if above == root:
                break
            over = self.loose(above) if promised else self.idle(above)
            if over:
                found.append(self.lower(above, over))
        return found

    def _change(self, node: str, *, guarantee: int | None = None, allotted: int | None = None) -> None:
        name: str | None = node
        charge, promise = self.charge(node), max(self._guarantee[node], self._nested[node])
        if guarantee is not None:
            self._guarantee[node] = guarantee
        if allotted is not None:
            self._allotted[node] = allotted
        while name is not None:
            rise = self.charge(name) - charge
            more = max(self._guarantee[name], self._nested[name]) - promise
            name = self._parent[name]
            if name is None or not (rise or more):
                return
            charge, promise = self.charge(name), max(self._guarantee[name], self._nested[name])
            self._allotted[name] += rise
            self._nested[name] += more
