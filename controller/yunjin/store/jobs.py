"""A job: the operations of one transaction, and the future that hears how they ended.

Made by the databases, done by `writer` and `postgres`. Promises that a job which fails says so in one of
`yunjin.errors`, and that one of several operations says which.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yunjin.errors import YunjinError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yunjin.store.connection import Connection


@dataclass(slots=True, eq=False)
class Job:
    """Operations that are done all or not at all.

    Attributes:
        calls: functions and their arguments.
        many: the result is the list of all results; otherwise that of the only call.
        id: under which its result is kept, for one that may have to ask again; empty where nobody will.
        again: it was asked for before, and may be done.
    """

    calls: Sequence[tuple[Callable[..., Any], Sequence[Any]]]
    many: bool = False
    id: str = ""
    again: bool = False
    future: Future[Any] = field(default_factory=Future)

    def run(self, connection: Connection) -> Any:
        """Do it, inside a transaction of the caller's."""
        results = []
        for number, (function, arguments) in enumerate(self.calls):
            try:
                results.append(function(connection, *arguments))
            except YunjinError as error:
                if self.many:
                    error.facts = {**error.facts, "operation": number}
                raise
        return results if self.many else results[0]


def new_id() -> str:
    """Drawn at random behind the time, so that the newest row of an index is the last."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
