"""What a cloud has, by pool from Placement; what was used of it, by project from Nova.

Called by `backend`. Calls `client`. Reads only. Promises capacity as the scheduler counts it (less what is
reserved, times the allocation ratio) and consumption between two moments that the caller names: asked without
them, Nova answers for next to nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from yunjin.errors import Text, UsageError
from yunjin.model.amounts import CPU, MEMORY, STORAGE, Amounts
from yunjin.model.capacity import Capacity
from yunjin.substrates.openstack import errors
from yunjin.substrates.openstack.answer import COMPUTE, PLACEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from yunjin.substrates.openstack.client import Client
    from yunjin.substrates.openstack.forms import Raw

_CLASSES: Final = {
    "VCPU": (CPU, 1000),
    "PCPU": (CPU, 1000),
    "MEMORY_MB": (MEMORY, 1),
    "DISK_GB": (STORAGE, 1024),
}
"""By Placement's resource class, the dimension and its base units in one. Nova's quota counts processors that
servers share and those that one has for itself alike."""
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Consumption:
    """Of one project in a span of time, exact as Nova tells it.

    Attributes:
        hours: of servers, whatever their size.
        core_hours: of processors.
        memory_hours: MiB x hours.
        disk_hours: GiB x hours of the servers' own disks; volumes are not in it.
    """

    hours: float
    core_hours: float
    memory_hours: float
    disk_hours: float


def capacity(client: Client) -> dict[str, Capacity]:
    """By name of the host aggregate. Hosts of several aggregates count in each.

    Aggregates name the hosts of Nova's services, Placement the hypervisors on them, which often bear longer
    names: Nova tells which is on which.

    Raises:
        UnreachableError, TransientError, RefusalError.
    """
    aggregates = client.listed(COMPUTE, "/os-aggregates", "aggregates", about="aggregates")
    hypervisors = client.listed(COMPUTE, "/os-hypervisors/detail", "hypervisors", about="hosts")
    providers = client.listed(PLACEMENT, "/resource_providers", "resource_providers", about="hosts")
    known = {str(each["uuid"]) for each in providers}
    on: dict[str, list[str]] = {}
    for each in hypervisors:
        if each.get("id") in known:
            on.setdefault(str((each.get("service") or {}).get("host")), []).append(str(each["id"]))
    held = {
        str(each["name"]): [own for host in each.get("hosts") or () for own in on.get(host, ())]
        for each in aggregates
    }
    wanted = {own for every in held.values() for own in every}
    with ThreadPoolExecutor(_AT_ONCE, f"yunjin-capacity-{client.endpoint}") as pool:
        found = dict(zip(wanted, pool.map(lambda own: _host(client, own), wanted), strict=True))
    return {name: _sum([found[own] for own in every]) for name, every in held.items()}


def consumption(client: Client, project: str, since: datetime, until: datetime) -> Consumption:
    """What a project's servers used between two moments, those that are gone included.

    Args:
        client: of the cloud.
        project: its id.
        since: with its time zone.
        until: with its time zone, after `since`.

    Raises:
        UsageError: the moments are in no order.
        UnreachableError, TransientError, RefusalError.
    """
    if since >= until:
        raise UsageError(Text("起始时间必须早于截止时间", "the beginning must lie before the end"))
    span = {"start": _moment(since), "end": _moment(until)}
    path = f"/os-simple-tenant-usage/{project}?{urlencode(span)}"
    sums = [0.0] * 4
    for page in client.pages(COMPUTE, path, "tenant_usage", about=f"usage of {project}"):
        part = page.get("tenant_usage")
        if not isinstance(part, dict):
            raise errors.unreadable(client.endpoint, COMPUTE)
        fields = ("total_hours", "total_vcpus_usage", "total_memory_mb_usage", "total_local_gb_usage")
        sums = [known + float(part.get(name) or 0) for known, name in zip(sums, fields, strict=True)]
    return Consumption(*sums)


@dataclass(frozen=True, slots=True)
class _Host:
    inventories: dict[str, Any]
    usages: dict[str, Any]


def _host(client: Client, uuid: str) -> _Host:
    path = f"/resource_providers/{uuid}"
    inventories = client.call(PLACEMENT, "GET", f"{path}/inventories", about="inventories")
    usages = client.call(PLACEMENT, "GET", f"{path}/usages", about="usages")
    return _Host(inventories.get("inventories") or {}, usages.get("usages") or {})


def _sum(hosts: Iterable[_Host]) -> Capacity:
    every = list(hosts)
    sums: dict[str, dict[str, int]] = {"total": {}, "reserved": {}, "offered": {}, "taken": {}}
    for host in every:
        for name, (dimension, unit) in _CLASSES.items():
            for kind, value in _counted(host.inventories.get(name), host.usages.get(name)).items():
                sums[kind][dimension] = sums[kind].get(dimension, 0) + value * unit
    return Capacity(len(every), **{kind: Amounts(found) for kind, found in sums.items()})


def _counted(inventory: Raw | None, used: Any) -> dict[str, int]:
    if not inventory:
        return {}
    total, reserved = int(inventory.get("total") or 0), int(inventory.get("reserved") or 0)
    ratio = Fraction(str(inventory.get("allocation_ratio") or 1))
    offered = int(max(0, total - reserved) * ratio)
    return {"total": total, "reserved": reserved, "offered": offered, "taken": int(used or 0)}


def _moment(moment: datetime) -> str:
    """As Nova reads it: UTC, and no zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
