"""A city on a real cluster whose names nobody else on it uses.

Used by tests/e2e. Calls `estates`. Several such cities share a cluster, and each knows its own objects
alone, by the names of its endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commandline import CommandLine
from estates import city, tenant, write_estate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from devcluster import DevCluster


@dataclass(frozen=True)
class OwnCity:
    """The names, and a desk at which its operator sits.

    Attributes:
        endpoints: one for each zone, both on the same cluster.
        tenants: ids, of institutions below bureau jtj.
    """

    desk: CommandLine
    endpoints: dict[str, str]
    tenants: tuple[str, ...]

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
) -> OwnCity:
    """Declare a city: `tenants` tenants, each with a namespace of 4 cores in every zone."""
    endpoints = {zone: unique(zone) for zone in zones}
    first = unique("t")
    ids = tuple(f"{first}{number}" for number in range(tenants))
    given = city()
    access = f"file:{cluster.kubeconfig}#{cluster.context}"
    write_estate(
        folder / "tenants",
        endpoints=[
            {**given["endpoints"][0], "id": endpoint, "zh": endpoint, "en": endpoint, "access": access}
            for endpoint in endpoints.values()
        ],
        pools=[
            {**pool, "endpoint": endpoints[pool["zone"]], "supply": _amounts(2 * tenants)}
            for pool in given["pools"]
            if pool["zone"] in zones
        ],
        tenants=[
            *(each for each in given["tenants"] if each["id"] in ("fgw", "jtj", "dawa")),
            *(tenant(each, "institution", "bureau/jtj") for each in ids),
        ],
        baseline=[row for zone in zones for row in _rows(zone, endpoints[zone], ids)],
        policies=[*given["policies"], *policies],
    )
    return OwnCity(CommandLine(folder), endpoints, ids)


def _rows(zone: str, endpoint: str, tenants: Sequence[str]) -> list[dict[str, Any]]:
    pool = f"k8s-{zone}"
    rows: list[dict[str, Any]] = [{"node": "bureau/jtj", "pool": pool, "limit": _amounts(2 * len(tenants))}]
    for each in tenants:
        rows.append({"node": f"tenant/{each}", "pool": pool, "limit": _amounts(1)})
        leaf = f"leaf/{endpoint}/{each}-{zone}"
        rows.append({"node": leaf, "pool": pool, "tenant": each, "allotted": _amounts(1)})
    return rows


def _amounts(times: int) -> dict[str, Any]:
    return {
        "cpu": 4 * times,
        "memory": f"{8 * times}Gi",
        "storage": f"{100 * times}Gi",
        "pods": 40 * times,
    }
