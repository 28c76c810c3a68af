"""A controller in a process of its own, and what it says of itself.

Used by tests/e2e. Calls the command line, and reads log and metrics as an operator's tools would.
"""

from __future__ import annotations

import json
import signal
import threading
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Self

from waiting import wait_until

if TYPE_CHECKING:
    import subprocess

    from commandline import CommandLine


class Running:
    """`yunjin controller run` in a process of its own, ended by SIGTERM.

    Attributes:
        greeting: its first line.
    """

    def __init__(self, desk: CommandLine, endpoint: str, *arguments: str) -> None:
        self._process: subprocess.Popen[str] = desk.start(
            "controller", "run", "--metrics-port", "0", *arguments
        )
        self._endpoint = endpoint
        self._lines: list[str] = []
        assert self._process.stdout is not None
        self.greeting = self._process.stdout.readline()
        self._port = int(self.greeting.rpartition(":")[2].partition("/")[0])
        # Nobody reads what a process says until it ends; the pipe must not be full before.
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(60)
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every line of standard error, as far as it is read."""
        return [json.loads(line) for line in self._lines]

    def figure(self, name: str, **labels: str) -> float:
        """A figure as Prometheus reads it; 0 where there is none."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{")) and all(part in line for part in wanted)
        )

    def swept(self) -> None:
        """Wait until it looked at everything once."""
        wait_until(lambda: self.figure("yunjin_sweeps_total", outcome="complete") >= 1, within=90)

    def drift(self, **labels: str) -> float:
        """Differences at the endpoint, as the last sweep found them."""
        return self.figure("yunjin_drift", endpoint=self._endpoint, **labels)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.append(line)
