"""Grants whose body changes: they go over with their number, or in parts.

Used by `reorganise`. Calls the store. Promises that every version stays on record, that a grant says of each
day whose it was (the row of the days before ends in the state `moved`), and that the parts of a divided one
add up to it in every pool and dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from yunjin.ledger.cells import ALL
from yunjin.ledger.grants import RECLAIM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.store.connection import Connection

Figures = dict[tuple[str, str], int]
"""By pool and dimension."""

CONTRIBUTION: Final = "contribution"

_HELD: Final = (
    "SELECT id, number, kind, state, valid_from, valid_to FROM grants "
    "WHERE node = ? AND superseded IS NULL AND state IN ('future', 'in_force') ORDER BY id"
)
_BY_GRANTOR: Final = (
    "SELECT id, number, kind, state, valid_from, valid_to FROM grants "
    "WHERE grantor = ? AND superseded IS NULL AND state IN ('future', 'in_force') ORDER BY id"
)
_AMOUNTS: Final = "SELECT pool, dimension, limit_, guarantee FROM grant_amounts WHERE grant_id = ?"
_SUPERSEDE: Final = "UPDATE grants SET superseded = ? WHERE id = ?"
_VERSION: Final = (
    "INSERT INTO grants "
    "(number, node, kind, grantor, basis, valid_from, valid_to, state, cause, follows, recorded) "
    "SELECT COALESCE(?, number), COALESCE(?, node), kind, COALESCE(?, grantor), basis, ?, ?, ?, ?, id, ? "
    "FROM grants WHERE id = ? RETURNING id"
)
_AMOUNT: Final = (
    "INSERT INTO grant_amounts (grant_id, pool, dimension, limit_, guarantee) VALUES (?, ?, ?, ?, ?)"
)
_RECLAIMED: Final = (
    "SELECT g.id FROM grants g JOIN clocks c ON c.subject = g.number "
    "WHERE g.node = ? AND g.superseded IS NULL AND g.state = 'ended' AND c.kind = ? AND c.done IS NULL "
    "ORDER BY g.id"
)
_ENDED: Final = (
    "INSERT INTO grants "
    "(number, node, kind, grantor, basis, valid_from, valid_to, state, cause, follows, recorded) "
    "SELECT number, COALESCE(?, node), kind, grantor, basis, COALESCE(?, valid_from), COALESCE(?, valid_to), "
    "?, cause, id, ? FROM grants WHERE id = ? RETURNING id"
)
_COPY: Final = (
    "INSERT INTO grant_amounts (grant_id, pool, dimension, limit_, guarantee) "
    "SELECT ?, pool, dimension, limit_, guarantee FROM grant_amounts WHERE grant_id = ?"
)


@dataclass(frozen=True, slots=True)
class Day:
    """When and by which reorganisation grants change hands.

    Attributes:
        at: recorded time.
        effective: business date from which the new body holds them.
        number: of the reorganisation.
    """

    at: str
    effective: str
    number: int


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that counts, or will, as it stands."""

    version: int
    number: str
    kind: str
    state: str
    valid_from: str
    valid_to: str | None
    limit: Figures = field(default_factory=dict)
    guarantee: Figures = field(default_factory=dict)


def held_by(connection: Connection, node: str) -> list[Held]:
    """Grants of a node that are in force or will be, the oldest first."""
    return _held(connection, _HELD, node)


def hand_over(connection: Connection, grant: Held, node: str, day: Day) -> None:
    """A whole grant is another node's from the day on, under its number."""
    _leave(connection, grant, day)
    until = grant.valid_to
    version = _write(connection, grant, (None, node, None, _start(grant, day), until, grant.state, None), day)
    _write_amounts(connection, version, grant.limit, grant.guarantee)


def end(connection: Connection, grant: Held, day: Day, cause: str) -> None:
    """A grant ends on the day; of one that has not begun, it is as if it had never been."""
    connection.execute(_SUPERSEDE, (day.at, grant.version))
    until = min(grant.valid_to or day.effective, max(grant.valid_from, day.effective))
    said = (None, None, None, grant.valid_from, until, "ended", cause)
    _write_amounts(connection, _write(connection, grant, said, day), grant.limit, grant.guarantee)


def hand_over_reclaims(connection: Connection, source: str, target: str, day: Day) -> None:
    """What grants that ended have left in use is the successor's to give back; their terms stay the old's."""
    for (version,) in connection.execute(_RECLAIMED, (source, RECLAIM)).fetchall():
        connection.execute(_SUPERSEDE, (day.at, version))
        for said in (
            (None, None, None, "moved"),
            (target, day.effective, day.effective, "ended"),
        ):
            row = connection.execute(_ENDED, (*said, day.at, version)).fetchone()
            connection.execute(_COPY, (row[0], version))


