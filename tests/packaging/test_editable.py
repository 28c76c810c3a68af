"""An editable installation is the clone itself: an edited role, tenant or module counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from installs import Install

PACKAGES = ("yunjin", "yunjin_policies", "yunjin_stacks", "yunjin_cli")


READ_ROLES = """
from importlib.resources import files
print((files("yunjin") / "_data" / "roles" / "README.md").read_text("utf-8"))
"""


def test_the_four_packages_come_from_the_clone(editable: Install, tree: Path) -> None:
    found = editable.evaluate(
        f"import importlib\nfor name in {PACKAGES}: print(importlib.import_module(name).__file__)"
    )
    folders = ("controller", "policies", "stacks", "cli")
    wanted = [f"{tree / folder / name}/__init__.py" for folder, name in zip(folders, PACKAGES, strict=True)]
    assert found.splitlines() == wanted


def test_an_edited_data_file_is_seen_without_installing_again(editable: Install, tree: Path) -> None:
    role = tree / "roles" / "README.md"
    before = role.read_text("utf-8")
    role.write_text("edited", "utf-8")
    try:
        assert editable.evaluate(READ_ROLES) == "edited\n"
    finally:
        role.write_text(before, "utf-8")


def test_the_command_runs_on_the_clone(editable: Install) -> None:
    done = editable.run("yunjin", "--help")
    assert done.returncode == 0, done.stderr


def test_pulumis_entry_runs_as_pulumi_runs_it(editable: Install, tree: Path) -> None:
    project = yaml.safe_load((tree / "Pulumi.yaml").read_text("utf-8"))
    assert (project["name"], project["runtime"]) == ("yunjin", "python")
    # Pulumi's host runs the folder, which then is the first place modules are looked for.
    assert (
        editable.evaluate(
            f"import runpy; runpy.run_path({str(tree / project['main'])!r}, run_name='__main__')"
        )
        == ""
    )
