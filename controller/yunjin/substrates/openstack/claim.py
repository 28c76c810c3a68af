"""Whose an object of a cloud says it is: its name, and the marks of its project.

Called by `translate`. Calls `compare` and `names`. Pure. Promises an answer for any object, however odd: what
is not recorded is empty, never guessed. Only an administrator writes a project's tags, so no tenant can claim
a project for Yunjin or take it away; in a project of Yunjin's, what bears a standard name is Yunjin's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.resources import Claim, ObjectClass
from yunjin.substrates import fields
from yunjin.substrates.openstack import compare, names

if TYPE_CHECKING:
    from datetime import datetime

    from yunjin.model.resources import Body, Live

_CLASS_OF: Final = {entry.kind: entry.object_class for entry in names.STANDARD} | {"User": ObjectClass.ROLES}


def claim(live: Live) -> Claim:
    """What the marks of one object say."""
    owner = compare.owner(live.body)
    return Claim(
        object_class=_CLASS_OF.get(live.key.kind, ObjectClass.CLUSTER),
        owned=names.ENDPOINT in owner and names.is_standard(live.key),
        endpoint=str(owner.get(names.ENDPOINT) or ""),
        tenant=str(owner.get(names.TENANT) or ""),
        protected=owner.get(names.PROTECTED) == names.YES,
        ending=owner.get(names.ENDING) == names.YES,
        manager="",  # no service says who wrote
        since=since(live.body),
    )


def since(body: Body) -> datetime | None:
    """When it was last written, where its service tells."""
    return fields.moment(fields.mapping(body.get("metadata")).get("updated_at"))
