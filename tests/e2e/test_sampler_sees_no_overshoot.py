"""While quota moves under load between namespaces and projects, no moment lets in more than is granted.

Four cores move to and fro between two namespaces of one bureau on one server, between two namespaces of one
tenant on two servers, and between a tenant's namespace and its project on OpenStack, with pods and servers
racing for the last core of each. A sampler reads the first quota, the second, and the first again, and keeps
what it read where the first has not changed: then the two stood so at one moment.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

import two_pools
from cloud_racing import ProjectQuota, ServerRace
from devcluster.api import MERGE_PATCH
from estates import city, tenant, write_estate
from racing import Quota, Race, Sampler, Worker
from takings import CLOUD_POOL
from two_pools import TwoPools, member, real
from waiting import wait_until
from yunjin.apply import Settings
from yunjin.engine import moving
from yunjin.engine.endpoints import accesses, connect
from yunjin.engine.moving import Progress
from yunjin.engine.spine import Spine
from yunjin.estate import load
from yunjin.ledger import GrantTerms, Ledger, shares
from yunjin.model.amounts import Amounts
from yunjin.model.tenancy import leaf_node
from yunjin.store import Store
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devcloud import DevCloud
    from devcluster import DevCluster

pytestmark = pytest.mark.timeout(900)

DAY = date(2026, 11, 22)
EGOV, INET = "k8s-egov", "k8s-inet"
GRANTED = 8000
MOVED = Amounts({"cpu": 4000})
ROUNDS = 4
SAMPLES = 100
SLOWLY = 0.2
"""Seconds between two turns of one pod's racer beside a cloud, which has to be looked at, too."""
PATIENCE = 240.0
PATIENT = Settings(wait_quota=5, poll=0.05)
REST = {"memory": "8Gi", "storage": "100Gi", "pods": 40}


