"""Taking over what stood before, as the command does it: read, declare, prove; and a city beside a cloud.

Used by tests of `yunjin.engine` and tests/e2e. Calls `standing` and `importing`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from estates import city, named
from spines import DAY, POOL
from yunjin.engine import importing, standing
from yunjin.engine.endpoints import accesses, connect

if TYPE_CHECKING:
    from spines import City
    from yunjin.engine.importing import Taken

KNOWN: Final = importing.Owner(
    tenant="bus",
    node="bureau/jtj",
    kind="institution",
    zh="市公交公司",
    en="Bus company",
    mlps=2,
    technical="信息科科长",
    business="办公室主任",
    paper="盘政务云〔2026〕12号",
)
LEGACY: Final = "legacy-hospital"
HARD: Final = {"requests.cpu": "2", "requests.memory": "4Gi", "limits.cpu": "3", "count/services": "5"}
CLOUD: Final = "os"
CLOUD_POOL: Final = "os-egov"
_SUPPLY: Final = {
    "cpu": 200,
    "memory": "512Gi",
    "storage": "8Ti",
    "volumes": 200,
    "ports": 4000,
    "floating-ips": 200,
}


def stand(at: City, name: str = LEGACY, *quotas: dict[str, str], **labels: str) -> None:
    """What somebody made long ago, with other tools."""
    metadata = {"name": name, "labels": {"team": "bus", **labels}}
    at.people.create_foreign({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "terraform")
    for number, hard in enumerate(quotas):
        metadata = {"name": "compute" if not number else f"compute-{number}", "namespace": name}
        body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
        at.people.create_foreign(body, "terraform")


def take(
    of: City, name: str = LEGACY, tenant: str = "bus", owner: importing.Owner = KNOWN, pool: str = POOL
) -> Taken:
    """Take a namespace or project over into a pool."""
    estate = of.estate()
    into = estate.pools[pool]
    where = into.endpoint
    with connect(estate, of.state, accesses(estate, None), {where: frozenset({name})}) as endpoints:
        state = standing.find(endpoints.backend(where), name, estate.leaf_word(where))
    taken = importing.take(of.tenants, estate, into, state, replace(owner, tenant=tenant), DAY)
    with of.store() as store:
        importing.save(taken, store, DAY, "cloud-ops")
    with of.spine() as spine:
        assert importing.prove(spine, taken, "cloud-ops") == ()
    return taken


def beside_a_cloud(*rows: dict[str, Any], access: str = "simulated", cloud: str = CLOUD) -> dict[str, Any]:
    """Documents of the small city with a cloud beside its cluster, of which bureau jtj may have half.

    Args:
        rows: of the baseline, besides.
        access: to the cloud.
        cloud: id of its endpoint.
    """
    given = city()
    endpoint = named(cloud, "云主机平台", "Cloud", technology="openstack", state="live", access=access)
    pool = named(
        CLOUD_POOL, "云主机资源池", "Servers", endpoint=cloud, zone="egov", suffix="egov", supply=_SUPPLY
    )
    half = {
        "cpu": 100,
        "memory": "256Gi",
        "storage": "4Ti",
        "volumes": 100,
        "ports": 2000,
        "floating-ips": 100,
    }
    return {
        "endpoints": [*given["endpoints"], endpoint],
        "pools": [*given["pools"], pool],
        "baseline": [*given["baseline"], {"node": "bureau/jtj", "pool": CLOUD_POOL, "limit": half}, *rows],
    }
