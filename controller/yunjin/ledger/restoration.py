"""What the audit says of backups that were put back, and which heads that explains.

Written by whoever restores a backup; read by `yunjin audit verify`. Promises that a restore is an audit row
like any other, sealed behind the rows the backup brought, and that only heads of the rows it gave up are
excused by it, and only if somebody names it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UsageError
from yunjin.ledger.records import audited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.ledger.heads import Head
    from yunjin.ledger.records import Request, Result
    from yunjin.store.connection import Connection
    from yunjin.store.database import Database

_ROW: Final = "SELECT request, at FROM audit WHERE seq = ? AND operation = 'restore'"


@audited
def restore(_: Connection, request: Request) -> Result:
    """A backup was put back.

    Args:
        request: `backup`, its name; `manifest`, the SHA-256 of its manifest; `position` and `hash`, where the
            chain ended in it; `made`, when it was taken.
    """
    return {"position": request["position"], "counted": []}


def excused(database: Database, number: int, heads: Sequence[Head]) -> list[Head]:
    """Heads that saw rows which a restore gave up.

    Args:
        database: of the audit.
        number: of the restore's audit row.
        heads: all that were exported.

    Raises:
        UsageError: that row is no restore.
    """
    found = database.rows(_ROW, number)
    if not found:
        raise UsageError(
            Text(f"审计记录 {number} 不是恢复备份的记录", f"audit row {number} is no restore"),
            Text(
                "用 yunjin audit list --operation restore 查找",
                "find it with `yunjin audit list --operation restore`",
            ),
        )
    request, at = json.loads(found[0][0]), found[0][1]
    return [head for head in heads if head.position > int(request["position"]) and head.exported <= at]
