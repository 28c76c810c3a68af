"""Who writes: the lock that makes a process the writer, and the socket at which the others find it.

Used by `local`, `service` and `remote`. Promises that one process at a time holds the lock, that it is free
the moment that process is gone, and that a process forked from it holds nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from yunjin.errors import Text, UsageError, YunjinError, reason_of
from yunjin.store.faults import disk_full

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK: Final = "state.writer"
SOCKET: Final = "writer.sock"
_LONGEST: Final = 100  # an address of a unix socket ends at 107 bytes
_CREDENTIALS: Final = struct.Struct("3i")


class Held(Protocol):
    """What a forked child must let go of."""

    def drop(self) -> None:
        """Close the descriptors, and touch nothing that others see."""
        ...


_held: Final[weakref.WeakSet[Held]] = weakref.WeakSet()


def not_across_forks(held: Held) -> None:
    """A child would keep the lock, or a socket nobody answers at, open after its parent's death."""
    _held.add(held)


def _forked() -> None:
    for held in list(_held):
        held.drop()
    _held.clear()


os.register_at_fork(after_in_child=_forked)


class WriterLock:
    """The lock of a folder, held until `drop`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        not_across_forks(self)

    def drop(self) -> None:
        """Let it go; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def take(folder: Path) -> WriterLock | None:
    """The lock, None where another has it. Raises what `usable` raises."""
    with usable(folder):
        descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return WriterLock(descriptor)


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """The socket's address, also where the path is longer than an address may be."""
    path = str(folder / SOCKET)
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def listen(folder: Path) -> socket.socket:
    """The socket at which the holder of the lock serves. Raises what `usable` raises."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with usable(folder), address(folder) as place:
            (folder / SOCKET).unlink(missing_ok=True)  # of a writer that died
            os.fchmod(listener.fileno(), 0o600)  # before bind: no moment leaves it open to others
            listener.bind(place)
            listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def unlink(folder: Path) -> None:
    """Take the socket's name away, while the lock is held."""
    with suppress(OSError):
        (folder / SOCKET).unlink(missing_ok=True)


def peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _ = _CREDENTIALS.unpack(raw)
    return pid, user


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into one of ours.

    Raises:
        PermanentError: the disk is full.
        UsageError: anything else: the folder is another user's, or cannot hold a socket.
    """
    try:
        yield
    except OSError as error:
        raise _refused(folder, error) from error


def _refused(folder: Path, error: OSError) -> YunjinError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    reason = reason_of(error)
    return UsageError(
        Text(
            f"状态目录 {folder} 无法写入: {reason.zh}",
            f"the state folder {folder} cannot be written to: {reason.en}",
        ),
        Text(
            "请以该目录所属用户运行, 或将环境变量 YUNJIN_STATE 指向本机磁盘上的目录",
            "run as the user who owns it, or point YUNJIN_STATE at a folder on a disk of this machine",
        ),
    )
