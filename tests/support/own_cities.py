"""A city on a real cluster, and on a real cloud too, whose names nobody else there uses.

Used by tests/e2e. Calls `estates` and, for the hosts of its pool, `devcloud`. Several such cities share a
cluster and a cloud, and each knows its own objects alone, by the names of its endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commandline import CommandLine
from devcloud import furnish
from estates import city, tenant, write_estate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from devcloud import DevCloud
    from devcluster import DevCluster

REMEMBERS = 30
"""Seconds for which services of the tests' cloud remember that they accepted a token."""


@dataclass(frozen=True)
class OwnCity:
    """The names, and a desk at which its operator sits.

    Attributes:
        endpoints: one for each zone, both on the same cluster.
        tenants: ids, of institutions below bureau jtj.
        cloud: the endpoint on which every tenant has a project too; empty where there is none.
    """

    desk: CommandLine
    endpoints: dict[str, str]
    tenants: tuple[str, ...]
    cloud: str = ""

    def leaf(self, number: int = 0, zone: str = "egov") -> str:
        """A tenant's namespace."""
        return f"{self.tenants[number]}-{zone}"


def found(
    folder: Path,
    cluster: DevCluster,
    unique: Callable[[str], str],
    *,
    tenants: int = 2,
    zones: Sequence[str] = ("egov",),
    policies: Sequence[dict[str, Any]] = (),
    cloud: DevCloud | None = None,
) -> OwnCity:
    """Declare a city: `tenants` tenants, each with a namespace of 4 cores in every zone, and a project."""
    endpoints = {zone: unique(zone) for zone in zones}
    first = unique("t")
    ids = tuple(f"{first}{number}" for number in range(tenants))
    given = city()
    beside = unique("os") if cloud else ""
    access = f"file:{cluster.kubeconfig}#{cluster.context}"
    write_estate(
        folder / "tenants",
        endpoints=[
            *(
                {**given["endpoints"][0], "id": endpoint, "zh": endpoint, "en": endpoint, "access": access}
                for endpoint in endpoints.values()
            ),
            *([_cloud(beside, cloud)] if cloud else ()),
        ],
        pools=[
            *(
                {**pool, "endpoint": endpoints[pool["zone"]], "supply": _amounts(2 * tenants)}
                for pool in given["pools"]
                if pool["zone"] in zones
            ),
            *([_servers(beside, tenants)] if cloud else ()),
        ],
        tenants=[
            *(each for each in given["tenants"] if each["id"] in ("fgw", "jtj", "dawa")),
            *(tenant(each, "institution", "bureau/jtj") for each in ids),
        ],
        baseline=[
            *(row for zone in zones for row in _rows(zone, endpoints[zone], ids)),
            *(_rows_of_cloud(beside, ids) if cloud else ()),
        ],
        policies=[*given["policies"], *policies],
    )
    if cloud:
        # One host is left to projects that are bound to no pool: Nova lets none of them onto a pool's hosts.
        furnish.aggregate(cloud.api(), beside, ["node-a"])
    return OwnCity(CommandLine(folder), endpoints, ids, beside)


def _rows(zone: str, endpoint: str, tenants: Sequence[str]) -> list[dict[str, Any]]:
    pool = f"k8s-{zone}"
    rows: list[dict[str, Any]] = [{"node": "bureau/jtj", "pool": pool, "limit": _amounts(2 * len(tenants))}]
    for each in tenants:
        rows.append({"node": f"tenant/{each}", "pool": pool, "limit": _amounts(1)})
        leaf = f"leaf/{endpoint}/{each}-{zone}"
        rows.append({"node": leaf, "pool": pool, "tenant": each, "allotted": _amounts(1)})
    return rows


def _cloud(endpoint: str, cloud: DevCloud) -> dict[str, Any]:
    return {
        "id": endpoint,
        "zh": endpoint,
        "en": endpoint,
        "technology": "openstack",
        "state": "live",
        "access": f"file:{cloud.clouds_yaml}#{cloud.name}",
        "token_cache_seconds": REMEMBERS,
    }


def _servers(endpoint: str, tenants: int) -> dict[str, Any]:
    """The pool of a cloud, called as its endpoint."""
    names = {"id": endpoint, "zh": endpoint, "en": endpoint}
    return {
        **names,
        "endpoint": endpoint,
        "zone": "egov",
        "suffix": "egov",
        "supply": _of_servers(2 * tenants),
    }


def _rows_of_cloud(endpoint: str, tenants: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"node": "bureau/jtj", "pool": endpoint, "limit": _of_servers(2 * len(tenants))}
    ]
    for each in tenants:
        rows.append({"node": f"tenant/{each}", "pool": endpoint, "limit": _of_servers(1)})
        leaf = f"leaf/{endpoint}/{each}-egov"
        rows.append({"node": leaf, "pool": endpoint, "tenant": each, "allotted": _of_servers(1)})
    return rows


def _of_servers(times: int) -> dict[str, Any]:
    return {
        "cpu": 2 * times,
        "memory": f"{4 * times}Gi",
        "storage": f"{20 * times}Gi",
        "volumes": 4 * times,
        "ports": 8 * times,
    }


def _amounts(times: int) -> dict[str, Any]:
    return {
        "cpu": 4 * times,
        "memory": f"{8 * times}Gi",
        "storage": f"{100 * times}Gi",
        "pods": 40 * times,
    }
