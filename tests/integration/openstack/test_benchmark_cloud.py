"""The benchmark of clouds measures what it says: each client makes everything, and a look asks once."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloud_clients import BareLoop
from estates import synthetic_estate

if TYPE_CHECKING:
    from types import ModuleType

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "cloud.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_cloud", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _run(tenants: int, by_command: int) -> str:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(BENCHMARK), "--runs", "1"]
    command += ["--tenants", str(tenants), "--by-command", str(by_command)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.openstack
@pytest.mark.timeout(900)
def test_each_client_provisions_all_and_each_figure_stands_beside_its_aim() -> None:
    printed = _run(tenants=2, by_command=1)
    assert "2 tenants, 20 objects" in printed
    for line in (
        r"yunjin +\d+\.\d\d s .* \d+ calls \(\d+\.\d a tenant\): compute \d+, identity",
        r"bare +\d+\.\d\d s .* \d+ calls",
        r"yunjin / bare loop: \d+\.\d\d \(aim >= 0\.8\)",
        r"yunjin / openstack, a tenant: \d+\.\d \(aim >= 2\.0\)",
        r"network: 6 calls about no project, at most 1 about one\n",
        r"calls about the same project to one service: 1 \(aim <= 1\)",
    ):
        assert re.search(line, printed), printed


@pytest.mark.openstack
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:.*will be removed:PendingDeprecationWarning")  # of the SDK to itself
def test_a_client_that_leaves_something_out_is_found_out(benchmark: ModuleType) -> None:
    estate = synthetic_estate(1, "openstack")
    with benchmark.fresh_cloud(estate) as cloud:
        loop = BareLoop(cloud, 2)
        loop.provision(benchmark.shared(estate), estate.leaves(benchmark.AS_OF))
        loop.close()
        benchmark.check(cloud, estate)
        (group,) = cloud.api().get("identity", "/groups?name=t00001-egov-viewer")["groups"]
        cloud.api().must("DELETE", "identity", f"/groups/{group['id']}")
        with pytest.raises(RuntimeError, match="1 objects differ"):
            benchmark.check(cloud, estate)


@pytest.mark.prove
@pytest.mark.openstack
@pytest.mark.timeout(0)
def test_two_hundred_tenants_are_provisioned_and_a_sweep_of_them_asks_once() -> None:
    printed = _run(tenants=200, by_command=0)
    print(printed)
    assert "200 tenants, 1802 objects" in printed
    assert "sweep of 200 tenants without drift" in printed
    assert re.search(r"\n +200 network GET /v2\.0/quotas/ID/details\.json\n", printed)
    assert "calls about the same project to one service: 1 (aim <= 1)" in printed
