"""How fast and how small a plan of many tenants is, beside a plain loop that finds the same differences.

Both read the same rows of the same simulated endpoint, 1 % of the objects differing, and decode them tenant
by tenant; the estate is loaded before the clock starts:

- yunjin: observe and plan, as the command line does;
- plain: a loop that decodes the JSON, builds the wanted dictionaries as literals and compares them with `==`.
  It knows no field owners, no hashes and no foreign objects.

Every run is a process of its own, the kinds of runs take turns, and processor time is counted: neither side
waits for anything. Prints the ratio of medians, the peak memory of a planning process, and the time a tenant
costs among many beside what it costs among a tenth of them, each beside its aim.

    python benchmarks/plan.py [--tenants 10000] [--runs 5]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from estates import synthetic_estate
from yunjin.model.amounts import written
from yunjin.model.change import Binding
from yunjin.observe import observe_all
from yunjin.plan import make_plan
from yunjin.substrates.kubernetes.translate import KubernetesTranslator
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yunjin.model.estate import Estate
    from yunjin.model.resources import Body
    from yunjin.model.tenancy import Leaf

AS_OF = date(2026, 11, 22)
ENDPOINT = "k8s-egov"
DIFFERING = 100  # one object of so many
AIM_RATIO, AIM_MIB, AIM_GROWTH = 4.0, 400, 1.2

SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
NOTHING = dict.fromkeys(
    (
        *("services.loadbalancers", "services.nodeports", "requests.nvidia.com/gpu", "requests.amd.com/gpu"),
        *("requests.huawei.com/Ascend310", "requests.huawei.com/Ascend910"),
        *("requests.hygon.com/dcu", "requests.cambricon.com/mlu"),
    ),
    "0",
)
DENY: Body = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}
DNS: Body = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
BASE: Body = {
    **DENY,
    "ingress": [{"from": [{"podSelector": {}}]}],
    "egress": [{"to": [{"podSelector": {}}]}, DNS],
}
DEFAULTS: Body = {
    "type": "Container",
    "default": {"cpu": "200m", "memory": "128Mi"},
    "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
    "maxLimitRequestRatio": {"cpu": "10", "memory": "4"},
}


@dataclass(frozen=True)
class Run:
    """One process: what it found, the processor's seconds for it, its memory at most."""

    differing: int
    seconds: float
    mib: float


def seed(estate: Estate, file: Path) -> int:
    """Fill an endpoint with what the estate wants, one object of `DIFFERING` older. Returns how many."""
    translator = KubernetesTranslator()
    backend = SimulatedBackend.open(ENDPOINT, file)

    def bodies() -> Iterator[Body]:
        yield from (wanted.body for wanted in translator.shared(estate.endpoints[ENDPOINT], {}))
        for leaf in estate.leaves(AS_OF):
            yield from (wanted.body for wanted in translator.wanted(leaf))

    try:
        return backend.seed(_aged(body) if n % DIFFERING == 0 else body for n, body in enumerate(bodies(), 1))
    finally:
        backend.close()


def yunjin(estate: Estate, file: Path) -> int:
    """Observe and plan. Returns how many objects differ."""
    backend = SimulatedBackend.open(ENDPOINT, file)
    try:
        plan = make_plan(
            estate,
            AS_OF,
            observe_all({ENDPOINT: backend}),
            {ENDPOINT: KubernetesTranslator()},
            {ENDPOINT: Binding("kubernetes", "simulated", None)},
        )
    finally:
        backend.close()
    return len(plan.changes)


def plain(leaves: Sequence[Leaf], file: Path) -> int:
    """The leanest loop over the same rows. Returns how many objects differ."""
    connection = sqlite3.connect(file)
    rows = connection.execute(
        "SELECT leaf, kind, name, body FROM object WHERE leaf > '' ORDER BY leaf, kind, name"
    )
    differing = 0
    for leaf, (_, found) in zip(leaves, groupby(rows, itemgetter(0)), strict=True):
        observed = {(kind, name): json.loads(body) for _, kind, name, body in found}
        for body in dictionaries(leaf):
            live = observed.get((body["kind"], body["metadata"]["name"]))
            differing += live is None or not _alike(body, live)
    connection.close()
    return differing


