"""Two bundles of one tree, the shipped version and the one before it, and a machine without a network."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from offline import BEFORE, EPOCH, Bundles, Machine
from tools.bundle import build, fetch_wheels
from tools.environment import ROOT
from tools.tree import export

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    out = tmp_path_factory.mktemp("bundles")
    wheels = fetch_wheels(ROOT)
    tree = export(ROOT, out / "tree")
    archive = build(tree, out / "dist", wheels, EPOCH)
    older = export(ROOT, out / "older")
    project = older / "pyproject.toml"
    project.write_text(
        re.sub(r'(?m)^version = ".*"$', f'version = "{BEFORE}"', project.read_text("utf-8")), "utf-8"
    )
    return Bundles(
        old=unpack(build(older, out / "dist", wheels, EPOCH), out / "old"),
        new=unpack(archive, out / "new"),
        archive=archive,
        tree=tree,
        wheels=wheels,
    )


def unpack(archive: Path, target: Path) -> Path:
    """As a person at the machine does it."""
    target.mkdir()
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(target)], check=True)
    (folder,) = target.iterdir()
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Its prefix has a blank in its name and does not exist yet."""
    return Machine(tmp_path / "yun jin")
