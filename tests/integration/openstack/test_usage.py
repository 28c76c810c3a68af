"""Capacity as the scheduler counts it, and consumption between two moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devcloud import Tenant
from housed_leaves import HOST, POOL
from leaves import read, write
from waiting import wait_until
from yunjin.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from devcloud import DevCloud
    from leaves import Objects
    from yunjin.substrates.openstack.backend import OpenStackBackend


def test_capacity_is_what_the_scheduler_gives_away(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects
) -> None:
    write(direct, *small.all)
    api = cloud.api()
    uuid = next(
        each["uuid"]
        for each in api.get("placement", "/resource_providers")["resource_providers"]
        if each["name"] == HOST
    )
    path = f"/resource_providers/{uuid}/inventories"
    kept = api.get("placement", path)
    before = direct.capacity()[POOL]
    host = cloud.hosts[HOST]
    assert before.hosts == 1
    assert before.total == {
        "cpu": host.cpus * 1000, "memory": host.memory_mib, "storage": host.disk_gib * 1024,
    }  # fmt: skip
    try:
        changed = api.get("placement", path)
        changed["inventories"]["VCPU"] |= {"reserved": 1, "allocation_ratio": 1.5}
        api.must("PUT", "placement", path, changed)
        now = direct.capacity()[POOL]
        assert now.reserved.of("cpu") == 1000
        assert now.offered.of("cpu") == int((host.cpus - 1) * 1.5) * 1000
        assert now.offered.of("storage") == before.offered.of("storage")
        changed = api.get("placement", path)
        changed["inventories"]["PCPU"] = {**changed["inventories"]["VCPU"], "total": 4, "reserved": 0}
        api.must("PUT", "placement", path, changed)
        assert direct.capacity()[POOL].total.of("cpu") == (host.cpus + 4) * 1000
    finally:
        kept["resource_provider_generation"] = api.get("placement", path)["resource_provider_generation"]
        api.must("PUT", "placement", path, kept)
    tenant = Tenant.of(api, _project(direct, small), small.namespace.key.name)
    assert tenant.booted("busy", cpus=2)["status"] == "ACTIVE"
    wait_until(lambda: direct.capacity()[POOL].taken.of("cpu") == before.taken.of("cpu") + 2000)


def test_a_host_is_known_by_whatever_name_placement_has_for_it(
    direct: OpenStackBackend, cloud: DevCloud
) -> None:
    """Libvirt's hypervisors bear full domain names, where the services have short ones."""
    before = direct.capacity()[POOL].total

    def rename(old: str, new: str) -> None:
        (found,) = cloud.api().get("placement", f"/resource_providers?name={old}")["resource_providers"]
        cloud.api().must("PUT", "placement", f"/resource_providers/{found['uuid']}", {"name": new})

    rename(HOST, f"{HOST}.panjin.example")
    try:
        assert direct.capacity()[POOL].total == before
    finally:
        rename(f"{HOST}.panjin.example", HOST)


def test_consumption_is_counted_between_the_two_moments(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects
) -> None:
    write(direct, *small.all)
    name = small.namespace.key.name
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert direct.consumption(name, now - hour, now).hours == 0
    tenant = Tenant.of(cloud.api(), _project(direct, small), name)
    server = tenant.booted("busy", cpus=2, memory_mib=512)
    assert server["status"] == "ACTIVE"
    wait_until(lambda: direct.consumption(name, now - hour, now + hour).hours > 0)  # whole seconds count
    tenant.delete_server(server["id"])
    used = direct.consumption(name, now - hour, now + hour)
    assert used.hours > 0
    assert used.core_hours == pytest.approx(2 * used.hours)
    assert used.memory_hours == pytest.approx(512 * used.hours)
    assert direct.consumption(name, now - 2 * hour, now - hour).hours == 0


def test_moments_in_no_order_and_projects_that_are_not_there_are_refused(
    direct: OpenStackBackend, small: Objects
) -> None:
    now = datetime.now(UTC)
    with pytest.raises(ConflictError):
        direct.consumption(small.namespace.key.name, now - timedelta(hours=1), now)
    write(direct, small.namespace)
    with pytest.raises(UsageError):
        direct.consumption(small.namespace.key.name, now, now)


def _project(direct: OpenStackBackend, wanted: Objects) -> str:
    found = read(direct, wanted.namespace.key)
    assert found is not None
    return str(found.body["metadata"]["id"])
