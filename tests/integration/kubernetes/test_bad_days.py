"""A cluster in trouble: every answer ends in the right error, and a second run finishes what the first one
began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import faults
from fault_proxy import FaultProxy
from faults import Fault, Rule
from leaves import TRANSLATOR, change, leaf, objects, read, write
from yunjin.errors import TransientError, UnreachableError, YunjinError
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster
    from devcluster import DevCluster
    from leaves import Objects

ENDPOINT = "k8s-egov"
QUOTAS = "/resourcequotas/"


@pytest.fixture
def proxy(cluster: Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy.start(cluster.kubeconfig, tmp_path, context=cluster.context) as started:
        yield started


@pytest.fixture
def backend(proxy: FaultProxy) -> Iterator[KubernetesBackend]:
    opened = KubernetesBackend.connect(ENDPOINT, proxy.kubeconfig, None)
    yield opened
    opened.close()


@pytest.fixture
def wanted(backend: KubernetesBackend, unique: Callable[[str], str]) -> Objects:
    """A leaf whose namespace stands; its other objects do not."""
    made = objects(leaf(unique("bad-day"), ENDPOINT))
    write(backend, made.namespace)
    return made


def _stands(backend: KubernetesBackend, wanted: Objects) -> bool:
    live = read(backend, wanted.quota.key)
    return live is not None and TRANSLATOR.matches(wanted.quota, live)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(
    backend: KubernetesBackend, proxy: FaultProxy, wanted: Objects, status: int
) -> None:
    proxy.inject(Rule(faults.refuse(status, retry_after=1), method="PATCH", path=QUOTAS, times=2))
    backend.write(change(wanted.quota, None), None)
    assert _stands(backend, wanted)
    assert [seen.fault == Fault() for seen in proxy.seen if QUOTAS in seen.path][:3] == [False, False, True]


def test_a_server_that_stays_busy_is_said_to_be(
    backend: KubernetesBackend, proxy: FaultProxy, wanted: Objects
) -> None:
    proxy.inject(Rule(faults.refuse(429, retry_after=3600), method="PATCH", path=QUOTAS, times=None))
    with pytest.raises(TransientError) as raised:
        backend.write(change(wanted.quota, None), None)
    assert type(raised.value) is TransientError
    assert raised.value.retry_after == 3600


def test_a_server_that_hangs_is_not_waited_for_for_ever(
    backend: KubernetesBackend, proxy: FaultProxy, wanted: Objects
) -> None:
    proxy.inject(Rule(faults.hang(600), path=QUOTAS, times=None))
    impatient = KubernetesBackend.connect(ENDPOINT, proxy.kubeconfig, None, timeout=1)
    with pytest.raises(UnreachableError):
        read(impatient, wanted.quota.key)
    impatient.close()
    proxy.forget()
    assert read(backend, wanted.quota.key) is None


def _write_until_it_fails(backend: KubernetesBackend, wanted: Objects) -> YunjinError | None:
    """A run: object after object; the error that ended it."""
    try:
        write(backend, *wanted.all)
    except YunjinError as error:
        return error
    return None


@pytest.mark.parametrize("after", [1, 2, 5, 8])
@pytest.mark.parametrize("fault", [faults.die(), faults.die_after_effect()], ids=["before", "after-effect"])
def test_a_server_that_dies_in_the_middle_leaves_nothing_that_a_second_run_does_not_finish(
    backend: KubernetesBackend, proxy: FaultProxy, unique: Callable[[str], str], fault: Fault, after: int
) -> None:
    wanted = objects(leaf(unique("dies"), ENDPOINT))
    proxy.inject(Rule(fault, method="PATCH", first=after))
    assert isinstance(_write_until_it_fails(backend, wanted), UnreachableError)
    assert isinstance(_write_until_it_fails(backend, wanted), UnreachableError)
    proxy.revive()
    assert _write_until_it_fails(backend, wanted) is None
    found = backend.read(wanted.keys)
    assert all(TRANSLATOR.matches(one, found[one.key]) for one in wanted.all)
    proxy.forget()
    write(backend, *wanted.all)
    assert [seen.method for seen in proxy.writes] == ["PATCH"] * 8


def test_a_real_server_dies_and_comes_back(second_cluster: DevCluster, unique: Callable[[str], str]) -> None:
    backend = KubernetesBackend.connect(ENDPOINT, second_cluster.kubeconfig, None, timeout=5)
    wanted = objects(leaf(unique("returns"), ENDPOINT))
    write(backend, wanted.namespace, wanted.quota)
    second_cluster.kill_api_server()
    assert isinstance(_write_until_it_fails(backend, wanted), UnreachableError)
    second_cluster.start_api_server()
    assert _write_until_it_fails(backend, wanted) is None
    found = backend.read(wanted.keys)
    assert all(TRANSLATOR.matches(one, found[one.key]) for one in wanted.all)
    backend.close()
