"""Names that Yunjin gives in a cloud, and the table of a leaf's standard objects.

Read by every module of this package and by the simulated cloud. Calls nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.model.resources import Key, ObjectClass
from yunjin.substrates.objects import Standard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOMAIN: Final = "yunjin"
LEASE: Final = "yunjin-lease"
NETWORK: Final = "yunjin"  # of network, subnet and router alike
DEFAULT_GROUP: Final = (
    "default"  # the security group that Neutron gives every project, under a name of its own
)

TAG_PREFIX: Final = "yunjin:"
TENANT: Final = "yunjin:tenant"
BUREAU: Final = "yunjin:bureau"
ZONE: Final = "yunjin:zone"
POOL: Final = "yunjin:pool"
ENDPOINT: Final = "yunjin:endpoint"
PROTECTED: Final = "yunjin:protected"
ENDING: Final = "yunjin:ending"
YES: Final = "true"

ROLES: Final = {"admin": "member", "viewer": "reader"}
"""Keystone's roles behind those of a tenant."""
CREDENTIAL: Final = "yunjin-credential-"
"""Begins the name of each user behind a tenant's credential."""

BINDING_PREFIX: Final = "filter_tenant_id_"
"""With a project's id behind it, the name in an aggregate's metadata that binds the project to its hosts."""
XC: Final = "yunjin:xc"
"""In an aggregate's metadata: its hosts are domestic hardware."""
NETWORK_ROLE: Final = "network-base"
# One role may stand for several objects: whoever goes without a network goes without subnet and router too.
# Rank 6 is the roles': rights are granted only under a quota in force and in a network that is closed.
STANDARD: Final = (
    Standard("namespace", "Project", "", ObjectClass.NAMESPACE, 1),
    Standard("quota", "Quota", "yunjin", ObjectClass.QUOTA, 2),
    Standard("limits", "PoolBinding", "yunjin", ObjectClass.LIMITS, 3),
    Standard(NETWORK_ROLE, "Network", NETWORK, ObjectClass.NETWORK, 3),
    Standard("network-flows", "SecurityGroup", DEFAULT_GROUP, ObjectClass.NETWORK, 3),
    Standard(NETWORK_ROLE, "Subnet", NETWORK, ObjectClass.NETWORK, 4),
    Standard(NETWORK_ROLE, "Router", NETWORK, ObjectClass.NETWORK, 5),
    Standard("role-admin", "Group", "{leaf}-admin", ObjectClass.ROLES, 6),
    Standard("role-viewer", "Group", "{leaf}-viewer", ObjectClass.ROLES, 6),
)
ARISING: Final = frozenset({"Quota", "SecurityGroup"})
"""Kinds of which the services give every project one by themselves, filled with what they think fit."""


def home(endpoint: str, leaf: str) -> Key:
    """The key of a leaf's project."""
    return Key(endpoint, "", "Project", leaf)


def named(endpoint: str, leaf: str, entry: Standard, renamed: str | None = None) -> Key:
    """The key of one standard object of a leaf; `renamed` is the name it had before it was imported."""
    if not entry.name:
        return home(endpoint, leaf)
    return Key(endpoint, leaf, entry.kind, renamed or entry.name.format(leaf=leaf))


def is_standard(key: Key) -> bool:
    """Whether an object bears the kind and the name of one of its leaf's standard objects."""
    if not key.namespace:
        return key.kind == "Project"
    return any(named(key.endpoint, key.namespace, entry) == key for entry in STANDARD)


def subnet_pool(zone: str) -> str:
    """The pool that the subnets of a zone take their addresses from."""
    return f"yunjin-{zone}"


def credential_user(leaf: str, name: str) -> str:
    """The user behind one credential of a leaf; neither part of its name holds a dot."""
    return f"{CREDENTIAL}{name}.{leaf}"


def is_credential_user(user: str, leaf: str) -> bool:
    """Whether a user of the centre's domain is the one behind a credential of that leaf."""
    return user.startswith(CREDENTIAL) and user.endswith(f".{leaf}")


def tags(marks: Mapping[str, str]) -> list[str]:
    """Marks as Keystone keeps them: `yunjin:tenant=jtj`."""
    return sorted(f"{name}={value}" for name, value in marks.items())


def marks(tags: Iterable[str]) -> dict[str, str]:
    """Yunjin's own of a project's tags, name to value; those of others are left out.

    Several values of one name are joined by commas, which no tag contains, so that they stand out.
    """
    found: dict[str, str] = {}
    for tag in sorted(tags):
        name, _, value = tag.partition("=")
        if name.startswith(TAG_PREFIX):
            found[name] = f"{found[name]},{value}" if name in found else value
    return found
