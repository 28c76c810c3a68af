"""The whole ledger as one document: what `yunjin ledger export` writes.

Called by the command line and by backups; read back by `snapshot`. Calls the store's database. Promises that
one export stood in the ledger at one moment, that equal ledgers give the same bytes whichever database they
are in, and that audit rows are no part of it.

Two ledgers are equal where they hold the same and will act the same. So numbers that a database draws for its
own use are counted anew in the order of what the rows say, and reservations that were given up, which only
the audit still tells of, are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.ledger.records import canonical, own_key
from yunjin.ledger.terms import OPENING

if TYPE_CHECKING:
    from yunjin.store.connection import Dialect

FORMAT: Final = 1
Row = dict[str, Any]
Content = dict[str, list[Row]]
"""Rows by table, in the order of what they say."""
Ask = Callable[..., list[tuple[Any, ...]]]
"""A question to a database, as `Database.rows` takes it."""


@dataclass(frozen=True, slots=True)
class Child:
    """Rows that belong to a row of another table, and are written with it.

    Attributes:
        pointer: the column that names it.
    """

    table: str
    pointer: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What is written of one table.

    Attributes:
        columns: those that mean something in themselves.
        drawn: the column with a number that the database drew, where there is one.
        pointer: the column with such a number of another row of this table, where there is one.
        rest: which rows.
    """

    columns: tuple[str, ...]
    drawn: str = ""
    pointer: str = ""
    child: Child | None = None
    rest: str = ""


_VERSION: Final = ("recorded", "superseded")
PARTS: Final[Mapping[str, Part]] = {
    "quota_nodes": Part(("id", "parent", "pool", "ended")),
    "quota_places": Part(("node", "parent", "valid_from", "basis", *_VERSION), drawn="id"),
    "quota_cells": Part(("node", "pool", "dimension", "guarantee", "nested", "limit_", "allotted")),
    "quota_deficits": Part(
        ("node", "pool", "dimension", "promise", "amount", "cause", "opened", "closed"), drawn="id"
    ),
    "pool_supply": Part(
        ("pool", "dimension", "supply", "reserve", "percent", "cause", "valid_from", *_VERSION), drawn="id"
    ),
    "grants": Part(
        (
            "number", "node", "kind", "grantor", "basis", "valid_from", "valid_to", "state", "cause",
            *_VERSION,
        ),
        drawn="id",
        pointer="follows",
        child=Child("grant_amounts", "grant_id", ("pool", "dimension", "limit_", "guarantee")),
    ),
    "contributions": Part(
        (
            "number", "node", "pool", "factor", "servers", "basis", "valid_from", "effective", "state",
            *_VERSION,
        ),
        drawn="id",
        child=Child("contribution_amounts", "contribution", ("dimension", "amount")),
    ),
    "reservations": Part(
        ("leaf", "pool", "state", "expires", "actor", "at"),
        drawn="id",
        pointer="follows",
        child=Child("reservation_amounts", "reservation", ("dimension", "delta")),
        rest="WHERE state NOT IN ('released', 'expired')",
    ),
    "reclaims": Part(("leaf", "dimension", "asked", "used", "opened", "due", "closed"), drawn="id"),
    "reorganisations": Part(
        (
            "number", "kind", "effective", "basis", "terms", "state", "actor", "recorded", "carried",
            "result",
        )
    ),
    "clocks": Part(("kind", "subject", "due", "done")),
}  # fmt: skip
OPENED: Final = "opened"
"""Beside the tables: what each leaf held when the city entered the ledger, as its audit row said."""
_ARRAY: Final[Mapping[Dialect, str]] = {
    "sqlite": "json_array({})",
    "postgresql": "CAST(json_build_array({}) AS TEXT)",
}
_OPENING: Final = own_key(OPENING, "leaf", "")


