"""A real PostgreSQL of the tests' own: one server a run, one database a test.

Used by `tests/conftest.py` and by tests that break it. The server is Debian's, run by an ordinary user in a
folder that goes with it; it listens on loopback and on a socket in that folder alone. Its roles: `yunjin`,
trusted, and `guarded`, who needs the password `PASSWORD`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg

import ports
from waiting import wait_until
from yunjin.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket
    from types import TracebackType

PASSWORD: Final = "correct-horse"
_TEMPLATE: Final = "yunjin_template"
_ACCESS: Final = """\
local all all trust
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
_SETTINGS: Final = """\
listen_addresses = '127.0.0.1'
max_connections = 100
shared_buffers = 64MB
log_min_messages = fatal
"""


def programs() -> Path | None:
    """The folder of the newest server programs of this machine, None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@dataclass
class Server:
    """A running server."""

    folder: Path
    kept: socket
    databases: int = 0

    @classmethod
    def start(cls) -> Self:
        """A new one, with a template of the newest schema."""
        bin_folder = programs()
        assert bin_folder, "no PostgreSQL here: apt-get install postgresql"
        # Not below pytest's folders: those are closed to the user who runs the server.
        folder = Path(tempfile.mkdtemp(prefix="yunjin-postgres-"))
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        server = cls(folder, ports.keep())
        data = folder / "data"
        _as_user(
            [
                bin_folder / "initdb",
                "-D",
                data,
                "-U",
                "yunjin",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]
        )
        (data / "pg_hba.conf").write_text(_ACCESS)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"{_SETTINGS}port = {server.port}\nunix_socket_directories = '{folder}'\n")
        _as_user([bin_folder / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "start"])
        server.ask(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
        server.ask(f"CREATE DATABASE {_TEMPLATE}")
        open_database(folder, server.url(_TEMPLATE)).close()
        return server

    @property
    def port(self) -> int:
        """Where it listens."""
        return ports.number(self.kept)

    def url(self, database: str, user: str = "yunjin") -> str:
        """The address of a database, without a password."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self, *, empty: bool = False) -> str:
        """The address of a database of its own, of the newest schema, or with nothing in it."""
        self.databases += 1
        name = f"test_{self.databases}"
        self.ask(f"CREATE DATABASE {name}" + ("" if empty else f" TEMPLATE {_TEMPLATE}"))
        return self.url(name)

    def ask(self, sql: str, values: Sequence[Any] | None = None) -> list[Any]:
        """As an administrator, beside whatever the tests do."""
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            answer = connection.execute(sql, values)
            return answer.fetchall() if answer.description else []

    def backends(self, database: str) -> list[int]:
        """The processes that serve connections to a database."""
        name = database.rpartition("/")[2]
        return [row[0] for row in self.ask("SELECT pid FROM pg_stat_activity WHERE datname = %s", (name,))]

    def wait_until_up(self) -> None:
        """After one of its processes was killed, the server starts anew."""
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it and leave nothing behind."""
        bin_folder = programs()
        assert bin_folder
        _as_user([bin_folder / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop"])
        shutil.rmtree(self.folder)
        self.kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _as_user(command: list[Path | str]) -> None:
    """PostgreSQL refuses to be run by root."""
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    # Its own session: what a terminal sends to the tests is not for the server.
    done = subprocess.run(
        words,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == 0, done.stdout
