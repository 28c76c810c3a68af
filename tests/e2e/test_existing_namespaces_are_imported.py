"""A namespace that stood before is imported as it stands: the plan is empty, and later changes work.

The same walk on the simulated endpoint and on the real server: somebody made a namespace with other tools,
the operator imports it, somebody else goes on changing it, and the first declared change takes it over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from own_cities import found
from substrate_drivers import KubernetesDriver, SimulatedDriver
from waiting import wait_until
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from commandline import CommandLine
    from devcluster import DevCluster
    from substrate_drivers import ClusterDriver

HARD = {"requests.cpu": "2", "requests.memory": "4Gi", "limits.cpu": "3", "count/services": "5"}
PAPER = ("--paper", "盘政务云〔2026〕12号")
KNOWN = ("--technical", "信息科科长", "--business", "办公室主任", *PAPER)
LACKING = ["limits", "network-deny", "network-base", "network-flows", "role-admin", "role-viewer"]


@dataclass(frozen=True)
class Ground:
    """An operator's desk, an endpoint, and names nobody else uses there."""

    desk: CommandLine
    people: ClusterDriver
    unique: Callable[[str], str]

    def stand(self, *quotas: str) -> str:
        """A namespace that somebody made with other tools, with quotas of these names."""
        name = self.unique("legacy")
        metadata: dict[str, Any] = {"name": name, "labels": {"team": "bus"}}
        self.people.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "terraform")
        for quota in quotas:
            metadata = {"name": quota, "namespace": name}
            body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": HARD}}
            self.people.create(body, "terraform")
        return name

    def quota(self, namespace: str) -> Key:
        """Its key."""
        return Key(self.people.endpoint, namespace, "ResourceQuota", "compute")

    def body(self, key: Key) -> dict[str, Any]:
        """An object as it is now; its status is the cluster's own."""
        found = self.people.backend.read([key])[key].body
        return {name: part for name, part in found.items() if name != "status"}

    def take(self, namespace: str, *more: str, expect: int = 0) -> Any:
        """Import it into pool k8s-egov."""
        arguments = ("import", "kubernetes", namespace, "--pool", "k8s-egov", *more)
        return self.desk.value(*arguments, expect=expect)

    def changes(self) -> list[dict[str, Any]]:
        """Of a new plan."""
        found: list[dict[str, Any]] = self.desk.value("plan")["plan"]["changes"]
        return found


@pytest.fixture
def simulated(small: CommandLine, unique: Callable[[str], str]) -> Iterator[Ground]:
    small.run("plan")
    small.run("apply", "--yes")
    driver = SimulatedDriver("k8s", small.state / "simulated" / "k8s.db")
    yield Ground(small, driver, unique)
    driver.close()


@pytest.fixture
def real(owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path) -> Iterator[Ground]:
    city = found(tmp_path, owned_cluster, unique)
    city.desk.run("plan")
    city.desk.run("apply", "--yes")
    driver = KubernetesDriver(city.endpoints["egov"], owned_cluster)
    yield Ground(city.desk, driver, unique)
    driver.close()


def _walk(ground: Ground) -> None:
    namespace = ground.stand("compute")
    quota, home = ground.quota(namespace), Key(ground.people.endpoint, "", "Namespace", namespace)
    before = _settled(ground, quota), ground.body(home)

    taken = ground.take(namespace, "--tenant", "bus", "--owner", "bureau/jtj", *KNOWN)

    assert (taken["quota"], taken["without"], taken["changes"]) == ("compute", LACKING, 0)
    assert taken["allotted"] == {"cpu": "2", "memory": "4Gi"}
    assert not taken["quarantined"]
    assert ground.changes() == []
    ground.desk.run("drift")
    ground.desk.run("apply", "--yes")
    assert (ground.body(quota), ground.body(home)) == before

    ground.people.edit(quota, {("spec", "hard", "requests.cpu"): "3"}, "terraform")
    answer = ground.desk.value("drift", "list", expect=1)
    assert [(each["path"], each["observed"], each["manager"]) for each in answer["drift"]] == [
        ("spec.hard.requests.cpu", "3", "terraform")
    ]
    assert ground.changes() == []
    ground.people.edit(quota, {("spec", "hard", "requests.cpu"): "2"}, "terraform")

    ground.desk.allot(f"{ground.people.endpoint}/{namespace}", cpu=1)
    (change,) = ground.changes()
    assert change["key"]["kind"] == "ResourceQuota"
    said = {each["path"]: (each["observed"], each["wanted"]) for each in change["differences"]}
    assert said["spec.hard.requests.cpu"] == ("2", "1")
    assert said["spec.hard.pods"] == (None, "0")
    shown = " ".join(ground.desk.run("plan").split())
    assert "spec.hard.requests.cpu: 2 → 1 原配额未约束, 一并设为: limits.memory" in shown
    assert "services.nodeports 0" in shown
    ground.desk.run("apply", "--yes")
    after = ground.body(quota)
    assert {path: after["spec"]["hard"][path.removeprefix("spec.hard.")] for path in said} == {
        path: wanted for path, (_, wanted) in said.items()
    }
    assert after["spec"]["hard"]["count/services"] == "5"
    assert after["metadata"]["labels"]["yunjin/tenant"] == "bus"
    managers = {
        entry["manager"]
        for entry in after["metadata"]["managedFields"]
        if "f:requests.cpu" in str(entry) and not entry.get("subresource")
    }
    assert managers == {"yunjin"}
    assert ground.changes() == []
    ground.desk.run("drift")


