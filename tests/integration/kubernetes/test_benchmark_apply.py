"""The benchmark of applies measures what it says: every client sends everything, the second apply nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "apply.py"


@pytest.mark.kubernetes
@pytest.mark.owns_server
@pytest.mark.timeout(600)
def test_each_client_provisions_all_and_each_ratio_stands_beside_its_aim() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(BENCHMARK), "--tenants", "5", "--runs", "1"]

    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "5 tenants, 44 objects" in done.stdout
    for line in (
        r"yunjin / bare client: \d+\.\d+ \(aim >= 0\.7\)",
        r"yunjin / kubectl: \d+\.\d+ \(aim >= 2\.0\)",
        r"second apply / first: \d+\.\d+ \(aim <= 0\.1\)",
        r"opening of the ledger / first apply: \d+\.\d+",
        r"writes of the second apply: 0 \(aim 0\)",
    ):
        assert re.search(line, done.stdout), done.stdout
