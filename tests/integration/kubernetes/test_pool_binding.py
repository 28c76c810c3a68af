"""Pods land on the nodes of their pool, by either way of binding, and whether one works can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devcluster import DevCluster
from leaves import TRANSLATOR, leaf, objects, write
from waiting import wait_until
from yunjin.model.centre import Endpoint
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devcluster import Api

ENDPOINT = "yj-test-endpoint"
SELECTOR = {"yunjin/pool": "k8s-egov", "example.org/arch": "arm64"}


def _declared(binding: str) -> Endpoint:
    fields = {"id": ENDPOINT, "zh": "集群", "en": "cluster", "technology": "kubernetes", "state": "live"}
    return Endpoint.model_validate({**fields, "access": "simulated", "pool_binding": binding})


def _leaf(backend: KubernetesBackend, api: Api, name: str, **more: Any) -> str:
    wanted = objects(leaf(name, ENDPOINT, **{"node_selector": SELECTOR, **more}))
    write(backend, wanted.namespace, wanted.limits)
    wait_until(lambda: api.call("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").status == 200)
    return name


def _selector(api: Api, namespace: str, own: dict[str, str]) -> Any:
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {
        "name": "web",
        "image": "web",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {"containers": [container], "securityContext": security, **({"nodeSelector": own} if own else {})}
    body = {"metadata": {"name": "web"}, "spec": spec}
    return api.must("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)["spec"].get(
        "nodeSelector"
    )


def test_by_the_plugin_a_namespaces_pods_are_bound(
    owned_cluster: DevCluster, unique: Callable[[str], str]
) -> None:
    backend = KubernetesBackend.connect(ENDPOINT, owned_cluster.kubeconfig, None)
    api = owned_cluster.api()
    bound = _leaf(backend, api, unique("bound"))
    free = _leaf(backend, api, unique("free"), node_selector={})
    assert _selector(api, bound, {"a": "b"}) == {**SELECTOR, "a": "b"}
    assert backend.pool_binding_active(bound) is True
    assert backend.pool_binding_active(free) is None
    assert backend.pool_binding_active(unique("nowhere")) is None
    backend.close()


@pytest.fixture(scope="module")
def without_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """A cluster where PodNodeSelector cannot be enabled."""
    with DevCluster.start(tmp_path_factory.mktemp("plain"), light=True, admission=()) as started:
        yield started


@pytest.mark.kubernetes
@pytest.mark.owns_server
def test_by_the_policy_a_namespaces_pods_are_bound(
    without_plugin: DevCluster, unique: Callable[[str], str]
) -> None:
    backend = KubernetesBackend.connect(ENDPOINT, without_plugin.kubeconfig, None)
    api = without_plugin.api()
    name, free = _leaf(backend, api, unique("bound")), _leaf(backend, api, unique("free"), node_selector={})
    write(backend, *TRANSLATOR.shared(_declared("node-selector"), {}))
    assert backend.pool_binding_active(name) is False
    write(backend, *TRANSLATOR.shared(_declared("admission-policy"), {}))
    wait_until(lambda: backend.pool_binding_active(name) is True)
    assert _selector(api, name, {}) == SELECTOR
    assert _selector(api, name, {"yunjin/pool": "another", "a": "b"}) == {**SELECTOR, "a": "b"}
    assert _selector(api, free, {"a": "b"}) == {"a": "b"}
    assert _selector(api, "default", {}) is None
    shared = next(state for state in backend.observe() if state.name == "")
    for wanted in TRANSLATOR.shared(_declared("admission-policy"), {}):
        assert TRANSLATOR.matches(wanted, shared.objects[wanted.key.kind, wanted.key.name])
    backend.close()
