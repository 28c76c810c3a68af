"""A desk for every test."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import ports
from commandline import CommandLine
from estates import write_estate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> CommandLine:
    """A copy of the shipped city, with a state of its own."""
    return CommandLine.at(tmp_path)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CommandLine]:
    """The small city after `yunjin plan --out p.json`, and after `yunjin apply --yes` too; to be copied."""
    planned = CommandLine(tmp_path_factory.mktemp("planned"))
    write_estate(planned.tenants)
    planned.run("plan", "--out", "p.json")
    provisioned = CommandLine(tmp_path_factory.mktemp("provisioned"))
    shutil.copytree(planned.folder, provisioned.folder, dirs_exist_ok=True)
    provisioned.run("apply", "--yes")
    return {"planned": planned, "provisioned": provisioned}


@pytest.fixture
def planned(tmp_path: Path, prepared: dict[str, CommandLine]) -> CommandLine:
    """The small city, planned: in `p.json` and as the newest plan."""
    shutil.copytree(prepared["planned"].folder, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


@pytest.fixture
def provisioned(tmp_path: Path, prepared: dict[str, CommandLine]) -> CommandLine:
    """The small city, planned and applied."""
    shutil.copytree(prepared["provisioned"].folder, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[str]:
    """A kubeconfig of a server on loopback where nobody listens."""
    with ports.keep() as kept:
        path = tmp_path / "closed.kubeconfig"
        server = f"https://127.0.0.1:{ports.number(kept)}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "closed",
            "contexts": [{"name": "closed", "context": {"cluster": "closed", "user": "ops"}}],
            "clusters": [{"name": "closed", "cluster": {"server": server}}],
            "users": [{"name": "ops", "user": {"token": "not-to-be-shown"}}],
        }
        path.write_text(json.dumps(config), "utf-8")
        yield path.name


@pytest.fixture
def small(tmp_path: Path) -> CommandLine:
    """A city of two bureaus and one area, each with a namespace of 4 cores on the endpoint `k8s`."""
    write_estate(tmp_path / "tenants")
    return CommandLine(tmp_path)
