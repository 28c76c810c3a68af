"""Whether the counters are what the records say: every figure computed again, every difference named.

Asked by the command line and after a restore. Calls `books` and `history`; changes nothing. Promises that all
is read at one moment, so that what is under way meanwhile is never taken for a difference, and that no
counter is left out: limits and guarantees against grants and supply, what leaves hold against their
reservations and against the audit rows, what is above them against the sum of what is below, deficits on
record against those there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from yunjin.ledger import books
from yunjin.ledger.cells import ALL, Cell
from yunjin.ledger.history import by_the_records
from yunjin.model.estate import CITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.ledger.books import Books, LeafKey
    from yunjin.ledger.cells import Key
    from yunjin.store.database import Database

Figure = Literal["guarantee", "nested", "limit", "allotted", "events", "deficit", "promise"]
_FIGURES: Final[tuple[Literal["guarantee", "nested", "limit", "allotted"], ...]] = (
    "guarantee",
    "nested",
    "limit",
    "allotted",
)


@dataclass(frozen=True, slots=True, order=True)
class Discrepancy:
    """One figure that is not what the records make it.

    Attributes:
        figure: which; `events` is what a leaf holds by its audit rows, `deficit` and `promise` are amounts of
            deficits on record.
        counted: as it stands.
        computed: as the records have it.
    """

    node: str
    pool: str
    dimension: str
    figure: Figure
    counted: int
    computed: int


def check(database: Database) -> tuple[Discrepancy, ...]:
    """Every difference, by node; none where the ledger is sound."""
    return compare(books.read(database, books.CHECKED))


def compare(found: Books) -> tuple[Discrepancy, ...]:
    """The differences that one reading shows."""
    _, computed = by_the_records(found)
    return tuple(
        sorted(
            {
                *_cells(found.cells, computed),
                *_events(found),
                *_deficits(found, computed),
            }
        )
    )


def _cells(
    counted: Mapping[str, Mapping[Key, Cell]], computed: Mapping[str, Mapping[Key, Cell]]
) -> Iterator[Discrepancy]:
    for node in {*counted, *computed}:
        stands, ought = counted.get(node, {}), computed.get(node, {})
        for pool, dimension in {*stands, *ought}:
            one = stands.get((pool, dimension), Cell())
            other = ought.get((pool, dimension), Cell())
            for figure in _FIGURES:
                if getattr(one, figure) != getattr(other, figure):
                    values = (getattr(one, figure), getattr(other, figure))
                    yield Discrepancy(node, pool, dimension, figure, *values)


def _events(found: Books) -> Iterator[Discrepancy]:
    """What left and entered a leaf by the audit rows, against its counter."""
    counted: dict[LeafKey, int] = {
        (node, pool, dimension): cell.allotted
        for node, cells in found.cells.items()
        if node in found.nodes and found.nodes[node].pool is not None
        for (pool, dimension), cell in cells.items()
    }
    for key in {*counted, *found.events}:
        if counted.get(key, 0) != found.events.get(key, 0):
            yield Discrepancy(*key, "events", counted.get(key, 0), found.events.get(key, 0))


def _deficits(found: Books, computed: Mapping[str, Mapping[Key, Cell]]) -> Iterator[Discrepancy]:
    """Deficits on record, against charges above limits and, of the city, promises above what stands there."""
    ought: dict[tuple[str, str, str, Figure], int] = {}
    for node, cells in computed.items():
        if found.nodes.get(node, books.Node(None)).pool is not None:
            continue
        for (pool, dimension), cell in cells.items():
            ought[(node, pool, dimension, "deficit")] = cell.deficit
            if node == CITY and pool != ALL:
                ought[(node, pool, dimension, "promise")] = cell.promised
    for each in found.supply:
        key: tuple[str, str, str, Figure] = (CITY, each.pool, each.dimension, "promise")
        if each.superseded is None and key in ought:
            ought[key] = max(0, ought[key] - max(0, each.supply - each.reserve))
    stands: dict[tuple[str, str, str, Figure], int] = {
        (each.node, each.pool, each.dimension, "promise" if each.promise else "deficit"): each.amount
        for each in found.deficits
    }
    for row in {*ought, *stands}:
        if ought.get(row, 0) != stands.get(row, 0):
            yield Discrepancy(*row, stands.get(row, 0), ought.get(row, 0))
