"""Interpreters of their own for tests that install Yunjin, without network and without touching this one.

Used by tests/packaging. Calls venv and pip. A venv made here sees the third-party packages of the running
environment through one .pth line, so that only Yunjin itself is installed into it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Built:
    """The archives made from one tree, and the wheel made from its sdist alone."""

    wheel: Path
    sdist: Path
    wheel_of_sdist: Path


@dataclass(frozen=True, slots=True)
class Install:
    """A venv, and a folder outside every checkout from which its programs are called."""

    folder: Path
    elsewhere: Path

    @classmethod
    def make(cls, folder: Path) -> Install:
        """An empty one."""
        venv.create(folder / "venv", with_pip=False)
        purelib = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
        third_party = sysconfig.get_path("purelib")
        (Path(purelib) / "third-party.pth").write_text(third_party + "\n", "utf-8")
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        return cls(folder, elsewhere)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def add(self, *what: str) -> None:
        """Installs a wheel or `-e FOLDER`, and nothing that either depends on."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check"]
        alone = ["install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
        subprocess.run([*pip, *alone, *what], check=True, env=clean_environment())

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """One of its programs, from elsewhere."""
        program = str(self.python.parent / command[0])
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.elsewhere,
            env=clean_environment(),
            check=False,
            capture_output=True,
            text=True,
        )

    def evaluate(self, program: str) -> str:
        """What a Python program prints."""
        done = self.run("python", "-c", program)
        assert done.returncode == 0, done.stderr
        return done.stdout


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead Python or pip back to the checkout."""
    leading = ("PYTHON", "PIP_", "YUNJIN_")
    return {name: value for name, value in os.environ.items() if not name.startswith(leading)}
