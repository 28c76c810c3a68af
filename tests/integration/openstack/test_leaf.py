"""A leaf on the real services: made, changed by others, found, removed; and what it costs to look."""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import faults
from cloud_proxies import says
from devcloud import Tenant, furnish
from faults import Rule
from housed_leaves import cloud_objects
from leaves import CLOUD_TRANSLATOR, change, cloud_leaf, objects, read, removal, state, with_body, write
from waiting import wait_until
from yunjin.errors import ConflictError, RefusalError, TransientError, UnreachableError
from yunjin.substrates.openstack.answer import IDENTITY
from yunjin.substrates.openstack.backend import OpenStackBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_proxies import CloudProxies
    from devcloud import CloudApi, DevCloud
    from leaves import Objects
    from yunjin.model.resources import Live, Wanted

_KEPT = ("networks", "subnets", "routers", "ports", "floatingips")


def _now(backend: OpenStackBackend, key: Any) -> Live:
    found = read(backend, key)
    assert found is not None
    return found


def _id(backend: OpenStackBackend, wanted: Objects) -> str:
    return str(_now(backend, wanted.namespace.key).body["metadata"]["id"])


def _owned(api: CloudApi, collection: str, project: str) -> list[dict[str, Any]]:
    found = api.get("network", f"/v2.0/{collection}?project_id={project}")[collection.replace("-", "_")]
    return [each for each in found if each["project_id"] == project]


def _down(wanted: Objects) -> Wanted:
    return with_body(wanted.deny, spec={"admin_state_up": False, "shared": False})


def test_a_sweep_asks_for_nothing_twice(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    unique: Callable[[str], str],
    endpoint: str,
) -> None:
    names = [unique("leaf") for _ in range(3)]
    for name in names:
        write(direct, *cloud_objects(name, endpoint).all)
    proxies.forget()
    found = state(backend)
    assert sorted(names) == sorted(set(found) - {""})
    asked = [
        (service, seen.method, re.sub("[0-9a-f]{32}", "ID", seen.path)) for service, seen in proxies.seen
    ]
    by_project = Counter(path for path in asked if "quota" in path[2])
    lists = Counter(path for path in asked if "quota" not in path[2])
    assert sorted(by_project.values()) == [3, 3, 3]
    assert set(lists.values()) == {1}
    assert len(lists) == 12
    assert {method for _, method, _ in asked} == {"GET"}


def test_writing_again_what_stands_writes_nothing(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, small: Objects
) -> None:
    write(direct, *small.all)
    proxies.forget()
    for wanted in small.all:
        live = _now(backend, wanted.key)
        backend.write(change(wanted, live), live)
    assert proxies.writes == ()


def test_a_pool_of_domestic_hardware_bears_its_mark_until_it_is_one_no_more(
    direct: OpenStackBackend, cloud: DevCloud, unique: Callable[[str], str], endpoint: str
) -> None:
    name, pool = unique("leaf"), unique("os-xc")
    furnish.aggregate(cloud.api(), pool)

    def marks() -> dict[str, str]:
        found = cloud.api().get("compute", "/os-aggregates")["aggregates"]
        metadata: dict[str, str] = next(each["metadata"] for each in found if each["name"] == pool)
        return {key: value for key, value in metadata.items() if key == "yunjin:xc"}

    domestic, ordinary = (
        objects(cloud_leaf(name, endpoint, pool=pool, xc=xc), CLOUD_TRANSLATOR) for xc in (True, False)
    )
    write(direct, *domestic.all)
    assert marks() == {"yunjin:xc": "true"}
    live = _now(direct, domestic.limits.key)
    assert CLOUD_TRANSLATOR.matches(domestic.limits, live)
    direct.write(change(ordinary.limits, live), live)
    assert marks() == {}
    assert CLOUD_TRANSLATOR.matches(ordinary.limits, _now(direct, ordinary.limits.key))


