"""Whose an object says it is: its labels, its managers, its times.

Called by `translate`. Calls `compare` and `names`. Pure. Promises an answer for any object, however odd: what
is not recorded is empty, never guessed. Labels can be copied by anybody, so ownership is read from
managedFields alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.model.resources import Claim, ObjectClass
from yunjin.substrates import fields
from yunjin.substrates.kubernetes import compare, names

if TYPE_CHECKING:
    from datetime import datetime

    from yunjin.model.resources import Live

_CLASS_OF: Final = {entry.kind: entry.object_class for entry in names.STANDARD}


def claim(live: Live) -> Claim:
    """What the marks of one object say."""
    metadata = live.body.get("metadata") or {}
    labels = metadata.get("labels") or {}
    manager, since = _last_writer(metadata)
    shared = (live.key.kind, live.key.name) in names.SHARED_KEYS
    return Claim(
        object_class=ObjectClass.CLUSTER if shared else _CLASS_OF.get(live.key.kind, ObjectClass.CLUSTER),
        owned=compare.owns(live.body),
        endpoint=str(labels.get(names.ENDPOINT) or ""),
        tenant=str(labels.get(names.TENANT) or ""),
        protected=labels.get(names.PROTECTED) == "true",
        ending=bool(metadata.get("deletionTimestamp")),
        manager=manager,
        since=since,
    )


def _last_writer(metadata: dict[str, Any]) -> tuple[str, datetime | None]:
    """Status is written by the cluster itself, so it does not count."""
    writers = [
        (str(entry.get("time") or ""), str(entry.get("manager") or ""))
        for entry in metadata.get("managedFields") or ()
        if not entry.get("subresource")
    ]
    time, manager = max(writers, default=(str(metadata.get("creationTimestamp") or ""), ""))
    return manager, fields.moment(time)
