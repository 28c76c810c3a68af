"""What only the real server can show of fields and their owners, beyond the contract of all substrates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from devcluster.api import MERGE_PATCH
from leaves import TRANSLATOR, change, leaf, objects, read, write
from yunjin.errors import ConflictError
from yunjin.substrates.kubernetes import compare
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.kubernetes.kinds import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters import Cluster
    from devcluster import Api
    from leaves import Objects
    from yunjin.model.resources import Live, Wanted


@pytest.fixture
def backend(cluster: Cluster, unique: Callable[[str], str]) -> Iterator[KubernetesBackend]:
    opened = KubernetesBackend.connect(unique("endpoint"), cluster.kubeconfig, cluster.context)
    yield opened
    opened.close()


@pytest.fixture
def api(cluster: Cluster) -> Api:
    return cluster.api()


@pytest.fixture
def written(backend: KubernetesBackend, unique: Callable[[str], str]) -> Objects:
    wanted = objects(leaf(unique("owned"), backend.endpoint, node_selector={"a": "b"}))
    write(backend, *wanted.all)
    return wanted


def _now(backend: KubernetesBackend, wanted: Wanted) -> Live:
    live = read(backend, wanted.key)
    assert live is not None
    return live


def _edit(api: Api, wanted: Wanted, body: dict[str, Any]) -> None:
    path = f"{path_of(wanted.key)}?fieldManager=somebody"
    api.must("PATCH", path, body, content_type=MERGE_PATCH)


def test_every_object_is_kept_in_the_form_in_which_it_is_written(
    backend: KubernetesBackend, written: Objects
) -> None:
    for wanted in written.all:
        live = _now(backend, wanted)
        assert compare.stands(wanted.body, live.body), f"{wanted.key}: the quick comparison must suffice"
        assert [
            entry["operation"]
            for entry in live.body["metadata"]["managedFields"]
            if entry["manager"] == "yunjin"
        ] == ["Apply"]


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_an_opened_policy_shows_is_refused_and_closed(
    backend: KubernetesBackend, api: Api, written: Objects, direction: str
) -> None:
    _edit(api, written.deny, {"spec": {direction: [{}]}})
    live = _now(backend, written.deny)
    (difference,) = TRANSLATOR.differences(written.deny, live)
    assert (difference.path, difference.manager) == (f"spec.{direction}", "somebody")
    with pytest.raises(ConflictError, match="somebody"):
        backend.write(change(written.deny, live), live)
    write(backend, written.deny, force=True)
    assert direction not in _now(backend, written.deny).body["spec"]


def test_an_older_name_of_a_bound_goes_only_by_force(
    backend: KubernetesBackend, api: Api, written: Objects
) -> None:
    _edit(api, written.quota, {"spec": {"hard": {"cpu": "1", "services": "9"}}})
    live = _now(backend, written.quota)
    assert [d.path for d in TRANSLATOR.differences(written.quota, live)] == ["spec.hard.cpu"]
    with pytest.raises(ConflictError, match=r"spec\.hard\.cpu \(somebody\)"):
        backend.write(change(written.quota, live), live)
    write(backend, written.quota, force=True)
    live = _now(backend, written.quota)
    assert TRANSLATOR.matches(written.quota, live)
    assert live.body["spec"]["hard"]["services"] == "9"
    assert "cpu" not in live.body["spec"]["hard"]


def test_an_imported_quota_passes_to_yunjin_with_its_first_change(
    backend: KubernetesBackend, api: Api, unique: Callable[[str], str]
) -> None:
    name = unique("imported")
    api.must("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    hard = {"cpu": "4", "memory": "8Gi", "requests.storage": "107374182400", "pods": "40"}
    quota = {"metadata": {"name": "compute"}, "spec": {"hard": hard}}
    api.must("POST", f"/api/v1/namespaces/{name}/resourcequotas?fieldManager=somebody", quota)
    roles = frozenset(
        {"limits", "network-deny", "network-base", "network-flows", "role-admin", "role-viewer"}
    )
    before = leaf(name, backend.endpoint, imported=True, renamed={"quota": "compute"}, without=roles)
    assert {wanted.key for wanted in TRANSLATOR.wanted(before)} == set(
        backend.read([wanted.key for wanted in TRANSLATOR.wanted(before)])
    )
    for wanted in TRANSLATOR.wanted(before):
        assert TRANSLATOR.matches(wanted, _now(backend, wanted))
    after = replace(before, allotted=type(before.allotted)({**before.allotted, "cpu": 6000}))
    larger = TRANSLATOR.wanted(after)[1]
    found = TRANSLATOR.differences(larger, _now(backend, larger))
    assert [d.path for d in found if d.observed is not None] == ["spec.hard.requests.cpu"]
    assert "spec.hard.services.loadbalancers" in [d.path for d in found]
    write(backend, larger, force=True)
    live = _now(backend, larger)
    assert TRANSLATOR.matches(larger, live)
    assert compare.owns(live.body)
    assert live.body["spec"]["hard"] == larger.body["spec"]["hard"]
    assert live.body["metadata"]["labels"]["yunjin/tenant"] == "jtj"


def test_namespaces_of_given_names_are_observed_though_nothing_marks_them(
    cluster: Cluster, api: Api, unique: Callable[[str], str]
) -> None:
    name, other = unique("plain"), unique("other")
    for each in (name, other):
        api.must("POST", "/api/v1/namespaces", {"metadata": {"name": each}})
    backend = KubernetesBackend.connect(
        unique("endpoint"), cluster.kubeconfig, cluster.context, watch_names=frozenset({name})
    )
    assert {state.name for state in backend.observe()} - {""} == {name}
    backend.close()


def test_long_lists_come_in_pages_and_whole(
    backend: KubernetesBackend, api: Api, unique: Callable[[str], str]
) -> None:
    wanted = objects(leaf(unique("many"), backend.endpoint))
    write(backend, wanted.namespace)
    path = f"/apis/networking.k8s.io/v1/namespaces/{wanted.namespace.key.name}/networkpolicies"
    names = {f"policy-{number}" for number in range(520)}
    for name in sorted(names):
        api.must("POST", path, {"metadata": {"name": name}, "spec": {"podSelector": {}}})
    (state,) = (state for state in backend.observe() if state.name == wanted.namespace.key.name)
    assert {name for kind, name in state.objects if kind == "NetworkPolicy"} == names
