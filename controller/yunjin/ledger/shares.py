"""What each leaf shall hold, in as few statements as there are questions.

Asked by `yunjin.engine` for plans and by `yunjin.apply` before it writes. Calls the store's database; changes
nothing. Promises that what one call returns stood in the ledger at one moment, and that a leaf without a
record is told from a ledger that was never opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.amounts import Amounts
from yunjin.model.estate import CITY
from yunjin.model.tenancy import Share

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from yunjin.store.database import Database

_KNOWN, _HELD, _WAITING = "known", "held", "waiting"
_NODES: Final = "SELECT 'known', n.id, '', 0 FROM quota_nodes n WHERE {}"
_CELLS: Final = (
    "SELECT 'held', n.id, c.dimension, c.allotted FROM quota_nodes n "
    "JOIN quota_cells c ON c.node = n.id AND c.pool = n.pool WHERE {}"
)
_CHANGES: Final = (
    "SELECT r.state, n.id, d.dimension, d.delta FROM quota_nodes n JOIN reservations r ON r.leaf = n.id "
    "JOIN reservation_amounts d ON d.reservation = r.id "
    "WHERE (r.state = 'waiting' OR (r.state IN ('reserved', 'committed') AND d.delta < 0)) AND {}"
)
_UNDER_WAY: Final = "SELECT DISTINCT leaf FROM reservations WHERE state IN ('reserved', 'committed')"
_SOURCES: Final = (
    "SELECT f.leaf, r.leaf FROM reservations f JOIN reservations r ON r.id = f.follows "
    "WHERE f.state = 'waiting' ORDER BY f.id"
)


def opened(database: Database) -> bool:
    """Whether the city has entered the ledger."""
    return bool(database.rows("SELECT 1 FROM quota_nodes WHERE id = ?", CITY))


def shares(database: Database) -> Mapping[str, Share] | None:
    """What every leaf holds, by node; None where the ledger was never opened."""
    condition = "n.pool IS NOT NULL AND n.ended IS NULL"
    statement = " UNION ALL ".join(
        (
            _NODES.format("n.id = ?"),
            _NODES.format(condition),
            _CELLS.format(condition),
            _CHANGES.format(condition),
        )
    )
    found = _read(database, statement, (CITY,))
    return None if found.pop(CITY, None) is None else found


def shares_of(database: Database, leaves: Collection[str]) -> Mapping[str, Share]:
    """What these leaves hold; those the ledger does not know are missing."""
    condition = f"n.ended IS NULL AND n.id IN ({', '.join('?' * len(leaves))})"
    statement = " UNION ALL ".join(part.format(condition) for part in (_NODES, _CELLS, _CHANGES))
    return _read(database, statement, (*leaves, *leaves, *leaves)) if leaves else {}


def under_way(database: Database) -> frozenset[str]:
    """Leaves with a reservation that was not seen in force yet."""
    return frozenset(leaf for (leaf,) in database.rows(_UNDER_WAY))


def sources(database: Database) -> Mapping[str, frozenset[str]]:
    """Leaves that wait for a shrink, each with the leaves that must shrink first."""
    found: dict[str, set[str]] = {}
    for leaf, source in database.rows(_SOURCES):
        found.setdefault(leaf, set()).add(source)
    return {leaf: frozenset(names) for leaf, names in found.items()}


def _read(database: Database, statement: str, values: tuple[str, ...]) -> dict[str, Share]:
    charged: dict[str, dict[str, int]] = {}
    changes: dict[str, list[tuple[str, str, int]]] = {}
    for what, leaf, dimension, value in database.rows(statement, *values):
        held = charged.setdefault(leaf, {})
        if what == _HELD:
            held[dimension] = value
        elif what != _KNOWN:
            changes.setdefault(leaf, []).append((what, dimension, value))
    return {leaf: _share(held, changes.get(leaf, [])) for leaf, held in charged.items()}


def _share(held: Mapping[str, int], changes: Collection[tuple[str, str, int]]) -> Share:
    charged = Amounts(held)
    if not changes:
        return Share(charged, charged, Amounts())
    target, coming = dict(held), dict[str, int]()
    for state, dimension, delta in changes:
        into = coming if state == _WAITING else target
        into[dimension] = into.get(dimension, 0) + delta
    return Share(Amounts(target), charged, Amounts(coming))
