"""Which credentials were issued to whom: the record, never the secret.

Written by `yunjin.engine.credentials`, read by `yunjin tenant show`. Calls `database`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.errors import ConflictError, Text
from yunjin.store.operations import operation
from yunjin.store.times import text, time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

_SELECT = "SELECT id, tenant, role, post, leaves, issued, expires, revoked FROM credentials"


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential.

    Attributes:
        post: the post 岗位 it was handed to, not a person's name.
        leaves: pairs of endpoint and leaf that it opens.
        expires: when it ends at the latest; it may be told to end sooner.
        revoked: when it was taken back, or cleared away after its end; None before.
    """

    id: str
    tenant: str
    role: str
    post: str
    leaves: tuple[tuple[str, str], ...]
    issued: datetime
    expires: datetime
    revoked: datetime | None = None


class Credentials:
    """All credentials ever issued."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def record(self, credential: Credential) -> None:
        """Keep the record of a new credential.

        Raises:
            ConflictError: this id is taken.
        """
        who = (credential.id, credential.tenant, credential.role, credential.post)
        when = (text(credential.issued), text(credential.expires))
        if not self._database.write(_record, (*who, json.dumps(credential.leaves), *when)):
            raise ConflictError(
                Text(f"凭据编号 {credential.id} 已存在", f"a credential {credential.id} exists already"),
                Text("请重新签发", "issue it again"),
            )

    def revoke(self, credential: str) -> bool:
        """Mark it as taken back now; False where none of this id holds. The first time counts."""
        return self._database.write(_revoke, credential, text(self._now()))

    def shorten(self, credential: str, ends: datetime) -> bool:
        """Let it end then; False where none of this id holds that would last longer."""
        return self._database.write(_shorten, credential, text(ends))

    def get(self, credential: str) -> Credential | None:
        """The credential of this id."""
        return next(self._all("WHERE id = ?", credential), None)

    def of(self, tenant: str) -> tuple[Credential, ...]:
        """A tenant's credentials, the oldest first, revoked and expired ones included."""
        return tuple(self._all("WHERE tenant = ? ORDER BY issued, id", tenant))

    def holding(self) -> tuple[Credential, ...]:
        """Those neither revoked nor expired now, by the time they expire."""
        now = text(self._now())
        return tuple(self._all("WHERE revoked IS NULL AND expires > ? ORDER BY expires, id", now))

    def due(self) -> tuple[Credential, ...]:
        """Those whose time is over and that nobody has cleared away, the oldest first."""
        now = text(self._now())
        return tuple(self._all("WHERE revoked IS NULL AND expires <= ? ORDER BY expires, id", now))

    def _all(self, where: str, value: str) -> Iterator[Credential]:
        for row in self._database.rows(f"{_SELECT} {where}", value):
            number, tenant, role, post, leaves, issued, expires, revoked = row
            pairs = tuple((endpoint, leaf) for endpoint, leaf in json.loads(leaves))
            ended = None if revoked is None else time(revoked)
            yield Credential(number, tenant, role, post, pairs, time(issued), time(expires), ended)


@operation
def _record(connection: Connection, row: tuple[str, ...]) -> bool:
    done = connection.execute(
        """
        INSERT INTO credentials (id, tenant, role, post, leaves, issued, expires) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO NOTHING
        """,
        row,
    )
    return done.rowcount == 1


@operation
def _revoke(connection: Connection, credential: str, at: str) -> bool:
    sql = "UPDATE credentials SET revoked = ? WHERE id = ? AND revoked IS NULL"
    done = connection.execute(sql, (at, credential))
    return done.rowcount == 1


@operation
def _shorten(connection: Connection, credential: str, ends: str) -> bool:
    sql = "UPDATE credentials SET expires = ? WHERE id = ? AND revoked IS NULL AND expires > ?"
    done = connection.execute(sql, (ends, credential, ends))
    return done.rowcount == 1
