"""At rest the ledger charges exactly what the backends enforce, whatever was done; what differs is drift.

The same walk on the simulated endpoint and on the real server: opening, growth, shrink, a move, a raise by
somebody else that is repaired and one that is adopted, and the end of a namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from own_cities import found
from substrate_drivers import KubernetesDriver, SimulatedDriver
from waiting import wait_until
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Key
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from commandline import CommandLine
    from devcluster import DevCluster
    from substrate_drivers import ClusterDriver

POOL = "k8s-egov"
HARD = ("spec", "hard", "requests.cpu")


@dataclass(frozen=True)
class Ground:
    """An operator's desk, an endpoint, and two tenants of bureau jtj with a namespace each."""

    desk: CommandLine
    people: ClusterDriver
    tenants: tuple[str, str]

    def leaf(self, number: int) -> str:
        """A tenant's namespace, `ENDPOINT/NAME`."""
        return f"{self.people.endpoint}/{self.tenants[number]}-egov"

    def apply(self, *more: str) -> None:
        """Plan and apply, and look at what came of it."""
        self.desk.run("plan")
        self.desk.run("apply", "--yes", *more)
        self.check()

    def check(self) -> None:
        """Ledger and endpoint hold the same, nothing waits, nothing drifts."""
        shares = self.desk.shares()
        charged = {leaf: _some(share.charged) for leaf, share in shares.items()}
        assert {leaf: each for leaf, each in charged.items() if each} == self._enforced()
        assert {leaf: share.target for leaf, share in shares.items()} == {
            leaf: share.charged for leaf, share in shares.items()
        }
        assert self.desk.under_way() == frozenset()
        assert self.desk.value("drift", "list") == {"drift": [], "waiting": 0, "unknown": []}

    def cpu(self, number: int) -> int:
        """Cores that the ledger charges."""
        return self.desk.shares()[self.leaf(number)].charged.of("cpu") // 1000

    def edit(self, number: int, cpu: str) -> None:
        """Somebody writes another figure."""
        quota = Key(self.people.endpoint, f"{self.tenants[number]}-egov", "ResourceQuota", "yunjin")
        self.people.edit(quota, {HARD: cpu}, "somebody")

        def counted() -> bool:
            hard = self.people.backend.read([quota])[quota].body.get("status", {}).get("hard", {})
            return bool(hard.get("requests.cpu") == cpu)

        wait_until(counted)

    def _enforced(self) -> dict[str, Amounts]:
        translator = KubernetesTranslator()
        quotas = {
            f"{self.people.endpoint}/{state.name}": translator.holding(live).enforced
            for state in self.people.backend.observe()
            for live in state.objects.values()
            if live.key.kind == "ResourceQuota"
        }
        return {leaf: _some(enforced) for leaf, enforced in quotas.items() if _some(enforced)}


def _some(amounts: Amounts) -> Amounts:
    return Amounts({dimension: value for dimension, value in amounts.items() if value})


@pytest.fixture
def simulated(small: CommandLine) -> Iterator[Ground]:
    small.change_rows("tenant/jtj", "tenant/dawa", "bureau/jtj", "area/dawa", cpu=16)
    driver = SimulatedDriver("k8s", small.state / "simulated" / "k8s.db")
    yield Ground(small, driver, ("jtj", "dawa"))
    driver.close()


@pytest.fixture
def real(owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path) -> Iterator[Ground]:
    city = found(tmp_path, owned_cluster, unique)
    first, second = city.tenants
    city.desk.change_rows(f"tenant/{first}", f"tenant/{second}", cpu=16)
    driver = KubernetesDriver(city.endpoints["egov"], owned_cluster)
    yield Ground(city.desk, driver, (first, second))
    driver.close()


def _walk(ground: Ground) -> None:
    desk, first, second = ground.desk, ground.leaf(0), ground.leaf(1)
    ground.apply()
    assert (ground.cpu(0), ground.cpu(1)) == (4, 4)

    desk.allot(first, cpu=6)
    desk.allot(second, cpu=3)
    ground.apply()
    assert (ground.cpu(0), ground.cpu(1)) == (6, 3)

    with desk.ledger() as ledger:
        ledger.move(f"leaf/{first}", f"leaf/{second}", Amounts({"cpu": 2000}))
    ground.apply()
    assert (ground.cpu(0), ground.cpu(1)) == (4, 5)

    ground.edit(0, "9")
    (item,) = desk.value("drift", "list", expect=1)["drift"]
    assert (item["path"], item["wanted"], item["observed"]) == ("spec.hard.requests.cpu", "4", "9")
    assert item["manager"] == "somebody"
    assert item["since"]
    desk.run("drift", "repair", "--yes")
    ground.check()

    ground.edit(1, "6")
    desk.run("drift", "adopt", second, "--yes")
    ground.apply()
    assert (ground.cpu(0), ground.cpu(1)) == (4, 6)

    desk.end_grants(f"tenant/{ground.tenants[1]}")
    desk.take_rows(f"tenant/{ground.tenants[1]}", f"leaf/{second}")
    ground.apply("--allow-destroy")
    assert (ground.cpu(0), ground.cpu(1)) == (4, 0)


def test_on_the_simulated_endpoint(simulated: Ground) -> None:
    _walk(simulated)


@pytest.mark.timeout(300)
def test_on_the_real_server(real: Ground) -> None:
    _walk(real)
