"""Plans as they were made, with their verdicts.

Written by `yunjin plan`, read by `yunjin apply` without a file. Calls `database`. A plan is text here; what
it says is the business of `yunjin.plan`.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import Text, UsageError
from yunjin.store.operations import operation
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

MOST: Final = 1 << 28
"""The longest plan or verdict, in characters before it is packed."""
MOST_PACKED: Final = 12_000_000
"""The most bytes of both once packed, some 100,000 objects: another process takes them in one request."""

_SELECT = "SELECT hash, as_of, estate, access, body, verdict, made FROM plans"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One plan.

    Attributes:
        estate: digest of the declared files it was made from. access: by endpoint, the reference through
        which it was observed: `simulated`, `env:NAME`, `file:PATH`. body: the plan, JSON. verdict: what the
        rules said of it, JSON. made: set by the store.
    """

    hash: str
    as_of: date
    estate: str
    access: Mapping[str, str]
    body: str
    verdict: str
    made: datetime | None = None


class Plans:
    """All stored plans."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def save(self, plan: StoredPlan) -> None:
        """Store it as the newest. A plan of the same hash is replaced.

        Raises:
            UsageError: it is longer than `MOST`, or packed than `MOST_PACKED`.
        """
        packed = (_packed(plan.body), _packed(plan.verdict))
        size = sum(len(part) for part in packed)
        if size > MOST_PACKED:
            raise _too_long(
                f"压缩后 {size} 字节, 上限 {MOST_PACKED}",
                f"is {size} bytes once packed, at most {MOST_PACKED} are kept",
            )
        access = json.dumps(dict(plan.access), sort_keys=True)
        row = (plan.hash, plan.as_of.isoformat(), plan.estate, access, text(self._now()))
        written = (b64encode(packed[0]).decode(), b64encode(packed[1]).decode())
        self._database.write(_save, row, written)

    def newest(self) -> StoredPlan | None:
        """The plan stored last."""
        return _first(self._database.rows(f"{_SELECT} ORDER BY seq DESC LIMIT 1"))

    def get(self, plan_hash: str) -> StoredPlan | None:
        """The plan of this hash."""
        return _first(self._database.rows(f"{_SELECT} WHERE hash = ?", plan_hash))


def _packed(part: str) -> bytes:
    if len(part) > MOST:
        raise _too_long(
            f"{len(part)} 字, 上限 {MOST}", f"has {len(part)} characters, at most {MOST} are kept"
        )
    return zlib.compress(part.encode(), level=1)  # manifests repeat themselves: more effort gains little


def _too_long(zh: str, en: str) -> UsageError:
    return UsageError(
        Text(f"变更方案过大: {zh}", f"the plan {en}"), Text("请分批申报", "declare it in several steps")
    )


def _first(rows: list[tuple[Any, ...]]) -> StoredPlan | None:
    if not rows:
        return None
    plan_hash, as_of, estate, access, body, verdict, made = rows[0]
    return StoredPlan(
        plan_hash,
        date.fromisoformat(as_of),
        estate,
        json.loads(access),
        zlib.decompress(body).decode(),
        zlib.decompress(verdict).decode(),
        time(made),
    )


@operation
def _save(connection: Connection, row: tuple[Any, ...], packed: tuple[str, str]) -> None:
    connection.execute("DELETE FROM plans WHERE hash = ?", row[:1])  # so that it gets a number of its own
    connection.execute(
        """
        INSERT INTO plans (hash, as_of, estate, access, made, body, verdict) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (hash) DO NOTHING
        """,
        (*row, *(b64decode(part) for part in packed)),
    )
