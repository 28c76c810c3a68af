"""Everything that names a body, and what becomes of it when the body merges, splits or changes its name.

The one registry of such places: columns of the state database, fields of the declared files. Read by
`reorganise`, which moves the columns, and by `yunjin.engine`, which moves the fields. Calls nothing. A part
that comes later adds its columns to `COLUMNS` and writes no code; a test walks the schema and the models and
fails for a place that is neither here nor known to name something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from yunjin.store.connection import Connection


class Moves(StrEnum):
    """What becomes of the name of a body that another one absorbs."""

    REBUILT = "rebuilt"  # the reorganisation itself puts the row or the field elsewhere
    FOLLOWS = "follows"  # names the successor from then on
    STAYS = "stays"  # history, or true whatever the body is called


@dataclass(frozen=True, slots=True)
class Column:
    """A column that holds ids of nodes of the quota tree, bodies among them.

    Attributes:
        live: which of its rows follow, as a condition in SQL; all where nothing is said.
    """

    table: str
    name: str
    moves: Moves
    live: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a declared item that holds ids of bodies, or of nodes of the quota tree.

    Attributes:
        kind: of the item.
        path: keys from the item inwards; a list on the way counts with all that it holds.
        node: whether it says `bureau/ID` or `area/ID` instead of the id alone.
    """

    kind: str
    path: tuple[str, ...]
    moves: Moves
    node: bool = False


_LIVE: Final = "superseded IS NULL"

COLUMNS: Final = (
    Column("quota_nodes", "id", Moves.REBUILT),  # ends, and stays in the list
    Column("quota_nodes", "parent", Moves.REBUILT),  # of ended nodes it stays
    Column("quota_places", "node", Moves.STAYS),
    Column("quota_places", "parent", Moves.STAYS),  # a new row says where the node hangs from the day on
    Column("quota_cells", "node", Moves.REBUILT),
    Column("quota_deficits", "node", Moves.REBUILT),  # closed there, and open where its cause went
    Column("grants", "node", Moves.REBUILT),
    Column("grants", "grantor", Moves.REBUILT),
    Column("contributions", "node", Moves.FOLLOWS, _LIVE),
    Column("reservations", "leaf", Moves.STAYS),  # a leaf never changes its id
    Column("reclaims", "leaf", Moves.STAYS),
    Column("reorganisations", "terms", Moves.STAYS),
    Column("reorganisations", "result", Moves.STAYS),
    Column("audit", "request", Moves.STAYS),
    Column("audit", "result", Moves.STAYS),
    Column("answers", "result", Moves.STAYS),
)

FIELDS: Final = (
    Field("bureau", ("id",), Moves.STAYS),
    Field("bureau", ("parent",), Moves.FOLLOWS),
    Field("bureau", ("successor",), Moves.STAYS),  # who carried on then; the line goes on from there
    Field("area", ("id",), Moves.STAYS),
    Field("area", ("parent",), Moves.FOLLOWS),
    Field("area", ("successor",), Moves.STAYS),
    Field("element", ("lead",), Moves.FOLLOWS),
    Field("element", ("proposed_lead",), Moves.FOLLOWS),
    Field("element", ("coop",), Moves.FOLLOWS),
    Field("dataset", ("steward",), Moves.FOLLOWS),
    Field("dataset", ("users",), Moves.FOLLOWS),
    Field("programme", ("leadership", "members"), Moves.FOLLOWS),
    Field("programme", ("leadership", "areas"), Moves.FOLLOWS),
    Field("tenant", ("owner",), Moves.FOLLOWS, node=True),
    Field("baseline", ("node",), Moves.REBUILT, node=True),
)


def follow(connection: Connection, source: str, target: str) -> dict[str, int]:
    """Have every column that follows name the successor.

    Args:
        connection: of the transaction.
        source: node that is absorbed.
        target: node that absorbs it.

    Returns:
        How many rows changed, by `table.column`; those without any left out.
    """
    found = {}
    for column in COLUMNS:
        if column.moves is Moves.FOLLOWS:
            sql = f"UPDATE {column.table} SET {column.name} = ? WHERE {column.name} = ?"  # noqa: S608 (own words)
            sql += f" AND {column.live}" if column.live else ""
            count = connection.execute(sql, (target, source)).rowcount
            if count > 0:
                found[f"{column.table}.{column.name}"] = count
    return found
