"""Questions to the ledger: what a node may use, what it does use, how much more fits and whose limit that is.

Asked by the command line and by `yunjin.engine`. Calls `history` and `books`; changes nothing. Promises that
what is free can really be reserved as things stand, and that the limit named is the one that would refuse
the first unit beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.errors import Text, UsageError
from yunjin.ledger import books
from yunjin.ledger.cells import ALL, Cell
from yunjin.ledger.history import NOW, Standing, standing
from yunjin.model.amounts import Amounts
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from yunjin.ledger.books import Deficit, Grant, Reservation, Supply
    from yunjin.ledger.history import When
    from yunjin.store.database import Database


@dataclass(frozen=True, slots=True)
class Bound:
    """Whose limit it is. In pool `*` it is the one over all pools.

    Attributes:
        short: the pool is in deficit and takes no growth, whatever fits.
    """

    node: str
    pool: str
    short: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one node in one pool, or in all of them.

    Attributes:
        pool: `*` over all pools; there nothing is guaranteed, and what is charged stands as allotted.
        limit: a leaf has none of its own.
        nested: what is promised to the nodes below.
        borrowed: what is allotted above the guarantee; a leaf uses what its tenant has and borrows nothing.
        deficit: by how much the charge is above the limit.
        free: how much more may be allotted below it, as the whole path stands.
        bounds: by dimension, whose limit `free` runs up to.
    """

    node: str
    pool: str
    guarantee: Amounts
    nested: Amounts
    limit: Amounts
    allotted: Amounts
    borrowed: Amounts
    deficit: Amounts
    free: Amounts
    bounds: Mapping[str, Bound]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the ledger says of one node.

    Attributes:
        rows: its own, a pool each, `*` last.
        children: rows of the nodes right below, without `*`.
        leaves: rows of all namespaces and projects below.
        reservations: those under way below.
        grants: its own.
        deficits: its own and those below.
        supply: of the pools that its rows name.
    """

    node: str
    parent: str | None
    rows: tuple[Row, ...]
    children: tuple[Row, ...]
    leaves: tuple[Row, ...]
    reservations: tuple[Reservation, ...]
    grants: tuple[Grant, ...]
    deficits: tuple[Deficit, ...]
    supply: tuple[Supply, ...]


class Questions:
    """What may be asked of one ledger. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standing(self, when: When = NOW) -> Standing:
        """The whole tree with its figures."""
        return standing(self._database, when)

    def sheet(self, node: str, when: When = NOW, pool: str | None = None) -> Sheet:
        """What the ledger says of a node, in one pool or in all. Raises UsageError where there is none."""
        return sheet(self.standing(when), node, pool)

    def grants(self, node: str | None = None, when: When = NOW) -> tuple[Grant, ...]:
        """Grants of a node and of all below it, or all, by number: those that count, or ended ones too."""
        found = self.standing(when)
        inside = None if node is None else set(found.below(found.path(node)[0]))
        chosen = (grant for grant in found.grants if inside is None or grant.node in inside)
        return tuple(sorted(chosen, key=lambda grant: (grant.number, grant.version)))

    def versions(self, number: str) -> tuple[Grant, ...]:
        """Every version of a grant, the oldest first. Raises UsageError where there is none."""
        found = books.versions(self._database, number)
        if not found:
            raise UsageError(
                Text(f"没有核定配额 {number}", f"there is no grant {number}"),
                Text("用 yunjin grant list 核对编号", "check the number with `yunjin grant list`"),
            )
        return found


def sheet(found: Standing, node: str, pool: str | None = None) -> Sheet:
    """What a tree says of one of its nodes."""
    path = found.path(node)
    inside = list(found.below(node))
    within = set(inside)
    rows = rows_of(found, node, pool)
    pools = {row.pool for row in rows}
    return Sheet(
        node=node,
        parent=path[1] if len(path) > 1 else None,
        rows=rows,
        children=_without_total(found, found.children.get(node, []), pool),
        leaves=_without_total(
            found, (name for name in inside if found.nodes[name].pool and name != node), pool
        ),
        reservations=tuple(r for r in found.reservations if r.leaf in within and pool in (None, r.pool)),
        grants=tuple(
            grant for grant in found.grants if grant.node == node and (pool is None or pool in grant.limit)
        ),
        deficits=tuple(d for d in found.deficits if d.node in within and pool in (None, d.pool)),
        supply=tuple(each for each in found.supply if each.pool in pools),
    )