class City:
    """Tenants a and b below bureau jtj with 6 and 2 cores, and c below fgw with 6 and 2 on two servers."""

    def __init__(self, folder: Path, clusters: dict[str, DevCluster], unique: Callable[[str], str]) -> None:
        self.state = folder / "state"
        self.endpoints = {pool: unique(pool) for pool in clusters}
        name = unique("t")
        self.tenants = {letter: f"{name}{letter}" for letter in "abc"}
        self._tenants = write_estate(folder / "tenants", **self._documents(clusters))

    def leaf(self, letter: str, pool: str = EGOV) -> str:
        """A namespace's node."""
        return leaf_node(self.endpoints[pool], self.name(letter, pool))

    def name(self, letter: str, pool: str = EGOV) -> str:
        """A namespace."""
        return f"{self.tenants[letter]}-{pool.removeprefix('k8s-')}"

    @contextmanager
    def spine(self) -> Iterator[Spine]:
        estate = load(self._tenants)
        with (
            Store.open(self.state) as store,
            connect(estate, self.state, accesses(estate, None)) as connected,
        ):
            yield Spine(estate, DAY, connected, store, RULES)

    def _documents(self, clusters: dict[str, DevCluster]) -> dict[str, Any]:
        given = city()
        endpoint = given["endpoints"][0]
        a, b, c = self.tenants.values()
        double = {"memory": "16Gi", "storage": "200Gi", "pods": 80}
        rows: list[dict[str, Any]] = [
            {"node": "bureau/jtj", "pool": EGOV, "limit": {"cpu": GRANTED // 1000, **double}}
        ]
        for each, cores in ((a, 6), (b, 2)):
            rows.append({"node": f"tenant/{each}", "pool": EGOV, "limit": {"cpu": 8, **REST}})
            rows.append(self._row(each, EGOV, {"cpu": cores, **REST}))
        for pool in clusters:  # its cores are granted over both pools together
            rows += [{"node": node, "pool": pool, "limit": REST} for node in ("bureau/fgw", f"tenant/{c}")]
            rows.append(self._row(c, pool, REST))
        return {
            "endpoints": [
                {**endpoint, "id": self.endpoints[pool], "access": f"file:{each.kubeconfig}#{each.context}"}
                for pool, each in clusters.items()
            ],
            "pools": [{**pool, "endpoint": self.endpoints[pool["id"]]} for pool in given["pools"]],
            "tenants": [
                *(each for each in given["tenants"] if each["id"] in ("fgw", "jtj", "dawa")),
                *(tenant(each, "institution", "bureau/jtj") for each in (a, b)),
                tenant(c, "institution", "bureau/fgw"),
            ],
            "baseline": rows,
        }

    def _row(self, owner: str, pool: str, amounts: dict[str, Any]) -> dict[str, Any]:
        node = leaf_node(self.endpoints[pool], f"{owner}-{pool.removeprefix('k8s-')}")
        return {"node": node, "pool": pool, "tenant": owner, "allotted": amounts}


def _apply(spine: Spine) -> None:
    spine.apply(spine.plan(), PATIENT, "cloud-ops", lambda _: None)


def _open(made: City, spine: Spine, ledger: Ledger) -> None:
    """Everything stands, the cores of c too: eight over both pools, six on the one, two on the other."""
    _apply(spine)
    cores = Amounts({"cpu": GRANTED})
    for node in ("bureau/fgw", f"tenant/{made.tenants['c']}"):
        ledger.grant(GrantTerms("", node, cores, {EGOV: cores, INET: cores}, DAY), DAY)
    ledger.allot(made.leaf("c", EGOV), Amounts({"cpu": 6000}))
    ledger.allot(made.leaf("c", INET), Amounts({"cpu": 2000}))
    _apply(spine)
    assert shares.under_way(spine.store.database) == frozenset()


def _move(spine: Spine, ledger: Ledger, *ways: tuple[str, str]) -> None:
    """Move, and apply until all of it is through: what is in use goes only when it is not."""
    for source, target in ways:
        ledger.move(source, target, MOVED)
    deadline = monotonic() + PATIENCE
    while shares.under_way(spine.store.database) or shares.sources(spine.store.database):
        assert monotonic() < deadline, "the moves did not come through"
        _apply(spine)


def test_between_siblings_and_between_clusters_both_ways(
    owned_cluster: DevCluster, second_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path
) -> None:
    clusters = {EGOV: owned_cluster, INET: second_cluster}
    made = City(tmp_path, clusters, unique)
    quotas = {
        (letter, pool): Quota(clusters[pool].api(), made.name(letter, pool))
        for letter, pool in (("a", EGOV), ("b", EGOV), ("c", EGOV), ("c", INET))
    }
    siblings = Sampler(quotas["a", EGOV], quotas["b", EGOV], GRANTED)
    apart = Sampler(quotas["c", EGOV], quotas["c", INET], GRANTED)
    there = ((made.leaf("a"), made.leaf("b")), (made.leaf("c", EGOV), made.leaf("c", INET)))
    back = tuple((target, source) for source, target in there)
    with ExitStack() as stack:
        spine = stack.enter_context(made.spine())
        ledger = Ledger(spine.store.database, spine.store.now, "cloud-ops")
        _open(made, spine, ledger)
        for quota in quotas.values():
            wait_until(partial(_takes_pods, quota))
        worker = stack.enter_context(Worker())
        races = [Race(quota, worker) for quota in quotas.values()]
        for sampler in (siblings, apart):
            worker.begin(sampler.look, [sampler.first, sampler.second])
        for _ in range(ROUNDS):
            _move(spine, ledger, *there)
            assert not worker.failures
            _move(spine, ledger, *back)

    for sampler in (siblings, apart):
        assert sampler.violations == []
        assert max(first for first, _ in sampler.seen) == max(second for _, second in sampler.seen) == 6000
        assert len(sampler.seen) > SAMPLES
    for race in races:
        assert race.admitted > 0
        assert race.refused > 0, "pods wanted more than they got"
    for sampler, second in ((siblings, quotas["b", EGOV]), (apart, quotas["c", INET])):
        _set(second, 9)
        _must_see(sampler)


def test_between_a_cluster_and_a_cloud_both_ways(
    owned_cluster: DevCluster, cloud: DevCloud, unique: Callable[[str], str], tmp_path: Path
) -> None:
    names = TwoPools.fresh(unique)
    tenants = write_estate(tmp_path / "tenants", **real(names, owned_cluster, cloud))
    namespace = Quota(owned_cluster.api(), names.name)
    with ExitStack() as stack:
        spine = stack.enter_context(two_pools.spine(tenants, tmp_path / "state"))
        _apply(spine)
        names.grant(Ledger(spine.store.database, spine.store.now, "cloud-ops"))
        _apply(spine)
        project = ProjectQuota(member(cloud.api(), names.name))
        wait_until(partial(_takes_pods, namespace))
        sampler = Sampler(namespace, project, GRANTED)
        worker = stack.enter_context(Worker())
        races = (Race(namespace, worker, SLOWLY), ServerRace(project, worker))
        worker.begin(sampler.look, [namespace, project])
        rounds = 0
        while rounds < ROUNDS or len(sampler.seen) <= SAMPLES:  # a look at a cloud takes its time
            _move_between(spine, names.tenant, EGOV, CLOUD_POOL)
            assert not worker.failures
            _move_between(spine, names.tenant, CLOUD_POOL, EGOV)
            rounds += 1

    assert sampler.violations == []
    assert max(first for first, _ in sampler.seen) == max(second for _, second in sampler.seen) == 6000
    for race in races:
        assert race.admitted > 0
        assert race.refused > 0, "they wanted more than they got"
    _set(namespace, 7)
    _must_see(sampler)
    _set(namespace, 6)
    sampler.seen.clear()
    project.tenant.set_quota(compute={"cores": 3})
    _must_see(sampler)


def _move_between(spine: Spine, tenant: str, source: str, target: str) -> None:
    """As `yunjin tenant move-quota` does, and apply until all of it is through."""
    move = moving.between(spine.estate, tenant, source, target, MOVED)
    number = moving.reserve(spine, move, "cloud-ops")
    spine.apply(moving.judged(spine, move), PATIENT, "cloud-ops", lambda _: None)
    deadline = monotonic() + PATIENCE
    while moving.progress(spine, number) is not Progress.MOVED:
        assert monotonic() < deadline, "the move did not come through"
        _apply(spine)


def _set(quota: Quota, cores: int) -> None:
    """Somebody else does, and the server enforces it."""
    patch = {"spec": {"hard": {"requests.cpu": str(cores)}}}
    quota.api.must("PATCH", quota.path, patch, content_type=MERGE_PATCH)
    wait_until(lambda: quota.api.get(quota.path)["status"]["hard"]["requests.cpu"] == str(cores))


def _must_see(sampler: Sampler) -> None:
    """It sees an overshoot where there is one."""
    with Worker() as worker:
        worker.begin(sampler.look, [sampler.first, sampler.second])
        wait_until(partial(_saw_one, sampler))


def _saw_one(sampler: Sampler) -> bool:
    return bool(sampler.violations)


def _takes_pods(quota: Quota) -> bool:
    """Without its default account no pod is admitted."""
    path = f"/api/v1/namespaces/{quota.namespace}/serviceaccounts/default"
    return quota.api.call("GET", path).status == 200
