"""A quota's figures in three services, and the way to and from amounts.

Called by `standard` (amounts to figures), `compare` and `translate` (figures to amounts), and by whoever must
know beforehand what OpenStack cannot count (`unfit`). Calls `yunjin.model.amounts`. Promises that a written
figure never grants more than the amount it was made for.

Counted are cores, memory, volumes with their storage, ports and floating IPs. Not counted, and left out here,
are pods, load balancers and cards, which the three services bound by no project, and storage by class: the
ledger alone keeps to that, whatever quota a volume type has in Cinder is the operators' and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.model.amounts import CPU, MEMORY, MOST, STORAGE, Amounts
from yunjin.model.resources import Holding
from yunjin.substrates.fields import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.model.resources import Body

UNLIMITED: Final = -1
_PLUMBING: Final = 4
"""Ports of a leaf's own network: its router's, and those of address assignment."""

SERVICES: Final = ("compute", "network", "volume")
"""In the order of writing."""

# By dimension: service, figure, base units in one of the figure's, and how many are not the tenant's own.
_FIGURES: Final = {
    CPU: ("compute", "cores", 1000, 0),
    MEMORY: ("compute", "ram", 1, 0),
    STORAGE: ("volume", "gigabytes", 1024, 0),
    "volumes": ("volume", "volumes", 1, 0),
    "ports": ("network", "port", 1, _PLUMBING),
    "floating-ips": ("network", "floatingip", 1, 0),
}
CAPACITY: Final = {(service, figure): dimension for dimension, (service, figure, _, _) in _FIGURES.items()}
"""The figures that bound a dimension of the ledger."""

# A figure that follows another: what is used of it needs as much of the other.
_FOLLOWING: Final = {
    ("compute", "instances"): ("compute", "cores"),
    ("volume", "snapshots"): ("volume", "volumes"),
}
# What may be declared. Nova counts memory in MiB; flavors come in whole GiB, as people ask for them.
_WHOLE: Final = {CPU: 1000, MEMORY: 1024, STORAGE: 1024}


def unfit(amounts: Mapping[str, int]) -> tuple[str, ...]:
    """Dimensions whose amount is not whole in OpenStack's unit: cores, and GiB of memory and storage."""
    return tuple(sorted(d for d, unit in _WHOLE.items() if amounts.get(d, 0) % unit))


def figures(allotted: Amounts, rules: int) -> dict[str, dict[str, int]]:
    """The figures of a leaf's quota by service, under the services' own names.

    What no amount grants is 0, or the tenant could take without end.

    Args:
        allotted: what the leaf may use; a part of a core or of a GiB of storage is not granted.
        rules: how many rules its security group has.
    """
    granted: dict[str, dict[str, int]] = {
        "compute": {},
        # A tenant shares nothing with others (rbac_policy) and brings no addresses of its own (subnetpool).
        "network": {
            "network": 1,
            "subnet": 1,
            "router": 1,
            "security_group": 1,
            "security_group_rule": rules,
            "rbac_policy": 0,
            "subnetpool": 0,
        },
        "volume": {"backups": 0, "backup_gigabytes": 0},
    }
    for dimension, (service, figure, unit, own) in _FIGURES.items():
        granted[service][figure] = allotted.of(dimension) // unit + own
    for (service, figure), (_, leading) in _FOLLOWING.items():
        granted[service][figure] = granted[service][leading]
    return granted


def amounts(found: Mapping[str, Any]) -> Amounts:
    """Amounts of observed figures by service. No bound is the most there is; what is unknown is left out."""
    return Amounts(dict(_amounts(found)))


def holding(quota: Body) -> Holding:
    """What a quota grants, at once in force, and what is used of it; unknown while a service has not told."""
    status = mapping(quota.get("status"))
    granted = amounts(mapping(quota.get("spec")))
    told = all(_figure(status, *place) is not None for place, d in CAPACITY.items() if d in granted)
    return Holding(granted, granted, _used(status) if granted and told else None)


def _used(found: Mapping[str, Any]) -> Amounts:
    """The least that would still carry what observed use by service says."""
    needed = {service: dict(mapping(found.get(service))) for service in SERVICES}
    for (service, figure), (_, leading) in _FOLLOWING.items():
        follower, leader = _figure(needed, service, figure), _figure(needed, service, leading)
        if follower is not None and leader is not None:
            needed[service][leading] = max(follower, leader)
    return amounts(needed)


def _amounts(found: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for dimension, (service, figure, unit, own) in _FIGURES.items():
        number = _figure(found, service, figure)
        if number is not None:
            bound = MOST if number <= UNLIMITED else max(0, number - own) * unit
            yield dimension, min(MOST, bound)


def _figure(found: Mapping[str, Any], service: str, figure: str) -> int | None:
    number = mapping(found.get(service)).get(figure)
    return number if type(number) is int else None
