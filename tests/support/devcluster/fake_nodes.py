"""Nodes that only look real, kept alive by kwok.

Called by `devcluster.cluster`. Promises that a fake node says it is one: by its name, its annotation and
its taint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from devcluster.api import Api

PROGRAM = "kwok"
MARK = "kwok.x-k8s.io/node"
TOLERATION = {"key": MARK, "operator": "Equal", "value": "fake", "effect": "NoSchedule"}
_CAPACITY = {"cpu": "32", "memory": "256Gi", "pods": "110"}


def node(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The object of one fake node, as large as a two-socket server."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, **labels},
            "annotations": {MARK: "fake"},
        },
        "spec": {"taints": [{"key": MARK, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": _CAPACITY, "allocatable": _CAPACITY},
    }


def command(programs: Mapping[str, Path], kubeconfig: Path) -> list[str | Path]:
    """How kwok is called: it manages the marked nodes alone, with the stages that came with it."""
    configs = [f"--config={stage}" for stage in sorted(programs["kwok-stages"].glob("*.yaml"))]
    return [
        programs[PROGRAM],
        "--kubeconfig",
        kubeconfig,
        f"--manage-nodes-with-annotation-selector={MARK}=fake",
        "--node-lease-duration-seconds=40",
        *configs,
    ]


def all_ready(api: Api, names: Collection[str]) -> bool:
    """Whether every named node calls itself Ready."""
    ready = {
        item["metadata"]["name"]
        for item in api.get("/api/v1/nodes")["items"]
        for condition in item["status"].get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    }
    return ready.issuperset(names)
