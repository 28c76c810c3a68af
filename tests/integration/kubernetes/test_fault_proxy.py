"""The fault proxy passes everything through as it is, and injects exactly what it is told."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

import faults
from devcluster import Api
from fault_proxy import LOOPBACK, FaultProxy
from faults import Fault, Rule
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters import Cluster

CUT = (ConnectionError, http.client.HTTPException, ssl.SSLError)


@pytest.fixture
def proxy(cluster: Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy.start(cluster.kubeconfig, tmp_path, context=cluster.context) as started:
        yield started


@pytest.fixture
def api(proxy: FaultProxy) -> Api:
    return Api.from_kubeconfig(proxy.kubeconfig)


def _namespace(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}}


def test_without_rules_it_is_the_real_server(proxy: FaultProxy, api: Api, cluster: Cluster) -> None:
    path = "/api/v1/namespaces/kube-system"
    assert api.get(path) == cluster.api().get(path)
    assert [(seen.method, seen.path, seen.fault) for seen in proxy.seen] == [("GET", path, Fault())]
    assert proxy.writes == ()


def test_writes_reach_the_real_server_and_are_remembered(
    proxy: FaultProxy, api: Api, cluster: Cluster, unique: Callable[[str], str]
) -> None:
    name = unique("through")
    assert api.call("POST", "/api/v1/namespaces", _namespace(name)).status == 201
    assert cluster.api().get(f"/api/v1/namespaces/{name}")["metadata"]["name"] == name
    assert [seen.method for seen in proxy.writes] == ["POST"]


def test_a_watch_streams_as_events_happen(api: Api, cluster: Cluster, unique: Callable[[str], str]) -> None:
    space = unique("watched")
    cluster.api().must("POST", "/api/v1/namespaces", _namespace(space))
    path = f"/api/v1/namespaces/{space}/configmaps"
    version = cluster.api().get(path)["metadata"]["resourceVersion"]
    connection = api.connection(timeout=30)
    connection.request(
        "GET", f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=30", headers=api.headers
    )
    stream = connection.getresponse()
    for name in ("first", "second"):
        cluster.api().must("POST", path, {"metadata": {"name": name}})
        while (event := json.loads(stream.readline()))["object"]["metadata"]["name"] != name:
            continue
        assert event["type"] == "ADDED"
    connection.close()


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_a_refusal_is_a_status_object_and_has_no_effect(
    proxy: FaultProxy, api: Api, cluster: Cluster, unique: Callable[[str], str], status: int
) -> None:
    name = unique("refused")
    proxy.inject(Rule(faults.refuse(status, retry_after=7), method="POST"))
    answer = api.call("POST", "/api/v1/namespaces", _namespace(name))
    assert (answer.status, answer.body["kind"], answer.body["code"]) == (status, "Status", status)
    assert answer.headers["Retry-After"] == "7"
    assert cluster.api().call("GET", f"/api/v1/namespaces/{name}").status == 404


def test_a_rule_counts_its_own_requests(proxy: FaultProxy, api: Api) -> None:
    proxy.inject(Rule(faults.refuse(503), path="namespaces", first=2, times=2))
    paths = ["/version", "/api/v1/namespaces", "/version", *["/api/v1/namespaces"] * 3]
    assert [api.call("GET", path).status for path in paths] == [200, 200, 200, 503, 503, 200]


def test_a_rule_may_last_until_it_is_forgotten(proxy: FaultProxy, api: Api) -> None:
    proxy.inject(Rule(faults.refuse(500), times=None))
    assert {api.call("GET", "/version").status for _ in range(3)} == {500}
    proxy.forget()
    assert api.call("GET", "/version").status == 200
    assert len(proxy.seen) == 1


@pytest.mark.parametrize(
    ("fault", "effect"),
    [
        (faults.drop(), False),
        (faults.reset(), False),
        (faults.hang(0.1), False),
        (faults.drop_after_effect(), True),
        (faults.hang_after_effect(0.1), True),
    ],
)
def test_an_answer_is_lost_before_or_after_the_effect(
    proxy: FaultProxy, api: Api, cluster: Cluster, unique: Callable[[str], str], fault: Fault, *, effect: bool
) -> None:
    name = unique("lost")
    proxy.inject(Rule(fault, method="POST"))
    with pytest.raises(CUT):
        api.call("POST", "/api/v1/namespaces", _namespace(name))
    found = cluster.api().call("GET", f"/api/v1/namespaces/{name}").status
    assert found == (200 if effect else 404)


def test_a_failure_may_be_reported_after_the_effect(
    proxy: FaultProxy, api: Api, cluster: Cluster, unique: Callable[[str], str]
) -> None:
    name = unique("done")
    proxy.inject(Rule(faults.refuse_after_effect(504), method="POST"))
    assert api.call("POST", "/api/v1/namespaces", _namespace(name)).status == 504
    assert cluster.api().call("GET", f"/api/v1/namespaces/{name}").status == 200


def test_a_client_gives_up_on_a_server_that_hangs(proxy: FaultProxy, api: Api) -> None:
    proxy.inject(Rule(faults.hang(600), times=None))
    with pytest.raises(TimeoutError):
        api.call("GET", "/version", timeout=0.2)
    proxy.forget()
    assert api.call("GET", "/version").status == 200


def test_a_slow_answer_is_the_true_one(proxy: FaultProxy, api: Api) -> None:
    proxy.inject(Rule(faults.slow(0.1)))
    assert api.get("/version")["major"] == "1"


def test_a_truncated_answer_ends_early(proxy: FaultProxy, api: Api) -> None:
    proxy.inject(Rule(faults.truncated()))
    with pytest.raises(http.client.IncompleteRead):
        api.call("GET", "/version")


@pytest.mark.parametrize("fault", [faults.malformed(), faults.not_an_api()])
def test_what_is_no_json_comes_as_text(proxy: FaultProxy, api: Api, fault: Fault) -> None:
    proxy.inject(Rule(fault))
    answer = api.call("GET", "/version")
    assert answer.status == 200
    assert isinstance(answer.body, str)


def test_a_dead_server_answers_nobody_until_it_is_revived(
    proxy: FaultProxy, api: Api, cluster: Cluster, unique: Callable[[str], str]
) -> None:
    proxy.inject(Rule(faults.die_after_effect(), method="POST", first=2))
    names = [unique("dying") for _ in range(3)]
    assert api.call("POST", "/api/v1/namespaces", _namespace(names[0])).status == 201
    with pytest.raises(CUT):
        api.call("POST", "/api/v1/namespaces", _namespace(names[1]))
    with pytest.raises(CUT):
        api.call("POST", "/api/v1/namespaces", _namespace(names[2]))
    real = cluster.api()
    assert [real.call("GET", f"/api/v1/namespaces/{name}").status for name in names] == [200, 200, 404]
    proxy.revive()
    assert api.call("POST", "/api/v1/namespaces", _namespace(names[2])).status == 201


def test_death_cuts_the_requests_that_are_under_way(proxy: FaultProxy, api: Api) -> None:
    proxy.inject(Rule(faults.hang(600)))
    ends: list[BaseException] = []

    def ask() -> None:
        try:
            api.call("GET", "/version")
        except CUT as error:
            ends.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    wait_until(lambda: len(proxy.seen) == 1)
    proxy.die()
    waiting.join()
    assert len(ends) == 1


def test_it_can_show_an_expired_certificate(cluster: Cluster, tmp_path: Path) -> None:
    with (
        FaultProxy.start(
            cluster.kubeconfig,
            tmp_path,
            context=cluster.context,
            serving=lambda authority: authority.expired_server("proxy", LOOPBACK),
        ) as proxy,
        pytest.raises(ssl.SSLCertVerificationError, match="expired"),
    ):
        Api.from_kubeconfig(proxy.kubeconfig).call("GET", "/version")
