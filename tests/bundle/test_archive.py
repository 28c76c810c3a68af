"""A bundle holds all that an installation needs, and is the same bytes for the same tree."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from offline import EPOCH, contents
from tools.bundle import build
from tools.environment import ROOT, dependencies

if TYPE_CHECKING:
    from pathlib import Path

    from offline import Bundles

pytestmark = pytest.mark.bundle


def test_the_same_tree_gives_the_same_bytes(bundles: Bundles, tmp_path: Path) -> None:
    again = build(bundles.tree, tmp_path, bundles.wheels, EPOCH)
    assert (
        hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(bundles.archive.read_bytes()).digest()
    )


def test_every_member_has_the_same_owner_and_time(bundles: Bundles) -> None:
    with tarfile.open(bundles.archive) as archive:
        members = archive.getmembers()
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, EPOCH)}
    assert not [member.name for member in members if not (member.isfile() or member.isdir())]
    assert [member.name for member in members] == sorted(member.name for member in members)


def test_documents_roles_and_the_city_travel_with_it(bundles: Bundles) -> None:
    for folder in ("docs", "roles", "tenants"):
        assert contents(bundles.new / folder) == contents(bundles.tree / folder)
    assert {"README.md", "README.zh-CN.md", "LICENSE", "NOTICE"} <= set(contents(bundles.new))


def test_it_holds_the_pinned_wheels_of_the_run_time_and_no_others(bundles: Bundles) -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line[1:]
    )
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    held = {
        name: str(version)
        for name, version, *_ in (
            parse_wheel_filename(wheel.name) for wheel in (bundles.new / "wheels").iterdir()
        )
    }
    run_time, development = dependencies(ROOT)
    assert held.pop(canonicalize_name("yunjin")) == bundles.version
    assert held.items() <= pinned.items()
    assert {canonicalize_name(Requirement(line).name) for line in [*run_time, "pip"]} <= held.keys()
    assert not {"pytest", "mypy", "ruff"} & held.keys(), development
