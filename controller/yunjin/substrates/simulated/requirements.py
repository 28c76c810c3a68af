"""What the services of a simulated cloud require of an object before they keep it.

Called by `services` within a transaction. Calls the file and `addresses`. Promises that a refusal is put as
the service in question puts it, and so reads as on a real cloud.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates.openstack import errors, standard
from yunjin.substrates.openstack.answer import IDENTITY, NETWORK, Answer, Service
from yunjin.substrates.openstack.names import DOMAIN
from yunjin.substrates.simulated import addresses, database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from yunjin.errors import YunjinError
    from yunjin.model.resources import Body, Key

MISSING: Final = "aggregate-missing/"
"""Setting of an aggregate's name behind it: the operators do not provide it."""

_LONGEST: Final = {"Project": 64, "Group": 64, "Domain": 64}
_LONGEST_ELSE: Final = 255
_LONGEST_TAG: Final = 255
_FIXED: Final = ("network", "pool", "ip_version")  # of a subnet


def check(connection: sqlite3.Connection, key: Key, spec: Body, before: Mapping[str, Any] | None) -> None:
    """Whether the services would keep it, given the spec that it replaces (None for a new object).

    Raises:
        ConflictError: its domain or project, or what it refers to, is not there; the name is taken.
        RefusalError: the operators provide no such aggregate.
        PermanentError: no service would take it.
    """
    if key.namespace and database.row(connection, key.namespace, "Project", key.namespace) is None:
        raise errors.gone(key.endpoint, key.namespace)
    if not 0 < len(key.name) <= _LONGEST.get(key.kind, _LONGEST_ELSE):
        raise refused(key, IDENTITY, 400, f"Invalid input for field 'name': {key.name!r} is too long")
    if key.kind == "Project":
        if database.row(connection, "", "Domain", DOMAIN) is None:
            raise errors.gone(key.endpoint, DOMAIN)
        _check_tags(key, spec)
    elif key.kind == "Group":
        _check_name(connection, key)
    elif key.kind == "PoolBinding":
        _check_aggregates(connection, key, spec)
    elif key.kind == "SubnetPool" and before is not None:
        _check_prefixes(key, spec, before)
    elif key.kind == "Subnet":
        _check_subnet(connection, key, spec, before)
    elif key.kind == "Router":
        for name in spec["subnets"]:
            _must_exist(connection, key, key.namespace, ("Subnet", name))


def network(connection: sqlite3.Connection, key: Key, pool: str) -> str:
    """A network of its own for a new subnet.

    Raises:
        RefusalError: there is no such pool.
        TransientError: the pool has no room left; Neutron calls that a fault of its own.
    """
    row = database.row(connection, "", "SubnetPool", pool)
    if row is None:
        raise errors.no_subnet_pool(key.endpoint, pool)
    spec = json.loads(row.body)["spec"]
    room = (spec["prefixes"], spec["default_prefixlen"])
    found = addresses.allot(connection, pool, room, (key.namespace, key.name))
    if found is None:
        raise refused(key, NETWORK, 500, "Failed to allocate subnet: Insufficient prefix space.")
    return str(found)


def refused(key: Key, service: Service, code: int, said: str) -> YunjinError:
    """What a service's answer means, as it means it on a real cloud."""
    return errors.refused(key.endpoint, key, Answer(service, code, "", text=said))


def _check_tags(key: Key, spec: Body) -> None:
    for name, value in spec["tags"].items():
        tag = f"{name}={value}"
        if len(tag) > _LONGEST_TAG or "/" in tag or "," in tag:
            raise refused(key, IDENTITY, 400, f"Invalid input for field 'tags': {tag[:80]!r}")


def _check_name(connection: sqlite3.Connection, key: Key) -> None:
    """Groups lie in the domain, not in the project."""
    other = connection.execute(
        "SELECT 1 FROM object WHERE kind = ? AND name = ? AND leaf != ?", (key.kind, key.name, key.namespace)
    ).fetchone()
    if other:
        raise refused(key, IDENTITY, 409, f"Duplicate entry found with name {key.name}.")


def _check_aggregates(connection: sqlite3.Connection, key: Key, spec: Body) -> None:
    for name in spec["aggregate"].split(","):
        found = connection.execute("SELECT value FROM setting WHERE name = ?", (MISSING + name,)).fetchone()
        if found and found[0]:
            raise errors.no_aggregate(key.endpoint, name)


def _check_prefixes(key: Key, spec: Body, before: Mapping[str, Any]) -> None:
    """A pool may grow, never shrink."""
    lost = standard.lost(before["prefixes"], spec["prefixes"])
    if lost:
        raise errors.no_less(key.endpoint, key, lost)


def _check_subnet(
    connection: sqlite3.Connection, key: Key, spec: Body, before: Mapping[str, Any] | None
) -> None:
    for field in _FIXED if before is not None else ():
        if spec[field] != (before or {})[field]:
            raise errors.fixed(key.endpoint, key, field)
    _must_exist(connection, key, key.namespace, ("Network", spec["network"]))


def _must_exist(connection: sqlite3.Connection, key: Key, leaf: str, other: tuple[str, str]) -> None:
    if database.row(connection, leaf, *other) is None:
        raise errors.gone(key.endpoint, f"{key}: {other[1]}")
