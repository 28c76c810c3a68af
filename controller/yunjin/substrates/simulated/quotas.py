"""The three quota services of a simulated cloud: figures, what is used of them, and two ways of saying no.

Called by `services`, each call within a transaction. Calls the file. Promises the answers of Nova, Neutron
and Cinder: a figure below what is used is refused, what goes beyond a figure is refused in each service's own
dialect, and a service to which nobody has written holds its own defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates.openstack import errors
from yunjin.substrates.openstack.answer import COMPUTE, NETWORK, VOLUME, Answer
from yunjin.substrates.openstack.quantities import CAPACITY, SERVICES, UNLIMITED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from yunjin.model.resources import Key

DEFAULTS: Final[Mapping[str, Mapping[str, int]]] = {
    "compute": {"cores": 20, "instances": 10, "ram": 51200},
    "network": {
        "network": 100,
        "subnet": 100,
        "router": 10,
        "security_group": 10,
        "security_group_rule": 100,
        "rbac_policy": 10,
        "subnetpool": UNLIMITED,
        "port": 500,
        "floatingip": 50,
    },
    "volume": {"volumes": 10, "snapshots": 10, "gigabytes": 1000, "backups": 10, "backup_gigabytes": 1000},
}
_SERVICES: Final = {"compute": COMPUTE, "network": NETWORK, "volume": VOLUME}
# Each says "over quota" with a code and in words of its own.
_DIALECTS: Final = {
    "compute": (403, "Quota exceeded for {0}: Requested 1, but already used {1} of {2} {0}"),
    "network": (409, "Quota exceeded for resources: ['{0}']."),
    "volume": (413, "VolumeLimitExceeded: Maximum number of {0} allowed ({2}) exceeded"),
}
_COUNTED: Final = {"Network": "network", "Subnet": "subnet", "Router": "router"}


def limits(spec: Mapping[str, Any] | None) -> dict[str, dict[str, int]]:
    """Figures by service, where `spec` is what was written: the defaults where nothing was."""
    return {service: {**DEFAULTS[service], **((spec or {}).get(service) or {})} for service in SERVICES}


def used(
    connection: sqlite3.Connection, leaf: str, objects: Iterable[tuple[str, Mapping[str, Any]]]
) -> dict[str, dict[str, int]]:
    """What a project uses of every figure.

    Args:
        connection: within a transaction.
        leaf: the project's name.
        objects: kind and spec of each of its objects; those of the network are counted as Neutron does.
    """
    found = {service: dict.fromkeys(DEFAULTS[service], 0) for service in SERVICES}
    for resource, amount in connection.execute("SELECT resource, amount FROM used WHERE leaf = ?", (leaf,)):
        service, _, figure = resource.partition(".")
        found[service][figure] += int(amount)
    network = found["network"]
    for kind, spec in objects:
        if kind in _COUNTED:
            network[_COUNTED[kind]] += 1
        if kind == "Router":
            network["port"] += len(spec["subnets"])  # each interface of a router is a port
        if kind == "SecurityGroup":
            network["security_group"] += 1
            network["security_group_rule"] += len(spec["rules"])
    return found


def check(key: Key, service: str, figures: Mapping[str, Any], use: Mapping[str, int]) -> None:
    """Whether a service takes these figures.

    Neutron is made to take those that bound nothing of the tenant's: rules and the like follow in a later
    step.

    Raises:
        ConflictError: more is used.
        PermanentError: no figures of this service.
    """
    for name, figure in figures.items():
        if name not in DEFAULTS[service] or type(figure) is not int or figure < UNLIMITED:
            said = f"Invalid input for field/attribute {name}. Value: {figure!r}"[:200]
            raise errors.refused(key.endpoint, key, Answer(_SERVICES[service], 400, "", text=said))
    low = [
        name
        for name, figure in figures.items()
        if UNLIMITED < figure < use[name] and (service != NETWORK.name or (service, name) in CAPACITY)
    ]
    if low:
        raise errors.below_use(key.endpoint, key, _SERVICES[service], low)


def admit(
    key: Key, bounds: Mapping[str, Mapping[str, int]], before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Whether the quota lets a project use more, figures by service.

    Raises:
        RefusalError: beyond a figure.
    """
    for service, figures in after.items():
        for name, figure in figures.items():
            bound = bounds[service][name]
            if figure > before[service][name] and UNLIMITED < bound < figure:
                code, said = _DIALECTS[service]
                text = said.format(name, before[service][name], bound)
                raise errors.refused(key.endpoint, key, Answer(_SERVICES[service], code, "", text=text))


def consume(connection: sqlite3.Connection, leaf: str, use: Mapping[str, Mapping[str, int]]) -> None:
    """Note what servers, volumes and the like of a project use from now on, beside what is counted."""
    amounts = [
        (leaf, f"{service}.{name}", str(figure)) for service in use for name, figure in use[service].items()
    ]
    connection.executemany("INSERT OR REPLACE INTO used VALUES (?, ?, ?)", amounts)
