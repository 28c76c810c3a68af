"""Everything on record about quotas, read in one statement.

Used by `history`, `questions` and `checks`. Calls the store's database. Promises that what one reading
returns stood there at one and the same moment, whoever writes meanwhile, and that nothing is changed by it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from yunjin.ledger import past
from yunjin.ledger.cells import ALL, Cell
from yunjin.model.amounts import Amounts
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from yunjin.ledger.cells import Key
    from yunjin.store.connection import Dialect
    from yunjin.store.database import Database

LeafKey = tuple[str, str, str]
"""Leaf, pool and dimension."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the tree.

    Attributes:
        pool: of a leaf.
        ended: day from which it is no longer in use.
    """

    parent: str | None
    pool: str | None = None
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class Hung:
    """Where a node hangs from a day on."""

    node: str
    parent: str | None
    valid_from: date


@dataclass(frozen=True, slots=True)
class Grant:
    """One version of a grant.

    Attributes:
        limit: the raise by pool; `*` over all the pools together.
        guarantee: what of it is carved out, by pool.
        cause: why it ended.
        valid_to: day on which it no longer holds; None for no end.
        superseded: since when another version counts.
    """

    version: int
    number: str
    node: str
    kind: str
    grantor: str
    basis: str
    cause: str | None
    state: str
    valid_from: date
    valid_to: date | None
    recorded: datetime
    superseded: datetime | None
    limit: Mapping[str, Amounts] = field(default_factory=dict)
    guarantee: Mapping[str, Amounts] = field(default_factory=dict)

    def holds_on(self, day: date) -> bool:
        """Whether its term includes the day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class Supply:
    """What a pool can carry of one dimension, from a moment on."""

    pool: str
    dimension: str
    supply: int
    reserve: int
    percent: int
    cause: str
    valid_from: date
    recorded: datetime
    superseded: datetime | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation that is under way.

    Attributes:
        state: waiting, reserved or committed.
        follows: the shrink of another leaf that goes first.
        deltas: differences by dimension.
    """

    number: int
    leaf: str
    pool: str
    state: str
    expires: datetime | None
    follows: int | None
    actor: str
    at: datetime
    deltas: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Deficit:
    """A row whose charge is above its limit.

    Attributes:
        promise: it is guarantees, not charges, that are more than stands there.
        cause: as `causes.said` reads it.
    """

    node: str
    pool: str
    dimension: str
    promise: bool
    amount: int
    cause: str
    opened: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """What one reading found.

    Attributes:
        nodes: as they hang now.
        hung: every place a node has on record, the one recorded last at the end.
        cells: the counters.
        supply: every record, the newest at the end.
        grants: the versions that count, or all of them.
        reserved: what the reservations of each leaf add up to.
        events: what entered and left each leaf by the audit rows.
        ended: nodes of which it was on record that they end.
    """

    nodes: Mapping[str, Node]
    hung: tuple[Hung, ...]
    cells: Mapping[str, Mapping[Key, Cell]]
    supply: tuple[Supply, ...]
    grants: tuple[Grant, ...]
    reservations: tuple[Reservation, ...]
    deficits: tuple[Deficit, ...]
    reserved: Mapping[LeafKey, int]
    events: Mapping[LeafKey, int]
    ended: frozenset[str]


NODES: Final = "nodes"
HUNG: Final = "hung"
CELLS: Final = "cells"
SUPPLY: Final = "supply"
GRANTS: Final = "grants"
RESERVATIONS: Final = "reservations"
DEFICITS: Final = "deficits"
RESERVED: Final = "reserved"
EVENTS: Final = "events"
PAST: Final = "past"
"""Reservations as they were at the moment of recording, instead of those of now."""
CUTS: Final = "cuts"
"""Belongs to `PAST`."""
ENDED: Final = "ended"
CHECKED: Final = frozenset({NODES, CELLS, SUPPLY, GRANTS, DEFICITS, RESERVED, EVENTS})
"""Whatever counts something, and whatever says what it must be."""

_LAST: Final = "9999-12-31T23:59:59.999999+00:00"
_ARRAY: Final[Mapping[Dialect, str]] = {
    "sqlite": "json_array({})",
    "postgresql": "CAST(json_build_array({}) AS TEXT)",
}
_GRANT: Final = (
    "g.id, g.number, g.node, g.kind, g.grantor, g.basis, g.cause, g.state, g.valid_from, g.valid_to, "
    "g.recorded, g.superseded, a.pool, a.dimension, a.limit_, a.guarantee"
)
_GRANTS: Final = "FROM grants g LEFT JOIN grant_amounts a ON a.grant_id = g.id"
_KNOWN: Final = "recorded <= ? AND (superseded IS NULL OR superseded > ?)"
_EVENTS: Final[Mapping[Dialect, str]] = {
    "sqlite": (
        "json_extract(part.value, '$[0]') AS leaf, json_extract(part.value, '$[1]') AS pool, "
        "figure.key AS dimension, figure.value AS difference FROM audit, "
        "json_each(audit.result, '$.counted') part, json_each(part.value, '$[2]') figure"
    ),
    "postgresql": (
        "part.value ->> 0 AS leaf, part.value ->> 1 AS pool, "
        "figure.key AS dimension, CAST(figure.value AS BIGINT) AS difference FROM audit, "
        "jsonb_array_elements(CAST(audit.result AS JSONB) -> 'counted') AS part (value), "
        "jsonb_each_text(part.value -> 2) AS figure (key, value)"
    ),
}
_RESERVATIONS: Final = "FROM reservations r JOIN reservation_amounts d ON d.reservation = r.id"
_SUMS: Final = (
    # What is taken away counts once it is confirmed, what is added as soon as it is reserved.
    "FROM (SELECT r.leaf, r.pool, d.dimension, CAST(SUM(d.delta) AS BIGINT) AS charge "
    f"{_RESERVATIONS} WHERE r.state = 'confirmed' OR (r.state IN ('reserved', 'committed') AND d.delta > 0) "
    "GROUP BY r.leaf, r.pool, d.dimension) sums"
)
_PARTS: Final[Mapping[str, tuple[str, str, int]]] = {
    # Columns, the rest of the SELECT, and how often the moment of recording stands in it.
    NODES: ("id, parent, pool, ended", "FROM quota_nodes", 0),
    HUNG: ("id, node, parent, valid_from", f"FROM quota_places WHERE {_KNOWN}", 2),
    CELLS: ("node, pool, dimension, guarantee, nested, limit_, allotted", "FROM quota_cells", 0),
    SUPPLY: (
        "id, pool, dimension, supply, reserve, percent, cause, valid_from, recorded, superseded",
        "FROM pool_supply WHERE recorded <= ?",
        1,
    ),
    GRANTS: (_GRANT, f"{_GRANTS} WHERE {_KNOWN}", 2),
    RESERVATIONS: (
        "r.id, r.leaf, r.pool, r.state, r.expires, r.follows, r.actor, r.at, d.dimension, d.delta",
        f"{_RESERVATIONS} WHERE r.state IN ('waiting', 'reserved', 'committed')",
        0,
    ),
    DEFICITS: (
        "node, pool, dimension, promise, amount, cause, opened",
        "FROM quota_deficits WHERE opened <= ? AND (closed IS NULL OR closed > ?)",
        2,
    ),
    RESERVED: ("leaf, pool, dimension, charge", _SUMS, 0),
    EVENTS: ("leaf, pool, dimension, charge", "", 1),
    PAST: (past.RESERVATION, "", 3),
    CUTS: ("number, dimension, cut", "", 1),
    ENDED: ("node", "", 2),
}
_BY_DIALECT: Final[Mapping[str, Mapping[Dialect, str]]] = {
    EVENTS: {
        dialect: (
            "FROM (SELECT leaf, pool, dimension, CAST(SUM(difference) AS BIGINT) AS charge FROM "  # noqa: S608
            f"(SELECT {events} WHERE audit.at <= ?) counted GROUP BY leaf, pool, dimension) events"
        )
        for dialect, events in _EVENTS.items()
    },
    PAST: past.RESERVATIONS,
    CUTS: past.CUTS,
    ENDED: past.ENDED,
}
"""The rest of the SELECT where it differs."""


def read(database: Database, parts: Iterable[str], recorded_by: datetime | None = None) -> Books:
    """Read some parts of the books.

    Args:
        database: of the ledger.
        parts: names of this module: NODES, CELLS and so on; the others stay empty.
        recorded_by: places, ends, grants, supply, deficits, events and `PAST` reservations as they were on
            record then; None for now.
    """
    last = _LAST if recorded_by is None else text(recorded_by)
    chosen = sorted(parts)
    statement = " UNION ALL ".join(_select(part, database.dialect) for part in chosen)
    values = [last] * sum(_PARTS[part][2] for part in chosen)
    found: dict[str, list[list[Any]]] = {part: [] for part in _PARTS}
    for part, row in database.rows(statement, *values):
        found[part].append(json.loads(row))
    return Books(
        nodes={row[0]: Node(row[1], row[2], _day(row[3])) for row in found[NODES]},
        hung=tuple(Hung(row[1], row[2], date.fromisoformat(row[3])) for row in sorted(found[HUNG])),
        cells=_cells(found[CELLS]),
        supply=tuple(_supply(row) for row in sorted(found[SUPPLY])),
        grants=_grants(found[GRANTS]),
        reservations=_reservations([*found[RESERVATIONS], *past.uncut(found[PAST], found[CUTS])]),
        deficits=tuple(_deficit(row) for row in sorted(found[DEFICITS])),
        reserved={(row[0], row[1], row[2]): row[3] for row in found[RESERVED]},
        events={(row[0], row[1], row[2]): row[3] for row in found[EVENTS]},
        ended=frozenset(node for (node,) in found[ENDED]),
    )


def versions(database: Database, number: str) -> tuple[Grant, ...]:
    """Every version of a grant, the oldest first; none where there is no such grant."""
    columns = _ARRAY[database.dialect].format(_GRANT)
    found = database.rows(f"SELECT {columns} {_GRANTS} WHERE g.number = ?", number)
    return _grants(json.loads(row) for (row,) in found)


def _select(part: str, dialect: Dialect) -> str:
    columns, rest, _ = _PARTS[part]
    rest = _BY_DIALECT[part][dialect] if part in _BY_DIALECT else rest
    return f"SELECT '{part}', {_ARRAY[dialect].format(columns)} {rest}"


def _cells(rows: Iterable[list[Any]]) -> dict[str, dict[Key, Cell]]:
    found: dict[str, dict[Key, Cell]] = {}
    for node, pool, dimension, *figures in rows:
        found.setdefault(node, {})[(pool, dimension)] = Cell(*figures)
    return found


def _deficit(row: list[Any]) -> Deficit:
    node, pool, dimension, promise, amount, cause, opened = row
    return Deficit(node, pool, dimension, bool(promise), amount, cause, time(opened))


def _supply(row: list[Any]) -> Supply:
    _, pool, dimension, supply, reserve, percent, cause, begin, recorded, superseded = row
    return Supply(
        pool=pool,
        dimension=dimension,
        supply=supply,
        reserve=reserve,
        percent=percent,
        cause=cause,
        valid_from=date.fromisoformat(begin),
        recorded=time(recorded),
        superseded=time(superseded) if superseded else None,
    )


def _grants(rows: Iterable[list[Any]]) -> tuple[Grant, ...]:
    heads: dict[int, list[Any]] = {}
    limits: dict[int, dict[str, dict[str, int]]] = {}
    guarantees: dict[int, dict[str, dict[str, int]]] = {}
    for row in rows:
        version, (pool, dimension, limit, guarantee) = row[0], row[12:]
        heads[version] = row
        if limit:
            limits.setdefault(version, {}).setdefault(pool, {})[dimension] = limit
        if guarantee:
            guarantees.setdefault(version, {}).setdefault(pool, {})[dimension] = guarantee
    return tuple(
        _grant(row, _by_pool(limits.get(version, {})), _by_pool(guarantees.get(version, {})))
        for version, row in sorted(heads.items())
    )


def _grant(row: list[Any], limit: Mapping[str, Amounts], guarantee: Mapping[str, Amounts]) -> Grant:
    version, number, node, kind, grantor, basis, cause, state, begin, end, recorded, superseded, *_ = row
    return Grant(
        version=version,
        number=number,
        node=node,
        kind=kind,
        grantor=grantor,
        basis=basis,
        cause=cause,
        state=state,
        valid_from=date.fromisoformat(begin),
        valid_to=_day(end),
        recorded=time(recorded),
        superseded=time(superseded) if superseded else None,
        limit=limit,
        guarantee=guarantee,
    )


def _by_pool(figures: Mapping[str, Mapping[str, int]]) -> dict[str, Amounts]:
    """Pools by name, and after them what holds over all of them."""
    return {pool: Amounts(figures[pool]) for pool in sorted(figures, key=lambda pool: (pool == ALL, pool))}


def _reservations(rows: Iterable[list[Any]]) -> tuple[Reservation, ...]:
    found: dict[int, Reservation] = {}
    deltas: dict[int, dict[str, int]] = {}
    for number, leaf, pool, state, expires, follows, actor, at, dimension, delta in sorted(rows):
        deltas.setdefault(number, {})[dimension] = delta
        found[number] = Reservation(
            number=number,
            leaf=leaf,
            pool=pool,
            state=state,
            expires=time(expires) if expires else None,
            follows=follows,
            actor=actor,
            at=time(at),
            deltas=deltas[number],
        )
    return tuple(found.values())


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None
