"""Bundles and a machine without a network, for tests/bundle.

Calls unshare, so it needs root or the right to make namespaces. Every command of the machine runs in a
fresh network namespace that holds nothing but a loopback device which is down.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "0.0.9"
EPOCH = 1_790_000_000  # every file of a bundle made here bears this time


@dataclass(frozen=True, slots=True)
class Bundles:
    """Both bundles unpacked, and the archive, tree and wheels of the new one."""

    old: Path
    new: Path
    archive: Path
    tree: Path
    wheels: Path

    @property
    def version(self) -> str:
        """The new one's."""
        return self.archive.name.split("-")[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """Commands of a machine that has Python and no network: a fresh network namespace for each."""

    prefix: Path

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """What a command says there. None of our own variables reach it."""
        home = self.prefix.parent
        clean = {"PATH": os.environ["PATH"], "HOME": str(home), "YUNJIN_LANG": "en"} | variables
        inside = ["unshare", "--net", "--", *map(str, command)]
        return subprocess.run(inside, env=clean, cwd=home, check=False, capture_output=True, text=True)

    def install(self, bundle: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """One call of a bundle's installer."""
        return self.run(bundle / "install.sh", command, self.prefix, **variables)

    def must(self, bundle: Path, command: str) -> None:
        """One call of a bundle's installer that has to succeed."""
        done = self.install(bundle, command)
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def version(self) -> str:
        """What is installed, as the installation itself says."""
        python = self.prefix / "current" / "venv" / "bin" / "python"
        program = "import importlib.metadata; print(importlib.metadata.version('yunjin'))"
        return self.run(python, "-c", program).stdout.strip()

    def yunjin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The installed command."""
        return self.run(self.prefix / "bin" / "yunjin", *arguments)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, byte for byte."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
