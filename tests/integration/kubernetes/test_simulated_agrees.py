"""The same history on a simulated endpoint and on a real API server leaves the same objects and owners."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from leaves import LARGE, leaf, objects, write
from substrate_drivers import KubernetesDriver, SimulatedDriver
from waiting import wait_until
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster
    from leaves import Objects
    from substrate_drivers import ClusterDriver

Step = tuple[str, "Callable[[ClusterDriver, Objects, Objects], object]"]
# A real server counts a generation whenever a policy with an empty list of rules is applied, changed or not.
_TRANSIENT = ("uid", "resourceVersion", "creationTimestamp", "generation")


def _key(of: Objects, kind: str, name: str) -> Key:
    return Key(of.namespace.key.endpoint, of.namespace.key.name, kind, name)


def _note(of: Objects) -> dict[str, Any]:
    metadata = {
        "name": "yunjin",
        "namespace": of.namespace.key.name,
        "labels": {"example.org/team": "theirs"},
    }
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata}


def _plain(of: Objects) -> dict[str, Any]:
    metadata = {"name": "plain", "namespace": of.namespace.key.name, "labels": {"a": "b"}}
    spec = {"hard": {"pods": "2000", "requests.cpu": "1.5", "requests.memory": "8192Mi"}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}


HISTORY: tuple[Step, ...] = (
    ("all is applied", lambda driver, small, _: write(driver.backend, *small.all)),
    ("all is applied again", lambda driver, small, _: write(driver.backend, *small.all)),
    (
        "somebody edits a quota",
        lambda driver, small, _: driver.edit(
            small.quota.key,
            {("spec", "hard", "requests.cpu"): "5", ("metadata", "annotations", "note"): "x"},
            "kubectl-edit",
        ),
    ),
    (
        "somebody takes fields out",
        lambda driver, small, _: driver.edit(
            small.quota.key,
            {("spec", "hard", "pods"): None, ("metadata", "annotations", "note"): None},
            "other",
        ),
    ),
    ("another tool applies a label", lambda driver, small, _: driver.apply(_note(small), "their-tool")),
    (
        "somebody opens a policy",
        lambda driver, small, _: driver.edit(small.deny.key, {("spec", "ingress"): [{}]}, "kubectl-edit"),
    ),
    (
        "all is taken back, larger",
        lambda driver, _, large: write(driver.backend, *large.all, force=True),
    ),
    ("somebody makes a quota", lambda driver, small, _: driver.create(_plain(small), "kubectl-create")),
    (
        "somebody edits that quota",
        lambda driver, small, _: driver.edit(
            _key(small, "ResourceQuota", "plain"), {("spec", "hard", "pods"): "3"}, "kubectl-edit"
        ),
    ),
    (
        "somebody labels the namespace",
        lambda driver, small, _: driver.edit(
            small.namespace.key, {("metadata", "labels", "team"): "theirs"}, "kubectl-label"
        ),
    ),
    ("all is applied as it is", lambda driver, _, large: write(driver.backend, *large.all)),
)


@pytest.fixture
def drivers(
    cluster: Cluster, tmp_path: Path, unique: Callable[[str], str]
) -> Iterator[tuple[ClusterDriver, ClusterDriver]]:
    """One endpoint's name on both."""
    endpoint = unique("agrees")
    simulated, real = SimulatedDriver(endpoint, tmp_path / "k8s.db"), KubernetesDriver(endpoint, cluster)
    yield simulated, real
    simulated.close()
    real.close()


def _holds(driver: ClusterDriver, name: str) -> dict[tuple[str, str], Any]:
    """All of one leaf, without what no two servers share."""
    found = {}
    for state in driver.backend.observe():
        for place, live in state.objects.items() if state.name == name else ():
            metadata = {
                part: value for part, value in live.body["metadata"].items() if part not in _TRANSIENT
            }
            entries = [{**entry, "time": ""} for entry in metadata.get("managedFields", ())]
            metadata["managedFields"] = sorted(
                entries,
                key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", "")),
            )
            found[place] = {**live.body, "metadata": metadata}
    return found


def test_both_hold_the_same_after_every_step(
    drivers: tuple[ClusterDriver, ClusterDriver], unique: Callable[[str], str]
) -> None:
    simulated, real = drivers
    name = unique("agrees")
    small = objects(leaf(name, real.endpoint))
    large = objects(leaf(name, real.endpoint, allotted=LARGE))
    for step, act in HISTORY:
        for driver in drivers:
            act(driver, small, large)
        expected = _holds(simulated, name)
        with suppress(AssertionError):  # the comparison below says what differs
            wait_until(partial(_agree, real, name, expected), within=20)
        found = _holds(real, name)
        assert found.keys() == expected.keys(), step
        for place, body in found.items():
            assert body == expected[place], f"{step}: {place}"


def _agree(driver: ClusterDriver, name: str, expected: dict[tuple[str, str], Any]) -> bool:
    return _holds(driver, name) == expected
