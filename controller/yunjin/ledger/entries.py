"""Audit rows as people look for them, and as lines of a file that is verified without the database.

Asked by `yunjin audit list|export|verify`. Calls the store's database and `chain`. Changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import PermanentError, Text
from yunjin.ledger.chain import GENESIS, Entry, Link, links
from yunjin.ledger.records import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yunjin.store.database import Database

LONGEST: Final = 1 << 24
"""Bytes of a line that are read."""
_AT_ONCE: Final = 500
_COLUMNS: Final = "a.seq, a.key, a.at, a.actor, a.operation, a.digest, a.request, a.result"
_UNSEALED: Final = (
    f"SELECT {_COLUMNS} FROM audit a WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.seq = a.seq) "  # noqa: S608 (constants)
    "AND a.seq > ? ORDER BY a.seq LIMIT ?"
)
_ENTRY: Final = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for.

    Attributes:
        node: named in the row; any where it is empty, as with the others.
        since: UTC text, the first moment.
        until: UTC text, the first moment after.
        limit: how many at most, the newest.
    """

    node: str = ""
    since: str = ""
    until: str = ""
    operation: str = ""
    actor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A row that was found.

    Attributes:
        position: in the chain; None where it is not sealed yet.
    """

    entry: Entry
    position: int | None

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for."""
        said: dict[str, Any] = json.loads(self.entry.request)
        return said

    @property
    def result(self) -> dict[str, Any]:
        """What came of it."""
        said: dict[str, Any] = json.loads(self.entry.result)
        return said

    @property
    def nodes(self) -> tuple[str, ...]:
        """Nodes of the tree that it names, the one it is about first."""
        asked = self.request
        named = [asked.get(name) for name in ("node", "leaf", "source", "target", "parent", "body", "into")]
        counted = [part[0] for part in self.result.get("counted", ())]
        return tuple(dict.fromkeys(name for name in (*named, *counted) if isinstance(name, str) and name))


def listed(database: Database, wanted: Wanted) -> list[Listed]:
    """The newest rows that are wanted, newest first."""
    found: list[Listed] = []
    below = 1 << 62
    conditions, values = _conditions(wanted)
    sql = (
        f"SELECT {_COLUMNS}, c.position FROM audit a LEFT JOIN audit_chain c ON c.seq = a.seq "  # noqa: S608 (constants)
        f"WHERE {' AND '.join(('a.seq < ?', *conditions))} ORDER BY a.seq DESC LIMIT ?"
    )
    while len(found) < wanted.limit and (rows := database.rows(sql, below, *values, _AT_ONCE)):
        for *columns, position in rows:
            row = Listed(Entry(*columns), position)
            if not wanted.node or wanted.node in row.nodes:
                found.append(row)
        below = rows[-1][0]
    return found[: wanted.limit]


def _conditions(wanted: Wanted) -> tuple[list[str], list[str]]:
    asked = {
        "a.at >= ?": wanted.since,
        "a.at < ?": wanted.until,
        "a.operation = ?": wanted.operation,
        "a.actor = ?": wanted.actor,
    }
    conditions = [sql for sql, value in asked.items() if value]
    values = [value for value in asked.values() if value]
    if wanted.node:  # looked at more closely once it is here
        quoted = canonical(wanted.node).replace("!", "!!").replace("%", "!%").replace("_", "!_")
        conditions.append("(a.request LIKE ? ESCAPE '!' OR a.result LIKE ? ESCAPE '!')")
        values += [f"%{quoted}%"] * 2
    return conditions, values


def lines(database: Database) -> Iterator[str]:
    """The whole audit as JSON lines: sealed rows in the order of the chain, then those that are not.

    What the chain no longer finds in the audit is left out: a line says what a row says.
    """
    previous = GENESIS
    for link in links(database):
        if link.entry:
            place = {
                "position": link.position,
                "sealed": link.sealed,
                "previous": previous,
                "hash": link.hash,
            }
            yield canonical({**asdict(link.entry), **place})
        previous = link.hash
    last = -(2**31)
    while rows := database.rows(_UNSEALED, last, _AT_ONCE):
        for row in rows:
            yield canonical(asdict(Entry(*row)))
        last = rows[-1][0]


def read_lines(text: Iterable[bytes]) -> Iterator[Link]:
    """The chain of an exported file; rows that were not sealed yet are passed over.

    Raises:
        PermanentError: a line is none that `lines` wrote.
    """
    for number, line in enumerate(text, start=1):
        try:
            said = json.loads(line)
            entry = Entry(**{name: said[name] for name in _ENTRY})
            if "position" not in said:
                continue
            link = Link(int(said["position"]), entry.seq, str(said["hash"]), str(said["sealed"]), entry)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise PermanentError(
                Text(f"第 {number} 行不是审计导出内容", f"line {number} is no line of an exported audit"),
                Text("重新导出: yunjin audit export", "export it again: `yunjin audit export`"),
            ) from None
        yield link
