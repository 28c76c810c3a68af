"""Figures of the controller are served on a port, and no longer than it runs."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from spines import CPU, QUOTA, key
from yunjin.engine import drift
from yunjin.engine.metrics import Metrics
from yunjin.errors import UsageError

if TYPE_CHECKING:
    from spines import City

LOOPBACK = "127.0.0.1"


def _read(port: int) -> str:
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


def _look(metrics: Metrics, city: City) -> None:
    with city.spine() as spine:
        parted = spine.split()
        metrics.looked(parted, drift.seen(spine, parted))


def test_they_are_served_and_the_port_is_free_afterwards() -> None:
    metrics = Metrics()
    port, stop = metrics.serve(LOOPBACK, 0)
    metrics.sweeps.labels("complete").inc()
    assert 'yunjin_sweeps_total{outcome="complete"} 1.0' in _read(port)
    stop()
    with pytest.raises(ConnectionRefusedError):
        _read(port)
    _, again = metrics.serve(LOOPBACK, port)
    again()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as caught:
            Metrics().serve(LOOPBACK, port)
    assert "--metrics-port" in str(caught.value.remedy)


def test_objects_are_counted_not_their_differences(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6", ("spec", "hard", "pods"): "50"})
    town.people.edit(key("ResourceQuota", leaf="fgw-egov"), {CPU: "6"})
    metrics = Metrics()
    _look(metrics, town)
    labels = {"endpoint": "k8s", "class": "quota", "policy": "report"}
    assert metrics.registry.get_sample_value("yunjin_drift", labels) == 2
    assert metrics.registry.get_sample_value("yunjin_leaves") == 3


def test_no_object_is_named(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    metrics = Metrics()
    _look(metrics, town)
    port, stop = metrics.serve(LOOPBACK, 0)
    text = _read(port)
    stop()
    assert "yunjin_drift" in text
    assert "jtj" not in text


def test_an_endpoint_that_is_no_longer_declared_is_forgotten(town: City) -> None:
    metrics = Metrics()
    _look(metrics, town)
    assert metrics.registry.get_sample_value("yunjin_endpoint_up", {"endpoint": "k8s"}) == 1
    metrics.forget_endpoints()
    assert metrics.registry.get_sample_value("yunjin_endpoint_up", {"endpoint": "k8s"}) is None
