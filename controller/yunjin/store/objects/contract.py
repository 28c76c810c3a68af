"""What a store of objects promises, whichever it is.

Implemented by `folder` and `s3`; used by whoever keeps something outside the state. Promises that an object
is written whole or not at all, that it is on the disk or acknowledged when `put` returns, that nothing is
ever written over, and that what is read is what was written first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """How the server of a bucket is reached.

    Attributes:
        endpoint: its address; empty for AWS itself.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    endpoint: str
    region: str


@dataclass(frozen=True, slots=True)
class Mode:
    """A file: who may do what to it."""

    bits: int

    @property
    def writable(self) -> bool:
        """Whether anybody may write to it."""
        return bool(self.bits & 0o222)


@dataclass(frozen=True, slots=True)
class Lock:
    """An object of a bucket: how it is held.

    Attributes:
        mode: COMPLIANCE, which nobody can lift; GOVERNANCE, which some can; empty where there is none.
        until: None where there is none.
    """

    mode: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Record:
    """An object that is or was there.

    Attributes:
        deleted: somebody deleted it; where it is locked, what was written is still there.
        versions: how often it was written.
        guard: what keeps it from being changed.
    """

    name: str
    guard: Mode | Lock
    deleted: bool = False
    versions: int = 1


class ObjectStore(Protocol):
    """Objects by name. Names are relative and may have slashes."""

    @property
    def name(self) -> str:
        """Where it is, for people and for records; never with a secret."""
        ...

    def put(self, name: str, content: bytes | Path, keep_until: datetime | None = None) -> None:
        """Write a new object.

        Args:
            name: of the object.
            content: bytes, or a file that is read.
            keep_until: nobody may change or delete it before; None for an ordinary object.

        Raises:
            ConflictError: there is one of this name.
            RefusalError: it would not be kept: the bucket has no object lock, or gave none.
            PermanentError: the disk is full.
            UsageError, TransientError: as every method: the place or the credentials are wrong, or it cannot
                be reached.
        """
        ...

    def get(self, name: str, most: int) -> bytes:
        """What was written first under this name.

        Raises:
            UsageError: there is none.
            PermanentError: it has more than `most` bytes.
        """
        ...

    def fetch(self, name: str, target: Path, most: int) -> None:
        """`get` into a new file, readable by its owner alone. Raises also ConflictError: the file exists."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Names of the objects that begin so, in order."""
        ...

    def records(self, prefix: str) -> list[Record]:
        """Everything that is or was there under names that begin so, in order."""
        ...
