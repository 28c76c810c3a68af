"""What a backup says of itself.

Written and read by `backups`. Promises that a manifest which is read is one that was written, byte for byte,
and that a backup without one, or with another, is none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from yunjin.errors import PermanentError, Text, UsageError
from yunjin.ledger.chain import GENESIS
from yunjin.ledger.records import canonical
from yunjin.store.times import time

if TYPE_CHECKING:
    from yunjin.store.objects import ObjectStore

FORMAT: Final = 1
NAME: Final = "manifest.json"
CONTENT: Final = "state.db"
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Summary:
    """What a state holds, in short.

    Attributes:
        position: where the chain of its audit ends.
        unsealed: audit rows behind it.
        ledger: digest of the ledger's export; empty where the schema has none, or is not the newest.
    """

    position: int = 0
    hash: str = GENESIS
    unsealed: int = 0
    ledger: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup.

    Attributes:
        product: version of the Yunjin that took it.
        made: when, UTC text.
        dialect: of the database it was taken from.
        revision: of its schema.
        size: bytes of the content.
        sha256: of the content.
    """

    product: str
    made: str
    dialect: str
    revision: str
    size: int
    sha256: str
    summary: Summary
    format: int = FORMAT

    def written(self) -> bytes:
        """The object."""
        return f"{canonical(asdict(self))}\n".encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the object."""
        return hashlib.sha256(self.written()).hexdigest()


def read(place: ObjectStore) -> Manifest:
    """The manifest of the backup at a place.

    Raises:
        UsageError: there is no backup; the message names those below, where there are such.
        PermanentError: it is no manifest, or a newer Yunjin wrote it.
    """
    if NAME not in place.names(NAME):
        raise _none(place)
    content = place.get(NAME, _LONGEST)
    try:
        said = json.loads(content)
        if type(said["format"]) is int and said["format"] > FORMAT:
            raise _newer(place)
        manifest = Manifest(**{**said, "summary": Summary(**said["summary"])})
        sound = manifest.written() == content and _meant(manifest)
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = False
    if not sound:
        raise PermanentError(
            Text(f"{place.name} 的备份清单已损坏", f"the manifest of the backup {place.name} is damaged"),
            Text("改用另一份备份", "take another backup"),
        )
    return manifest


def _meant(manifest: Manifest) -> bool:
    summary = manifest.summary
    counts = (manifest.size, summary.position, summary.unsealed)
    texts = (
        manifest.product,
        manifest.dialect,
        manifest.revision,
        manifest.sha256,
        summary.hash,
        summary.ledger,
    )
    return (
        all(type(value) is int and value >= 0 for value in counts)
        and all(isinstance(value, str) for value in (*texts, summary.hash, summary.ledger))
        and time(manifest.made).tzinfo is not None
    )


def _none(place: ObjectStore) -> UsageError:
    below = sorted(name.removesuffix(f"/{NAME}") for name in place.names("") if name.endswith(f"/{NAME}"))
    near = ", ".join(below[-3:])
    return UsageError(
        Text(f"{place.name} 不是完整的备份", f"{place.name} is no backup, or an unfinished one"),
        Text(f"其下有备份: {near}", f"there are backups below it: {near}")
        if near
        else Text("写出备份所在的目录或 s3:// 地址", "name the folder or the s3:// address of a backup"),
    )


def _newer(place: ObjectStore) -> PermanentError:
    return PermanentError(
        Text(f"备份 {place.name} 由更高版本的云锦写出", f"a newer Yunjin wrote the backup {place.name}"),
        Text("用写出它的版本恢复", "restore it with the version that wrote it"),
    )
