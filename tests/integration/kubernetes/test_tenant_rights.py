"""Acting as a tenant with an issued credential: what works, what is refused, and how it ends."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from devcluster.api import Api
from leaves import TRANSLATOR, leaf, objects, read, removal, write
from waiting import wait_until
from yunjin.errors import ConflictError, RefusalError
from yunjin.model.amounts import Amounts
from yunjin.model.centre import Endpoint
from yunjin.model.credential import merged
from yunjin.substrates.kubernetes import credentials
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devcluster import DevCluster
    from leaves import Objects
    from yunjin.model.credential import Credential, Role

ENDPOINT = "yj-test-endpoint"
DECLARED = Endpoint.model_validate(
    {
        "id": ENDPOINT,
        "zh": "集群",
        "en": "cluster",
        "technology": "kubernetes",
        "state": "live",
        "access": "simulated",
    }
)
NETWORKING = "/apis/networking.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass
class Stage:
    """A leaf with everything in it, on a cluster with everything shared."""

    backend: KubernetesBackend
    leaf: str
    wanted: Objects
    folder: Path

    def issue(self, role: Role = "admin", name: str = "ci") -> Credential:
        return credentials.issue(self.backend.client, self.leaf, role, name, 3600)

    def acting(self, *issued: Credential) -> Api:
        """A client of our own that has nothing but the kubeconfig a tenant gets."""
        file = self.folder / "tenant.kubeconfig"
        file.write_text(yaml.safe_dump(merged(issued)), "utf-8")
        return Api.from_kubeconfig(file)


@pytest.fixture
def stage(owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path) -> Iterator[Stage]:
    backend = KubernetesBackend.connect(ENDPOINT, owned_cluster.kubeconfig, None)
    write(backend, *TRANSLATOR.shared(DECLARED, {}))
    name = unique("tenant")
    allotted = Amounts.parse({"cpu": 4, "memory": "8Gi", "storage": "10Gi", "pods": 20})
    wanted = objects(leaf(name, ENDPOINT, allotted=allotted))
    write(backend, *wanted.all)
    wait_until(lambda: owned_cluster.api().call("GET", _own(name, "serviceaccounts/default")).status == 200)
    yield Stage(backend, name, wanted, tmp_path)
    backend.close()


def _own(namespace: str, rest: str, root: str = "/api/v1") -> str:
    return f"{root}/namespaces/{namespace}/{rest}"


def _pod(name: str = "web") -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "web",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_a_tenant_works_in_its_namespace(stage: Stage) -> None:
    tenant = stage.acting(stage.issue())
    made = tenant.must("POST", _own(stage.leaf, "pods"), _pod())
    assert made["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m", "memory": "128Mi"}
    for kind in ("configmaps", "secrets", "services", "serviceaccounts"):
        body: dict[str, Any] = {"metadata": {"name": "mine"}}
        if kind == "services":
            body["spec"] = {"ports": [{"port": 80}]}
        tenant.must("POST", _own(stage.leaf, kind), body)
        tenant.must("DELETE", _own(stage.leaf, f"{kind}/mine"))
    for kind in ("resourcequotas", "limitranges", "events", "pods/web/log?dryRun=All"):
        assert tenant.call("GET", _own(stage.leaf, kind)).status != 403
    tenant.must("GET", _own(stage.leaf, "networkpolicies", NETWORKING))
    tenant.must("GET", f"/api/v1/namespaces/{stage.leaf}")


BOUNDS = [
    ("/api/v1", "resourcequotas", "yunjin"),
    ("/api/v1", "limitranges", "yunjin"),
    (NETWORKING, "networkpolicies", "yunjin-deny"),
    (NETWORKING, "networkpolicies", "yunjin-flows"),
    (RBAC, "rolebindings", "yunjin-admin"),
]


@pytest.mark.parametrize(("root", "kind", "name"), BOUNDS)
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_a_tenant_cannot_move_its_bounds(stage: Stage, role: Role, root: str, kind: str, name: str) -> None:
    tenant = stage.acting(stage.issue(role))
    path = _own(stage.leaf, kind, root)
    merge = "application/merge-patch+json"
    assert tenant.call("DELETE", f"{path}/{name}").status == 403
    assert tenant.call("DELETE", path).status == 403
    assert tenant.call("POST", path, {"metadata": {"name": "mine"}}).status == 403
    assert tenant.call("PATCH", f"{path}/{name}", {"spec": {}}, content_type=merge).status == 403
    assert tenant.call("PUT", f"{path}/{name}", {"metadata": {"name": name}}).status == 403
    assert tenant.call("GET", path).status == 200
    assert all(
        TRANSLATOR.matches(one, live) for one in stage.wanted.all if (live := read(stage.backend, one.key))
    )


def test_a_tenant_cannot_become_more_than_it_is(stage: Stage) -> None:
    issued = stage.issue()
    tenant = stage.acting(issued)
    for path in (
        _own(stage.leaf, "serviceaccounts/default/token"),
        _own(stage.leaf, "roles", RBAC),
        f"{RBAC}/clusterrolebindings",
        _own("yunjin-credentials", f"serviceaccounts/{stage.leaf}-admin/token"),
    ):
        assert tenant.call("POST", path, {"metadata": {"name": "x"}}).status == 403
    for path in (
        "/api/v1/nodes", "/api/v1/namespaces", "/api/v1/secrets", _own("yunjin-credentials", "secrets"),
        _own("kube-system", "pods"), _own("default", "configmaps"),
    ):  # fmt: skip
        assert tenant.call("GET", path).status == 403
    tenant.headers["Impersonate-User"] = "system:admin"
    assert tenant.call("GET", _own(stage.leaf, "pods")).status == 403


def test_a_tenant_cannot_loosen_its_namespace(stage: Stage) -> None:
    tenant = stage.acting(stage.issue())
    body = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    path = f"/api/v1/namespaces/{stage.leaf}"
    assert tenant.call("PATCH", path, body, content_type="application/merge-patch+json").status == 403
    assert tenant.call("DELETE", path).status == 403
    pod = _pod()
    pod["spec"]["hostNetwork"] = True
    assert tenant.call("POST", _own(stage.leaf, "pods"), pod).status == 403


def test_a_tenant_stays_within_its_quota(stage: Stage) -> None:
    def counted() -> bool:
        quota = read(stage.backend, stage.wanted.quota.key)
        return quota is not None and "used" in quota.body.get("status", {})

    wait_until(counted)
    tenant = stage.acting(stage.issue())
    pod = _pod()
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "5"}, "limits": {"cpu": "5"}}
    assert tenant.call("POST", _own(stage.leaf, "pods"), pod).status == 403
    greedy = {"metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    assert tenant.call("POST", _own(stage.leaf, "services"), greedy).status == 403


def test_a_viewer_looks_and_does_not_touch(stage: Stage) -> None:
    viewer = stage.acting(stage.issue("viewer"))
    assert viewer.call("GET", _own(stage.leaf, "pods")).status == 200
    assert viewer.call("GET", _own(stage.leaf, "secrets")).status == 403
    assert viewer.call("POST", _own(stage.leaf, "pods"), _pod()).status == 403


def test_a_revoked_credential_ends_and_the_others_go_on(stage: Stage) -> None:
    first, second = stage.issue(name="first"), stage.issue(name="second")
    revoked, kept = stage.acting(first), stage.acting(second)
    pods = _own(stage.leaf, "pods")
    assert revoked.call("GET", pods).status == kept.call("GET", pods).status == 200
    assert credentials.revoke(stage.backend.client, stage.leaf, "first")
    wait_until(lambda: revoked.call("GET", pods).status == 401)
    assert kept.call("GET", pods).status == 200
    assert not credentials.revoke(stage.backend.client, stage.leaf, "first")


def test_a_token_stands_in_no_object_of_the_cluster(stage: Stage, owned_cluster: DevCluster) -> None:
    issued = stage.issue()
    signature = issued.document["users"][0]["user"]["token"].rpartition(".")[2]
    secret = owned_cluster.api().get(_own("yunjin-credentials", f"secrets/{stage.leaf}.ci"))
    assert not secret.get("data")
    assert signature not in str(secret)
    assert signature not in base64.b64encode(str(secret).encode()).decode()


def test_a_name_is_given_once(stage: Stage) -> None:
    stage.issue()
    with pytest.raises(ConflictError, match="ci"):
        stage.issue()


def test_a_refused_token_leaves_nothing_behind(stage: Stage) -> None:
    with pytest.raises(Exception, match="serviceaccounts"):
        credentials.issue(stage.backend.client, stage.leaf, "admin", "forever", 2**40)
    assert stage.issue(name="forever").document["users"]


def test_a_removed_leaf_takes_its_credentials_along(stage: Stage, owned_cluster: DevCluster) -> None:
    tenant = stage.acting(stage.issue())
    stage.backend.write(removal(stage.wanted.namespace), read(stage.backend, stage.wanted.namespace.key))
    wait_until(lambda: tenant.call("GET", _own(stage.leaf, "pods")).status == 401)
    for kind in ("secrets", "serviceaccounts"):
        items = owned_cluster.api().get(_own("yunjin-credentials", kind))["items"]
        assert not [item for item in items if item["metadata"]["name"].startswith(stage.leaf)]


def test_before_the_first_apply_there_are_no_credentials(
    empty_cluster: DevCluster, unique: Callable[[str], str]
) -> None:
    backend = KubernetesBackend.connect(ENDPOINT, empty_cluster.kubeconfig, None)
    with pytest.raises(ConflictError, match="yunjin-credentials"):
        credentials.issue(backend.client, unique("nobody"), "admin", "ci", 3600)
    backend.close()


def test_an_account_without_rights_is_told_which(owned_cluster: DevCluster, stage: Stage) -> None:
    weak = KubernetesBackend.connect(ENDPOINT, owned_cluster.kubeconfig_for("weak"), None)
    with pytest.raises(RefusalError, match="forbids") as raised:
        credentials.issue(weak.client, stage.leaf, "admin", "ci", 3600)
    assert ENDPOINT in raised.value.message.zh
    weak.close()
