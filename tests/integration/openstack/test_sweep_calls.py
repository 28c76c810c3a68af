"""What a look costs the services: lists where they have lists, else one question a project and service."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cloud_calls import counted
from housed_leaves import cloud_objects
from leaves import change, read, state, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_proxies import CloudProxies
    from devcloud import DevCloud
    from leaves import Objects
    from yunjin.substrates.openstack.backend import OpenStackBackend

Asked = Counter[tuple[str, str]]

MANY = 10  # more than are read one by one


def _asked(proxies: CloudProxies) -> tuple[Asked, Asked]:
    """Questions since the last `forget`: lists by service and path, and by service and project."""
    lists, projects = Asked(), Asked()
    for service, seen in proxies.seen:
        assert seen.method == "GET"
        project = re.search("/(?:os-quota-sets|quotas)/([0-9a-f]{32})", seen.path)
        if project:
            projects[service, project[1]] += 1
        else:
            lists[service, seen.path] += 1
    return lists, projects


def _ids(backend: OpenStackBackend, leaves: list[Objects]) -> set[str]:
    found = [read(backend, each.namespace.key) for each in leaves]
    return {live.body["metadata"]["id"] for live in found if live}


def _once(projects: set[str]) -> Asked:
    return Asked((service, each) for service in ("compute", "network", "volume") for each in projects)


def _make(backend: OpenStackBackend, leaf: Objects) -> None:
    for wanted in leaf.all:
        backend.write(change(wanted, None), None)


def test_lists_do_not_grow_with_the_leaves_and_quotas_are_asked_once(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    cloud: DevCloud,
    unique: Callable[[str], str],
) -> None:
    first = cloud_objects(unique("leaf"), direct.endpoint)
    write(direct, *first.all)
    stranger = cloud_objects(unique("leaf"), unique("endpoint"))  # in the same domain, another endpoint's
    write(direct, stranger.namespace)
    proxies.forget()
    state(backend)
    few, of_one = _asked(proxies)
    assert of_one == _once(_ids(direct, [first]))

    more = [cloud_objects(unique("leaf"), direct.endpoint) for _ in range(MANY)]
    write(direct, *(each.namespace for each in more))
    proxies.forget()
    assert len(state(backend)) == 1 + 1 + MANY
    many, of_each = _asked(proxies)
    assert many == few
    assert set(many.values()) == {1}
    assert of_each == _once(_ids(direct, [first, *more]))


def test_confirming_many_quotas_asks_once_about_each(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, unique: Callable[[str], str]
) -> None:
    leaves = [cloud_objects(unique("leaf"), direct.endpoint) for _ in range(MANY)]
    for each in leaves:
        write(direct, each.namespace, each.quota)
    written = [change(each.quota, None) for each in leaves]
    backend.effective(written)  # finds the domain
    proxies.forget()
    assert backend.effective(written).keys() == {each.quota.key for each in leaves}
    lists, projects = _asked(proxies)
    assert [service for service, _ in lists.elements()] == ["identity"]
    assert projects == _once(_ids(direct, leaves))


def test_what_leaves_have_in_common_is_asked_once_while_they_are_made(
    cloud: DevCloud, direct: OpenStackBackend, unique: Callable[[str], str]
) -> None:
    maker, calls = counted(cloud, direct.endpoint)
    leaves = [cloud_objects(unique("leaf"), direct.endpoint) for _ in range(4)]
    with ThreadPoolExecutor(len(leaves)) as pool:
        made = [pool.submit(_make, maker, each) for each in leaves]
    for each in made:
        each.result()
    kinds = calls.by_kind()
    assert {kinds[f"identity GET /v3/{each}"] for each in ("domains", "roles")} == {1}
    assert kinds["network GET /v2.0/subnetpools"] == 1
    assert kinds["identity POST /v3/auth/tokens"] == 1
    maker.close()


def test_the_count_of_benchmarks_is_what_the_services_get(
    cloud: DevCloud,
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    small: Objects,
) -> None:
    write(direct, *small.all)
    seeing, calls = counted(cloud, direct.endpoint)
    seeing.client.operator  # noqa: B018 (a token, as the other has one)
    list(seeing.observe())
    own = Counter(call for call in calls if call[1] == "GET" and call[2] != "/v3")
    proxies.forget()
    list(backend.observe())
    assert own == Counter((service, seen.method, seen.path) for service, seen in proxies.seen)
    seeing.close()
