"""A wheel holds the four packages with types, migrations, roles and the city, and runs without a clone."""

from __future__ import annotations

import json
import zipfile
from email import message_from_string
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tools.environment import ROOT, dependencies
from tools.tree import tracked

if TYPE_CHECKING:
    from pathlib import Path

    from installs import Built, Install

FOLDERS = ("controller/yunjin", "policies/yunjin_policies", "stacks/yunjin_stacks", "cli/yunjin_cli")
PACKAGES = tuple(folder.split("/")[1] for folder in FOLDERS)

LIST_DATA = """
import json
from importlib.resources import files
def walk(place, name=""):
    for item in place.iterdir():
        if item.is_dir():
            yield from walk(item, f"{name}{item.name}/")
        else:
            yield f"{name}{item.name}", item.read_text("utf-8")
print(json.dumps(dict(walk(files("yunjin") / "_data"))))
"""

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if module.name.endswith((".__main__", ".env")):
            continue  # programs: Python and Alembic run them
        loaded = importlib.import_module(module.name)
        for public in getattr(loaded, "__all__", ()):
            getattr(loaded, public)
        print(module.name)
"""

CONSUMER = """
from yunjin.errors import Place, Text, YunjinError

def sentence(error: YunjinError) -> str:
    return error.message.of("zh")

wrong: int = Text("零", "zero").zh
"""


@pytest.fixture(scope="module")
def names(built: Built) -> set[str]:
    """Every file of the wheel."""
    with zipfile.ZipFile(built.wheel) as wheel:
        return {name for name in wheel.namelist() if not name.endswith("/")}


def test_four_packages_and_nothing_else(names: set[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_every_tracked_file_of_the_packages_is_in_it(names: set[str]) -> None:
    links = {"controller/yunjin/_data/roles": "roles", "controller/yunjin/_data/tenants": "tenants"}
    wanted = set()
    for name in tracked(ROOT):
        for folder in FOLDERS:
            if name.startswith(f"{folder}/") and name not in links:
                wanted.add(name.split("/", 1)[1])
        for link, target in links.items():
            if name.startswith(f"{target}/"):
                wanted.add(f"{link}{name.removeprefix(target)}".split("/", 1)[1])
    assert {name for name in names if ".dist-info/" not in name} == wanted


def test_types_and_migrations_travel_with_it(names: set[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert any(name.startswith("yunjin/store/migrations/versions/r0001") for name in names)


def test_roles_and_the_declared_city_are_found_as_data(installed: Install, tree: Path) -> None:
    declared = {
        path.relative_to(tree).as_posix(): path.read_text("utf-8")
        for folder in ("roles", "tenants")
        for path in (tree / folder).rglob("*")
        if path.is_file()
    }
    assert json.loads(installed.evaluate(LIST_DATA)) == declared


def test_it_asks_for_what_pyproject_says_and_bears_its_licence(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
        metadata = message_from_string(wheel.read(f"{folder}/METADATA").decode())
        licences = {name for name in wheel.namelist() if name.startswith(f"{folder}/licenses/")}
    run_time, _ = dependencies(ROOT)
    assert {Requirement(line) for line in metadata.get_all("Requires-Dist", [])} == {
        Requirement(line) for line in run_time
    }
    assert metadata["License-Expression"] == "Apache-2.0"
    assert licences == {f"{folder}/licenses/LICENSE", f"{folder}/licenses/NOTICE"}


def test_every_module_imports_and_its_public_names_exist(installed: Install) -> None:
    done = installed.run("python", "-W", "error", "-c", IMPORT_ALL, *PACKAGES)
    assert done.returncode == 0, done.stderr
    assert "yunjin.substrates.contract" in done.stdout.split()


def test_the_command_runs_from_any_folder(installed: Install) -> None:
    done = installed.run("yunjin", "--help")
    assert done.returncode == 0, done.stderr
    assert "validate" in done.stdout
    assert installed.run("yunjin", "validate").returncode == 0


def test_a_consumer_sees_the_types(installed: Install) -> None:
    program = installed.elsewhere / "consumer.py"
    program.write_text(CONSUMER, "utf-8")
    # The outer mypy reads the installation as its own would.
    done = installed.run("python", "-m", "mypy", "--strict", "--cache-dir", "/dev/null", str(program))
    program.unlink()
    assert done.stdout.count("error:") == 1, done.stdout
    assert 'expression has type "str", variable has type "int"' in done.stdout
