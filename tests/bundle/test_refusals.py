"""A damaged bundle, a wrong order, a state in use, a killed run: refused or repeated, and nothing is lost."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from offline import BEFORE, Machine, contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from offline import Bundles

pytestmark = [pytest.mark.bundle, pytest.mark.timeout(600)]

REFUSED, BAD_INPUT = 1, 2


@pytest.fixture
def copy(bundles: Bundles, tmp_path: Path) -> Path:
    """A bundle that the test may damage."""
    return shutil.copytree(bundles.new, tmp_path / "copy")


@pytest.fixture(scope="module")
def shared(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """One installation of the older version for all tests that need one: each takes half a minute."""
    machine = Machine(tmp_path_factory.mktemp("shared") / "yunjin")
    machine.must(bundles.old, "install")
    return machine


@pytest.fixture
def old(bundles: Bundles, shared: Machine) -> Machine:
    """A machine with the older version, some state and no copies of it."""
    if shared.version != BEFORE:
        shared.must(bundles.new, "rollback")
    for folder in ("state", "backup"):
        shutil.rmtree(shared.prefix / folder, ignore_errors=True)
    (shared.prefix / "state").mkdir(mode=0o700)
    (shared.prefix / "state" / "state.db").write_bytes(b"as it was")
    return shared


def flip(copy: Path) -> None:
    wheel = next((copy / "wheels").glob("yunjin-*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")


def smuggle(copy: Path) -> None:
    (copy / "wheels" / "extra-1.0-py3-none-any.whl").write_bytes(b"")


def lose(copy: Path) -> None:
    (copy / "LICENSE").unlink()


def rewrite(file: Path, old: str, new: str) -> tuple[str, str]:
    """Replace a part of a file; its checksums before and after."""
    before = file.read_bytes()
    file.write_bytes(before.replace(old.encode(), new.encode()))
    return hashlib.sha256(before).hexdigest(), hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("damage", [flip, smuggle, lose])
def test_a_damaged_bundle_installs_nothing(
    copy: Path, machine: Machine, damage: Callable[[Path], None]
) -> None:
    damage(copy)
    ended = machine.install(copy, "install")
    assert ended.returncode == BAD_INPUT
    assert "bundle" in ended.stderr
    assert not machine.prefix.exists()


def test_another_python_than_its_wheels_were_built_for(copy: Path, machine: Machine) -> None:
    rewrite(copy / "SHA256SUMS", *rewrite(copy / "BUNDLE", "python=3.", "python=2."))
    ended = machine.install(copy, "install")
    assert ended.returncode == REFUSED
    assert "PYTHON=" in ended.stderr
    assert not machine.prefix.exists()


def test_a_program_that_does_not_start_is_said_and_not_used(copy: Path, machine: Machine) -> None:
    """What Python says of it is shown. The bundle is whole; its program is not."""
    wheel = next((copy / "wheels").glob("yunjin-*.whl"))
    before = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with ZipFile(wheel, "a") as packed:  # a folder hides the module of the same name
        packed.writestr("yunjin_cli/output/__init__.py", "raise RuntimeError('half a program')\n")
    now = hashlib.sha256(wheel.read_bytes()).hexdigest()
    required = rewrite(copy / "requirements.txt", before, now)
    for old, new in ((before, now), required):
        rewrite(copy / "SHA256SUMS", old, new)

    ended = machine.install(copy, "install")
    assert ended.returncode == REFUSED
    assert "half a program" in ended.stderr
    assert "does not start" in ended.stderr
    assert not (machine.prefix / "current").exists()


@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_nothing_is_installed_yet(bundles: Bundles, machine: Machine, command: str) -> None:
    assert machine.install(bundles.new, command).returncode == REFUSED
    assert not (machine.prefix / "current").exists()


def test_a_wrong_call_shows_how_to_call(bundles: Bundles, machine: Machine) -> None:
    for wrong in ([], ["install"], ["remove", machine.prefix], ["install", ""]):
        ended = machine.run(bundles.new / "install.sh", *wrong)
        assert ended.returncode == BAD_INPUT
        assert "rollback PREFIX" in ended.stderr
    assert not machine.prefix.exists()


def test_the_wrong_order_is_refused(bundles: Bundles, old: Machine) -> None:
    before = contents(old.prefix)
    for bundle, command in ((bundles.new, "install"), (bundles.old, "upgrade"), (bundles.old, "rollback")):
        assert old.install(bundle, command).returncode == REFUSED
    old.must(bundles.new, "upgrade")
    assert old.install(bundles.old, "upgrade").returncode == REFUSED, "an older version is no upgrade"
    old.must(bundles.new, "rollback")
    assert contents(old.prefix / "state") == contents_below(before, "state")
    assert old.version == BEFORE


def contents_below(files: dict[str, bytes], folder: str) -> dict[str, bytes]:
    return {
        name.removeprefix(f"{folder}/"): data for name, data in files.items() if name.startswith(f"{folder}/")
    }


def test_a_state_in_use_is_not_copied(bundles: Bundles, old: Machine) -> None:
    with (old.prefix / "state" / "state.db").open("ab"):
        ended = old.install(bundles.new, "upgrade")
    assert ended.returncode == REFUSED
    assert str(os.getpid()) in ended.stderr.split()
    assert old.version == BEFORE


def test_a_killed_upgrade_leaves_the_old_version_and_can_be_repeated(bundles: Bundles, old: Machine) -> None:
    shutil.rmtree(old.prefix / "versions" / bundles.version, ignore_errors=True)
    state = contents(old.prefix / "state")
    command = [str(bundles.new / "install.sh"), "upgrade", str(old.prefix)]
    running = subprocess.Popen(command, env=os.environ | {"YUNJIN_LANG": "en"}, start_new_session=True)
    venv = old.prefix / "versions" / bundles.version / "venv"
    while not venv.exists() and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert old.version == BEFORE
    assert contents(old.prefix / "state") == state
    old.must(bundles.new, "upgrade")
    assert old.version == bundles.version
    assert contents(old.prefix / "state") == state


def test_a_damaged_copy_of_the_state_is_not_restored(bundles: Bundles, old: Machine) -> None:
    old.must(bundles.new, "upgrade")
    (kept,) = (old.prefix / "backup").iterdir()
    (kept / "state" / "state.db").write_bytes(b"something else")
    ended = old.install(bundles.new, "rollback")
    assert ended.returncode == REFUSED
    assert old.version == bundles.version
    assert contents(old.prefix / "state") == {"state.db": b"as it was"}
    (kept / "state" / "state.db").write_bytes(b"as it was")
