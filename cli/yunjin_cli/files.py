"""Where an answer goes that is a document: standard output, or a new file.

Used by `yunjin_cli.commands`; calls the stores of objects, which write a file whole or not at all.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def written(out: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a new file that only its owner can read; gone again where it is not finished.

    Raises:
        ConflictError: it exists already.
        UsageError: it cannot be made.
        PermanentError: the disk is full.
    """
    if out is None:
        yield sys.stdout.buffer
        return
    from yunjin.store.objects.folder import new_file, translated

    with translated(out), new_file(out) as file:
        yield file
