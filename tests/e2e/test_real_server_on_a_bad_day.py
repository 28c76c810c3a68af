"""A real server that is busy, dies, refuses or cannot be trusted: the exit code says so, a rerun finishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import faults
from fault_proxy import LOOPBACK, FaultProxy
from faults import Rule
from own_cities import OwnCity, found
from yunjin.model.change import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devcluster import DevCluster
    from devcluster.certificates import Authority, Certificate

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def city(tmp_path: Path, owned_cluster: DevCluster, unique: Callable[[str], str]) -> OwnCity:
    """Two tenants on the real server, declared and not there yet."""
    return found(tmp_path, owned_cluster, unique)


@pytest.fixture
def proxy(tmp_path: Path, owned_cluster: DevCluster) -> Iterator[FaultProxy]:
    """Where the city's operator finds the server."""
    with FaultProxy.start(owned_cluster.kubeconfig, tmp_path / "proxy") as started:
        yield started


def failure_of(city: OwnCity, kubeconfig: Path, expect: int) -> dict[str, Any]:
    """Why the only endpoint of a plan is unknown."""
    made = city.desk.value("plan", "--kubeconfig", str(kubeconfig), expect=expect)
    assert made["plan"]["changes"] == []
    (binding,) = made["plan"]["bindings"].values()
    failure: dict[str, Any] = binding["failure"]
    assert city.desk.run("apply", "--yes", expect=expect).count("未知, 未作变更") == 1
    return failure


def test_a_busy_server_is_asked_again_when_it_says(city: OwnCity, proxy: FaultProxy) -> None:
    proxy.inject(Rule(faults.refuse(429, retry_after=1), method="PATCH|POST", path="egov", times=3))
    city.desk.run("plan", "--kubeconfig", str(proxy.kubeconfig))
    done = city.desk.value("apply", "--yes")
    assert set(done["counts"]) <= {Outcome.DONE, Outcome.ALREADY}
    assert sum(seen.fault.reply is not None for seen in proxy.writes) == 3
    assert city.desk.value("plan", "--kubeconfig", str(proxy.kubeconfig))["plan"]["changes"] == []


@pytest.mark.parametrize("death", [faults.die, faults.die_after_effect])
def test_a_server_that_dies_in_the_middle_is_finished_by_a_second_run(
    city: OwnCity, proxy: FaultProxy, death: Callable[[], faults.Fault]
) -> None:
    proxy.inject(Rule(death(), method="PATCH|POST", path=f"namespaces/{city.leaf()}", first=4))
    city.desk.run("plan", "--kubeconfig", str(proxy.kubeconfig))
    died = city.desk.value("apply", "--yes", "--wait-quota", "5", expect=1)
    assert died["counts"][Outcome.FAILED]
    for receipt in died["receipts"]:
        assert receipt["outcome"] in {Outcome.DONE, Outcome.ALREADY} or receipt["reason"]["zh"]

    proxy.forget()
    proxy.revive()
    city.desk.run("apply", "--yes")  # the same plan: what was done is found done
    assert city.desk.value("plan", "--kubeconfig", str(proxy.kubeconfig))["plan"]["changes"] == []
    assert {run["doubt"] for run in city.desk.value("status")["runs"]} == {0}


def test_a_refused_write_is_1_and_names_the_object(city: OwnCity, proxy: FaultProxy) -> None:
    proxy.inject(Rule(faults.refuse(403), method="PATCH|POST", path="/resourcequotas/", times=None))
    city.desk.run("plan", "--kubeconfig", str(proxy.kubeconfig))
    said = city.desk.run("apply", "--yes", expect=1)
    assert f"{city.leaf()}/ResourceQuota/yunjin" in said
    proxy.forget()
    city.desk.run("apply", "--yes")


def test_a_user_without_rights_sees_nothing_and_is_told(city: OwnCity, owned_cluster: DevCluster) -> None:
    failure = failure_of(city, owned_cluster.kubeconfig_for("nobody"), expect=1)
    assert failure["code"] == "refused"


def test_an_expired_certificate_of_ours_is_a_refusal(city: OwnCity, owned_cluster: DevCluster) -> None:
    failure = failure_of(city, owned_cluster.expired_kubeconfig(), expect=1)
    assert failure["code"] == "refused"


def test_a_server_that_cannot_be_trusted_is_not_reached(
    tmp_path: Path, city: OwnCity, owned_cluster: DevCluster
) -> None:
    def expired(authority: Authority) -> Certificate:
        return authority.expired_server("proxy", LOOPBACK)

    with FaultProxy.start(owned_cluster.kubeconfig, tmp_path / "expired", serving=expired) as stale:
        failure = failure_of(city, stale.kubeconfig, expect=3)
    assert failure["code"] == "unreachable"
    assert stale.seen == ()
    other = failure_of(city, owned_cluster.wrong_authority_kubeconfig(), expect=3)
    assert other["code"] == "unreachable"


def test_a_dead_server_is_not_reached(city: OwnCity, proxy: FaultProxy) -> None:
    proxy.die()
    assert failure_of(city, proxy.kubeconfig, expect=3)["code"] == "unreachable"
