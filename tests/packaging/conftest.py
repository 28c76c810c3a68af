"""What the packaging tests share: one clean tree, one build of each kind, one installation of each."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from installs import Built, Install, clean_environment
from tools.environment import ROOT
from tools.tree import export

if TYPE_CHECKING:
    from pathlib import Path


def _build(source: Path, out: Path, kind: str) -> Path:
    command = [
        sys.executable,
        "-m",
        "build",
        f"--{kind}",
        "--no-isolation",
        "--outdir",
        str(out),
        str(source),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=clean_environment())
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files alone, as a fresh clone has them."""
    return export(ROOT, tmp_path_factory.mktemp("clone") / "yunjin")


@pytest.fixture(scope="session")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    out = tmp_path_factory.mktemp("built")
    sdist = _build(tree, out / "sdist", "sdist")
    subprocess.run(["tar", "-xzf", str(sdist), "-C", str(out)], check=True)
    unpacked = out / sdist.name.removesuffix(".tar.gz")
    return Built(_build(tree, out / "wheel", "wheel"), sdist, _build(unpacked, out / "again", "wheel"))


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """The wheel, installed."""
    install = Install.make(tmp_path_factory.mktemp("installed"))
    install.add(str(built.wheel))
    return install


@pytest.fixture(scope="session")
def editable(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """The tree, installed as a link to itself."""
    install = Install.make(tmp_path_factory.mktemp("editable"))
    install.add("-e", str(tree))
    return install
