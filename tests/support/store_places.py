"""Where the contract suite of the state database runs: three places, one way to use them.

Used by `tests/contract/store`. Each place makes the tests' own tables, opens databases in this process and
starts processes that write.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg

import states
from store_operations import TABLE, UNIQUE_TABLE
from waiting import wait_until
from yunjin.store import gate
from yunjin.store.database import FILE, Database, open_database
from yunjin.store.sqlite import connect

if TYPE_CHECKING:
    from types import TracebackType

    from postgres import Server

_WORKER = Path(__file__).with_name("store_worker.py")


class Worker:
    """A running `store_worker.py`. Ended with the block it is used in."""

    def __init__(self, place: Place, who: str, threads: int = 1, writes: int = 0) -> None:
        self.who = who
        self._place = place
        self._notes = place.folder / f"notes-{who}"
        self.process = subprocess.Popen(
            [sys.executable, _WORKER, *place.where, who, str(threads), str(writes), self._notes],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def hold(self) -> None:
        """Wait until it is the writer."""
        wait_until(lambda: self._place.writer() == self.process.pid)

    def acknowledged(self) -> set[tuple[str, int]]:
        """What it was told is written, so far."""
        text = self._notes.read_text() if self._notes.exists() else ""
        found = re.findall(rf"^({re.escape(self.who)}\.\d+) (\d+)\n", text, re.MULTILINE)
        return {(who, int(number)) for who, number in found}

    def longest(self) -> float:
        """Seconds of the longest write."""
        return float(self._notes.read_text().rpartition("longest ")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Let it close its database; the exit code."""
        assert self.process.stdin
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for end in (self.process.stdin, self.process.stdout):
            if end:
                end.close()


class Place:
    """A database of the newest schema with the tests' tables. `url` is None for a file of the folder."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.url = url
        folder.mkdir(mode=0o700, exist_ok=True)
        if url is None:
            states.begin(folder)
        self.ask(TABLE)
        self.ask(UNIQUE_TABLE)

    @property
    def where(self) -> tuple[str, str]:
        """Folder and URL, for a command line."""
        return str(self.folder), self.url or ""

    def open(self) -> Database:
        return open_database(self.folder, self.url)

    def ask(self, sql: str) -> list[Any]:
        """Beside whatever the database under test does."""
        if self.url:
            with closing(psycopg.connect(self.url, autocommit=True)) as server:
                answer = server.execute(sql)
                return answer.fetchall() if answer.description else []
        with closing(connect(self.folder / FILE)) as file:
            return file.execute(sql).fetchall()

    def marks(self) -> Counter[tuple[str, int]]:
        """How often each mark was made."""
        return Counter((who, number) for who, number in self.ask("SELECT who, n FROM marks"))

    def numbers(self) -> list[int]:
        return [row[0] for row in self.ask("SELECT n FROM numbers ORDER BY n")]

    def writer(self) -> int:
        """The process that writes the file now; 0 between two."""
        with closing(socket.socket(socket.AF_UNIX)) as probe:
            try:
                with gate.address(self.folder) as address:
                    probe.connect(address)
            except OSError:
                return 0
            return gate.peer(probe)[0]


class ServerPlace(Place):
    """The same on a server that the tests may hurt."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.server = server
        super().__init__(folder, server.new_database())
