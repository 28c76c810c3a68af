"""A project of a cloud that stood before is imported as it stands: the plan is empty, and later changes work.

The same walk on the simulated cloud and on the real services: somebody made a project with other tools, with
a network, people and a quota; the operator imports it, somebody else goes on changing it, and the first
declared change takes its quota over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from commandline import CommandLine
from devcloud import Tenant
from estates import city, named, write_estate
from takings import CLOUD, CLOUD_POOL, beside_a_cloud
from yunjin.model.resources import Key
from yunjin.substrates.simulated.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devcloud import DevCloud

pytestmark = pytest.mark.timeout(400)  # many commands, each beside a cloud that other tests use
KNOWN = (
    *("--owner", "bureau/jtj", "--technical", "信息科科长", "--business", "办公室主任"),
    *("--paper", "盘政务云〔2026〕12号"),
)
LACKING = ["limits", "network-base", "network-flows", "role-admin", "role-viewer"]
FIGURES = {
    "compute": {"cores": 6, "ram": 12288, "instances": 20},
    "network": {"port": 40, "floatingip": 2},
    "volume": {"volumes": 8, "gigabytes": 300},
}
ALLOTTED = {
    "cpu": "6", "memory": "12Gi", "ports": "36", "floating-ips": "2", "volumes": "8", "storage": "300Gi",
}  # fmt: skip
Figures = dict[str, dict[str, int]]


class People(Protocol):
    """Who works on the cloud with other tools."""

    def stand(self, name: str) -> None:
        """Make a project with a network, somebody who has rights in it, and a quota of `FIGURES`."""
        ...

    def bound(self, name: str, figures: Figures) -> None:
        """Write figures of its quota, as an administrator."""
        ...

    def holds(self, name: str) -> Any:
        """The project and all that its administrators wrote, but for the figures."""
        ...

    def figures(self, name: str) -> Figures:
        """Those of its quota that `FIGURES` names."""
        ...


class SimulatedPeople:
    """On the simulated cloud."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.backend = SimulatedCloud.open(CLOUD, file)

    def stand(self, name: str) -> None:
        self._make("Project", {"enabled": True, "tags": {}}, name)
        self._make("Network", {"admin_state_up": True, "shared": False}, "wire", name)
        self._make("User", {"roles": {"member": True}}, "(0123abcd)", name)
        self.bound(name, FIGURES)

    def bound(self, name: str, figures: Figures) -> None:
        fields: dict[tuple[str, ...], int] = {
            ("spec", service, figure): value
            for service in figures
            for figure, value in figures[service].items()
        }
        self.backend.edit(Key(CLOUD, name, "Quota", "yunjin"), fields)

    def holds(self, name: str) -> Any:
        return {kind: spec for kind, spec in self._specs(name).items() if kind != "Quota"}

    def figures(self, name: str) -> Figures:
        spec = self._specs(name)["Quota"]
        return {service: {each: spec[service][each] for each in FIGURES[service]} for service in FIGURES}

    def _specs(self, name: str) -> dict[str, Any]:
        watching = SimulatedCloud.open(CLOUD, self._file, watch_names=frozenset({name}))
        found = next(state.objects for state in watching.observe() if state.name == name)
        watching.close()
        return {kind: live.body["spec"] for (kind, _), live in found.items()}

    def _make(self, kind: str, spec: dict[str, Any], name: str, leaf: str = "") -> None:
        metadata = {"name": name, "namespace": leaf} if leaf else {"name": name}
        self.backend.create_foreign({"kind": kind, "metadata": metadata, "spec": spec})


class RealPeople:
    """On the real services, in the domain `default`: not in the one that Yunjin makes projects in."""

    def __init__(self, cloud: DevCloud) -> None:
        self._admin = cloud.api()
        self.tenants: dict[str, Tenant] = {}

    def stand(self, name: str) -> None:
        self.tenants[name] = Tenant.new(self._admin, name)
        self.tenants[name].network("wire")
        self.bound(name, FIGURES)

    def bound(self, name: str, figures: Figures) -> None:
        self.tenants[name].set_quota(**figures)

    def holds(self, name: str) -> Any:
        project = self.tenants[name].project
        path = f"/v2.0/{{}}?project_id={project}"
        network = {
            each.replace("-", "_"): self._admin.get("network", path.format(each))[each.replace("-", "_")]
            for each in ("networks", "subnets", "routers", "security-groups")
        }
        rights = self._admin.get("identity", f"/role_assignments?scope.project.id={project}")
        return {
            **network,
            "project": self._admin.get("identity", f"/projects/{project}")["project"],
            "rights": rights["role_assignments"],
        }

    def figures(self, name: str) -> Figures:
        project = self.tenants[name].project
        found = {
            "compute": self._admin.get("compute", f"/os-quota-sets/{project}")["quota_set"],
            "network": self._admin.get("network", f"/v2.0/quotas/{project}")["quota"],
            "volume": self._admin.get("block-storage", f"/os-quota-sets/{project}")["quota_set"],
        }
        return {service: {each: found[service][each] for each in FIGURES[service]} for service in FIGURES}


