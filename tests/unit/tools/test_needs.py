from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tools.lanes import LANES, Lane, Words
from tools.needs import devcloud, devcluster, namespace, own_cluster_in_ci
from tools.suite import not_run, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_cluster_somebody_has_proves_nothing_in_ci(tmp_path: Path) -> None:
    given = {"YUNJIN_TEST_KUBECONFIG": "/somewhere"}
    missing = own_cluster_in_ci(tmp_path, given | {"CI": "true"})
    assert missing
    assert missing.mend == "unset YUNJIN_TEST_KUBECONFIG"
    assert own_cluster_in_ci(tmp_path, given) is None
    assert own_cluster_in_ci(tmp_path, {"CI": "true"}) is None


def test_servers_that_cannot_be_built_are_missed(tmp_path: Path) -> None:
    missing = devcluster(tmp_path, dict(os.environ))
    assert missing
    assert missing.mend == "python tests/devcluster/build.py"


def test_services_that_cannot_be_installed_are_missed(tmp_path: Path) -> None:
    missing = devcloud(tmp_path, dict(os.environ))
    assert missing
    assert missing.mend == "python tests/testbeds/openstack/build.py"


def test_a_cluster_of_the_contributor_needs_no_servers(tmp_path: Path) -> None:
    assert devcluster(tmp_path, {"YUNJIN_TEST_KUBECONFIG": "/somewhere"}) is None


def test_a_machine_without_unshare_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = namespace(tmp_path, {})
    assert missing
    assert missing.mend == "apt-get install util-linux"


def test_a_lane_whose_need_is_not_met_is_one_red_row() -> None:
    lane = Lane("lane", Words("真", "real"), 0, 0, 1, ("own_cluster_in_ci",), LANES[0].steps)
    variables = {"CI": "true", "YUNJIN_TEST_KUBECONFIG": "/somewhere"}
    (row,) = run(lane, variables, float("inf"))
    assert row.red
    assert row == not_run(lane, row.note.split(": ", 1)[1], "unset YUNJIN_TEST_KUBECONFIG")
