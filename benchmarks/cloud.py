"""How fast tenants are provisioned on a real OpenStack, beside a bare loop over the SDK and `openstack`.

Three clients make the same nine objects a tenant, each on a fresh cloud, and every clock stops when every
quota is effective:

- yunjin: observe, plan, apply, with leases, journal, ledger and confirmation;
- bare: a loop over the SDK with as many threads, which sends what has to be sent, reads the quotas back and
  keeps nothing;
- openstack: the command line, a few tenants one after the other.

Then yunjin looks at the cloud that it filled: nothing differs, and what it asks each service is counted. On
what the others made it finds nothing to change either, or the clocks measured something else. Prints each
figure beside its aim.

    python benchmarks/cloud.py [--tenants 40] [--runs 3] [--by-command 5]
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from cloud_calls import counted
from cloud_clients import BareLoop, CommandLine
from devcloud import DevCloud, furnish
from estates import synthetic_estate
from yunjin.apply import ApprovedPlan, Settings, apply
from yunjin.engine.opening import enter
from yunjin.ledger.shares import shares
from yunjin.model.change import Binding
from yunjin.observe import observe_all
from yunjin.plan import make_plan, plan_hash
from yunjin.store import Store
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloud_calls import Calls
    from yunjin.model.change import Plan
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Wanted
    from yunjin.substrates.openstack.backend import OpenStackBackend

AS_OF = date(2026, 11, 22)
THREADS = 16
AIM_BARE, AIM_COMMAND, AIM_OF_ONE = 0.8, 2.0, 1


@dataclass(frozen=True)
class Timed:
    """What one client did: seconds, and its calls by service."""

    seconds: float
    calls: Mapping[str, int]


@dataclass(frozen=True)
class Sweep:
    """One look at a cloud in which nothing differs.

    Attributes:
        seconds: with the plan.
        tenants: how many it found.
        lists: calls that are about no project, by service.
        of_one: the most that are about the same project, by service.
        kinds: calls by method and path, ids left out.
    """

    seconds: float
    tenants: int
    lists: Mapping[str, int]
    of_one: Mapping[str, int]
    kinds: Mapping[str, int]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--by-command", type=int, default=5, help="tenants for `openstack`; 0 leaves it out")
    options = parser.parse_args(arguments)
    estate = synthetic_estate(options.tenants, "openstack")
    print(f"{options.tenants} tenants, {len(wanted(estate))} objects, {options.runs} runs; seconds")
    runs = []
    for number in range(options.runs):
        ours, sweep = yunjin(estate)
        runs.append((ours, bare(estate)))
        print(f"  run {number + 1}: yunjin {ours.seconds:.2f}, bare {runs[-1][1].seconds:.2f}", flush=True)
    report(runs, options.tenants)
    if options.by_command:
        few = synthetic_estate(options.by_command, "openstack")
        each = median(ours.seconds for ours, _ in runs) / options.tenants
        report_commands(*openstack(few), options.by_command, each)
    report_sweep(sweep)


def wanted(estate: Estate) -> list[Wanted]:
    """All objects."""
    return [*shared(estate), *(item for leaf in estate.leaves(AS_OF) for item in translator().wanted(leaf))]


def shared(estate: Estate) -> list[Wanted]:
    """The endpoint's own."""
    (endpoint,) = estate.endpoints.values()
    cidrs = {zone.id: zone.cidrs for zone in estate.zones.values()}
    return list(translator().shared(endpoint, cidrs))


def translator() -> OpenStackTranslator:
    """A fresh one: what it remembers is of one estate."""
    return OpenStackTranslator()


def fresh_cloud(estate: Estate) -> DevCloud:
    """A cloud in which nothing stands but the aggregate that operators make."""
    cloud = DevCloud.start(Path(tempfile.mkdtemp(prefix="yunjin-bench-")))
    (pool,) = estate.pools
    furnish.aggregate(cloud.api(), pool, ["node-a"])
    return cloud


def yunjin(estate: Estate) -> tuple[Timed, Sweep]:
    """Provision a fresh cloud with everything that Yunjin does, then sweep it."""
    (endpoint,) = estate.endpoints
    folder = tempfile.TemporaryDirectory(prefix="yunjin-bench-")
    with fresh_cloud(estate) as cloud, folder as state, Store.open(Path(state)) as store:
        enter(store, estate, AS_OF, "benchmark")
        backend, calls = counted(cloud, endpoint)
        gc.collect()
        began = time.perf_counter()
        plan = look(estate, backend, store)
        receipts = apply(
            ApprovedPlan(plan, plan_hash(plan), "benchmark"),
            {endpoint: backend},
            {endpoint: translator()},
            store,
            Settings(workers=THREADS),
        )
        timed = Timed(time.perf_counter() - began, calls.by_service())
        backend.close()
        failed = [receipt for receipt in receipts if not receipt.settled]
        if failed:
            raise RuntimeError(f"{len(failed)} changes did not settle, the first: {failed[0].reason}")
        return timed, sweep(cloud, estate, store)


