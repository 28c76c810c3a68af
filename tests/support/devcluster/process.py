"""Processes of a test bed: started with a log, remembered in the folder, ended by their own id and no other.

Called by `devcluster.cluster` and `devcluster.fake_nodes`. A process is known by its id and the moment it
began, so that an id which Linux has given to somebody else since is never signalled.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Process:
    """One program of the test bed. `folder` holds NAME.log and NAME.pid."""

    folder: Path
    name: str
    pid: int
    began: str

    @property
    def log(self) -> Path:
        """Everything it printed."""
        return self.folder / f"{self.name}.log"

    @property
    def running(self) -> bool:
        """Whether this very process is there, with any of its threads."""
        began = _began(self.pid)
        if began not in ("", self.began):
            return False
        try:
            # Of a child, zero until its last thread has ended: the first may be gone long before, ports open.
            return os.waitpid(self.pid, os.WNOHANG)[0] == 0
        except ChildProcessError:
            return began == self.began

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, to nobody if it has ended."""
        if self.running:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        self.signal(signal.SIGKILL)
        while self.running:
            time.sleep(0.01)
        self._record.unlink(missing_ok=True)

    def complaint(self) -> str:
        """The end of its log, for an error."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-20:])

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}.pid"


def start(
    folder: Path,
    name: str,
    command: Sequence[str | Path],
    *,
    tied: bool,
    environ: Mapping[str, str] | None = None,
) -> Process:
    """Start a program in `folder`.

    Args:
        tied: whether it ends with the process that called, even if that one is killed.
        environ: added to the own environment.
    """
    prefix = ["setpriv", "--pdeathsig", "KILL", "--"] if tied and shutil.which("setpriv") else []
    with (folder / f"{name}.log").open("ab") as log:
        started = subprocess.Popen(
            [*prefix, *command],
            cwd=folder,
            env=os.environ | dict(environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests; they end the servers themselves
        )
    started.returncode = (
        0  # its end is noticed here, by id: keeps Popen from warning about a process left running
    )
    process = Process(folder, name, started.pid, _began(started.pid))
    process._record.write_text(f"{process.pid} {process.began}", "utf-8")
    return process


def recorded(folder: Path) -> tuple[Process, ...]:
    """The processes that a folder remembers, running or not."""
    found = []
    for record in sorted(folder.glob("*.pid")):
        pid, began = record.read_text("utf-8").split()
        found.append(Process(folder, record.stem, int(pid), began))
    return tuple(found)


def _began(pid: int) -> str:
    """Clock ticks since boot at which the process began; empty where none runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]