def test_the_tokens_end_is_not_noticed(direct: OpenStackBackend, cloud: DevCloud, small: Objects) -> None:
    write(direct, *small.all)
    token = str(direct.client._token(IDENTITY))
    connection = http.client.HTTPConnection(cloud.auth_url.split("/")[2])
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    connection.request("DELETE", "/v3/auth/tokens", headers=headers)
    assert connection.getresponse().status == 204
    connection.close()
    assert state(direct)[small.namespace.key.name].keys() >= {("Quota", "yunjin")}
    assert direct.client._token(IDENTITY) != token


def test_a_service_that_the_catalogue_does_not_name_is_refused_by_name(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects, large: Objects
) -> None:
    write(direct, small.namespace, small.quota)
    live = _now(direct, small.quota.key)
    api = cloud.api()
    (service,) = api.get("identity", "/services?type=block-storage")["services"]
    (legacy,) = api.get("identity", "/services?type=volumev3")["services"]
    for each in (service, legacy):
        api.must("PATCH", "identity", f"/services/{each['id']}", {"service": {"enabled": False}})
    try:
        without = OpenStackBackend.connect(direct.endpoint, cloud.clouds_yaml, cloud.name)
        with pytest.raises(RefusalError, match="Cinder"):
            list(without.observe())
        with pytest.raises(RefusalError, match="Cinder") as raised:
            without.write(change(large.quota, live), live)
        assert raised.value.facts == {"service": "volume"}
        without.close()
    finally:
        for each in (service, legacy):
            api.must("PATCH", "identity", f"/services/{each['id']}", {"service": {"enabled": True}})
    assert _now(direct, small.quota.key).body["spec"] == live.body["spec"]


def test_a_project_that_goes_during_a_sweep_is_absent(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    cloud: DevCloud,
    small: Objects,
    unique: Callable[[str], str],
) -> None:
    other = cloud_objects(unique("leaf"), direct.endpoint)
    write(direct, small.namespace, other.namespace)
    project = _id(direct, small)
    proxies["identity"].forget()
    proxies["identity"].inject(Rule(faults.slow(2), "GET", "/projects"))
    seen: dict[str, Any] = {}
    sweep = threading.Thread(target=lambda: seen.update(state(backend)))
    sweep.start()
    wait_until(lambda: any("/projects" in one.path for one in proxies["identity"].seen))
    wait_until(lambda: cloud.api().call("DELETE", "identity", f"/projects/{project}").status in (204, 404))
    sweep.join()
    assert other.namespace.key.name in seen
    assert small.namespace.key.name not in seen


def test_a_project_deleted_under_our_hands_stops_its_leaf_and_nothing_else(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects
) -> None:
    write(direct, small.namespace, small.quota)
    quota = _now(direct, small.quota.key)
    cloud.api().must("DELETE", "identity", f"/projects/{_id(direct, small)}")
    for wanted in (small.quota, small.admin):
        live = quota if wanted is small.quota else None
        with pytest.raises(ConflictError):
            direct.write(change(wanted, live), live)
    assert small.namespace.key.name not in state(direct)
    write(direct, *small.all)
    assert all(CLOUD_TRANSLATOR.matches(wanted, _now(direct, wanted.key)) for wanted in small.all)


def test_a_network_of_the_same_name_is_not_taken_over(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects
) -> None:
    write(direct, small.namespace)
    fields = {"name": "yunjin", "project_id": _id(direct, small), "admin_state_up": False}
    cloud.api().must("POST", "network", "/v2.0/networks", {"network": fields})
    with pytest.raises(ConflictError):
        direct.write(change(small.deny, None), None)
    assert _now(direct, small.deny.key).body["spec"]["admin_state_up"] is False


def test_a_revision_that_moved_between_look_and_write_is_refused(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, small: Objects
) -> None:
    write(direct, small.namespace, small.deny)
    live = _now(backend, small.deny.key)
    proxies["network"].inject(Rule(says(412, "revision_number constraint failed"), "PUT", "/networks/"))
    asked = change(_down(small), live)
    with pytest.raises(ConflictError):
        backend.write(asked, live)
    assert _now(backend, small.deny.key).body["spec"]["admin_state_up"] is True
    backend.write(asked, live)
    assert _now(backend, small.deny.key).body["spec"]["admin_state_up"] is False


