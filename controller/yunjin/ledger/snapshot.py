"""An exported ledger, to be asked like the one it was taken from.

Opened by `yunjin validate --snapshot`. Calls `export` for what belongs into a document. Promises that only a
document whose digest is right is answered from, and that it cannot be written to.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, TypeVarTuple

from yunjin.errors import PermanentError, Text, UsageError, reason_of
from yunjin.ledger.export import FORMAT, OPENED, PARTS, digest_of, opening_key
from yunjin.ledger.records import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from yunjin.store.connection import Connection
    from yunjin.store.operations import Call

T = TypeVar("T")
Args = TypeVarTuple("Args")
MOST: Final = 1 << 28
"""Bytes of a document that are read."""


class Snapshot:
    """`yunjin.store.database.Database` over a document; nothing can be written to it.

    Attributes:
        digest: of the ledger.
        signature: over the digest, as the document says; None where it is not signed.
    """

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.digest: str = document["digest"]
        self.signature: Mapping[str, object] | None = document.get("signature")
        self._memory = sqlite3.connect(":memory:", check_same_thread=False)
        content: Mapping[str, Sequence[Mapping[str, Any]]] = document["ledger"]
        for table, names, rows in _tables(content):
            columns, marks = ", ".join(names), ", ".join("?" * len(names))
            self._memory.execute(f"CREATE TABLE {table} ({columns})")
            self._memory.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 (names of ours)
        self._memory.execute("PRAGMA query_only = ON")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Everything one question answers, as of the export."""
        return self._memory.execute(sql, values).fetchall()

    def write(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> T:  # noqa: ARG002 (as all databases)
        """Refused."""
        raise _read_only()

    def submit(self, operation: Callable[[Connection, *Args], T], *args: *Args) -> Future[T]:  # noqa: ARG002 (as all databases)
        """Refused."""
        raise _read_only()

    def write_all(self, calls: Sequence[Call]) -> list[Any]:  # noqa: ARG002 (as all databases)
        """Refused."""
        raise _read_only()

    def close(self) -> None:
        """Forget it."""
        self._memory.close()


def read(path: Path) -> Snapshot:
    """The snapshot in a file that `yunjin ledger export` wrote.

    Raises:
        UsageError: there is no such file, or it is no export.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
    except OSError as error:
        reason = reason_of(error)
        raise _unusable(path, Text(f"无法读取: {reason.zh}", reason.en)) from error
    if len(content) > MOST:
        raise _unusable(path, Text(f"超过 {MOST} 字节", f"it has more than {MOST} bytes"))
    try:
        document = json.loads(content)
        sound = document["format"] == FORMAT and _shaped(document)
        whole = sound and digest_of(document["ledger"]) == document["digest"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = whole = False
    if not sound:
        raise _unusable(
            path, Text("不是台账导出文件, 或版本不同", "it is no export, or one of another version")
        )
    if not whole:
        raise _unusable(path, Text("内容与摘要不符", "its content is not what its digest says"))
    return Snapshot(document)


def _shaped(document: Mapping[str, Any]) -> bool:
    """Whether every part is there, and every row has exactly the columns it must have."""
    content = document["ledger"]
    if set(content) != {*PARTS, OPENED} or not isinstance(document.get("signature", {}), dict):
        return False
    for table, part in PARTS.items():
        names = {*part.columns, part.drawn, part.pointer, "amounts" if part.child else ""} - {""}
        below = set(part.child.columns) if part.child else set()
        for row in content[table]:
            if set(row) != names or any(set(each) != below for each in row.get("amounts", ())):
                return False
    return all(set(row) == {"leaf", "target"} for row in content[OPENED])


def _tables(
    content: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterator[tuple[str, tuple[str, ...], Iterable[tuple[Any, ...]]]]:
    for table, part in PARTS.items():
        names = tuple(name for name in (part.drawn, part.pointer, *part.columns) if name)
        yield table, names, [tuple(row[name] for name in names) for row in content[table]]
        if part.child:
            child = part.child
            yield (
                child.table,
                (child.pointer, *child.columns),
                [
                    (row[part.drawn], *(each[name] for name in child.columns))
                    for row in content[table]
                    for each in row["amounts"]
                ],
            )
    opened = [(opening_key(row["leaf"]), canonical({"target": row["target"]})) for row in content[OPENED]]
    yield "audit", ("key", "request"), opened


def _read_only() -> PermanentError:
    return PermanentError(Text("台账导出文件只供查询", "an exported ledger cannot be written to"))


def _unusable(path: Path, reason: Text) -> UsageError:
    return UsageError(
        Text(f"{path} 不可用: {reason.zh}", f"{path} is of no use: {reason.en}"),
        Text("用 yunjin ledger export 重新导出", "export it again with `yunjin ledger export`"),
    )
