"""A connection to the process that writes.

Used by `local` in every other process. Calls `gate` and `wire`. Promises that requests leave in the order
they were given.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from yunjin.store import gate
from yunjin.store.operations import name_of
from yunjin.store.wire import Frames, Garbled, frame, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.store.jobs import Job

_PIECE: Final = 1 << 18


class Remote:
    """The writer, elsewhere."""

    def __init__(self, connection: socket.socket, frames: Frames) -> None:
        self._connection = connection
        self._frames = frames
        gate.not_across_forks(self)

    def send(self, job: Job) -> None:
        """Ask for a job. Where the writer has just died nothing happens: `answers` ends, and says so.

        Raises:
            UsageError: it is too long.
            TypeError: its arguments are not plain.
        """
        calls = [(name_of(function), arguments) for function, arguments in job.calls]
        request = frame({"id": job.id, "many": job.many, "again": job.again, "calls": calls})
        job.again = True
        with suppress(OSError):
            self._connection.sendall(request)

    def answers(self) -> Iterator[dict[str, Any]]:
        """Answers as they come, until the connection ends."""
        with suppress(OSError, Garbled):
            while piece := self._connection.recv(_PIECE):
                for message, _ in self._frames.feed(piece):
                    yield message

    def end(self) -> None:
        """Make `answers` end."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Close it."""
        self._connection.close()


def reach(folder: Path, greeting: list[Any], seconds: float) -> Remote | None:
    """The writer of a folder; None where nobody answers.

    Raises:
        ConflictError: it will not serve this process.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    frames = Frames()
    try:
        connection.settimeout(seconds)
        with gate.address(folder) as place:
            connection.connect(place)
        connection.sendall(frame({"hello": greeting}))
        answer = _first(connection, frames)
    except (OSError, Garbled):
        answer = {}
    if "welcome" in answer:
        connection.settimeout(None)
        return Remote(connection, frames)
    connection.close()
    if "refused" in answer:
        raise read(answer["refused"])
    return None


def _first(connection: socket.socket, frames: Frames) -> dict[str, Any]:
    while piece := connection.recv(_PIECE):
        for message, _ in frames.feed(piece):
            return message
    return {}
