"""Which process holds something, and whether it still lives.

Used by `leases`. Reads /proc. Promises that a process is called dead only where that is certain: on this
machine, since its last start, in this process's own namespace of process ids.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PROC: Final = Path("/proc")
_START_TIME: Final = 19  # field 22 of /proc/PID/stat, counted from the state behind the command's name


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, and one piece of work of it.

    Attributes:
        host: the machine's name, for people.
        world: where `pid` and `started` mean anything: one start of one machine, one namespace of processes.
        started: clock ticks from the machine's start to the process's; tells a pid's users apart.
        work: random; two applies of one process keep each other out.
    """

    host: str
    world: str
    pid: int
    started: int
    work: str

    @classmethod
    def mine(cls) -> Self:
        """This process, for one new piece of work."""
        pid = os.getpid()
        return cls(socket.gethostname(), _world(), pid, _started(pid) or 0, secrets.token_hex(4))

    def __str__(self) -> str:
        """One line that `parse` reads back."""
        return f"{self.host}/{self.world}/{self.pid}/{self.started}/{self.work}"

    @classmethod
    def parse(cls, written: str) -> Self:
        """The holder that `str` wrote. Raises ValueError on anything else."""
        host, world, pid, started, work = written.rsplit("/", 4)
        return cls(host, world, int(pid), int(started), work)

    @property
    def name(self) -> str:
        """For people: host and process id."""
        return f"{self.host} pid {self.pid}"

    @property
    def dead(self) -> bool:
        """Whether the process is certainly gone. One that cannot be judged from here counts as alive."""
        return self.world != "" and self.world == _world() and _started(self.pid) != self.started


def _world() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{(_PROC / 'self/ns/pid').readlink().name}"
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[_START_TIME])
