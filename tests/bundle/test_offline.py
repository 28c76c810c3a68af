"""One file installs, upgrades and rolls back Yunjin on a machine that has no route to anywhere."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import pytest

from offline import BEFORE, contents

if TYPE_CHECKING:
    from offline import Bundles, Machine

pytestmark = [pytest.mark.bundle, pytest.mark.timeout(600)]

DAY = ("--as-of", "2026-11-22")

WAY_OUT = """
import pathlib, socket
print(pathlib.Path("/proc/net/route").read_text().splitlines()[1:])
print([line.split(":")[0].strip() for line in pathlib.Path("/proc/net/dev").read_text().splitlines()[2:]])
print(socket.socket().connect_ex(("192.0.2.1", 443)))
"""


def provision(machine: Machine) -> None:
    """Plan and apply the whole declared city on the simulated substrate: this makes state."""
    for arguments in (("plan", *DAY), ("apply", "--yes", *DAY)):
        done = machine.yunjin(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def changes_left(machine: Machine) -> int:
    """How many changes a plan finds now."""
    done = machine.yunjin("plan", *DAY, "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    return len(json.loads(done.stdout)["plan"]["changes"])


def wheels(machine: Machine) -> dict[str, bytes]:
    """The wheels of the version in use."""
    return contents(machine.prefix / "current" / "bundle" / "wheels")


def test_the_machine_has_no_way_out(machine: Machine) -> None:
    assert machine.run("python3", "-c", WAY_OUT).stdout.splitlines() == [
        "[]",
        "['lo']",
        str(errno.ENETUNREACH),
    ]


def test_install_upgrade_and_rollback(bundles: Bundles, machine: Machine) -> None:
    machine.must(bundles.old, "install")
    assert machine.version == BEFORE
    provision(machine)
    assert changes_left(machine) == 0
    state = machine.prefix / "state"
    before, wheels_before = contents(state), wheels(machine)
    tenants = contents(machine.prefix / "tenants")

    machine.must(bundles.new, "upgrade")
    assert machine.version == bundles.version
    assert contents(state) == before
    assert changes_left(machine) == 0
    written = contents(state)
    assert written != before, "the new version must have written, or the way back proves nothing"

    machine.must(bundles.new, "rollback")
    assert machine.version == BEFORE
    assert wheels(machine) == wheels_before
    assert contents(state) == before
    assert changes_left(machine) == 0
    assert contents(machine.prefix / "tenants") == tenants
    kept = [contents(copy / "state") for copy in (machine.prefix / "backup").iterdir()]
    assert written in kept, "what the new version wrote is laid aside, not lost"

    machine.must(bundles.new, "upgrade")
    assert machine.version == bundles.version
    shown = machine.yunjin("demo")
    assert shown.returncode == 0, shown.stdout + shown.stderr

    (machine.prefix / "versions" / BEFORE / "venv" / "bin" / "yunjin").unlink()
    machine.must(bundles.new, "rollback")
    assert machine.yunjin("validate").returncode == 0, (
        "a broken environment is made anew from the kept wheels"
    )
