"""Whose clock a lease goes by."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from scripted_server import Scripted, ScriptedServer
from yunjin.substrates.kubernetes import lease
from yunjin.substrates.kubernetes.client import Client

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)


def _lease(renewed: datetime) -> bytes:
    spec = {"holderIdentity": "other", "leaseDurationSeconds": 60, "renewTime": renewed.isoformat()}
    return json.dumps({"kind": "Lease", "metadata": {"resourceVersion": "7"}, "spec": spec}).encode()


def _client(server: ScriptedServer, folder: Path) -> Client:
    return Client.connect("k8s", server.kubeconfig(folder / "kubeconfig"), None, timeout=10, connections=1)


@pytest.mark.parametrize("wrong", [-DAY, DAY], ids=["we-are-ahead", "we-are-behind"])
@pytest.mark.parametrize(("ago", "holder"), [(5, "other"), (120, None)], ids=["held", "over"])
def test_a_lease_goes_by_the_clusters_clock(
    tmp_path: Path, wrong: timedelta, ago: int, holder: str | None
) -> None:
    there = datetime.now(UTC) + wrong
    date = {"Date": format_datetime(there, usegmt=True)}
    with ScriptedServer(Scripted(200, _lease(there - timedelta(seconds=ago)), date)) as server:
        client = _client(server, tmp_path)
        assert lease.holder(client) == holder
        assert lease.acquire(client, "we", 60) == holder
        client.close()
    renewed = [asked.body["spec"]["renewTime"] for asked in server.asked if asked.method == "PUT"]
    ours = [] if holder else [there.replace(microsecond=0)]
    assert [datetime.fromisoformat(text) for text in renewed] == ours


def test_where_the_cluster_tells_no_time_ours_counts(tmp_path: Path) -> None:
    held = _lease(datetime.now(UTC) - timedelta(seconds=5))
    with ScriptedServer(Scripted(200, held, {"Date": "some day"})) as server:
        client = _client(server, tmp_path)
        assert lease.acquire(client, "we", 60) == "other"
        client.close()
