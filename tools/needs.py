"""What a lane needs before its first step, tried and not guessed.

Called by `tools.suite` with names from `tools.lanes`. Each function answers None where the need is met,
else a `Missing`: the reason in words and the command that mends it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tools.environment import SetUpError, apt_install
from tools.lanes import Words


class Missing(NamedTuple):
    """Why a lane cannot run and what mends it."""

    reason: str
    mend: str


def own_cluster_in_ci(_root: Path, environment: dict[str, str]) -> Missing | None:
    """CI proves the servers of tests/devcluster, never a cluster somebody happens to have."""
    if environment.get("CI") == "true" and environment.get("YUNJIN_TEST_KUBECONFIG"):
        reason = Words("CI 中不得使用自备集群", "in CI the tests bring their own cluster")
        return Missing(str(reason), "unset YUNJIN_TEST_KUBECONFIG")
    return None


def devcluster(root: Path, environment: dict[str, str]) -> Missing | None:
    """The servers are built, once a machine; a cluster of the contributor's own needs none."""
    if environment.get("YUNJIN_TEST_KUBECONFIG"):
        return None
    command = ["python", "tests/devcluster/build.py"]
    if subprocess.run(command, cwd=root, env=environment, check=False, stdin=subprocess.DEVNULL).returncode:
        reason = Words("测试用 Kubernetes 未能构建", "the Kubernetes of the tests could not be built")
        return Missing(str(reason), " ".join(command))
    return None


def devcloud(root: Path, environment: dict[str, str]) -> Missing | None:
    """The services are installed and seeded, once a machine."""
    command = ["python", "tests/testbeds/openstack/build.py"]
    if subprocess.run(command, cwd=root, env=environment, check=False, stdin=subprocess.DEVNULL).returncode:
        reason = Words("测试用 OpenStack 未能安装", "the OpenStack of the tests could not be installed")
        return Missing(str(reason), " ".join(command))
    return None


def namespace(_root: Path, _environment: dict[str, str]) -> Missing | None:
    """This machine lets us make a network namespace."""
    try:
        made = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return Missing("unshare: command not found", "apt-get install util-linux")
    if made.returncode:
        mend = "sudo make test LANES=bundle"
        if os.geteuid() == 0:
            mend = str(Words("在容器中需要 CAP_SYS_ADMIN", "a container needs CAP_SYS_ADMIN"))
        return Missing(made.stderr.strip(), mend)
    return None


def postgresql(_root: Path, _environment: dict[str, str]) -> Missing | None:
    """The server's programs are on this machine; root on a Debian gets them."""
    mend = "sudo apt-get install postgresql"
    if not _initdb() and os.geteuid() == 0 and shutil.which("apt-get"):
        try:
            apt_install("postgresql")
        except SetUpError as error:
            return Missing(str(error), mend)
    return None if _initdb() else Missing("initdb: command not found", mend)


def _initdb() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb") is not None


NEEDS = {need.__name__: need for need in (own_cluster_in_ci, devcluster, devcloud, namespace, postgresql)}
