"""Quota moves between a tenant's namespace and its project: one is seen lowered before the other is raised.

The same walks on simulated endpoints, and on a real API server beside the real services of OpenStack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from commandline import CommandLine
from estates import write_estate
from racing import pod
from takings import CLOUD, CLOUD_POOL
from two_pools import CLUSTER_POOL, TwoPools, member, real
from waiting import wait_until
from yunjin.model.resources import Key
from yunjin.substrates.simulated.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devcloud import DevCloud
    from devcluster import DevCluster

pytestmark = pytest.mark.timeout(300)

SIMULATED = TwoPools()
FOUR = ("--cpu", "4", "--memory", "8Gi")
THERE = ("--from", CLUSTER_POOL, "--to", CLOUD_POOL)
INTERRUPT = "\x03"
BACK = ("--from", CLOUD_POOL, "--to", CLUSTER_POOL)


class Users(Protocol):
    """What both backends enforce, and the tenant's people, who use it."""

    def cores(self) -> tuple[int, int]:
        """In force for the namespace, and for the project."""
        ...

    def run(self, cores: int) -> None:
        """So many cores are used in the namespace from now on."""
        ...

    def boot(self, cores: int) -> None:
        """So many are used in the project."""
        ...


class SimulatedUsers:
    """On simulated endpoints."""

    def __init__(self, desk: CommandLine) -> None:
        self._desk = desk

    def cores(self) -> tuple[int, int]:
        name = SIMULATED.name
        quota = self._desk.standing("k8s")[f"{name}/ResourceQuota/yunjin"]
        key = Key(CLOUD, name, "Quota", "yunjin")
        cloud = self._cloud()
        figures = cloud.read([key])[key].body["spec"]["compute"]
        cloud.close()
        return int(quota["status"]["hard"]["requests.cpu"]), figures["cores"]

    def run(self, cores: int) -> None:
        with self._desk.endpoint("k8s") as cluster:
            cluster.consume(SIMULATED.name, {"requests.cpu": str(cores)})

    def boot(self, cores: int) -> None:
        cloud = self._cloud()
        cloud.consume(SIMULATED.name, {"compute": {"cores": cores, "instances": 1, "ram": 1024}})
        cloud.close()

    def _cloud(self) -> SimulatedCloud:
        return SimulatedCloud.open(CLOUD, self._desk.state / "simulated" / f"{CLOUD}.db")


class RealUsers:
    """Pods on the API server, servers on Nova."""

    def __init__(self, names: TwoPools, cluster: DevCluster, cloud: DevCloud) -> None:
        self._cluster, self._cloud = cluster.api(), cloud.api()
        self._namespace = f"/api/v1/namespaces/{names.name}"
        self.tenant = member(self._cloud, names.name)

    def cores(self) -> tuple[int, int]:
        quota = self._cluster.get(f"{self._namespace}/resourcequotas/yunjin")
        figures = self._cloud.get("compute", f"/os-quota-sets/{self.tenant.project}")["quota_set"]
        return int(quota["status"]["hard"]["requests.cpu"]), figures["cores"]

    def run(self, cores: int) -> None:
        account = f"{self._namespace}/serviceaccounts/default"
        wait_until(lambda: self._cluster.call("GET", account).status == 200)
        for each in self._cluster.get(f"{self._namespace}/pods")["items"]:
            name = each["metadata"]["name"]
            self._cluster.must("DELETE", f"{self._namespace}/pods/{name}?gracePeriodSeconds=0")
        if cores:
            self._cluster.must("POST", f"{self._namespace}/pods", pod(cores))
        quota = f"{self._namespace}/resourcequotas/yunjin"
        wait_until(lambda: self._cluster.get(quota)["status"]["used"]["requests.cpu"] == str(cores))

    def boot(self, cores: int) -> None:
        path = f"/servers/detail?all_tenants=1&project_id={self.tenant.project}"
        for each in self._cloud.get("compute", path)["servers"]:
            self.tenant.delete_server(each["id"])
        if cores:
            assert self.tenant.booted("busy", cpus=cores)["status"] == "ACTIVE"


