"""One apply provisions Panjin's tenants on a real API server and OpenStack; what exceeds a quota is refused.

The shipped files as they are: 29 namespaces and 14 projects. Cluster and cloud are empty before; the cloud's
operators have put hosts into the aggregates of the two pools.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from commandline import CommandLine
from devcloud import DevCloud, Tenant, furnish
from devcluster import DevCluster
from two_pools import member
from yunjin.model.amounts import Amounts
from yunjin.substrates.kubernetes.quantities import value
from yunjin.substrates.openstack.names import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.openstack,
    pytest.mark.owns_server,
    pytest.mark.timeout(600),
]

HOSTS = {"os-egov": "node-a", "os-inet": "node-b"}
NAMESPACES, PROJECTS = 29, 14
LARGE = "jtj-egov"  # in pool os-egov, of 16 cores and 2 TiB
SMALL = "ent-ecommerce-inet"  # in pool os-inet, of 4 cores and 8 ports
BINDING = ("--kubeconfig", "cluster.kubeconfig", "--os-cloud", DevCloud.name)


@dataclass(frozen=True)
class Centre:
    """An operator's desk, after the first apply; the servers; how that apply ended."""

    desk: CommandLine
    cluster: DevCluster
    cloud: DevCloud
    planned: dict[str, Any]
    applied: dict[str, Any]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    desk = CommandLine.at(tmp_path_factory.mktemp("desk"))
    with (
        DevCluster.start(tmp_path_factory.mktemp("whole-cluster"), light=True) as cluster,
        DevCloud.start(tmp_path_factory.mktemp("whole-cloud")) as cloud,
    ):
        for pool, host in HOSTS.items():
            furnish.aggregate(cloud.api(), pool, [host])
        shutil.copy2(cluster.kubeconfig, desk.folder / "cluster.kubeconfig")
        shutil.copy2(cloud.clouds_yaml, desk.folder / "clouds.yaml")
        planned = desk.value("plan", *BINDING)
        # Without options: the stored plan knows which cluster and which cloud it was made for.
        yield Centre(desk, cluster, cloud, planned, desk.value("apply", "--yes"))


@pytest.fixture(scope="module")
def people(centre: Centre) -> dict[str, Tenant]:
    """Somebody of the tenants of two projects."""
    return {name: member(centre.cloud.api(), name) for name in (LARGE, SMALL)}


def test_all_of_it_stands(centre: Centre) -> None:
    assert centre.planned["plan"]["leaves"] == NAMESPACES + PROJECTS
    assert set(centre.applied["counts"]) <= {"done", "already"}
    assert sum(centre.applied["counts"].values()) == len(centre.planned["plan"]["changes"])


def test_nothing_drifts_and_a_second_apply_writes_nothing(centre: Centre) -> None:
    found = centre.desk.value("drift", "list", *BINDING)
    assert found == {"drift": [], "waiting": 0, "unknown": []}
    assert centre.desk.value("plan", *BINDING)["plan"]["changes"] == []
    assert centre.desk.value("apply", "--yes")["counts"] == {}


def test_the_ledger_holds_what_the_cluster_enforces(centre: Centre) -> None:
    listed = centre.cluster.api().get("/api/v1/resourcequotas")["items"]
    ours = {each["metadata"]["namespace"]: each for each in listed if each["metadata"]["name"] == "yunjin"}
    assert len(ours) == NAMESPACES
    for name, charged in _charged(centre, "k8s-").items():
        hard = ours[name]["status"]["hard"]
        assert {
            "cpu": value(hard["requests.cpu"]) * 1000,
            "memory": value(hard["requests.memory"]) / 1024**2,
            "storage": value(hard["requests.storage"]) / 1024**2,
            "pods": value(hard["pods"]),
        } == charged, name


def test_the_ledger_holds_what_the_cloud_enforces(centre: Centre) -> None:
    """Cores in thousandths, memory and storage in MiB; four ports of each project are its own plumbing."""
    api = centre.cloud.api()
    (domain,) = api.get("identity", f"/domains?name={DOMAIN}")["domains"]
    projects = {
        each["name"]: each["id"]
        for each in api.get("identity", f"/projects?domain_id={domain['id']}")["projects"]
    }
    charged = _charged(centre, "os-")
    assert (len(charged), charged.keys() <= projects.keys()) == (PROJECTS, True)
    for name, amounts in charged.items():
        compute = api.get("compute", f"/os-quota-sets/{projects[name]}")["quota_set"]
        volume = api.get("block-storage", f"/os-quota-sets/{projects[name]}")["quota_set"]
        network = api.get("network", f"/v2.0/quotas/{projects[name]}")["quota"]
        enforced = {
            "cpu": compute["cores"] * 1000,
            "memory": compute["ram"],
            "storage": volume["gigabytes"] * 1024,
            "volumes": volume["volumes"],
            "ports": network["port"] - 4,
            "floating-ips": network["floatingip"],
        }
        assert {dimension: figure for dimension, figure in enforced.items() if figure} == amounts, name
    assert centre.desk.value("ledger", "check") == {"differences": []}


def test_a_server_beyond_the_quota_is_refused_by_nova(people: dict[str, Tenant]) -> None:
    refused = people[LARGE].boot("beyond", cpus=17)
    assert (refused.status, "Quota exceeded for cores" in str(refused.body)) == (403, True), refused


def test_a_port_beyond_the_quota_is_refused_by_neutron(people: dict[str, Tenant]) -> None:
    tenant = people[SMALL]
    (network,) = tenant.api.get("network", "/v2.0/networks")["networks"]
    said = [tenant.port(network["id"]) for _ in range(8 + 4)]
    assert [each.status for each in said[:8]] == [201] * 8
    assert (said[-1].status, said[-1].body["NeutronError"]["type"]) == (409, "OverQuota"), said[-1]


def test_a_volume_beyond_the_quota_is_refused_by_cinder(people: dict[str, Tenant]) -> None:
    assert people[LARGE].volume("within", gib=2000).status == 202
    refused = people[LARGE].volume("beyond", gib=49)
    assert (refused.status, "quota" in str(refused.body).lower()) == (413, True), refused


@pytest.mark.parametrize(("name", "pool"), [(LARGE, "os-egov"), (SMALL, "os-inet")])
def test_a_server_lands_on_a_host_of_its_pool(people: dict[str, Tenant], name: str, pool: str) -> None:
    booted = [people[name].booted(f"within-{number}") for number in range(2)]
    assert [(each["status"], each["OS-EXT-SRV-ATTR:host"]) for each in booted] == [
        ("ACTIVE", HOSTS[pool])
    ] * 2


def test_what_people_booted_is_no_drift(centre: Centre, people: dict[str, Tenant]) -> None:
    people[SMALL].booted("another")
    assert centre.desk.value("drift", "list", *BINDING)["drift"] == []


def _charged(centre: Centre, of: str) -> dict[str, Amounts]:
    """By leaf, what the ledger charges, nothing left out but zeros."""
    return {
        leaf.partition("/")[2]: Amounts({d: figure for d, figure in share.charged.items() if figure})
        for leaf, share in centre.desk.shares().items()
        if leaf.startswith(of)
    }