def read(ask: Ask, dialect: Dialect) -> Content:
    """The ledger as it is at one moment.

    Args:
        ask: of the database.
        dialect: whose SQL it speaks.
    """
    statements = [sql for table, part in PARTS.items() for sql in _selects(table, part, dialect)]
    array = _ARRAY[dialect].format("key, request")
    statements.append(f"SELECT '{OPENED}', {array} FROM audit WHERE key LIKE ?")  # noqa: S608 (constants)
    found: dict[str, list[list[Any]]] = {}
    for table, row in ask(" UNION ALL ".join(statements), f"{_OPENING}%"):
        found.setdefault(table, []).append(json.loads(row))
    content = {table: _written(part, found.get(table, []), found) for table, part in PARTS.items()}
    return {**content, OPENED: sorted(map(_opened, found.get(OPENED, [])), key=canonical)}


def opening_key(leaf: str) -> str:
    """The key of the audit row that says what a leaf held when the city entered the ledger."""
    return f"{_OPENING}{leaf}"


def digest_of(content: Content) -> str:
    """What is the same for equal ledgers and no others: SHA-256 of the content's canonical JSON."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def signed_text(digest: str) -> str:
    """What a signature is over: the digest, and what it is a digest of."""
    return f"yunjin ledger export {FORMAT}\n{digest}\n"


def document(content: Content, signature: Mapping[str, str] | None = None) -> str:
    """The document, a row a line.

    Args:
        content: of the ledger.
        signature: over its digest, by whom.
    """
    parts = [f'  "{table}": [{_lines(rows)}]' for table, rows in sorted(content.items())]
    head = {"digest": digest_of(content), "format": FORMAT, **({"signature": signature} if signature else {})}
    return f'{canonical(head)[:-1]},"ledger":{{\n{("," + chr(10)).join(parts)}\n}}}}\n'


def _lines(rows: list[Row]) -> str:
    return "".join(f"\n    {canonical(row)}{'' if row is rows[-1] else ','}" for row in rows)


def _selects(table: str, part: Part, dialect: Dialect) -> Iterator[str]:
    array = _ARRAY[dialect]
    columns = ", ".join(
        (*([part.drawn] if part.drawn else []), *([part.pointer] if part.pointer else []), *part.columns)
    )
    yield f"SELECT '{table}', {array.format(columns)} FROM {table} {part.rest}"  # noqa: S608 (constants)
    if part.child:
        below = ", ".join((part.child.pointer, *part.child.columns))
        yield f"SELECT '{part.child.table}', {array.format(below)} FROM {part.child.table}"  # noqa: S608 (constants)


def _written(part: Part, rows: list[list[Any]], found: Mapping[str, list[list[Any]]]) -> list[Row]:
    """Rows with numbers counted anew."""
    names = part.columns
    if not part.drawn:
        return sorted((dict(zip(names, row, strict=True)) for row in rows), key=canonical)
    below: dict[int, list[Row]] = {}
    if part.child:
        for pointer, *values in found.get(part.child.table, []):
            below.setdefault(pointer, []).append(dict(zip(part.child.columns, values, strict=True)))
    numbered: list[tuple[int, int | None, Row]] = []
    for drawn, *values in rows:
        pointer = values.pop(0) if part.pointer else None
        row = dict(zip(names, values, strict=True))
        if part.child:
            row["amounts"] = sorted(below.get(drawn, []), key=canonical)
        numbered.append((drawn, pointer, row))
    numbered.sort(key=lambda each: (canonical(each[2]), each[0]))
    numbers: dict[int | None, int] = {drawn: number for number, (drawn, _, _) in enumerate(numbered, start=1)}
    return [
        {part.drawn: numbers[drawn], **({part.pointer: numbers.get(pointer)} if part.pointer else {}), **row}
        for drawn, pointer, row in numbered
    ]


def _opened(row: list[Any]) -> Row:
    key, request = row
    return {"leaf": key.removeprefix(_OPENING), "target": json.loads(request)["target"]}