def dictionaries(leaf: Leaf) -> list[Body]:
    """The eight objects of a leaf, as literals."""
    labels = {
        "app.kubernetes.io/managed-by": "yunjin",
        "yunjin/tenant": leaf.tenant,
        "yunjin/bureau": leaf.bureau,
        "yunjin/zone": leaf.zone,
        "yunjin/pool": leaf.pool,
        "yunjin/endpoint": leaf.endpoint,
    }
    core, network, rights = "v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"

    def part(version: str, kind: str, name: str, **content: Any) -> Body:
        metadata = {"name": name, "namespace": leaf.name, "labels": labels}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}

    def binding(role: str) -> Body:
        return part(
            rights,
            "RoleBinding",
            f"yunjin-{role}",
            roleRef={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": f"yunjin:tenant-{role}",
            },
            subjects=[
                {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Group",
                    "name": f"yunjin:{leaf.tenant}:{role}",
                },
                {
                    "kind": "ServiceAccount",
                    "name": f"{leaf.name}-{role}",
                    "namespace": "yunjin-credentials",
                },
            ],
        )

    return [
        {
            "apiVersion": core,
            "kind": "Namespace",
            "metadata": {"name": leaf.name, "labels": {**labels, **SECURITY}},
        },
        part(core, "ResourceQuota", "yunjin", spec={"hard": _hard(leaf)}),
        part(core, "LimitRange", "yunjin", spec={"limits": [DEFAULTS]}),
        part(network, "NetworkPolicy", "yunjin-deny", spec=DENY),
        part(network, "NetworkPolicy", "yunjin-base", spec=BASE),
        part(network, "NetworkPolicy", "yunjin-flows", spec=DENY),
        binding("admin"),
        binding("viewer"),
    ]


def measure(what: str, tenants: int, file: Path) -> Run:
    """One run in this process: load the estate, then count the time."""
    estate = synthetic_estate(tenants)
    leaves = estate.leaves(AS_OF) if what == "plain" else ()
    gc.collect()
    began = time.process_time()
    differing = plain(leaves, file) if what == "plain" else yunjin(estate, file)
    seconds = time.process_time() - began
    return Run(differing, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def in_a_child(what: str, tenants: int, file: Path) -> Run:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--tenants", str(tenants), "--measure", what, "--file", str(file)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    return Run(**json.loads(done.stdout))


def compare(tenants: int, runs: int) -> dict[str, list[Run]]:
    """Runs by kind: `yunjin` and `plain` with all tenants, `few` with a tenth of them."""
    few = max(1, tenants // 10)
    with tempfile.TemporaryDirectory(prefix="yunjin-bench-") as folder:
        files = {number: Path(folder) / f"{number}.db" for number in {tenants, few}}
        for number, file in files.items():
            seed(synthetic_estate(number), file)
        found: dict[str, list[Run]] = {"yunjin": [], "plain": [], "few": []}
        for _ in range(runs):
            for what, number in (("yunjin", tenants), ("plain", tenants), ("few", few)):
                found[what].append(in_a_child(what, number, files[number]))
    return found


def report(found: dict[str, list[Run]], tenants: int) -> None:
    """Every figure beside its aim."""
    seconds = {what: median(run.seconds for run in runs) for what, runs in found.items()}
    many, one_of_few = seconds["yunjin"] / tenants, seconds["few"] / max(1, tenants // 10)
    for what, runs in found.items():
        print(f"{what:>8} {seconds[what]:8.2f} s {runs[0].differing:8} differences")
    print(f"yunjin / plain loop: {seconds['yunjin'] / seconds['plain']:.2f} (aim <= {AIM_RATIO})")
    print(f"peak memory: {max(run.mib for run in found['yunjin']):.0f} MiB (aim <= {AIM_MIB})")
    print(f"a tenant among {tenants} / among a tenth: {many / one_of_few:.2f} (aim <= {AIM_GROWTH})")


def _hard(leaf: Leaf) -> dict[str, str]:
    cpu, memory = leaf.allotted["cpu"], leaf.allotted["memory"]
    return {
        "limits.cpu": written("cpu", cpu * leaf.limit_percent["cpu"] // 100),
        "limits.memory": written("memory", memory * leaf.limit_percent["memory"] // 100),
        "pods": str(leaf.allotted["pods"]),
        "requests.cpu": written("cpu", cpu),
        "requests.memory": written("memory", memory),
        "requests.storage": written("storage", leaf.allotted["storage"]),
        **NOTHING,
    }


def _alike(body: Body, live: Body) -> bool:
    """Whether the wanted labels are there and every other part is equal, but for lists that are empty."""
    if not body["metadata"]["labels"].items() <= live["metadata"]["labels"].items():
        return False
    for part in ("roleRef", "subjects"):
        if part in body and body[part] != live[part]:
            return False
    spec = live.get("spec", {})
    return all(spec.get(name, []) == value for name, value in body.get("spec", {}).items())


def _aged(body: Body) -> Body:
    labels = {**body["metadata"].get("labels", {}), "yunjin/bureau": "renamed"}
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--measure", choices=("yunjin", "plain", "few"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asdict(measure(options.measure, options.tenants, options.file))))
    else:
        report(compare(options.tenants, options.runs), options.tenants)


if __name__ == "__main__":
    main()