def bare(estate: Estate) -> Timed:
    """The same by the loop."""
    with fresh_cloud(estate) as cloud:
        loop = BareLoop(cloud, THREADS)
        gc.collect()
        began = time.perf_counter()
        loop.provision(shared(estate), estate.leaves(AS_OF))
        timed = Timed(time.perf_counter() - began, loop.calls.by_service())
        loop.close()
        check(cloud, estate)
        return timed


def openstack(estate: Estate) -> tuple[float, int]:
    """The same by the command line: seconds, and how many commands."""
    with fresh_cloud(estate) as cloud:
        script = CommandLine(cloud)
        began = time.perf_counter()
        script.provision(shared(estate), estate.leaves(AS_OF))
        seconds = time.perf_counter() - began
        check(cloud, estate)
        return seconds, script.commands


def look(estate: Estate, backend: OpenStackBackend, store: Store) -> Plan:
    """What differs between what the ledger says and the cloud."""
    endpoint = backend.endpoint
    bindings = {endpoint: Binding("openstack", "file:clouds.yaml", None)}
    observations, translators = observe_all({endpoint: backend}), {endpoint: translator()}
    return make_plan(estate, AS_OF, observations, translators, bindings, shares(store.database))


def check(cloud: DevCloud, estate: Estate) -> None:
    """Yunjin would change nothing, or the client did not do the same."""
    with tempfile.TemporaryDirectory(prefix="yunjin-bench-") as state, Store.open(Path(state)) as store:
        enter(store, estate, AS_OF, "benchmark")
        sweep(cloud, estate, store)


def sweep(cloud: DevCloud, estate: Estate, store: Store) -> Sweep:
    """A look by a client that knows nothing yet.

    Raises:
        RuntimeError: something differs.
    """
    (endpoint,) = estate.endpoints
    backend, calls = counted(cloud, endpoint)
    began = time.perf_counter()
    plan = look(estate, backend, store)
    seconds = time.perf_counter() - began
    backend.close()
    if plan.changes:
        raise RuntimeError(f"{len(plan.changes)} objects differ, the first: {plan.changes[0]}")
    projects = [project["id"] for project in cloud.api().get("identity", "/projects")["projects"]]
    return Sweep(seconds, len(estate.tenants), *by_project(calls, projects), calls.by_kind())


def by_project(calls: Calls, projects: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Calls about no project, and the most about the same one, by service."""
    lists, most = dict(calls.by_service()), dict.fromkeys(calls.by_service(), 0)
    for project in projects:
        for service, number in calls.of_one(project).items():
            lists[service] -= number
            most[service] = max(most[service], number)
    return lists, most


def report(runs: Sequence[tuple[Timed, Timed]], tenants: int) -> None:
    """The ratio of medians beside its aim, and what each side sent."""
    middle = [median(timed.seconds for timed in side) for side in zip(*runs, strict=True)]
    for name, seconds, timed in zip(("yunjin", "bare"), middle, runs[-1], strict=True):
        services = ", ".join(f"{service} {number}" for service, number in timed.calls.items())
        calls = sum(timed.calls.values())
        print(
            f"{name:>8} {seconds:8.2f} s {tenants / seconds:6.2f} tenants/s, {calls} calls "
            f"({calls / tenants:.1f} a tenant): {services}"
        )
    print(f"yunjin / bare loop: {middle[1] / middle[0]:.2f} (aim >= {AIM_BARE})")


def report_commands(seconds: float, commands: int, tenants: int, ours: float) -> None:
    """What a tenant costs by the command line beside `ours`."""
    print(f"openstack {seconds:7.2f} s {tenants / seconds:6.2f} tenants/s, {commands} commands")
    print(f"yunjin / openstack, a tenant: {seconds / tenants / ours:.1f} (aim >= {AIM_COMMAND})")


def report_sweep(found: Sweep) -> None:
    """What a sweep asks each service."""
    print(f"sweep of {found.tenants} tenants without drift: {found.seconds:.2f} s")
    for service, number in found.lists.items():
        print(f"{service:>9}: {number} calls about no project, at most {found.of_one[service]} about one")
    for kind, number in _most_first(found.kinds):
        print(f"    {number:5} {kind}")
    print(f"calls about the same project to one service: {max(found.of_one.values())} (aim <= {AIM_OF_ONE})")


def _most_first(kinds: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    yield from sorted(kinds.items(), key=lambda item: (-item[1], item[0]))


if __name__ == "__main__":
    main()
