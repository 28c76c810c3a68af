"""Connecting: credentials by reference, planned endpoints untouched, nothing left open behind an error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import city
from yunjin.engine.endpoints import accesses, connect, live, resolve
from yunjin.errors import UnreachableError, UsageError
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

NOWHERE = """
apiVersion: v1
kind: Config
current-context: ops
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {token: not-a-token}}]
contexts: [{name: ops, context: {cluster: c, user: u}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "ops.kubeconfig"
    path.write_text(NOWHERE, "utf-8")
    return path


def _endpoint(item: str = "k8s", **more: Any) -> dict[str, Any]:
    return {**city()["endpoints"][0], "id": item, **more}


def _estate(*endpoints: dict[str, Any]) -> Estate:
    return declared(endpoints=[_endpoint(), *endpoints])


def test_a_file_reference(kubeconfig: Path) -> None:
    assert resolve(f"file:{kubeconfig}") == (kubeconfig, None)
    assert resolve(f"file:{kubeconfig}#ops@egov") == (kubeconfig, "ops@egov")


def test_an_environment_reference(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNJIN_TEST_OPS", str(kubeconfig))
    assert resolve("env:YUNJIN_TEST_OPS") == (kubeconfig, None)
    assert resolve("env:YUNJIN_TEST_OPS#ops") == (kubeconfig, "ops")


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named_with_what_to_do(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("YUNJIN_TEST_OPS", raising=False)
    if value is not None:
        monkeypatch.setenv("YUNJIN_TEST_OPS", value)
    with pytest.raises(UsageError, match="YUNJIN_TEST_OPS is not set") as caught:
        resolve("env:YUNJIN_TEST_OPS")
    assert caught.value.exit_code == 2
    assert "--kubeconfig" in str(caught.value.remedy)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no credentials file .*gone\.kubeconfig") as caught:
        resolve(f"file:{tmp_path / 'gone.kubeconfig'}#ops")
    assert "endpoints.yaml" in str(caught.value.remedy)


def test_one_kubeconfig_stands_for_every_live_kubernetes_endpoint(kubeconfig: Path) -> None:
    estate = _estate(
        _endpoint("k8s-inet", access="env:OPS"), _endpoint("later", state="planned", access="env:OPS")
    )
    assert accesses(estate, None) == {"k8s": "simulated", "k8s-inet": "env:OPS"}
    given = f"file:{kubeconfig.resolve()}"
    assert accesses(estate, kubeconfig) == {"k8s": given, "k8s-inet": given}


def test_a_kubeconfig_is_found_from_where_the_command_runs(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kubeconfig.parent)
    assert accesses(_estate(), Path(kubeconfig.name)) == {"k8s": f"file:{kubeconfig.resolve()}"}


def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no kubeconfig file"):
        accesses(_estate(), tmp_path / "gone")


def test_a_planned_endpoint_is_never_touched(tmp_path: Path) -> None:
    """Its variable is not set, its substrate is not built: nobody asks."""
    planned = _endpoint("os-egov", technology="openstack", state="planned", access="env:NEVER_SET")
    estate = _estate(planned)
    assert [endpoint.id for endpoint in live(estate)] == ["k8s"]
    with connect(estate, tmp_path, accesses(estate, None)) as endpoints:
        assert set(endpoints.backends) == set(endpoints.bindings) == set(endpoints.translators) == {"k8s"}
        with pytest.raises(UsageError, match="only planned"):
            endpoints.backend("os-egov")
    assert [path.name for path in (tmp_path / "simulated").iterdir()] == ["k8s.db"]


def test_a_simulated_cloud_speaks_the_language_of_clouds(tmp_path: Path) -> None:
    estate = _estate(_endpoint("os-egov", technology="openstack"))
    with connect(estate, tmp_path, accesses(estate, None)) as endpoints:
        kinds = {
            endpoint: translator.home(endpoint, "x").kind
            for endpoint, translator in endpoints.translators.items()
        }
    assert kinds == {"k8s": "Namespace", "os-egov": "Project"}


def test_a_cloud_by_name_is_looked_for_in_clouds_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE", raising=False)
    estate = _estate(_endpoint("os-egov", technology="openstack"))
    here, named = tmp_path / "clouds.yaml", tmp_path / "other.yaml"
    here.write_text("clouds: {}\n", "utf-8")
    named.write_text("clouds: {}\n", "utf-8")
    assert accesses(estate, None, "city") == {"k8s": "simulated", "os-egov": f"file:{here}#city"}
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(named))
    assert accesses(estate, None, "city")["os-egov"] == f"file:{named}#city"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "gone.yaml"))
    with pytest.raises(UsageError, match=r"there is no clouds\.yaml"):
        accesses(estate, None, "city")


def test_what_has_no_reference_is_not_connected(tmp_path: Path) -> None:
    with connect(_estate(_endpoint("k8s-inet")), tmp_path, {"k8s": "simulated"}) as endpoints:
        assert set(endpoints.backends) == {"k8s"}


def test_simulated_endpoints_are_known_as_such(tmp_path: Path, kubeconfig: Path) -> None:
    estate = _estate()
    with connect(estate, tmp_path, accesses(estate, None)) as endpoints:
        assert isinstance(endpoints.backend("k8s"), SimulatedBackend)
        assert endpoints.simulated
    with connect(estate, tmp_path, accesses(estate, kubeconfig)) as endpoints:
        assert isinstance(endpoints.backend("k8s"), KubernetesBackend)
        assert not endpoints.simulated


def test_connecting_sends_nothing(tmp_path: Path, kubeconfig: Path) -> None:
    """Who does not answer is found out by observing."""
    estate = _estate()
    with (
        connect(estate, tmp_path, accesses(estate, kubeconfig)) as endpoints,
        pytest.raises(UnreachableError),
    ):
        list(endpoints.backend("k8s").observe())


def test_names_of_leaves_are_watched_though_no_label_gives_them(tmp_path: Path) -> None:
    estate = _estate()
    also = {"k8s": frozenset({"old"})}
    with connect(estate, tmp_path, accesses(estate, None), also) as endpoints:
        people = endpoints.backend("k8s")
        assert isinstance(people, SimulatedBackend)
        for name in ("old", "jtj-egov", "strange"):
            people.create_foreign({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        assert [leaf.name for leaf in people.observe()] == ["", "jtj-egov", "old"]


def test_an_error_leaves_no_connection_open(tmp_path: Path) -> None:
    estate = _estate(_endpoint("k8s-inet", access="env:NEVER_SET"))
    before = _open_files(tmp_path)
    with pytest.raises(UsageError):
        connect(estate, tmp_path, accesses(estate, None))
    assert _open_files(tmp_path) == before


def _open_files(folder: Path) -> int:
    links = (str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists())
    return sum(link.startswith(str(folder)) for link in links)
