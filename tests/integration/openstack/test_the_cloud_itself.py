"""The test bed keeps its promises: without these, a green lane on it would prove nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devcloud import HOSTS, DevCloud, Host, Tenant, furnish
from devcluster import process
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devcluster import Answer

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tenant(cloud: DevCloud, unique: Callable[[str], str]) -> Tenant:
    """A project of one test, and a member of it."""
    return Tenant.new(cloud.api(), unique("tenant"))


def _host(server: dict[str, Any]) -> str:
    assert server["status"] == "ACTIVE", server.get("fault")
    return str(server["OS-EXT-SRV-ATTR:host"])


def _said(answer: Answer) -> str:
    return json.dumps(answer.body)


def test_every_host_stands_in_placement_with_its_own_size(cloud: DevCloud) -> None:
    api = cloud.api()
    found = {}
    for provider in api.get("placement", "/resource_providers")["resource_providers"]:
        listed = api.get("placement", f"/resource_providers/{provider['uuid']}/inventories")["inventories"]
        found[provider["name"]] = Host(*(listed[kind]["total"] for kind in ("VCPU", "MEMORY_MB", "DISK_GB")))
    assert found == HOSTS


def test_the_catalogue_has_the_clouds_own_addresses(cloud: DevCloud) -> None:
    catalogue = cloud.api().token["catalog"]
    found = {entry["type"]: {each["url"] for each in entry["endpoints"]} for entry in catalogue}
    assert found == {
        "identity": {cloud.url("keystone")},
        "placement": {cloud.url("placement")},
        "image": {cloud.url("glance")},
        "network": {cloud.url("neutron")},
        "block-storage": {cloud.url("cinder")},
        "volumev3": {cloud.url("cinder")},
        "compute": {cloud.url("nova")},
    }


def test_over_quota_a_server_is_403(tenant: Tenant) -> None:
    tenant.set_quota(compute={"cores": 2})
    _host(tenant.booted("first", cpus=2))
    refused = tenant.boot("second", cpus=1)
    assert refused.status == 403
    assert "Quota exceeded for cores" in _said(refused)


def test_over_quota_a_port_is_409(tenant: Tenant) -> None:
    network = tenant.network("wire")
    used = len(tenant.api.get("network", "/v2.0/ports")["ports"])
    tenant.set_quota(network={"port": used + 1})
    assert tenant.port(network).status == 201
    refused = tenant.port(network)
    assert refused.status == 409
    assert "OverQuota" in _said(refused)


def test_over_quota_a_volume_is_413(tenant: Tenant) -> None:
    tenant.set_quota(volume={"gigabytes": 3})
    made = tenant.volume("first", 2)
    assert made.status == 202
    path = f"/volumes/{made.body['volume']['id']}"
    wait_until(lambda: tenant.api.get("block-storage", path)["volume"]["status"] == "available")
    refused = tenant.volume("second", 2)
    assert refused.status == 413
    assert "VolumeSizeExceedsAvailableQuota" in _said(refused)


def test_a_compute_quota_below_what_is_used_is_400(tenant: Tenant) -> None:
    _host(tenant.booted("using", cpus=2))
    path, body = f"/os-quota-sets/{tenant.project}", {"quota_set": {"cores": 1}}
    assert tenant.admin.call("PUT", "compute", path, body).status == 400


@pytest.mark.parametrize(
    ("service", "path", "body"),
    [
        ("compute", "/os-quota-sets/{}", {"quota_set": {"cores": 99}}),
        ("network", "/v2.0/quotas/{}", {"quota": {"port": 99}}),
        ("block-storage", "/os-quota-sets/{}", {"quota_set": {"gigabytes": 99}}),
    ],
)
def test_a_member_may_not_set_a_quota(tenant: Tenant, service: str, path: str, body: Any) -> None:
    assert {role["name"] for role in tenant.api.token["roles"]} == {"member", "reader"}
    assert tenant.api.call("PUT", service, path.format(tenant.project), body).status == 403


def test_a_port_on_a_host_is_active_and_a_deleted_server_frees_what_it_held(tenant: Tenant) -> None:
    network = tenant.network("wire")
    server = tenant.booted("one", network=network)
    _host(server)
    (port,) = tenant.api.get("network", f"/v2.0/ports?device_id={server['id']}")["ports"]
    assert port["status"] == "ACTIVE"
    tenant.delete_server(server["id"])
    assert tenant.api.get("network", f"/v2.0/ports?device_id={server['id']}")["ports"] == []
    used = tenant.api.get("compute", "/limits")["limits"]["absolute"]["totalCoresUsed"]
    assert used == 0


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCloud]:
    """A cloud whose hosts these tests may tie to projects. Nova likes the largest host best, always."""
    hosts = {"small": Host(8, 8192, 100), "middle": Host(32, 65536, 1000), "large": Host(128, 524288, 10000)}
    with DevCloud.start(tmp_path_factory.mktemp("pools"), hosts=hosts) as started:
        yield started


def _bound(pools: DevCloud, name: str, host: str) -> Tenant:
    """A project whose servers may lie on that host alone."""
    api = pools.api()
    tenant = Tenant.new(api, name)
    furnish.aggregate(api, name, [host])
    furnish.bind(api, name, tenant.project)
    return tenant


@pytest.mark.openstack
def test_a_bound_project_lands_in_its_pool_alone_and_no_other_there(pools: DevCloud) -> None:
    bound, rich = _bound(pools, "bound", "small"), _bound(pools, "rich", "large")
    free = Tenant.new(pools.api(), "free")
    servers = [
        (tenant.project, _host(tenant.booted("one"))) for tenant in (bound, free, rich) for _ in range(2)
    ]
    assert set(servers) == {(bound.project, "small"), (free.project, "middle"), (rich.project, "large")}


@pytest.mark.openstack
def test_a_server_larger_than_its_pool_finds_no_host(pools: DevCloud) -> None:
    tenant = _bound(pools, "poor", "small")
    assert tenant.booted("fits", memory_mib=1024)["status"] == "ACTIVE"
    assert tenant.booted("does-not", memory_mib=16384)["status"] == "ERROR"


@pytest.mark.openstack
def test_two_clouds_know_nothing_of_each_other(cloud: DevCloud, pools: DevCloud) -> None:
    Tenant.new(cloud.api(), "only-here")
    assert cloud.api().get("identity", "/projects?name=only-here")["projects"]
    assert pools.api().get("identity", "/projects?name=only-here")["projects"] == []


@pytest.mark.openstack
def test_a_service_that_dies_takes_the_cloud_with_it(tmp_path: Path) -> None:
    """A cloud with five services would make every test after that fail for a reason of its own."""
    with DevCloud.start(tmp_path / "dying", hosts={}) as dying:
        parts = {part.name: part for part in process.recorded(dying.folder)}
        assert parts.keys() == {"cloud", "keystone", "placement", "glance", "neutron", "cinder", "nova"}
        os.kill(parts["glance"].pid, 9)
        wait_until(lambda: not any(part.running for part in parts.values()))
        assert "glance ended" in parts["cloud"].complaint()


@pytest.mark.openstack
def test_people_can_start_one_and_end_it(tmp_path: Path) -> None:
    script, folder = ROOT / "tests" / "testbeds" / "openstack" / "server.py", tmp_path / "mine"
    command: list[str | Path] = [sys.executable, script, "up", folder]
    up = subprocess.run([*command, "--host", "big=64,4096,100"], capture_output=True, text=True, check=True)
    try:
        assert up.stdout == f"export OS_CLIENT_CONFIG_FILE={folder}/clouds.yaml OS_CLOUD=devcloud\n"
        again = subprocess.run(command, capture_output=True, text=True, check=False)
        assert again.returncode == 1
        assert "not empty" in again.stderr
    finally:
        down = subprocess.run(
            [sys.executable, script, "down", folder], capture_output=True, text=True, check=True
        )
    assert "keystone" in down.stdout
    assert not list(folder.glob("*.pid"))
