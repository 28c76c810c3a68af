"""With 1,000 tenants, what others change is found within one sweep, and repaired or reported by policy.

On the real server. Also: two controllers do not get into each other's way, the watch shortens the wait and
outlives a restart of the API server, and a controller that is told to end does so, whatever it waits for.
"""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from controllers import Running
from devcluster.api import MERGE_PATCH
from own_cities import OwnCity, found
from spines import policies
from waiting import wait_until
from yunjin.engine.choices import patience
from yunjin.engine.controller import Controller, Sweep
from yunjin.engine.endpoints import accesses, connect
from yunjin.engine.metrics import Metrics
from yunjin.engine.spine import Spine
from yunjin.estate import load
from yunjin.store import Store
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devcluster import DevCluster
    from devcluster.api import Api
    from yunjin.model.estate import Estate

pytestmark = pytest.mark.timeout(300)  # a thousand tenants are applied before the first test
TENANTS = 1000
CORE = "/api/v1"
NETWORKING = "/apis/networking.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REPAIRED = policies(namespace="repair", limits="repair", network="repair", roles="repair")[1:]
SOMEBODY = "fieldManager=somebody"
STARTS = itertools.count(100, 100)


@pytest.fixture(scope="module")
def large(
    owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> OwnCity:
    """A thousand tenants, applied."""
    folder = tmp_path_factory.mktemp("large")
    city = found(folder, owned_cluster, unique, tenants=TENANTS, policies=REPAIRED)
    estate = load(city.desk.tenants)
    with _spine(city, estate) as spine:
        receipts = spine.apply(spine.plan(), patience(estate), "cloud-ops", lambda _: None)
    assert all(receipt.settled for receipt in receipts)
    return city


class Somebody:
    """Another manager of a cluster, who changes one object of every class, in a namespace each."""

    def __init__(self, api: Api, city: OwnCity, start: int) -> None:
        self._api = api
        self._leaf = [city.leaf(start + number) for number in range(6)]

    def change(self) -> None:
        leaf = self._leaf
        deny = f"{NETWORKING}/namespaces/{leaf[0]}/networkpolicies/yunjin-deny"
        self._api.must("DELETE", deny)
        self._edit(f"{RBAC}/namespaces/{leaf[1]}/rolebindings/yunjin-admin", {"subjects": []})
        self._edit(f"{CORE}/namespaces/{leaf[2]}/limitranges/yunjin", {"spec": {"limits": []}})
        self._edit(f"{CORE}/namespaces/{leaf[3]}", {"metadata": {"labels": {"yunjin/zone": "inet"}}})
        self._edit(
            f"{CORE}/namespaces/{leaf[4]}/resourcequotas/yunjin", {"spec": {"hard": {"requests.cpu": "6"}}}
        )
        policy = {"metadata": {"name": "allow-all"}, "spec": {"podSelector": {}}}
        self._api.must("POST", f"{NETWORKING}/namespaces/{leaf[5]}/networkpolicies?{SOMEBODY}", policy)

    def tidy(self) -> None:
        """Take back what is only reported."""
        quota = f"{CORE}/namespaces/{self._leaf[4]}/resourcequotas/yunjin"
        self._edit(quota, {"spec": {"hard": {"requests.cpu": "4"}}})
        self._api.call("DELETE", f"{NETWORKING}/namespaces/{self._leaf[5]}/networkpolicies/allow-all")

    def repaired(self) -> bool:
        """Whether the four classes that are repaired are as they were."""
        leaf, get = self._leaf, self._api.get
        return (
            self._api.call("GET", f"{NETWORKING}/namespaces/{leaf[0]}/networkpolicies/yunjin-deny").status
            == 200
            and len(get(f"{RBAC}/namespaces/{leaf[1]}/rolebindings/yunjin-admin").get("subjects") or ()) == 2
            and len(get(f"{CORE}/namespaces/{leaf[2]}/limitranges/yunjin")["spec"]["limits"] or ()) == 1
            and get(f"{CORE}/namespaces/{leaf[3]}")["metadata"]["labels"]["yunjin/zone"] == "egov"
        )

    def left_alone(self) -> bool:
        """Whether what is only reported is as this person made it."""
        quota = self._api.get(f"{CORE}/namespaces/{self._leaf[4]}/resourcequotas/yunjin")
        extra = f"{NETWORKING}/namespaces/{self._leaf[5]}/networkpolicies/allow-all"
        return quota["spec"]["hard"]["requests.cpu"] == "6" and self._api.call("GET", extra).status == 200

    def _edit(self, path: str, patch: dict[str, Any]) -> None:
        self._api.must("PATCH", f"{path}?{SOMEBODY}", patch, content_type=MERGE_PATCH)


def _running(city: OwnCity, *arguments: str) -> Running:
    return Running(city.desk, city.endpoints["egov"], *arguments)


@pytest.fixture
def somebody(large: OwnCity, owned_cluster: DevCluster) -> Iterator[Somebody]:
    """In namespaces that no other test touches."""
    person = Somebody(owned_cluster.api(), large, next(STARTS))
    yield person
    person.tidy()


@contextmanager
def _spine(city: OwnCity, estate: Estate) -> Iterator[Spine]:
    with (
        Store.open(city.desk.state) as store,
        connect(estate, city.desk.state, accesses(estate, None)) as endpoints,
    ):
        yield Spine(estate, date.fromisoformat(city.desk.day), endpoints, store, RULES)


def test_one_sweep_finds_everything(large: OwnCity, somebody: Somebody) -> None:
    estate = load(large.desk.tenants)
    metrics = Metrics()
    controller = Controller(
        large.desk.tenants, lambda declared, _: _spine(large, declared), date.today, metrics, 3600
    )
    with _spine(large, estate) as spine:
        assert controller.sweep(spine) == Sweep()
        assert metrics.registry.get_sample_value("yunjin_leaves") == TENANTS
        somebody.change()
        assert controller.sweep(spine) == Sweep(drifted=6, repaired=4)
        assert somebody.repaired()
        assert somebody.left_alone()
        assert controller.sweep(spine) == Sweep(drifted=2)
        somebody.tidy()
        assert controller.sweep(spine) == Sweep()


def test_two_controllers_repair_once_and_end_cleanly(large: OwnCity, somebody: Somebody) -> None:
    """They sweep once an hour: what happens meanwhile is found because the watch tells."""
    with (
        _running(large, "--interval", "3600") as one,
        _running(large, "--interval", "3600") as other,
    ):
        one.swept()
        other.swept()
        somebody.change()
        wait_until(somebody.repaired)
        wait_until(
            lambda: sum(each.figure("yunjin_changes_total", outcome="done") for each in (one, other)) >= 4
        )
        assert somebody.left_alone()
        assert one.end() == other.end() == 0
    lines = [*one.log, *other.log]
    assert sum(line.get("repaired", 0) for line in lines) == 4
    assert [line for line in lines if line["level"] == "error"] == []
    assert not [line for line in lines if line.get("outcome") == "failed"]


def test_what_is_reported_is_told_in_log_and_metrics(large: OwnCity, somebody: Somebody) -> None:
    somebody.change()
    with _running(large, "--interval", "3600") as controller:
        wait_until(somebody.repaired)
        wait_until(lambda: controller.drift(policy="report") == 2)
        assert controller.drift(**{"class": "quota", "policy": "report"}) == 1
        assert controller.drift(**{"class": "network", "policy": "report"}) == 1
        assert controller.figure("yunjin_leaves") == TENANTS
        assert "metrics" in controller.greeting or "指标" in controller.greeting
        assert controller.end() == 0
    drift = [line for line in controller.log if line["event"] == "drift"]
    told = {(line["object"].rpartition("/")[2], line["policy"]) for line in drift}
    assert {("allow-all", "report"), ("yunjin", "report"), ("yunjin-deny", "repair")} <= told
    assert {line["manager"] for line in drift if line["policy"] == "report"} == {"somebody"}


def test_an_apply_and_a_controller_wait_for_each_other(large: OwnCity) -> None:
    """Fifty tenants get another figure while the controller looks at everything without a pause."""
    leaves = [f"{large.endpoints['egov']}/{large.leaf(number)}" for number in range(400, 450)]
    with _running(large, "--interval", "0.5") as controller:
        controller.swept()
        large.desk.allot(*leaves, cpu=3)
        large.desk.run("plan")
        receipts = large.desk.value("apply", "--yes")["receipts"]
        assert {receipt["outcome"] for receipt in receipts} == {"done"}
        assert len(receipts) == 50
        assert controller.end() == 0
    assert sum(line.get("repaired", 0) for line in controller.log) == 0
    assert large.desk.value("drift") == {"drift": [], "waiting": 0, "unknown": []}


@pytest.fixture
def restarting(
    second_cluster: DevCluster, unique: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> OwnCity:
    """A small city on a server that may be killed."""
    city = found(tmp_path_factory.mktemp("small"), second_cluster, unique, policies=REPAIRED)
    city.desk.run("plan")
    city.desk.run("apply", "--yes")
    return city


def test_it_outlives_a_restart_of_the_server(restarting: OwnCity, second_cluster: DevCluster) -> None:
    deny = f"{NETWORKING}/namespaces/{restarting.leaf()}/networkpolicies/yunjin-deny"
    with _running(restarting, "--interval", "3600") as controller:
        controller.swept()
        second_cluster.kill_api_server()
        second_cluster.start_api_server()
        second_cluster.api().must("DELETE", deny)
        wait_until(lambda: second_cluster.api().call("GET", deny).status == 200, within=90)
        assert controller.end() == 0


def test_it_ends_while_the_server_is_dead(restarting: OwnCity, second_cluster: DevCluster) -> None:
    with _running(restarting, "--interval", "0.5") as controller:
        controller.swept()
        second_cluster.kill_api_server()
        try:
            wait_until(lambda: controller.figure("yunjin_sweeps_total", outcome="partial") >= 1)
            assert controller.figure("yunjin_endpoint_up", endpoint=restarting.endpoints["egov"]) == 0
            assert controller.end() == 0
        finally:
            second_cluster.start_api_server()
    secrets = second_cluster.kubeconfig.read_text("utf-8").split()
    said = json.dumps(controller.log)
    assert not [part for part in secrets if len(part) > 100 and part in said]
