"""On a real API server, plan and apply provision all 29 tenants, and a second plan finds nothing to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine
    from devcluster import DevCluster

pytestmark = pytest.mark.timeout(300)


def test_plan_then_apply_then_nothing(desk: CommandLine, empty_cluster: DevCluster) -> None:
    kubeconfig = str(empty_cluster.kubeconfig)
    plan = desk.value("plan", "--kubeconfig", kubeconfig)
    assert plan["plan"]["leaves"] == 43

    # Without --kubeconfig: the stored plan knows which cluster it was made for.
    receipts = desk.value("apply", "--yes")
    assert set(receipts["counts"]) <= {"done", "already"}

    quotas: list[dict[str, Any]] = json.loads(
        empty_cluster.kubectl("get", "resourcequotas", "-A", "-o", "json")
    )["items"]
    ours = {item["metadata"]["namespace"]: item for item in quotas if item["metadata"]["name"] == "yunjin"}
    assert len(ours) == 29
    assert ours["jtj-egov"]["status"]["hard"]["requests.cpu"] == "64"
    assert all(item["status"]["hard"] == item["spec"]["hard"] for item in ours.values())

    again = desk.value("plan", "--kubeconfig", kubeconfig)
    assert again["plan"]["changes"] == []
    assert desk.value("apply", "--yes")["counts"] == {}