def test_a_removal_empties_the_project_and_touches_no_other(
    direct: OpenStackBackend, cloud: DevCloud, small: Objects, unique: Callable[[str], str]
) -> None:
    api = cloud.api()
    other = cloud_objects(unique("leaf"), direct.endpoint)
    used = {}
    for wanted in (small, other):
        write(direct, *wanted.all)
        project = _id(direct, wanted)
        tenant = Tenant.of(api, project, wanted.namespace.key.name)
        (network,) = _owned(api, "networks", project)
        assert tenant.booted("busy", network=network["id"])["status"] == "ACTIVE"
        assert tenant.volume("disk").status == 202
        assert tenant.port(network["id"]).status == 201
        used[project] = {name: len(_owned(api, name, project)) for name in _KEPT}
    gone, kept = used
    direct.write(removal(small.namespace), _now(direct, small.namespace.key))
    assert direct.effective([removal(small.namespace)]).keys() == {small.namespace.key}
    assert {name: len(_owned(api, name, gone)) for name in _KEPT} == dict.fromkeys(_KEPT, 0)
    assert {name: len(_owned(api, name, kept)) for name in _KEPT} == used[kept]
    for service, path in (("compute", "/servers/detail"), ("block-storage", "/volumes/detail")):
        (name,) = (body := api.get(service, f"{path}?all_tenants=1")).keys() - {f"{path.split('/')[1]}_links"}
        owners = [each.get("tenant_id") or each.get("os-vol-tenant-attr:tenant_id") for each in body[name]]
        assert gone not in owners
        assert kept in owners
    assert all(CLOUD_TRANSLATOR.matches(wanted, _now(direct, wanted.key)) for wanted in other.all)
    assert [each for each in api.get("compute", "/os-aggregates")["aggregates"] if gone in str(each)] == []
    named = f"/groups?name={small.namespace.key.name}-admin"
    assert api.get("identity", named)["groups"] == []


@pytest.mark.parametrize("lost", ["DELETE /servers/", "DELETE /networks/", "PATCH /projects/"])
def test_a_removal_that_broke_off_is_marked_and_finished_by_the_next(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    cloud: DevCloud,
    small: Objects,
    lost: str,
) -> None:
    write(direct, *small.all)
    tenant = Tenant.of(cloud.api(), _id(direct, small), small.namespace.key.name)
    assert tenant.booted("busy")["status"] == "ACTIVE"
    live = _now(direct, small.namespace.key)
    method, _, path = lost.partition(" ")
    for service in ("identity", "compute", "network"):
        proxies[service].inject(Rule(says(500), method, path, times=None))
    with pytest.raises(TransientError):
        backend.write(removal(small.namespace), live)
    assert CLOUD_TRANSLATOR.claim(_now(direct, small.namespace.key)).ending
    assert backend.effective([removal(small.namespace)]) == {}
    proxies.forget()
    backend.write(removal(small.namespace), live)
    assert read(direct, small.namespace.key) is None


def test_what_cannot_be_emptied_in_time_is_named_and_goes_on_later(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, small: Objects
) -> None:
    write(direct, *small.all)
    live = _now(direct, small.namespace.key)
    proxies["network"].inject(Rule(says(409, "still in use"), "DELETE", "/networks/", times=None))
    with pytest.raises(TransientError, match="networks") as raised:
        backend.write(removal(small.namespace), live)
    assert raised.value.retry_after
    proxies.forget()
    backend.write(removal(small.namespace), live)
    assert read(direct, small.namespace.key) is None


def test_nobody_answers(backend: OpenStackBackend, proxies: CloudProxies, small: Objects) -> None:
    proxies["network"].die()
    with pytest.raises(UnreachableError, match="Neutron"):
        list(backend.observe())
    proxies["network"].revive()
    assert "" in state(backend)