@dataclass(frozen=True)
class Ground:
    """An operator's desk, a cloud, and names nobody else uses there."""

    desk: CommandLine
    endpoint: str
    people: People
    unique: Callable[[str], str]

    def stand(self) -> str:
        """A project that somebody made with other tools."""
        name = self.unique("legacy")
        self.people.stand(name)
        return name

    def take(self, project: str, *more: str, expect: int = 0) -> Any:
        """Import it into pool os-egov."""
        arguments = ("import", "openstack", "--project", project, "--pool", CLOUD_POOL, *more)
        return self.desk.value(*arguments, expect=expect)

    def changes(self) -> list[dict[str, Any]]:
        """Of a new plan."""
        found: list[dict[str, Any]] = self.desk.value("plan")["plan"]["changes"]
        return found


def _applied(desk: CommandLine) -> CommandLine:
    desk.run("plan")
    desk.run("apply", "--yes")
    return desk


@pytest.fixture
def simulated(tmp_path: Path, unique: Callable[[str], str]) -> Iterator[Ground]:
    write_estate(tmp_path / "tenants", **beside_a_cloud())
    desk = _applied(CommandLine(tmp_path))
    people = SimulatedPeople(desk.state / "simulated" / f"{CLOUD}.db")
    yield Ground(desk, CLOUD, people, unique)
    people.backend.close()


@pytest.fixture
def real(cloud: DevCloud, tmp_path: Path, unique: Callable[[str], str]) -> Ground:
    """Its zone has addresses of its own: those of a zone are the whole cloud's, and tests share the cloud."""
    zone, endpoint = unique("zone"), unique("os")
    documents = beside_a_cloud(access=f"file:{cloud.clouds_yaml}#{cloud.name}", cloud=endpoint)
    documents["pools"][-1]["zone"] = zone
    own = named(zone, "公用网络区", "Zone", mlps=3, databases=True, cidrs=["10.77.0.0/16"])
    write_estate(tmp_path / "tenants", **documents, zones=[*city()["zones"], own])
    return Ground(_applied(CommandLine(tmp_path)), endpoint, RealPeople(cloud), unique)


def _walk(ground: Ground) -> str:
    project = ground.stand()
    before = ground.people.holds(project)

    taken = ground.take(project, "--tenant", "bus", *KNOWN)

    assert (taken["leaf"], taken["without"], taken["changes"]) == (project, LACKING, 0)
    assert (taken["allotted"], taken["quarantined"]) == (ALLOTTED, False)
    assert ground.changes() == []
    ground.desk.run("drift")
    ground.desk.run("apply", "--yes")
    assert ground.people.figures(project) == FIGURES

    ground.people.bound(project, {"compute": {"cores": 9}})
    answer = ground.desk.value("drift", "list", expect=1)
    found = [(each["leaf"], each["path"], each["wanted"], each["observed"]) for each in answer["drift"]]
    assert found == [(f"{ground.endpoint}/{project}", "compute.cores", 6, 9)]
    assert ground.changes() == []
    assert ground.people.figures(project)["compute"]["cores"] == 9
    ground.people.bound(project, {"compute": {"cores": 6}})

    ground.desk.allot(f"{ground.endpoint}/{project}", cpu=3)
    (change,) = ground.changes()
    assert (change["key"]["kind"], change["key"]["namespace"]) == ("Quota", project)
    ground.desk.run("apply", "--yes")
    assert ground.people.figures(project) == {
        **FIGURES,
        "compute": {"cores": 3, "ram": 12288, "instances": 3},  # instances follow cores from now on
    }
    assert ground.people.holds(project) == before
    assert ground.changes() == []
    ground.desk.run("drift")
    return project


