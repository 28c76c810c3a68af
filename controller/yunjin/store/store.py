"""The state database as one object.

Opened by the composition root once a process; handed to `yunjin.apply` and `yunjin.engine`. Calls `database`.
Promises that the folder and its files are readable by their owner alone, that the schema is
current, and that every time in a row comes from the one clock given here.
"""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from yunjin.errors import Text, UsageError, reason_of
from yunjin.store.credentials import Credentials
from yunjin.store.database import FILE, open_database
from yunjin.store.journal import Journal
from yunjin.store.leases import Leases
from yunjin.store.plans import Plans
from yunjin.store.sightings import Sightings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from yunjin.store.database import Database


def utc_now() -> datetime:
    """The clock of a running installation."""
    return datetime.now(UTC)


class Store:
    """What Yunjin remembers between two runs.

    Safe to use from several threads and, beside others, from several processes; not across a fork.

    Attributes:
        folder: where everything of this installation lies.
        now: the clock; it answers with a time zone.
        database: for what is kept beside them, as the ledger is.
    """

    def __init__(self, folder: Path, database: Database, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self.now = now
        self.database = database
        self.journal = Journal(database, now)
        self.leases = Leases(database, now)
        self.plans = Plans(database, now)
        self.credentials = Credentials(database, now)
        self.sightings = Sightings(database, now)

    @classmethod
    def open(cls, folder: Path, now: Callable[[], datetime] = utc_now, url: str | None = None) -> Self:
        """Create the folder where it is missing, bring the schema up to date, and open the database.

        Args:
            folder: where everything of this installation lies.
            now: the clock.
            url: `postgresql://...` of the database; a file of the folder where there is none.

        Raises:
            UsageError: the folder cannot be used, is another user's, others may write into it, or `url` is no
                address.
            PermanentError: the database is damaged, or a newer Yunjin wrote it.
            TransientError: it cannot be reached, or another process held it for too long.
        """
        make_private(folder, () if url else (FILE,))
        return cls(folder, open_database(folder, url), now)

    def close(self) -> None:
        """Wait for everything submitted and end the connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_private(folder: Path, files: tuple[str, ...] = ()) -> None:
    """A new folder is 0700. One that is there already keeps its mode, but nobody else may write into it.

    It is its owner's alone, for what root leaves there its owner could not read afterwards.

    Raises:
        UsageError: it cannot be used, is another user's, or others may write into it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        _require_own(folder, status)
        # The database's own files inherit the mode of the first, so no moment leaves them open. One that is
        # there already is never opened here: to close it again would drop the locks that SQLite has on it
        # elsewhere in this process, and another process would take the log from under it.
        for name in files:
            with suppress(FileExistsError):
                os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        reason = reason_of(error)
        raise UsageError(
            Text(
                f"状态目录 {folder} 无法使用: {reason.zh}",
                f"the state folder {folder} cannot be used: {reason.en}",
            ),
            Text(
                "请将环境变量 YUNJIN_STATE 指向本人可写的目录",
                "point YUNJIN_STATE at a folder you may write to",
            ),
        ) from error


def _require_own(folder: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        owner = str(status.st_uid)
        with suppress(KeyError):
            owner = pwd.getpwuid(status.st_uid).pw_name
        raise UsageError(
            Text(f"状态目录 {folder} 属于用户 {owner}", f"the state folder {folder} belongs to user {owner}"),
            Text(f"请以用户 {owner} 运行: sudo -u {owner} ...", f"run as {owner}: sudo -u {owner} ..."),
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(
            Text(f"状态目录 {folder} 允许他人写入", f"others may write into the state folder {folder}"),
            Text(f"请执行 chmod 700 {folder}", f"run chmod 700 {folder}"),
        )
