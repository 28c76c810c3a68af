"""Objects on a substrate: what is wanted, what is there, and how one is named.

Built by translators and observers in `yunjin.substrates`, compared by `yunjin.plan`. Calls nothing.
A body is the backend's own JSON; nothing above the substrates looks inside one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from yunjin.model.amounts import Amounts

Body = dict[str, Any]


class ObjectClass(StrEnum):
    """What an object is for; drift policies are declared per class."""

    CLUSTER = "cluster"  # roles and bindings that every tenant of an endpoint shares
    NAMESPACE = "namespace"
    QUOTA = "quota"
    LIMITS = "limits"
    NETWORK = "network"
    ROLES = "roles"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One object of one endpoint. `namespace` is empty for objects of the whole cluster or cloud."""

    endpoint: str
    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        """`endpoint/namespace/Kind/name`."""
        return "/".join(part for part in (self.endpoint, self.namespace, self.kind, self.name) if part)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object as it shall stand.

    Attributes:
        rank: order of writing within one apply; all of a rank are written before the next begins.
        loose: imported object whose labels count only once Yunjin owns fields of it.
    """

    key: Key
    body: Body
    object_class: ObjectClass
    rank: int
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """An object as the backend reported it, whole, with the backend's own version."""

    key: Key
    body: Body
    version: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What a leaf's quota grants, and what is used of it.

    Attributes:
        granted: as it is written.
        enforced: as the backend enforces it by now; nothing before it does.
        used: the least that would still carry what is used; None while the backend has not counted it:
            unknown, not nothing.
    """

    granted: Amounts
    enforced: Amounts
    used: Amounts | None


@dataclass(frozen=True, slots=True)
class LeafState:
    """All that one leaf (namespace or project) holds.

    Attributes:
        name: the namespace's or project's name; empty for what belongs to the whole endpoint.
        objects: by (kind, name), of the kinds Yunjin manages, its own and foreign ones alike.
    """

    name: str
    objects: Mapping[tuple[str, str], Live]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs. Values are in canonical form, None where the field is absent.

    Attributes:
        path: dotted, for people: `spec.hard.requests.cpu`.
        manager: who owns the observed field, empty where nobody is recorded.
        since: not later than this, as the backend dates the manager's last write.
    """

    path: str
    wanted: Any
    observed: Any
    manager: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What an object's own marks say of it: labels, managers, times.

    Attributes:
        object_class: what it is for.
        owned: Yunjin owns fields of it.
        endpoint: the endpoint its labels name; empty where they name none.
        tenant: the tenant its labels name; empty where they name none.
        protected: its labels forbid its removal.
        ending: its removal has begun.
        manager: who wrote it last other than the backend itself; empty where nobody is recorded.
        since: not later than this, as the backend dates that write.
    """

    object_class: ObjectClass
    owned: bool
    endpoint: str
    tenant: str
    protected: bool
    ending: bool
    manager: str
    since: datetime | None