def _walk_quarantine(ground: Ground) -> None:
    """Nobody knows whose it is, or by what paper: it is counted and never changed."""
    project = ground.stand()
    before = ground.people.holds(project)
    assert ground.take(project, "--tenant", "orphan")["quarantined"]
    assert ground.desk.shares()[f"{ground.endpoint}/{project}"].charged.of("cpu") == 6000
    ground.desk.allot(f"{ground.endpoint}/{project}", cpu=1)
    assert ground.changes() == []
    ground.desk.run("drift", "repair", "--yes")
    assert (ground.people.figures(project), ground.people.holds(project)) == (FIGURES, before)
    said = ground.desk.run("validate", "--full")
    assert "尚缺所属部门、技术联系人、业务联系人" in said
    assert f"项目 {project} 自 2026年11月22日 起隔离待核, 计入用量, 不参与排名: 尚缺批准文号" in said


def test_imported_and_taken_over_on_the_simulated_cloud(simulated: Ground) -> None:
    _walk(simulated)


def test_imported_and_taken_over_on_the_real_services(real: Ground) -> None:
    project = _walk(real)
    assert isinstance(real.people, RealPeople)
    tenant = real.people.tenants[project]
    assert real.people.holds(project)["project"]["domain_id"] == "default"
    assert tenant.booted("within", cpus=2)["status"] == "ACTIVE"
    refused = tenant.boot("beyond", cpus=2)
    assert (refused.status, "cores" in str(refused.body)) == (403, True)


def test_quarantined_on_the_simulated_cloud(simulated: Ground) -> None:
    _walk_quarantine(simulated)


def test_quarantined_on_the_real_services(real: Ground) -> None:
    _walk_quarantine(real)


def test_a_known_tenant_gets_a_project_beside_its_namespace(simulated: Ground) -> None:
    project = simulated.stand()
    taken = simulated.take(project, "--tenant", "jtj", "--paper", "盘政务云〔2026〕12号")
    assert (taken["tenant"], taken["quarantined"]) == ("jtj", False)
    assert simulated.changes() == []
    said = simulated.desk.run("tenant", "show", "jtj")
    assert f"{CLOUD}/{project} (2026年11月22日, 盘政务云〔2026〕12号)" in said


def test_without_its_paper_a_project_is_in_quarantine_and_its_tenant_is_not(simulated: Ground) -> None:
    project = simulated.stand()
    assert simulated.take(project, "--tenant", "jtj")["quarantined"]
    simulated.desk.allot(f"{CLOUD}/{project}", cpu=1)
    simulated.desk.allot("k8s/jtj-egov", cpu=2)
    assert [change["key"]["namespace"] for change in simulated.changes()] == ["jtj-egov"]
    assert f"{CLOUD}/{project} (2026年11月22日, 隔离待核)" in simulated.desk.run("tenant", "show", "jtj")


def test_what_cannot_be_imported_is_said_with_what_to_do(simulated: Ground) -> None:
    free, half, odd = simulated.stand(), simulated.stand(), "HIS_生产"
    simulated.people.bound(free, {"compute": {"cores": -1}, "volume": {"gigabytes": -1}})
    simulated.people.bound(half, {"compute": {"ram": 12000}})
    simulated.people.stand(odd)
    before = {path.name: path.read_bytes() for path in simulated.desk.tenants.rglob("*.yaml")}
    cloud, cluster = ("openstack", "--pool", CLOUD_POOL, "--project"), ("kubernetes", "--pool", "k8s-egov")
    for arguments, said, remedy in (
        ((*cloud, free), "处理器、存储没有上限", f"openstack quota set --cores N --gigabytes N {free}"),
        ((*cloud, half), "内存 12,000 MiB", f"openstack quota set --ram N {half}"),
        ((*cloud, odd), f"项目名 {odd} 不合规则", "先改名"),
        ((*cloud, "nowhere"), "接入点 os 上没有项目 nowhere", "--pool"),
        (("openstack", "--pool", "k8s-egov", "--project", free), "是命名空间, 不是项目", "import kubernetes"),
        ((*cluster[:2], CLOUD_POOL, free), "是项目, 不是命名空间", "import openstack --project"),
        ((*cluster, "nowhere"), "接入点 k8s 上没有命名空间 nowhere", "--pool"),
    ):
        answer = simulated.desk.ask("import", *arguments, "--tenant", "new", *KNOWN, "--output", "json")
        assert answer.code == 2, (arguments, answer)
        (error,) = answer.errors
        assert (said in error["message"]["zh"], remedy in error["remedy"]["zh"]) == (True, True), error
        assert {path.name: path.read_bytes() for path in simulated.desk.tenants.rglob("*.yaml")} == before