def rows_of(found: Standing, node: str, pool: str | None = None) -> tuple[Row, ...]:
    """A node's rows: pools by name, `*` last; those of one pool alone where it is named."""
    pools = {name for name, _ in found.cells.get(node, {})}
    own = found.nodes[node].pool
    if own:
        pools.add(own)
    chosen = sorted(pools - {ALL}) + [ALL] * (ALL in pools and len(pools - {ALL}) > 1)
    return tuple(_row(found, node, name) for name in chosen if pool in (None, name))


def _without_total(found: Standing, names: Iterable[str], pool: str | None) -> tuple[Row, ...]:
    return tuple(row for name in names for row in rows_of(found, name, pool) if row.pool != ALL)


def _row(found: Standing, node: str, pool: str) -> Row:
    cells = {
        dimension: cell
        for (name, dimension), cell in found.cells.get(node, {}).items()
        if name == pool and cell != Cell()
    }
    inner = found.nodes[node].pool is None
    free = {dimension: headroom(found, node, pool, dimension) for dimension in cells}
    return Row(
        node=node,
        pool=pool,
        guarantee=Amounts({d: cell.guarantee for d, cell in cells.items() if cell.guarantee}),
        nested=Amounts({d: cell.nested for d, cell in cells.items() if cell.nested}),
        limit=Amounts({d: cell.limit for d, cell in cells.items()} if inner else {}),
        allotted=Amounts({d: cell.allotted for d, cell in cells.items()}),
        borrowed=Amounts(
            {d: cell.borrowed for d, cell in cells.items() if cell.borrowed} if pool != ALL and inner else {}
        ),
        deficit=Amounts({d: cell.deficit for d, cell in cells.items() if cell.deficit and inner}),
        free=Amounts({d: room for d, (room, _) in free.items()}),
        bounds={d: bound for d, (_, bound) in free.items()},
    )


def headroom(found: Standing, node: str, pool: str, dimension: str) -> tuple[int, Bound]:
    """How much more may be allotted at a node and below, and whose limit comes first.

    A guarantee that is not used yet costs nothing above; what goes beyond it must fit all the way up.
    """
    path = found.path(node)
    if pool == ALL:
        rooms = [(_over_all(found, name, dimension), Bound(name, ALL)) for name in path]
        least, bound = min(rooms, key=lambda room: room[0])
        return max(0, least), bound
    if pool in found.short:
        return 0, Bound(CITY, pool, short=True)
    room, bound = _beyond(found, CITY, pool, dimension)
    for name in reversed(path[:-1]):
        if found.nodes[name].pool is not None:
            continue
        cell = found.cell(name, pool, dimension)
        room += max(0, cell.guarantee - cell.allotted)
        own, whose = _beyond(found, name, pool, dimension)
        if own <= room:
            room, bound = own, whose
    return room, bound


def _beyond(found: Standing, node: str, pool: str, dimension: str) -> tuple[int, Bound]:
    """What a node's own limits leave, in the pool and over all pools; what is in deficit leaves nothing."""
    cell = found.cell(node, pool, dimension)
    idle = max(0, cell.guarantee - cell.allotted)
    here = max(0, max(cell.limit, cell.guarantee) - cell.allotted)
    over_all = max(0, _over_all(found, node, dimension)) + idle
    return (here, Bound(node, pool)) if here <= over_all else (over_all, Bound(node, ALL))


def _over_all(found: Standing, node: str, dimension: str) -> int:
    whole = found.cell(node, ALL, dimension)
    return whole.limit - whole.allotted


def expiring(grants: Iterable[Grant], today: date, days: int) -> tuple[Grant, ...]:
    """Grants whose last day comes within so many days, the first to end first."""
    soon = [
        (grant.valid_to, grant.number, grant)
        for grant in grants
        if grant.valid_to is not None and (grant.valid_to - today).days <= days
    ]
    return tuple(grant for *_, grant in sorted(soon, key=lambda each: each[:2]))
