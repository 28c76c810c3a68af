"""Which tests a run leaves out, and that it says so: pytest itself on a small suite with our conftest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parents[2]
SUITE = """
import pytest

def test_plain():
    pass

def test_real(cluster):
    pass

def test_owner(owned_cluster):
    pass

def test_cloudy(cloud):
    pass

@pytest.mark.prove
def test_proof():
    pass
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run pytest on the suite; its exit code and what it printed."""
    shutil.copy(TESTS / "conftest.py", tmp_path)
    (tmp_path / "test_suite.py").write_text(SUITE, "utf-8")
    kept = {name: text for name, text in os.environ.items() if name not in ("CI", "KUBEBUILDER_ASSETS")}
    kept = {name: text for name, text in kept.items() if not name.startswith(("YUNJIN_", "PYTEST_"))}

    def call(*arguments: str, **environ: str) -> tuple[int, str]:
        pyproject = TESTS.parent / "pyproject.toml"
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-c", pyproject, tmp_path, *arguments],
            cwd=tmp_path,
            env=kept | {"PYTHONPATH": str(TESTS / "support")} | environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr

    return call


def test_the_lane_follows_from_the_fixtures(run: Callable[..., tuple[int, str]]) -> None:
    code, printed = run("-m", "not openstack and not kubernetes")
    assert code == 0
    assert "test_plain PASSED" in printed
    assert "test_real" not in printed
    assert "test_owner" not in printed
    assert "test_cloudy" not in printed
    assert "test_cloudy" in run("-m", "openstack", "--collect-only")[1]


def test_proofs_run_only_when_asked_for(run: Callable[..., tuple[int, str]]) -> None:
    assert "test_proof" not in run("-m", "not openstack and not kubernetes")[1]
    assert "test_proof PASSED" in run("-m", "prove")[1]
    assert "test_proof PASSED" in run("-m", "not openstack and not kubernetes", YUNJIN_PROVE="1")[1]


def test_on_an_outside_cluster_what_needs_our_own_is_listed_as_not_run(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, printed = run("-m", "owns_server", YUNJIN_TEST_KUBECONFIG=str(tmp_path / "kubeconfig"))
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "NOT RUN (needs a server of the tests' own) test_suite.py::test_owner" in printed
    assert "the cluster of YUNJIN_TEST_KUBECONFIG" in run("-k", "test_real", YUNJIN_TEST_KUBECONFIG="x")[1]


def test_in_ci_an_outside_cluster_is_refused(run: Callable[..., tuple[int, str]]) -> None:
    code, printed = run("-m", "not openstack and not kubernetes", CI="true", YUNJIN_TEST_KUBECONFIG="x")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "unset it" in printed


def test_a_server_that_cannot_be_had_is_an_error_and_no_skip(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    stale = assets / "kube-apiserver"
    stale.write_text("#!/bin/sh\necho Kubernetes v1.20.0\n", "utf-8")
    stale.chmod(0o755)
    code, printed = run("-m", "not openstack", KUBEBUILDER_ASSETS=str(assets))
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in printed
    assert "2 errors" in printed
    assert "none: KUBEBUILDER_ASSETS holds Kubernetes v1.20.0" in printed
