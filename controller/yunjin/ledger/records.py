"""The audit row of every operation, and what a repeated request gets.

Used by the operations of this package. Promises that a row and the change it tells of are in one transaction,
that a request which comes twice is carried out once and answered twice alike, and that the key of another
request is refused.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import ConflictError, Text, UsageError
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from yunjin.store.connection import Connection

Request = Mapping[str, Any]
"""JSON values; `key`, `actor` and `at` (UTC text) are in each."""
Result = dict[str, Any]
"""JSON values. `counted` lists what entered or left the leaves: [leaf, pool, {dimension: difference}]."""

OWN: Final = "~"
"""What keys of the ledger's own begin with, and nobody else's."""
_KEY_LENGTH: Final = 200
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"
_EARLIER: Final = "SELECT digest, result FROM audit WHERE key = ?"
_RECORD: Final = (
    "INSERT INTO audit (key, at, actor, operation, digest, request, result) VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def audited(
    work: Callable[[Connection, Request], Result],
) -> Callable[[Connection, Request], Result]:
    """Make an operation of the ledger: carried out once a key, with its audit row.

    Raises:
        ConflictError: the key belongs to another request.
    """
    name = work.__name__

    @wraps(work)
    def once(connection: Connection, request: Request) -> Result:
        digest = digest_of(request)
        earlier = _answer(connection, str(request["key"]), digest)
        if earlier is not None:
            return earlier
        result = work(connection, request)
        record(connection, name, request, result, digest)
        return result

    return operation(once)


def record(
    connection: Connection, name: str, request: Request, result: Result, digest: str | None = None
) -> None:
    """Write the audit row of what was just done."""
    connection.execute(
        _RECORD,
        (
            request["key"],
            request["at"],
            request["actor"],
            name,
            digest or digest_of(request),
            canonical(request),
            canonical(result),
        ),
    )


def own_key(name: str, *numbers: object) -> str:
    """The key of what happens once to certain rows, whoever asks for it."""
    return f"{OWN}{name}/{','.join(map(str, numbers))}"


def asked_key(key: str) -> str:
    """The key somebody gives their request, or a new one where they give none.

    Raises:
        UsageError: it is one of the ledger's own, or longer than a key may be.
    """
    if key.startswith(OWN) or len(key) > _KEY_LENGTH:
        raise UsageError(
            Text(f"业务流水号不能以 {OWN} 开头", f"a key does not begin with {OWN}")
            if key.startswith(OWN)
            else Text(f"业务流水号最长 {_KEY_LENGTH} 个字符", f"a key has {_KEY_LENGTH} characters at most"),
            Text("换一个流水号重新提交", "send it again under another key"),
        )
    return key or secrets.token_hex(16)


def canonical(value: object) -> str:
    """JSON in the one form that is hashed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(request: Request) -> str:
    """What makes two requests the same: all but the time and the day on which they were made."""
    content = {name: value for name, value in request.items() if name not in ("at", "today")}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _answer(connection: Connection, key: str, digest: str) -> Result | None:
    if connection.dialect == "postgresql":
        connection.execute(_ONE_AT_A_TIME, (key,))
    row = connection.execute(_EARLIER, (key,)).fetchone()
    if row is None:
        return None
    if row[0] != digest:
        raise ConflictError(
            Text(f"业务流水号 {key} 已用于另一项业务", f"the key {key} belongs to another request"),
            Text("换一个流水号重新提交", "send it again under a new key"),
        )
    earlier: Result = json.loads(row[1])
    return earlier
