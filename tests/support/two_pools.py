"""A tenant with a namespace and a project, and one grant of eight cores over the pools of both.

Used by tests of moves. Calls `takings`, the ledger and, where the cloud is a real one, its operators'
furniture. Six cores are its namespace's and two its project's, so that four can go to and fro.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from devcloud import CloudApi, Login, Tenant, furnish
from estates import city, named, tenant
from takings import CLOUD, CLOUD_POOL, beside_a_cloud
from yunjin.engine.endpoints import accesses, connect
from yunjin.engine.spine import Spine
from yunjin.estate import load
from yunjin.ledger import GrantTerms
from yunjin.model.amounts import Amounts
from yunjin.model.tenancy import leaf_node
from yunjin.store import Store
from yunjin.substrates.openstack.names import DOMAIN
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devcloud import DevCloud
    from devcluster import DevCluster
    from yunjin.ledger import Ledger

DAY: Final = date(2026, 11, 22)
CLUSTER_POOL: Final = "k8s-egov"
GRANTED: Final = Amounts.parse({"cpu": 8, "memory": "16Gi"})
THERE: Final = Amounts.parse({"cpu": 6, "memory": "12Gi"})
HERE: Final = Amounts.parse({"cpu": 2, "memory": "4Gi"})
_REST: Final = {
    CLUSTER_POOL: {"storage": "100Gi", "pods": 40},
    CLOUD_POOL: {"storage": "100Gi", "volumes": 10, "ports": 20},
}
_CIDR: Final = "10.79.0.0/16"
"""Addresses of a zone are the whole cloud's, and tests share the cloud."""


@dataclass(frozen=True, slots=True)
class TwoPools:
    """The names of one such city.

    Attributes:
        tenant: an institution of bureau jtj.
        cluster: endpoint of pool k8s-egov.
        cloud: endpoint of pool os-egov.
        zone: of pool os-egov.
    """

    tenant: str = "bus"
    cluster: str = "k8s"
    cloud: str = CLOUD
    zone: str = "egov"

    @classmethod
    def fresh(cls, unique: Callable[[str], str]) -> TwoPools:
        """Names that nobody else on the servers uses."""
        return cls(*(unique(suffix) for suffix in ("t", "k8s", "os", "zone")))

    @property
    def name(self) -> str:
        """Of the namespace, and of the project."""
        return f"{self.tenant}-egov"

    @property
    def namespace(self) -> str:
        """Node of the leaf on the cluster."""
        return leaf_node(self.cluster, self.name)

    @property
    def project(self) -> str:
        """Node of the leaf on the cloud."""
        return leaf_node(self.cloud, self.name)

    def documents(self, cluster: str = "simulated", cloud: str = "simulated") -> dict[str, Any]:
        """The declared city, with the accesses of its endpoints."""
        beside = beside_a_cloud(access=cloud, cloud=self.cloud)
        k8s, servers = beside["endpoints"]
        mine, inet, os_pool = beside["pools"]
        own = [
            named(self.zone, "公用网络区", "E-government zone", mlps=3, databases=True, cidrs=[_CIDR]),
        ]
        return {
            "endpoints": [{**k8s, "id": self.cluster, "access": cluster}, servers],
            "pools": [
                {**mine, "endpoint": self.cluster},
                {**inet, "endpoint": self.cluster},
                {**os_pool, "zone": self.zone},
            ],
            "zones": [*city()["zones"], *(own if self.zone != "egov" else [])],
            "tenants": [*city()["tenants"], tenant(self.tenant, "institution", "bureau/jtj")],
            "baseline": [*(row for row in beside["baseline"] if "allotted" not in row), *self._rows()],
        }

    def grant(self, ledger: Ledger) -> None:
        """Let it have eight cores over both pools, six of them here and two there."""
        for node in ("bureau/jtj", f"tenant/{self.tenant}"):
            terms = GrantTerms("", node, GRANTED, {CLUSTER_POOL: GRANTED, CLOUD_POOL: GRANTED}, DAY)
            ledger.grant(terms, DAY)
        ledger.allot(self.namespace, THERE)
        ledger.allot(self.project, HERE)

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for pool, leaf in ((CLUSTER_POOL, self.namespace), (CLOUD_POOL, self.project)):
            rows.append({"node": f"tenant/{self.tenant}", "pool": pool, "limit": _REST[pool]})
            rows.append({"node": leaf, "pool": pool, "tenant": self.tenant, "allotted": _REST[pool]})
        return rows


def provide(cloud: DevCloud) -> None:
    """What its operators bring: the hosts of pool os-egov."""
    furnish.aggregate(cloud.api(), CLOUD_POOL, ["node-a"])


def real(names: TwoPools, cluster: DevCluster, cloud: DevCloud) -> dict[str, Any]:
    """The declared city on a real API server and the real services."""
    provide(cloud)
    return names.documents(
        f"file:{cluster.kubeconfig}#{cluster.context}", f"file:{cloud.clouds_yaml}#{cloud.name}"
    )


def member(api: CloudApi, name: str) -> Tenant:
    """Somebody of the tenant, who has come into the group that Yunjin made for its project of this name."""
    (domain,) = api.get("identity", f"/domains?name={DOMAIN}")["domains"]
    where = f"domain_id={domain['id']}&name={name}"
    (project,) = api.get("identity", f"/projects?{where}")["projects"]
    (group,) = api.get("identity", f"/groups?{where}-admin")["groups"]
    person = {"name": name, "password": name, "domain_id": "default"}
    user = api.must("POST", "identity", "/users", {"user": person})["user"]
    api.must("PUT", "identity", f"/groups/{group['id']}/users/{user['id']}")
    return Tenant(CloudApi(api.auth_url, Login(name, name, {"id": project["id"]})), api, project["id"])


@contextmanager
def spine(tenants: Path, state: Path) -> Iterator[Spine]:
    """What one call of the command line opens."""
    estate = load(tenants)
    with Store.open(state) as store, connect(estate, state, accesses(estate, None)) as connected:
        yield Spine(estate, DAY, connected, store, RULES)
