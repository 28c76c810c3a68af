"""The tree with its figures: as the counters say now, or as it was on another day or by earlier records.

Used by `questions`, `explain` and `checks`. Calls `books`. Promises that figures made from the records are
those the counters had: of limits and guarantees by the versions of the grants, of supply by its records, of
what leaves are allotted by the audit rows.

Two questions of time: `day` asks what is valid on a business day, `recorded_by` what was on record at a
moment. What is allotted has no day of validity; it is as recorded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError
from yunjin.ledger import books
from yunjin.ledger.cells import ALL, Cell
from yunjin.ledger.supply import bound
from yunjin.ledger.terms import HOLD, with_total
from yunjin.model.estate import CITY
from yunjin.model.times import TIME_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from yunjin.ledger.books import Books, Deficit, Grant, LeafKey, Node, Reservation, Supply
    from yunjin.ledger.cells import Key
    from yunjin.store.database import Database

Cells = dict[str, dict["Key", Cell]]
"""Where days begin and end for the city."""
_PRESENT: Final = frozenset(
    {books.NODES, books.CELLS, books.SUPPLY, books.GRANTS, books.RESERVATIONS, books.DEFICITS}
)
_PAST: Final = frozenset({books.NODES, books.HUNG, books.SUPPLY, books.GRANTS, books.DEFICITS})
_COUNTED: Final = frozenset({books.CELLS, books.RESERVATIONS})
_ON_RECORD: Final = frozenset({books.EVENTS, books.PAST, books.CUTS, books.ENDED})


@dataclass(frozen=True, slots=True)
class When:
    """Of which time a question is.

    Attributes:
        day: what is valid on it; None for what is in force.
        recorded_by: what was on record then; None for now.
    """

    day: date | None = None
    recorded_by: datetime | None = None


NOW: Final = When()


@dataclass(frozen=True)
class Standing:
    """The tree and its figures at one moment.

    Attributes:
        nodes: by id, those in use.
        cells: figures by node, by pool and dimension.
        grants: versions that count and have not ended.
        supply: what each pool can carry.
        reservations: those under way now, or at the moment by whose records it is asked.
        deficits: those on record, with what they are by these figures.
        when: of which time all this is.
    """

    nodes: Mapping[str, Node]
    cells: Mapping[str, Mapping[Key, Cell]]
    grants: tuple[Grant, ...]
    supply: tuple[Supply, ...]
    reservations: tuple[Reservation, ...] = ()
    deficits: tuple[Deficit, ...] = ()
    when: When = NOW

    @cached_property
    def children(self) -> Mapping[str, list[str]]:
        """Nodes below each, by id."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self.nodes):
            parent = self.nodes[name].parent
            if parent is not None:
                found[parent].append(name)
        return found

    @cached_property
    def short(self) -> frozenset[str]:
        """Pools in deficit: charged above what may be promised, or guaranteed above what stands there."""
        stands = _firm(self.supply)
        return frozenset(
            pool
            for (pool, dimension), cell in self.cells.get(CITY, {}).items()
            if pool != ALL and (cell.deficit or cell.promised > stands.get((pool, dimension), 0))
        )

    def path(self, node: str) -> list[str]:
        """From a node up to the city. Raises UsageError where there is no such node."""
        if node not in self.nodes:
            raise UsageError(
                Text(f"资源台账中没有 {node}", f"the ledger has no {node}"),
                Text("用 yunjin ledger show 核对名称", "check the name with `yunjin ledger show`"),
            )
        path = [node]
        while (above := self.nodes[path[-1]].parent) is not None:
            path.append(above)
        return path

    def below(self, node: str) -> Iterator[str]:
        """A node and all below it, each before its children."""
        waiting = [node]
        while waiting:
            name = waiting.pop()
            yield name
            waiting += reversed(self.children.get(name, []))

    def cell(self, node: str, pool: str, dimension: str) -> Cell:
        """Figures of one row; all zero where nothing is on record."""
        return self.cells.get(node, {}).get((pool, dimension)) or Cell()