def _settled(ground: Ground, quota: Key) -> dict[str, Any]:
    """Once the cluster has counted it, which raises its version a last time."""
    wait_until(lambda: "used" in ground.people.backend.read([quota])[quota].body.get("status", {}))
    return ground.body(quota)


def _walk_quarantine(ground: Ground) -> None:
    """Nobody knows whose it is: it is counted and never changed."""
    namespace = ground.stand("compute")
    quota = ground.quota(namespace)
    before = _settled(ground, quota)
    taken = ground.take(namespace, "--tenant", "orphan", expect=0)
    assert taken["quarantined"]
    ground.desk.allot(f"{ground.people.endpoint}/{namespace}", cpu=1)
    assert ground.changes() == []
    ground.desk.run("drift", "repair", "--yes")
    assert ground.body(quota) == before
    assert "尚缺所属部门、技术联系人、业务联系人" in (ground.desk.tenants / "orphan.yaml").read_text("utf-8")


def test_imported_and_taken_over_on_the_simulated_endpoint(simulated: Ground) -> None:
    _walk(simulated)


def test_imported_and_taken_over_on_the_real_server(real: Ground) -> None:
    _walk(real)


def test_quarantined_on_the_simulated_endpoint(simulated: Ground) -> None:
    _walk_quarantine(simulated)


def test_quarantined_on_the_real_server(real: Ground) -> None:
    _walk_quarantine(real)


def test_a_known_tenant_gets_a_second_namespace(simulated: Ground) -> None:
    namespace = simulated.stand("compute")
    taken = simulated.take(namespace, "--tenant", "jtj", *PAPER)
    assert (taken["tenant"], taken["quarantined"]) == ("jtj", False)
    assert simulated.changes() == []
    said = simulated.desk.run("tenant", "show", "jtj")
    assert f"k8s/{namespace} (2026年11月22日, 盘政务云〔2026〕12号)" in said


def test_figures_above_what_the_bureau_may_have_are_refused_naming_its_limit(simulated: Ground) -> None:
    namespace = simulated.stand("compute")
    simulated.people.edit(simulated.quota(namespace), {("spec", "hard", "requests.cpu"): "9"}, "terraform")
    before = {path.name: path.read_bytes() for path in simulated.desk.tenants.rglob("*.yaml")}
    arguments = ("import", "kubernetes", namespace, "--pool", "k8s-egov", "--tenant", "bus")
    answer = simulated.desk.ask(*arguments, "--owner", "bureau/jtj", *KNOWN, "--output", "json")
    assert answer.code == 1
    (error,) = answer.errors
    assert error["code"] == "shortage"
    assert "8 核" in error["message"]["zh"]
    assert {path.name: path.read_bytes() for path in simulated.desk.tenants.rglob("*.yaml")} == before
    assert f"k8s/{namespace}" not in simulated.desk.shares()

    simulated.desk.grant("k8s-egov", "bureau/jtj", cpu=9)
    assert simulated.take(namespace, "--tenant", "bus", "--owner", "bureau/jtj", *KNOWN)["changes"] == 0
    assert simulated.desk.shares()[f"k8s/{namespace}"].charged.of("cpu") == 9000


def test_what_cannot_be_imported_is_said_with_what_to_do(simulated: Ground) -> None:
    owner = ("--owner", "bureau/jtj", *KNOWN)
    twice = simulated.stand("compute", "compute-2")
    once = simulated.stand("compute")
    simulated.take(once, "--tenant", "bus", *owner)
    before = {path.name: path.read_bytes() for path in simulated.desk.tenants.rglob("*.yaml")}
    for arguments, said in (
        ((twice, "--tenant", "two", *owner), "several quotas"),
        ((once, "--tenant", "bus", *owner), "declared already"),
        (("nowhere", "--tenant", "no", *owner), "has no namespace"),
        ((simulated.stand(), "--tenant", "Wrong Id", *owner), "id"),
        ((simulated.stand(), "--tenant", "new", "--owner", "jtj", *KNOWN), "owner"),
        ((simulated.stand(), "--tenant", "new", "--owner", "bureau/none", *KNOWN), "a declared bureau"),
    ):
        answer = simulated.desk.ask(
            "import", "kubernetes", *arguments, "--pool", "k8s-egov", "--output", "json", lang="en"
        )
        assert (answer.code, said in answer.err) == (2, True), (arguments, answer)
        assert {path.name: path.read_bytes() for path in simulated.desk.tenants.rglob("*.yaml")} == before
