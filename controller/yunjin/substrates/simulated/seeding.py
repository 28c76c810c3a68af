"""Many objects at once, as a cluster that has long been in use holds them.

Called by `backend` within a transaction. Calls `admission`, `ownership` and `controllers`. Promises objects
that cannot be told from ones written singly, at a tenth of the time.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from yunjin.model.resources import Key
from yunjin.substrates.simulated import admission, controllers, database, errors, ownership
from yunjin.substrates.simulated.ownership import APPLY, Author
from yunjin.substrates.simulated.place import CLUSTER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from yunjin.model.resources import Body


def load(
    connection: sqlite3.Connection, endpoint: str, bodies: Iterable[Body], manager: str, stamp: str
) -> int:
    """Keep all of `bodies`; what of them existed is replaced. Returns how many.

    Raises:
        PermanentError: one of them cannot be kept.
    """
    first = int(database.setting(connection, "version"))
    last = first
    author = Author(manager, APPLY)

    def kept() -> Iterator[tuple[Any, ...]]:
        nonlocal last
        for body in bodies:
            last += 1
            key = Key(endpoint, body["metadata"].get("namespace", ""), body["kind"], body["metadata"]["name"])
            whole = _whole(key, body, author, stamp)
            whole["metadata"]["resourceVersion"] = str(last)
            yield (CLUSTER.leaf_of(key), key.kind, key.name, last, json.dumps(whole, separators=(",", ":")))

    connection.executemany("INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?)", kept())
    database.put_setting(connection, "version", last)
    return last - first


def _whole(key: Key, body: Body, author: Author, stamp: str) -> Body:
    try:
        admitted = admission.admit(body, None)
    except admission.InvalidObjectError as error:
        raise errors.invalid(key, str(error)) from error
    metadata = {**admitted["metadata"], "uid": str(uuid.uuid4()), "creationTimestamp": stamp}
    owned = ownership.first(admitted | {"metadata": metadata}, body, author, stamp)
    return controllers.counted(owned, {}, stamp) if key.kind == "ResourceQuota" else owned