def standing(database: Database, when: When = NOW) -> Standing:
    """The tree as it is, or as it was."""
    if when == NOW:
        found = books.read(database, _PRESENT)
        live = tuple(grant for grant in found.grants if _counts(grant, None))
        supply = _supplied(found.supply)
        return Standing(_in_use(found), found.cells, live, supply, found.reservations, found.deficits)
    found = books.read(database, _PAST | (_ON_RECORD if when.recorded_by else _COUNTED), when.recorded_by)
    live = tuple(grant for grant in found.grants if _counts(grant, when.day))
    supply = _supplied(found.supply, when)
    leaves = found.events if when.recorded_by else _leaf_counters(found)
    nodes, cells = recomputed(_placed(found, when), leaves, Figures.of(live, supply, when.day))
    return Standing(
        nodes, cells, live, supply, found.reservations, _deficits(found.deficits, cells, supply), when
    )


def by_the_records(found: Books) -> tuple[Mapping[str, Node], Cells]:
    """What the counters of `found` must be: the tree as it hangs now, with its figures from the records."""
    figures = Figures.of(found.grants, _supplied(found.supply), None)
    return recomputed(
        {name: node for name, node in found.nodes.items() if not name.startswith(HOLD)},
        found.reserved,
        figures,
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """Limits and guarantees by node, pool and dimension, and the guarantees of grants yet to start."""

    limits: Mapping[tuple[str, str, str], int]
    guarantees: Mapping[tuple[str, str, str], int]
    held: tuple[Grant, ...]

    @classmethod
    def of(cls, grants: Iterable[Grant], supply: Iterable[Supply], day: date | None) -> Figures:
        """From what is granted and what there is."""
        limits: dict[tuple[str, str, str], int] = defaultdict(int)
        guarantees: dict[tuple[str, str, str], int] = defaultdict(int)
        held = []
        for each in supply:
            figure = bound(each.supply, each.reserve, each.percent)
            limits[(CITY, each.pool, each.dimension)] += figure
            limits[(CITY, ALL, each.dimension)] += figure
        for grant in grants:
            if grant.state == "in_force" if day is None else grant.holds_on(day):
                _add(limits, grant.node, grant.limit)
                _add(guarantees, grant.node, grant.guarantee)
            elif grant.state == "future" and grant.guarantee:
                held.append(grant)
        return cls(limits, guarantees, tuple(held))


def recomputed(
    nodes: Mapping[str, Node], leaves: Mapping[LeafKey, int], figures: Figures
) -> tuple[Mapping[str, Node], Cells]:
    """The figures of every node, from the leaves up.

    Args:
        nodes: the tree without what holds later guarantees.
        leaves: what each leaf is allotted.
        figures: limits and guarantees.
    """
    tree = dict(nodes)
    limits, guarantees = dict(figures.limits), dict(figures.guarantees)
    for grant in figures.held:
        if grant.node in nodes:
            name = f"{HOLD}{grant.number}"
            tree[name] = books.Node(nodes[grant.node].parent)
            _add(guarantees, name, grant.guarantee)
            _add(limits, name, with_total(grant.guarantee))
    cells: defaultdict[str, defaultdict[Key, Cell]] = defaultdict(lambda: defaultdict(Cell))
    for (leaf, pool, dimension), value in leaves.items():
        if leaf in tree:
            cells[leaf][(pool, dimension)].allotted += value
    for (node, pool, dimension), value in limits.items():
        cells[node][(pool, dimension)].limit = value
    for (node, pool, dimension), value in guarantees.items():
        cells[node][(pool, dimension)].guarantee = value
    for node in _deepest_first(tree):
        _charge(cells, node, tree[node])
    return tree, {node: dict(cells[node]) for node in tree if node in cells}


def _charge(cells: defaultdict[str, defaultdict[Key, Cell]], name: str, node: Node) -> None:
    """What a node costs its parent; what it is charged over all pools, its own row `*`."""
    for (pool, dimension), cell in list(cells[name].items()):
        if pool == ALL:
            continue
        if node.pool is None and cell.charge:
            cells[name][(ALL, dimension)].allotted += cell.charge
        if node.parent is not None and (cell.charge or cell.promised):
            above = cells[node.parent][(pool, dimension)]
            above.allotted += cell.charge
            above.nested += cell.promised


def _add(sums: dict[tuple[str, str, str], int], node: str, figures: Mapping[str, Mapping[str, int]]) -> None:
    for pool, by in figures.items():
        for dimension, value in by.items():
            sums[(node, pool, dimension)] = sums.get((node, pool, dimension), 0) + value


def _deepest_first(nodes: Mapping[str, Node]) -> list[str]:
    depths: dict[str, int] = {}
    for name in nodes:
        path = [name]
        while path[-1] not in depths and (above := nodes[path[-1]].parent) is not None and above in nodes:
            path.append(above)
        depth = depths.get(path[-1], 0)
        depths |= {found: depth + step for step, found in enumerate(reversed(path))}
    return sorted(nodes, key=lambda name: (-depths[name], name))


def _in_use(found: Books) -> dict[str, Node]:
    return {name: node for name, node in found.nodes.items() if node.ended is None}


def _placed(found: Books, when: When) -> dict[str, Node]:
    """Nodes where they hang on a day; without one, those that had not ended, where they were last put."""
    day, nodes = when.day, {}
    for hung in sorted(found.hung, key=lambda each: each.valid_from) if day else found.hung:
        known = found.nodes[hung.node]
        ended = known.ended if when.recorded_by is None or hung.node in found.ended else None
        if ended is None if day is None else hung.valid_from <= day and (ended is None or day < ended):
            nodes[hung.node] = books.Node(hung.parent, known.pool, ended)
    return nodes


def _counts(grant: Grant, day: date | None) -> bool:
    if day is None:
        return grant.state in ("future", "in_force")
    return grant.holds_on(day) or (grant.state == "future" and day < grant.valid_from)


def _supplied(records: Iterable[Supply], when: When = NOW) -> tuple[Supply, ...]:
    """What each pool can carry: the records that count, or those of a day."""
    if when.day is None:
        return tuple(each for each in records if not _over(each, when.recorded_by))
    chosen: dict[tuple[str, str], Supply] = {}
    last: dict[tuple[str, str], Supply] = {}
    for each in records:
        key = (each.pool, each.dimension)
        last[key] = each
        if each.valid_from <= when.day:
            chosen[key] = each
    return tuple(
        each
        for key, each in sorted(chosen.items())
        if not (each is last[key] and _over(each, when.recorded_by) and _day(each.superseded) <= when.day)
    )


def _over(record: Supply, recorded_by: datetime | None) -> bool:
    """Whether nothing but a later record, or none, says what there is."""
    return record.superseded is not None and (recorded_by is None or record.superseded <= recorded_by)


def _day(moment: datetime | None) -> date:
    return moment.astimezone(TIME_ZONE).date() if moment else date.max


def _firm(supply: Iterable[Supply]) -> dict[tuple[str, str], int]:
    """What really stands there for guarantees, by pool and dimension."""
    return {(each.pool, each.dimension): max(0, each.supply - each.reserve) for each in supply}


def _deficits(
    known: Iterable[Deficit], cells: Mapping[str, Mapping[Key, Cell]], supply: Iterable[Supply]
) -> tuple[Deficit, ...]:
    """Those on record that there are by these figures, with the amounts these make of them."""
    firm = _firm(supply)
    found = []
    for each in known:
        key = (each.pool, each.dimension)
        cell = cells.get(each.node, {}).get(key, Cell())
        amount = cell.promised - firm.get(key, 0) if each.promise else cell.deficit
        if amount > 0:
            found.append(replace(each, amount=amount))
    return tuple(found)


def _leaf_counters(found: Books) -> dict[LeafKey, int]:
    return {
        (node, pool, dimension): cell.allotted
        for node, by in found.cells.items()
        if node in found.nodes and found.nodes[node].pool is not None
        for (pool, dimension), cell in by.items()
    }
