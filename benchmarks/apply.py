"""How fast tenants are provisioned on a real API server, beside a bare client and kubectl.

Three clients send the same objects, eight a tenant, to a fresh server each; every clock stops when every
quota is effective:

- yunjin: observe, plan, apply, with leases, journal, ledger and confirmation;
- bare: a client of http.client with as many threads, which sends the same patches and keeps nothing;
- kubectl: `kubectl apply --server-side` of the same manifests.

Then yunjin observes, plans and applies once more: nothing is written. The declared city enters the quota
ledger before the first apply, once in its life; that has a clock of its own. Prints each ratio of medians
beside its aim.

    python benchmarks/apply.py [--tenants 1000] [--runs 5]
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import median
from typing import TYPE_CHECKING, Any

from devcluster import DevCluster
from devcluster.api import APPLY_PATCH
from estates import synthetic_estate
from yunjin.apply import ApprovedPlan, Settings, apply
from yunjin.engine.opening import enter
from yunjin.ledger.shares import shares
from yunjin.model.change import Binding
from yunjin.observe import observe_all
from yunjin.plan import make_plan, plan_hash
from yunjin.store import Store
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.kubernetes.kinds import KINDS
from yunjin.substrates.kubernetes.translate import FIELD_MANAGER, KubernetesTranslator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.model.change import Plan
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Body

AS_OF = date(2026, 11, 22)
THREADS = 16
AIM_BARE, AIM_KUBECTL, AIM_AGAIN = 0.7, 2.0, 0.1


@dataclass(frozen=True)
class Run:
    """Seconds of one round; `writes_again` counts what the second apply wrote."""

    opening: float
    yunjin: float
    again: float
    bare: float
    kubectl: float
    writes_again: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    estate = synthetic_estate(options.tenants)
    bodies = manifests(estate)
    print(f"{options.tenants} tenants, {len(bodies)} objects, {options.runs} runs; seconds")
    runs = []
    for number in range(options.runs):
        runs.append(measure(estate, bodies))
        print(
            f"  run {number + 1}: "
            + ", ".join(f"{name} {seconds:.2f}" for name, seconds in _seconds(runs[-1]))
        )
    report(runs, len(bodies))


def manifests(estate: Estate) -> list[Body]:
    """All objects in an order in which they may be written."""
    translator = KubernetesTranslator()
    wanted = [item for endpoint in estate.endpoints.values() for item in translator.shared(endpoint, {})]
    for leaf in estate.leaves(AS_OF):
        wanted += translator.wanted(leaf)
    return [item.body for item in sorted(wanted, key=lambda item: item.rank)]


def measure(estate: Estate, bodies: Sequence[Body]) -> Run:
    """One round: each client once, on a server of its own."""
    with fresh_server() as cluster:
        opening, yunjin, again, writes = provision(cluster, estate)
        check(cluster, bodies)
    with fresh_server() as cluster:
        bare = send_bare(cluster, bodies)
        check(cluster, bodies)
    with fresh_server() as cluster:
        kubectl = send_kubectl(cluster, bodies)
        check(cluster, bodies)
    return Run(opening, yunjin, again, bare, kubectl, writes)


def fresh_server() -> DevCluster:
    """A server nobody wrote to; stopping it ends what it holds."""
    return DevCluster.start(Path(tempfile.mkdtemp(prefix="yunjin-bench-")), light=True)


def provision(cluster: DevCluster, estate: Estate) -> tuple[float, float, float, int]:
    """Seconds of the opening, of the first apply and of the second, and how many changes the second made."""
    (endpoint,) = estate.endpoints
    backend = KubernetesBackend.connect(endpoint, cluster.kubeconfig, cluster.context)
    with tempfile.TemporaryDirectory(prefix="yunjin-bench-") as folder, Store.open(Path(folder)) as store:
        gc.collect()
        began = time.perf_counter()
        enter(store, estate, AS_OF, "benchmark")
        seconds = [time.perf_counter() - began]
        for _ in range(2):
            began = time.perf_counter()
            plan = look(estate, backend, store)
            receipts = apply(
                ApprovedPlan(plan, plan_hash(plan), "benchmark"),
                {endpoint: backend},
                {endpoint: KubernetesTranslator()},
                store,
                Settings(workers=THREADS),
            )
            seconds.append(time.perf_counter() - began)
            failed = [receipt for receipt in receipts if not receipt.settled]
            if failed:
                raise RuntimeError(f"{len(failed)} changes did not settle, the first: {failed[0].reason}")
    backend.close()
    return seconds[0], seconds[1], seconds[2], len(receipts)


def look(estate: Estate, backend: KubernetesBackend, store: Store) -> Plan:
    """What differs between what the ledger says and the server."""
    endpoint = backend.endpoint
    bindings = {endpoint: Binding("kubernetes", "file:kubeconfig", None)}
    observations, translators = observe_all({endpoint: backend}), {endpoint: KubernetesTranslator()}
    return make_plan(estate, AS_OF, observations, translators, bindings, shares(store.database))


def send_bare(cluster: DevCluster, bodies: Sequence[Body]) -> float:
    """Seconds until all are sent, namespaces first, and every quota is effective."""
    gc.collect()
    began = time.perf_counter()
    for first in (True, False):
        _send_all(
            cluster, [body for body in bodies if (body["kind"] in ("Namespace", "ClusterRole")) is first]
        )
    _await_quotas(cluster)
    return time.perf_counter() - began


def send_kubectl(cluster: DevCluster, bodies: Sequence[Body]) -> float:
    """The same by kubectl."""
    with tempfile.TemporaryDirectory(prefix="yunjin-bench-") as folder:
        file = Path(folder) / "manifests.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(bodies)}))
        began = time.perf_counter()
        cluster.kubectl("apply", "--server-side", f"--field-manager={FIELD_MANAGER}", "-f", str(file))
        _await_quotas(cluster)
        return time.perf_counter() - began


def check(cluster: DevCluster, bodies: Sequence[Body]) -> None:
    """Every object is there, or the clocks measured nothing."""
    api = cluster.api()
    for kind in sorted({body["kind"] for body in bodies}):
        sent = {_identity(body) for body in bodies if body["kind"] == kind}
        there = {_identity(body) for body in api.get(KINDS[kind].collection())["items"]}
        if not sent <= there:
            raise RuntimeError(f"{len(sent - there)} objects of {kind} are missing")


def report(runs: Sequence[Run], objects: int) -> None:
    """The ratios of medians beside their aims."""
    middle = {name: median(dict(_seconds(run))[name] for run in runs) for name, _ in _seconds(runs[0])}
    for name, seconds in middle.items():
        print(f"{name:>8} {seconds:8.2f} s {objects / seconds:8.0f} objects/s")
    print(f"yunjin / bare client: {middle['bare'] / middle['yunjin']:.2f} (aim >= {AIM_BARE})")
    print(f"yunjin / kubectl: {middle['kubectl'] / middle['yunjin']:.2f} (aim >= {AIM_KUBECTL})")
    print(f"second apply / first: {middle['again'] / middle['yunjin']:.3f} (aim <= {AIM_AGAIN})")
    opening = median(run.opening for run in runs)
    print(f"opening of the ledger / first apply: {opening / middle['yunjin']:.3f}")
    print(f"writes of the second apply: {max(run.writes_again for run in runs)} (aim 0)")


def _seconds(run: Run) -> list[tuple[str, float]]:
    return [("yunjin", run.yunjin), ("again", run.again), ("bare", run.bare), ("kubectl", run.kubectl)]


def _identity(body: Body) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _send_all(cluster: DevCluster, bodies: Sequence[Body]) -> None:
    queue: SimpleQueue[Body] = SimpleQueue()
    for body in bodies:
        queue.put(body)
    refused: list[Any] = []
    threads = [threading.Thread(target=_send, args=(cluster, queue, refused)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused:
        raise RuntimeError(f"{len(refused)} patches were refused, the first: {refused[0]}")


def _send(cluster: DevCluster, queue: SimpleQueue[Body], refused: list[Any]) -> None:
    connection = cluster.api().connection(timeout=60)
    headers = {"Content-Type": APPLY_PATCH, "Accept": "application/json"}
    while True:
        try:
            body = queue.get_nowait()
        except Empty:
            break
        path = KINDS[body["kind"]].item(*_identity(body))
        connection.request(
            "PATCH", f"{path}?fieldManager={FIELD_MANAGER}", json.dumps(body).encode(), headers
        )
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 400:
            refused.append(answer)
    connection.close()


def _await_quotas(cluster: DevCluster) -> None:
    api = cluster.api()
    while True:
        quotas = api.get(KINDS["ResourceQuota"].collection())["items"]
        if all(quota.get("status", {}).get("hard") == quota["spec"]["hard"] for quota in quotas):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
