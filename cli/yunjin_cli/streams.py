"""Standard output and standard error as they are found: closed, full, a pipe that nobody reads, not UTF-8.

Used by `yunjin_cli.main` alone; calls nothing. Promises that a sign which the encoding lacks is shown by its
number and a minus by a hyphen, and that an answer nobody could be given is an error and no traceback.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunjin.errors import PermanentError, Text, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEGIBLE: Final = "yunjin-legible"


def prepare() -> None:
    """Make both streams fit to be written to."""
    codecs.register_error(_LEGIBLE, _legible)
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_LEGIBLE)


def _nowhere() -> io.TextIOWrapper:
    return Path(os.devnull).open("w", encoding="utf-8")


def _legible(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].replace("−", "-")
    return signs.encode(error.encoding, "backslashreplace").decode(error.encoding), error.end


@contextmanager
def written_out() -> Iterator[None]:
    """All that was said has left the process at the end.

    Raises:
        BrokenPipeError: nobody reads it any more.
        PermanentError: it cannot be written, for the disk is full or the like.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # a file of the caller's, not the stream
            raise
        # What is still in the stream would fail again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        reason = reason_of(error)
        raise PermanentError(
            Text(f"应答未能写出: {reason.zh}", f"the answer could not be written: {reason.en}"),
            Text(
                "命令可能已经执行, 用 yunjin status 核对",
                "the command may have been carried out; see yunjin status",
            ),
        ) from error
