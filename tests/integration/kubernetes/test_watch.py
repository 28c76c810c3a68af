"""The watch wakes the controller: for what changed, after an interruption, and until it is told to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from fault_proxy import FaultProxy
from faults import Rule, refuse
from leaves import leaf, objects, write
from waiting import wait_until
from yunjin.substrates.kubernetes.backend import KubernetesBackend
from yunjin.substrates.kubernetes.watch import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster
    from devcluster import Api
    from leaves import Objects


class Listening:
    """Collects names in a thread of its own until the block ends."""

    def __init__(self, backend: KubernetesBackend) -> None:
        self.heard: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(backend,))

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.heard.count(EVERYTHING) == 5)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _listen(self, backend: KubernetesBackend) -> None:
        for name in backend.watch(self._stop):
            self.heard.append(name)


@pytest.fixture
def backend(cluster: Cluster, unique: Callable[[str], str]) -> Iterator[KubernetesBackend]:
    opened = KubernetesBackend.connect(unique("endpoint"), cluster.kubeconfig, cluster.context)
    yield opened
    opened.close()


@pytest.fixture
def wanted(backend: KubernetesBackend, unique: Callable[[str], str]) -> Objects:
    return objects(leaf(unique("watched"), backend.endpoint))


def test_each_managed_kind_wakes_its_leaf(backend: KubernetesBackend, wanted: Objects) -> None:
    name = wanted.namespace.key.name
    write(backend, wanted.namespace)
    with Listening(backend) as listening:
        for one in (wanted.quota, wanted.limits, wanted.deny, wanted.admin):
            listening.heard.clear()
            write(backend, one)
            wait_until(lambda: name in listening.heard)


def test_the_use_of_a_quota_wakes_nobody(
    cluster: Cluster, backend: KubernetesBackend, wanted: Objects, unique: Callable[[str], str]
) -> None:
    used, other = wanted, objects(leaf(unique("changed"), backend.endpoint))
    for one in (used, other):
        write(backend, one.namespace)
        write(backend, one.quota)
    path = f"/api/v1/namespaces/{used.namespace.key.name}/resourcequotas/{used.quota.key.name}"
    with Listening(backend) as listening:
        label(cluster.api(), path, "first")
        wait_until(lambda: used.namespace.key.name in listening.heard)
        listening.heard.clear()
        for pods in range(3):
            merge(cluster.api(), f"{path}/status", {"status": {"used": {"pods": str(pods)}}})
        label(cluster.api(), path.replace(used.namespace.key.name, other.namespace.key.name), "last")
        wait_until(lambda: other.namespace.key.name in listening.heard)
        assert used.namespace.key.name not in listening.heard


def merge(api: Api, path: str, part: dict[str, Any]) -> None:
    answer = api.call("PATCH", path, part, content_type="application/merge-patch+json")
    assert answer.status == 200, answer


def label(api: Api, path: str, value: str) -> None:
    merge(api, path, {"metadata": {"labels": {"somebody": value}}})


def test_a_broken_watch_goes_on_where_it_broke(
    cluster: Cluster, backend: KubernetesBackend, wanted: Objects, tmp_path: Path
) -> None:
    with FaultProxy.start(cluster.kubeconfig, tmp_path, context=cluster.context) as proxy:
        watching = KubernetesBackend.connect(backend.endpoint, proxy.kubeconfig, None)
        with Listening(watching) as listening:
            proxy.die()
            write(backend, wanted.namespace)
            proxy.revive()
            wait_until(lambda: wanted.namespace.key.name in listening.heard)
        watching.close()


def test_a_version_that_grew_too_old_asks_for_a_look_at_everything(
    cluster: Cluster, backend: KubernetesBackend, wanted: Objects, tmp_path: Path
) -> None:
    with FaultProxy.start(cluster.kubeconfig, tmp_path, context=cluster.context) as proxy:
        watching = KubernetesBackend.connect(backend.endpoint, proxy.kubeconfig, None)
        with Listening(watching) as listening:
            proxy.die()
            proxy.inject(Rule(refuse(410), "GET", "watch=1", times=5))  # before that an answer may be lost
            proxy.revive()
            wait_until(lambda: listening.heard.count(EVERYTHING) == 10)
            write(backend, wanted.namespace)
            wait_until(lambda: wanted.namespace.key.name in listening.heard)
        watching.close()


def test_it_stops_when_told_to(backend: KubernetesBackend) -> None:
    before = frozenset(threading.enumerate())
    with Listening(backend):
        begun = frozenset(threading.enumerate()) - before
        assert len(begun) > 1  # the listener's own, and those that watch for it
    assert not any(thread.is_alive() for thread in begun)
