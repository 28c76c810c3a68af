"""What docs/service.md shows: an installation that a user without rights serves, and that root keeps off."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import stat
import subprocess
from configparser import ConfigParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from documents import blocks
from offline import BEFORE, Machine
from tools.environment import ROOT
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offline import Bundles

pytestmark = [pytest.mark.bundle, pytest.mark.timeout(600)]

PAGES = ("service.md", "service.zh-CN.md")
NOBODY = 65534
REFUSED, BAD_INPUT = 1, 2
DAY = ("--as-of", "2026-11-22")


def unit(page: str) -> ConfigParser:
    """The unit that a page shows."""
    (block,) = (block for block in blocks(ROOT / "docs" / page) if block.language == "ini")
    read = ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    read.read_string(block.text)
    return read


@pytest.fixture
def machine(bundles: Bundles) -> Iterator[Machine]:
    """An installation as the page leaves it, where a user without rights may go."""
    with TemporaryDirectory(prefix="yunjin-service-") as folder:
        Path(folder).chmod(0o755)
        prefix = Path(folder) / "opt"
        made = Machine(prefix)
        made.must(bundles.old, "install")
        (prefix / "state").mkdir(mode=0o700)
        (prefix / "environment").write_text("YUNJIN_LANG=zh\n", "utf-8")
        for path in (prefix / "state", prefix / "tenants", *(prefix / "tenants").rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield made


def as_user(machine: Machine, *arguments: str) -> list[str]:
    """With the right to enter folders: the tests' Python may lie in root's home."""
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    enter = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [*user, *enter, str(machine.prefix / "bin" / "yunjin"), *arguments]


def start_line(machine: Machine) -> list[str]:
    """ExecStart, on this installation and with a port of its own."""
    program, *arguments = unit(PAGES[0])["Service"]["ExecStart"].split()
    assert program == "/opt/yunjin/bin/yunjin"
    return as_user(machine, *arguments, "--interval", "0.5", "--metrics-port", "0")


def events(log: Path) -> list[str]:
    """What the controller has logged so far; a line may be half written."""
    return re.findall(r'"event": "([^"]+)"', log.read_text("utf-8"))


@pytest.fixture
def service(machine: Machine) -> Iterator[subprocess.Popen[bytes]]:
    """The controller, after its first sweep."""
    log = machine.prefix.parent / "log"
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    with log.open("wb") as out, subprocess.Popen(start_line(machine), env=clean, stderr=out) as running:
        try:
            wait_until(lambda: running.poll() is not None or "sweep" in events(log))
            assert running.poll() is None, log.read_text("utf-8")
            yield running
        finally:
            running.kill()


def test_both_pages_show_the_same_unit() -> None:
    first, second = (unit(page) for page in PAGES)
    assert first == second
    assert first["Service"]["User"] == "yunjin"


def test_a_user_without_rights_serves_and_root_keeps_off(
    bundles: Bundles, machine: Machine, request: pytest.FixtureRequest
) -> None:
    state = machine.prefix / "state"
    for arguments in (("plan", *DAY), ("apply", "--yes", *DAY)):
        done = machine.run(*as_user(machine, *arguments), SUDO_USER="yunwei")
        assert done.returncode == 0, done.stdout + done.stderr
    assert "下发执行完成" in done.stdout, "the file `environment` counts"
    rows = machine.run(*as_user(machine, "audit", "list", *DAY, "--output", "json"))
    assert {row["actor"] for row in json.loads(rows.stdout)} == {f"yunwei ({pwd.getpwuid(NOBODY).pw_name})"}

    running: subprocess.Popen[bytes] = request.getfixturevalue("service")
    by_root = machine.yunjin("status", *DAY)
    assert by_root.returncode == BAD_INPUT
    assert "sudo -u" in by_root.stderr
    assert machine.install(bundles.new, "upgrade").returncode == REFUSED, "the state is in use"
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 0
    assert machine.version == BEFORE

    machine.must(bundles.new, "upgrade")
    assert machine.run(*as_user(machine, "status", *DAY)).returncode == 0
    machine.must(machine.prefix / "current" / "bundle", "rollback")  # when nobody has the archive at hand
    assert machine.run(*as_user(machine, "status", *DAY)).returncode == 0
    found = [state, *state.rglob("*")]
    assert {path.stat().st_uid for path in found} == {NOBODY}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (state, *state.glob("state.*"))} == {0}