@dataclass(frozen=True)
class Ground:
    """An operator's desk, and who works on what stands."""

    desk: CommandLine
    names: TwoPools
    users: Users

    def move(self, *arguments: str, expect: int = 0) -> Any:
        """What the command answers to programs."""
        call = ("tenant", "move-quota", self.names.tenant, *arguments, "--yes")
        return self.desk.value(*call, expect=expect)

    def apply(self) -> None:
        """Carry on with what waits."""
        self.desk.run("plan")
        self.desk.run("apply", "--yes")

    def charged(self) -> tuple[int, int]:
        """Cores that the ledger charges for each."""
        shares = self.desk.shares()
        leaves = (f"{self.names.cluster}/{self.names.name}", f"{self.names.cloud}/{self.names.name}")
        first, second = (shares[leaf].charged.of("cpu") // 1000 for leaf in leaves)
        return first, second

    def books(self) -> Any:
        """What the ledger holds of the tenant, and whether it is sound."""
        shown = self.desk.value("ledger", "show", f"tenant/{self.names.tenant}")
        return shown, self.desk.shares(), self.desk.value("ledger", "check")


def _opened(folder: Path, names: TwoPools, documents: dict[str, Any]) -> CommandLine:
    """Six cores are the namespace's and two the project's, of eight over both pools."""
    write_estate(folder / "tenants", **documents)
    desk = CommandLine(folder)
    desk.run("plan")
    desk.run("apply", "--yes")
    with desk.ledger() as ledger:
        names.grant(ledger)
    desk.run("plan")
    desk.run("apply", "--yes")
    return desk


@pytest.fixture
def simulated(tmp_path: Path) -> Ground:
    desk = _opened(tmp_path, SIMULATED, SIMULATED.documents())
    return Ground(desk, SIMULATED, SimulatedUsers(desk))


@pytest.fixture
def servers(
    tmp_path: Path, owned_cluster: DevCluster, cloud: DevCloud, unique: Callable[[str], str]
) -> Ground:
    names = TwoPools.fresh(unique)
    desk = _opened(tmp_path, names, real(names, owned_cluster, cloud))
    return Ground(desk, names, RealUsers(names, owned_cluster, cloud))


def _there_and_back(ground: Ground) -> None:
    before = ground.books()
    assert (ground.users.cores(), ground.charged()) == ((6, 2), (6, 2))
    moved = ground.move(*THERE, *FOUR)
    assert (moved["progress"], moved["counts"]) == ("moved", {"done": 2})
    assert (ground.users.cores(), ground.charged()) == ((2, 6), (2, 6))
    assert ground.desk.value("plan")["plan"]["changes"] == []
    assert ground.desk.value("drift", "list")["drift"] == []
    assert ground.move(*BACK, *FOUR)["progress"] == "moved"
    assert (ground.users.cores(), ground.charged()) == ((6, 2), (6, 2))
    assert ground.books() == before


def _below_use(ground: Ground) -> None:
    """What is used stays, dated; the other gets nothing before it is free; the next apply drives it on."""
    ground.users.run(5)
    assert ground.move(*THERE, *FOUR, expect=1)["progress"] == "lowering"
    assert (ground.users.cores(), ground.charged()) == ((5, 2), (6, 2))
    (row,) = ground.desk.value("status")["in_use"]
    assert (row["dimension"], row["asked"], row["used"], row["due"]) == ("cpu", "2", "5", "2026-12-22")
    ground.users.run(1)
    ground.apply()
    assert (ground.users.cores(), ground.charged()) == ((2, 6), (2, 6))

    ground.users.boot(4)
    assert ground.move(*BACK, *FOUR, "--key", "oa-7", expect=1)["progress"] == "lowering"
    assert (ground.users.cores(), ground.charged()) == ((2, 4), (2, 6))
    ground.users.boot(0)
    assert ground.move(*BACK, *FOUR, "--key", "oa-7")["progress"] == "moved"  # the same request goes on
    assert (ground.users.cores(), ground.charged()) == ((6, 2), (6, 2))
    assert ground.desk.value("status")["in_use"] == []
    assert ground.desk.value("ledger", "check") == {"differences": []}


def test_there_and_back_on_simulated_endpoints(simulated: Ground) -> None:
    _there_and_back(simulated)


def test_there_and_back_on_real_servers(servers: Ground) -> None:
    _there_and_back(servers)


def test_below_use_on_simulated_endpoints(simulated: Ground) -> None:
    _below_use(simulated)


def test_below_use_on_real_servers(servers: Ground) -> None:
    _below_use(servers)


def test_the_project_is_not_raised_while_the_cluster_enforces_the_old_figure(
    servers: Ground, owned_cluster: DevCluster
) -> None:
    with owned_cluster.frozen():
        answer = servers.move(*THERE, *FOUR, "--wait-quota", "1", expect=1)
        assert answer["progress"] == "lowering"
        outcomes = {receipt["key"].split("/")[2]: receipt["outcome"] for receipt in answer["receipts"]}
        assert outcomes == {"ResourceQuota": "pending", "Quota": "skipped"}
        assert (servers.users.cores(), servers.charged()) == ((6, 2), (6, 2))
    servers.apply()
    assert (servers.users.cores(), servers.charged()) == ((2, 6), (2, 6))


def test_what_people_read(simulated: Ground) -> None:
    call = ("tenant", "move-quota", "bus", *THERE, *FOUR, "--yes")
    said = simulated.desk.run(*call)
    for words in ("requests.cpu: 6 → 2", "compute.cores: 2 → 6", "bus: 额度已由 k8s-egov 调入 os-egov"):
        assert words in said
    simulated.users.boot(6)
    back = ("tenant", "move-quota", "bus", *BACK, *FOUR, "--yes")
    said = simulated.desk.run(*back, expect=1)
    assert "处理器应减到 2 核, 现用 6 核" in said
    assert "所调剂的额度尚未从原处收回" in said
    assert "再次执行 yunjin plan, yunjin apply 即可继续" in said
    assert "bus: os-egov 尚未降到位, 额度仍全部计在原处; 降到位后才调入 k8s-egov" in said
    said = simulated.desk.run(*call, lang="en", expect=2)
    assert "does not hold as much" in said


def test_an_answer_for_programs(simulated: Ground) -> None:
    moved = simulated.move(*THERE, *FOUR)
    assert {name: moved[name] for name in ("from", "to", "amounts", "progress", "counts")} == {
        "from": CLUSTER_POOL,
        "to": CLOUD_POOL,
        "amounts": {"cpu": "4", "memory": "8Gi"},
        "progress": "moved",
        "counts": {"done": 2},
    }
    assert isinstance(moved["reservation"], int)
    assert [receipt["outcome"] for receipt in moved["receipts"]] == ["done", "done"]


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        ((*THERE, *FOUR), 1, "未经同意不作变更"),
        ((*THERE, "--cpu", "500m", "--yes"), 2, "额度不能为 2.5 核"),
        ((*THERE, "--cpu", "9", "--yes"), 2, "没有这么多额度可调出"),
        ((*THERE, "--storage", "10Gi", "--yes"), 1, "tenant/bus (os-egov) 的存储配额上限为 100 GiB"),
        ((*THERE, "--yes"), 2, "--cpu"),
        (("--from", "k8s-inet", "--to", CLOUD_POOL, *FOUR, "--yes"), 2, "bus 在资源池 k8s-inet 有 0 个"),
        (("--from", CLUSTER_POOL, "--to", "nowhere", *FOUR, "--yes"), 2, "nowhere"),
        (("--from", CLUSTER_POOL, "--to", CLUSTER_POOL, *FOUR, "--yes"), 2, "两个不同的去处"),
    ],
)
def test_what_is_refused_changes_nothing(
    simulated: Ground, call: tuple[str, ...], code: int, words: str
) -> None:
    before = simulated.books()
    answer = simulated.desk.ask("tenant", "move-quota", "bus", *call)
    assert (answer.code, words in answer.err) == (code, True), answer
    assert (simulated.books(), simulated.users.cores()) == (before, (6, 2))
    assert simulated.desk.value("plan")["plan"]["changes"] == []


def test_no_at_the_terminal_leaves_nothing(simulated: Ground) -> None:
    before = simulated.books()
    call = ("tenant", "move-quota", "bus", *THERE, *FOUR, "--key", "oa-7")
    for typed, code in (("n\n", 1), (INTERRUPT, 130)):
        simulated.desk.on_terminal(*call, typed=typed, expect=code)
        assert simulated.books() == before
    assert simulated.desk.on_terminal(*call, typed="y\n")[-1] == "bus: 额度已由 k8s-egov 调入 os-egov"
    assert simulated.users.cores() == (2, 6)
