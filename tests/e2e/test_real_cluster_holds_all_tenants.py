"""On a real API server, plan and apply provision all 29 tenants, and a second plan finds nothing to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devcluster import DevCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from commandline import CommandLine

pytestmark = [pytest.mark.timeout(300), pytest.mark.kubernetes, pytest.mark.owns_server]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[DevCluster]:
    """A cluster in which nothing stands yet: the shared one holds what other tests made."""
    with DevCluster.start(tmp_path / "cluster", light=True) as started:
        yield started


def test_plan_then_apply_then_nothing(desk: CommandLine, empty: DevCluster) -> None:
    kubeconfig = str(empty.kubeconfig)
    plan = desk.value("plan", "--kubeconfig", kubeconfig)
    assert plan["plan"]["leaves"] == 29

    # Without --kubeconfig: the stored plan knows which cluster it was made for.
    receipts = desk.value("apply", "--yes")
    assert set(receipts["counts"]) <= {"done", "already"}

    quotas: list[dict[str, Any]] = json.loads(empty.kubectl("get", "resourcequotas", "-A", "-o", "json"))[
        "items"
    ]
    ours = {item["metadata"]["namespace"]: item for item in quotas if item["metadata"]["name"] == "yunjin"}
    assert len(ours) == 29
    assert ours["jtj-egov"]["status"]["hard"]["requests.cpu"] == "64"
    assert all(item["status"]["hard"] == item["spec"]["hard"] for item in ours.values())

    again = desk.value("plan", "--kubeconfig", kubeconfig)
    assert again["plan"]["changes"] == []
    assert desk.value("apply", "--yes")["counts"] == {}
