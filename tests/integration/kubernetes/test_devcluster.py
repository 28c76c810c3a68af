"""The test bed keeps its promises: without these, a green lane on it would prove nothing."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devcluster import Api, fake_nodes, merge
from devcluster.api import APPLY_PATCH
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters import Cluster
    from devcluster import DevCluster

ROOT = Path(__file__).parents[3]
POD = {"containers": [{"name": "one", "image": "none", "resources": {"requests": {"cpu": "1"}}}]}


def _namespace(api: Api, name: str, annotations: dict[str, str] | None = None) -> str:
    api.must("POST", "/api/v1/namespaces", {"metadata": {"name": name, "annotations": annotations or {}}})
    wait_until(lambda: api.call("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").status == 200)
    return f"/api/v1/namespaces/{name}"


def _quota(cpu: int) -> dict[str, Any]:
    return {"metadata": {"name": "share"}, "spec": {"hard": {"requests.cpu": str(cpu)}}}


def _hard(api: Api, namespace: str) -> str | None:
    found: str | None = (
        api.get(f"{namespace}/resourcequotas/share").get("status", {}).get("hard", {}).get("requests.cpu")
    )
    return found


def _pod(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": POD | spec}


def test_clients_can_read_its_version(cluster: Cluster) -> None:
    version = cluster.api().get("/version")
    assert int(version["major"]) == 1
    assert version["gitVersion"].startswith(f"v1.{version['minor']}".rstrip("+"))


def test_a_quota_becomes_effective_and_is_enforced(cluster: Cluster, unique: Callable[[str], str]) -> None:
    api = cluster.api()
    namespace = _namespace(api, unique("quota"))
    api.must("POST", f"{namespace}/resourcequotas", _quota(1))
    wait_until(lambda: _hard(api, namespace) == "1")
    assert api.call("POST", f"{namespace}/pods", _pod("first")).status == 201
    assert api.call("POST", f"{namespace}/pods", _pod("second")).status == 403


def test_frozen_no_quota_takes_effect_until_thawed(
    owned_cluster: DevCluster, unique: Callable[[str], str]
) -> None:
    api = owned_cluster.api()
    namespace = _namespace(api, unique("frozen"))
    with owned_cluster.frozen():
        api.must("POST", f"{namespace}/resourcequotas", _quota(1))
        assert api.call("POST", f"{namespace}/pods", _pod("first")).status in (201, 403)
        assert _hard(api, namespace) is None
    wait_until(lambda: _hard(api, namespace) == "1")


def test_a_deleted_namespace_goes(cluster: Cluster, unique: Callable[[str], str]) -> None:
    api = cluster.api()
    namespace = _namespace(api, unique("gone"))
    api.must("DELETE", namespace)
    wait_until(lambda: api.call("GET", namespace).status == 404)


def test_pods_land_on_the_nodes_that_their_namespace_selects(
    owned_cluster: DevCluster, unique: Callable[[str], str]
) -> None:
    api = owned_cluster.api()
    pool = unique("pool")
    names = owned_cluster.add_fake_nodes(2, {"yunjin/pool": pool})
    owned_cluster.add_fake_nodes(1)
    selector = {"scheduler.alpha.kubernetes.io/node-selector": f"yunjin/pool={pool}"}
    namespace = _namespace(api, unique("placed"), selector)
    api.must("POST", f"{namespace}/pods", _pod("tolerant", tolerations=[fake_nodes.TOLERATION]))
    api.must("POST", f"{namespace}/pods", _pod("plain"))
    wait_until(lambda: api.get(f"{namespace}/pods/tolerant")["status"]["phase"] == "Running")
    assert api.get(f"{namespace}/pods/tolerant")["spec"]["nodeName"] in names
    assert "nodeName" not in api.get(f"{namespace}/pods/plain")["spec"]


def test_fake_nodes_say_that_they_are_fake(owned_cluster: DevCluster) -> None:
    (name,) = owned_cluster.add_fake_nodes(1)
    node = owned_cluster.api().get(f"/api/v1/nodes/{name}")
    assert name.startswith("fake-")
    assert {"key": fake_nodes.MARK, "value": "fake", "effect": "NoSchedule"} in node["spec"]["taints"]
    assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("kwok")


def test_a_user_without_rights_is_forbidden(owned_cluster: DevCluster) -> None:
    stranger = owned_cluster.kubeconfig_for("stranger")
    assert Api.from_kubeconfig(stranger).call("GET", "/api/v1/namespaces").status == 403


def test_an_expired_certificate_is_not_authorised(owned_cluster: DevCluster) -> None:
    expired = owned_cluster.expired_kubeconfig()
    assert Api.from_kubeconfig(expired).call("GET", "/api/v1/namespaces").status == 401


def test_another_authority_does_not_vouch_for_the_server(owned_cluster: DevCluster) -> None:
    wrong = owned_cluster.wrong_authority_kubeconfig()
    with pytest.raises(ssl.SSLCertVerificationError):
        Api.from_kubeconfig(wrong).call("GET", "/version")


def test_two_endpoints_are_two_clusters(
    owned_cluster: DevCluster, second_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path
) -> None:
    both = merge(tmp_path / "both", {"one": owned_cluster.login(), "two": second_cluster.login()})
    one, two = Api.from_kubeconfig(both, "one"), Api.from_kubeconfig(both, "two")
    namespace = _namespace(one, unique("only-here"))
    assert two.call("GET", namespace).status == 404
    elsewhere = _namespace(two, unique("only-there"))
    two.must("POST", f"{elsewhere}/resourcequotas", _quota(3))
    wait_until(lambda: _hard(two, elsewhere) == "3")


def test_a_killed_api_server_comes_back_with_what_it_knew(
    second_cluster: DevCluster, unique: Callable[[str], str]
) -> None:
    api = second_cluster.api()
    namespace = _namespace(api, unique("lasting"))
    second_cluster.kill_api_server()
    with pytest.raises(ConnectionError):
        api.call("GET", namespace)
    second_cluster.start_api_server()
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "later"}}
    path = f"{namespace}/configmaps/later?fieldManager=tests"
    assert api.must("PATCH", path, applied, content_type=APPLY_PATCH)["metadata"]["name"] == "later"


@pytest.mark.kubernetes
@pytest.mark.owns_server
def test_people_can_start_one_and_end_it(tmp_path: Path) -> None:
    script, folder = ROOT / "tests" / "devcluster" / "server.py", tmp_path / "mine"
    up = subprocess.run(
        [sys.executable, script, "up", "--light", folder], capture_output=True, text=True, check=True
    )
    try:
        variable, _, kubeconfig = up.stdout.strip().partition("=")
        assert variable == "export KUBECONFIG"
        assert Api.from_kubeconfig(Path(kubeconfig)).get("/version")["major"] == "1"
        again = subprocess.run(
            [sys.executable, script, "up", folder], capture_output=True, text=True, check=False
        )
        assert again.returncode == 1
        assert "not empty" in again.stderr
    finally:
        down = subprocess.run(
            [sys.executable, script, "down", folder], capture_output=True, text=True, check=True
        )
    assert "kube-apiserver" in down.stdout
    assert not list(folder.glob("*.pid"))
