"""An sdist alone is enough: the wheel made from it is the wheel made from the clone."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

from tools.environment import ROOT
from tools.tree import tracked

if TYPE_CHECKING:
    from pathlib import Path

    from installs import Built

DOORS = (
    "README.md",
    "README.zh-CN.md",
    "LICENSE",
    "NOTICE",
    "Pulumi.yaml",
    "constraints.txt",
    "stacks/__main__.py",
)


def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_clone(built: Built) -> None:
    assert files(built.wheel_of_sdist) == files(built.wheel)


def test_it_holds_the_declared_city_the_roles_and_the_programs(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        held = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
        links = [member.name for member in archive.getmembers() if member.issym() or member.islnk()]
    assert set(DOORS) <= held
    assert {name for name in tracked(ROOT) if name.startswith(("roles/", "tenants/"))} <= held
    assert links == [], "a link would break where the archive is unpacked by a tool that drops links"