def divide(connection: Connection, grant: Held, node: str, given: Held, day: Day) -> str:
    """A part of a grant, `given`, is another node's from the day on; the number under which it is.

    The rest stays where it was. Where nothing is left, the whole goes over under its own number.
    """
    if given.limit == grant.limit and given.guarantee == grant.guarantee:
        hand_over(connection, grant, node, day)
        return grant.number
    _leave(connection, grant, day)
    start, until = _start(grant, day), grant.valid_to
    kept = _write(connection, grant, (None, None, None, start, until, grant.state, None), day)
    _write_amounts(
        connection, kept, _minus(grant.limit, given.limit), _minus(grant.guarantee, given.guarantee)
    )
    number = f"{grant.number}/R{day.number}"
    part = _write(connection, grant, (number, node, None, start, until, grant.state, None), day)
    _write_amounts(connection, part, given.limit, given.guarantee)
    return number


def follow_grantor(connection: Connection, source: str, target: str, day: Day) -> list[str]:
    """What a body has granted to those below it is its successor's to renew; numbers of those grants."""
    found = _held(connection, _BY_GRANTOR, source)
    for grant in found:
        connection.execute(_SUPERSEDE, (day.at, grant.version))
        same = (None, None, target, grant.valid_from, grant.valid_to, grant.state, None)
        _write_amounts(connection, _write(connection, grant, same, day), grant.limit, grant.guarantee)
    return [grant.number for grant in found]


def parts(grants: Sequence[Held], limit: Figures, guarantee: Figures) -> list[Held]:
    """What of each grant makes up a share of all of them.

    A guarantee comes with as much limit of its own grant, so that no part is left with more guarantee than
    limit; what a share takes over all pools comes first from the grants that it takes pools from.

    Args:
        grants: in the order in which they are drawn on.
        limit: of the share; within what the grants hold together.
        guarantee: of the share, within its limit, and leaving the rest within what is left.
    """
    taken = [Held(g.version, g.number, g.kind, g.state, g.valid_from, g.valid_to) for g in grants]
    pairs = list(zip(grants, taken, strict=True))
    for key, whole in guarantee.items():
        _draw(key, whole, [(part.guarantee, grant.guarantee.get(key, 0)) for grant, part in pairs])
        for part in taken:
            part.limit[key] = part.guarantee[key]
    for key in sorted(limit, key=lambda key: (key[0] == ALL, key)):
        free = [grant.limit.get(key, 0) - grant.guarantee.get(key, 0) for grant in grants]
        left = limit[key] - sum(part.limit.get(key, 0) for part in taken)
        if key[0] == ALL:
            near = [min(most, _in_pools(part, key[1])) for most, part in zip(free, taken, strict=True)]
            left -= _draw(key, left, [(part.limit, most) for part, most in zip(taken, near, strict=True)])
            free = [most - part.limit.get(key, 0) for most, part in zip(free, taken, strict=True)]
        _draw(key, left, [(part.limit, most) for part, most in zip(taken, free, strict=True)])
    return [replace(part, limit=_some(part.limit), guarantee=_some(part.guarantee)) for part in taken]


def _in_pools(part: Held, dimension: str) -> int:
    return sum(value for (pool, d), value in part.limit.items() if pool != ALL and d == dimension)


def _draw(key: tuple[str, str], wanted: int, sources: Sequence[tuple[Figures, int]]) -> int:
    """Take what is wanted from one after the other, each with what it can give; how much came together."""
    drawn = 0
    for into, available in sources:
        taken = max(0, min(available, wanted - drawn))
        into[key] = into.get(key, 0) + taken
        drawn += taken
    return drawn


def _some(figures: Figures) -> Figures:
    return {key: value for key, value in figures.items() if value}


def _minus(one: Figures, other: Figures) -> Figures:
    return _some({key: value - other.get(key, 0) for key, value in one.items()})


def _start(grant: Held, day: Day) -> str:
    return max(grant.valid_from, day.effective)


def _leave(connection: Connection, grant: Held, day: Day) -> None:
    """Take the version that counts out of use; of one in force, the days before the day keep a row."""
    connection.execute(_SUPERSEDE, (day.at, grant.version))
    if grant.state == "in_force":
        said = (None, None, None, grant.valid_from, _start(grant, day), "moved", None)
        _write_amounts(connection, _write(connection, grant, said, day), grant.limit, grant.guarantee)


def _write(connection: Connection, grant: Held, said: tuple[str | None, ...], day: Day) -> int:
    row = connection.execute(_VERSION, (*said, day.at, grant.version)).fetchone()
    return int(row[0])


def _write_amounts(connection: Connection, version: int, limit: Figures, guarantee: Figures) -> None:
    keys = sorted({*limit, *guarantee})
    connection.executemany(
        _AMOUNT, [(version, *key, limit.get(key, 0), guarantee.get(key, 0)) for key in keys]
    )


def _held(connection: Connection, sql: str, node: str) -> list[Held]:
    found = []
    for row in connection.execute(sql, (node,)).fetchall():
        grant = Held(*row)
        for pool, dimension, limit, guarantee in connection.execute(_AMOUNTS, (grant.version,)).fetchall():
            if limit:
                grant.limit[(pool, dimension)] = limit
            if guarantee:
                grant.guarantee[(pool, dimension)] = guarantee
        found.append(grant)
    return found
