"""The backend on a server or a network that fails: whole answers or an error, one effect or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fault_proxy import FaultProxy
from faults import (
    Fault,
    Rule,
    die,
    die_after_effect,
    drop,
    drop_after_effect,
    malformed,
    not_an_api,
    refuse,
    refuse_after_effect,
    reset,
    truncated,
)
from leaves import LARGE, TRANSLATOR, change, leaf, objects, read, removal, state, write
from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    TransientError,
    UnreachableError,
    YunjinError,
)
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster
    from devcluster import DevCluster
    from leaves import Objects


@pytest.fixture
def proxy(cluster: Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy.start(cluster.kubeconfig, tmp_path, context=cluster.context) as started:
        yield started


@pytest.fixture
def backend(proxy: FaultProxy, unique: Callable[[str], str]) -> Iterator[KubernetesBackend]:
    opened = KubernetesBackend.connect(unique("endpoint"), proxy.kubeconfig, None, timeout=10)
    yield opened
    opened.close()


@pytest.fixture
def small(backend: KubernetesBackend, unique: Callable[[str], str]) -> Objects:
    wanted = objects(leaf(unique("faults"), backend.endpoint))
    write(backend, wanted.namespace, wanted.quota)
    return wanted


@pytest.fixture
def large(backend: KubernetesBackend, small: Objects) -> Objects:
    return objects(leaf(small.namespace.key.name, backend.endpoint, allotted=LARGE))


PASSING = [
    drop(),
    drop_after_effect(),
    reset(),
    refuse(503),
    refuse(429, retry_after=1),
    refuse_after_effect(503),
]


@pytest.mark.parametrize("fault", PASSING, ids=range(len(PASSING)))
def test_a_creation_survives_one_failure(
    backend: KubernetesBackend, proxy: FaultProxy, small: Objects, fault: Fault
) -> None:
    proxy.inject(Rule(fault, "PATCH"))
    backend.write(change(small.limits, None), None)
    live = read(backend, small.limits.key)
    assert live is not None
    assert TRANSLATOR.matches(small.limits, live)
    assert live.body["metadata"].get("generation", 1) == 1


@pytest.mark.parametrize("fault", PASSING, ids=range(len(PASSING)))
def test_an_update_survives_one_failure(
    backend: KubernetesBackend, proxy: FaultProxy, large: Objects, fault: Fault
) -> None:
    live = read(backend, large.quota.key)
    proxy.inject(Rule(fault, "PATCH"))
    backend.write(change(large.quota, live), live)
    live = read(backend, large.quota.key)
    assert live is not None
    assert TRANSLATOR.matches(large.quota, live)


@pytest.mark.parametrize("fault", PASSING, ids=range(len(PASSING)))
def test_a_removal_survives_one_failure(
    backend: KubernetesBackend, proxy: FaultProxy, small: Objects, fault: Fault
) -> None:
    live = read(backend, small.quota.key)
    proxy.inject(Rule(fault, "DELETE"))
    backend.write(removal(small.quota), live)
    assert read(backend, small.quota.key) is None


@pytest.mark.parametrize("fault", [die(), die_after_effect()], ids=["before", "after"])
def test_a_write_to_a_server_that_died_can_be_repeated(
    backend: KubernetesBackend, proxy: FaultProxy, large: Objects, fault: Fault
) -> None:
    live = read(backend, large.quota.key)
    sent = change(large.quota, live)
    proxy.inject(Rule(fault, "PATCH"))
    with pytest.raises(UnreachableError):
        backend.write(sent, live)
    proxy.revive()
    backend.write(sent, live)
    live = read(backend, large.quota.key)
    assert live is not None
    assert TRANSLATOR.matches(large.quota, live)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (truncated(), UnreachableError),
        (malformed(), PermanentError),
        (not_an_api(), PermanentError),
        (refuse(401), RefusalError),
        (refuse(403), RefusalError),
        (refuse(500), TransientError),
        (refuse(429), TransientError),
    ],
)
@pytest.mark.parametrize("kind", ["namespaces", "resourcequotas", "clusterroles"])
def test_a_list_that_fails_is_no_empty_list(
    backend: KubernetesBackend, proxy: FaultProxy, kind: str, fault: Fault, expected: type[YunjinError]
) -> None:
    proxy.inject(Rule(fault, "GET", f"/{kind}\\?", times=None))
    with pytest.raises(expected) as raised:
        backend.observe()
    assert type(raised.value) is expected
    assert backend.endpoint in raised.value.message.zh


def test_a_server_that_dies_while_it_is_listed_is_unreachable(
    backend: KubernetesBackend, proxy: FaultProxy
) -> None:
    proxy.inject(Rule(die(), "GET", r"/resourcequotas\?"))
    with pytest.raises(UnreachableError):
        backend.observe()


def test_pages_that_grew_too_old_are_read_again(
    backend: KubernetesBackend, proxy: FaultProxy, small: Objects
) -> None:
    proxy.inject(Rule(refuse(410), "GET", r"/resourcequotas\?", times=2))
    assert ("ResourceQuota", "yunjin") in state(backend)[small.namespace.key.name]


def test_pages_that_always_grow_too_old_are_given_up(backend: KubernetesBackend, proxy: FaultProxy) -> None:
    proxy.inject(Rule(refuse(410), "GET", r"/resourcequotas\?", times=None))
    with pytest.raises(TransientError, match="resourcequotas"):
        backend.observe()


def test_an_older_cluster_without_mutating_policies_is_observed(
    backend: KubernetesBackend, proxy: FaultProxy, small: Objects
) -> None:
    proxy.inject(Rule(refuse(404), "GET", "mutatingadmissionpolic", times=None))
    assert small.namespace.key.name in state(backend)


def test_an_object_that_never_rests_is_given_up(
    backend: KubernetesBackend, proxy: FaultProxy, large: Objects
) -> None:
    live = read(backend, large.quota.key)
    proxy.inject(Rule(refuse(409), "PATCH", times=None))
    with pytest.raises(TransientError, match="too fast"):
        backend.write(change(large.quota, live), live)


def test_a_write_is_one_request(backend: KubernetesBackend, proxy: FaultProxy, large: Objects) -> None:
    live = read(backend, large.quota.key)
    proxy.forget()
    backend.write(change(large.limits, None), None)
    assert [seen.method for seen in proxy.seen] == ["PATCH"]
    proxy.forget()
    backend.write(change(large.quota, live), live)
    assert len(proxy.writes) <= 2  # the controller may have written the status meanwhile


def test_reading_writes_nothing(backend: KubernetesBackend, proxy: FaultProxy, small: Objects) -> None:
    proxy.forget()
    state(backend)
    backend.read(small.keys)
    backend.effective([change(small.quota, None)])
    backend.pool_binding_active(small.namespace.key.name)
    assert [seen for seen in proxy.writes if "dryRun" not in seen.path] == []


def test_a_few_objects_are_read_one_by_one_and_many_by_one_list_a_kind(
    backend: KubernetesBackend, proxy: FaultProxy, small: Objects, unique: Callable[[str], str]
) -> None:
    proxy.forget()
    backend.read(small.keys)
    assert len(proxy.seen) == len(small.keys)
    others = [objects(leaf(unique("absent"), backend.endpoint)) for _ in range(20)]
    proxy.forget()
    backend.read([key for wanted in (small, *others) for key in wanted.keys])
    assert len({seen.path.partition("?")[0] for seen in proxy.seen}) == 5


def test_a_client_certificate_that_has_expired_is_said_to_be_refused(owned_cluster: DevCluster) -> None:
    backend = KubernetesBackend.connect("k8s-egov", owned_cluster.expired_kubeconfig(), None)
    with pytest.raises(RefusalError, match="credential") as raised:
        backend.observe()
    assert raised.value.remedy is not None
    assert "k8s-egov" in raised.value.remedy.zh
    backend.close()


def test_a_server_that_the_kubeconfig_does_not_vouch_for_is_not_talked_to(owned_cluster: DevCluster) -> None:
    backend = KubernetesBackend.connect("k8s-egov", owned_cluster.wrong_authority_kubeconfig(), None)
    with pytest.raises(UnreachableError, match="not trusted"):
        backend.observe()
    backend.close()


def test_an_account_without_the_right_to_list_is_told_so(owned_cluster: DevCluster) -> None:
    backend = KubernetesBackend.connect("k8s-egov", owned_cluster.kubeconfig_for("stranger"), None)
    with pytest.raises(RefusalError, match="cannot list"):
        backend.observe()
    backend.close()


def test_a_namespace_in_removal_is_worth_waiting_for(
    owned_cluster: DevCluster, backend: KubernetesBackend, small: Objects
) -> None:
    with owned_cluster.frozen():
        backend.write(removal(small.namespace), read(backend, small.namespace.key))
        with pytest.raises(TransientError, match="being removed"):
            backend.write(change(small.limits, None), None)


def test_a_quota_in_a_namespace_that_went_is_a_conflict(
    backend: KubernetesBackend, unique: Callable[[str], str]
) -> None:
    wanted = objects(leaf(unique("nowhere"), backend.endpoint))
    with pytest.raises(ConflictError):
        backend.write(change(wanted.quota, None), None)
