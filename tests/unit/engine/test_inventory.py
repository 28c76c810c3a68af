"""Supply as the ledger has it beside what the hosts have."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from estates import synthetic_estate
from yunjin.engine.inventory import compare
from yunjin.model.amounts import Amounts
from yunjin.model.capacity import Capacity

if TYPE_CHECKING:
    from collections.abc import Mapping

POOL = "k8s-egov"
SUPPLY = {(POOL, "cpu"): 64_000, (POOL, "memory"): 1024, (POOL, "storage"): 10**9}


@dataclass
class Hosts:
    """An endpoint that knows its hosts."""

    found: Mapping[str, Capacity] = field(default_factory=dict)

    def capacity(self) -> Mapping[str, Capacity]:
        return self.found


def _endpoints(backend: object) -> Any:
    return SimpleNamespace(backends={"k8s-egov": backend})


def test_what_hosts_keep_for_themselves_is_not_there_to_promise() -> None:
    total, kept = Amounts({"cpu": 80_000, "memory": 4096}), Amounts({"cpu": 20_000, "memory": 0})
    hosts = Hosts({POOL: Capacity(2, total, kept, total, Amounts())})
    cpu, memory = compare(synthetic_estate(1), _endpoints(hosts), SUPPLY)
    assert (cpu.dimension, cpu.hosts, cpu.supply, cpu.seen, cpu.lacking) == ("cpu", 2, 64_000, 60_000, 4_000)
    assert (memory.dimension, memory.seen, memory.lacking) == ("memory", 4096, 0)


def test_a_pool_without_hosts_lacks_all() -> None:
    found = compare(synthetic_estate(1), _endpoints(Hosts()), SUPPLY)
    assert [(each.hosts, each.lacking) for each in found] == [(0, 64_000), (0, 1024)]


def test_an_endpoint_that_cannot_tell_is_left_out() -> None:
    assert compare(synthetic_estate(1), _endpoints(object()), SUPPLY) == ()
