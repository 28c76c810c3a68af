"""Backups of the state: taken online, verified without the installation, and put back.

Called by the command line. Calls `yunjin.store.backup`, the ledger's export and chain, and the stores of
objects. Promises that a backup which holds anything else than it says is refused, that a state which is not
empty is never lost, and that a restore says whether it ended with the ledger and the chain that were backed
up. A backup is a file `state.db` and, written last, its manifest.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final

from yunjin.engine import manifests
from yunjin.engine.manifests import CONTENT, Manifest, Summary
from yunjin.errors import PermanentError, RefusalError, Text
from yunjin.ledger import export
from yunjin.ledger.chain import Seal, end_of, links, tail_of
from yunjin.ledger.records import canonical, own_key
from yunjin.ledger.restoration import restore
from yunjin.ledger.verification import Report, verify, verify_database
from yunjin.store import Store
from yunjin.store.backup import check, copy, put_into_folder
from yunjin.store.database import FILE
from yunjin.store.local import SqliteDatabase
from yunjin.store.migrate import HEAD, bring_file_up_to_date
from yunjin.store.store import make_private
from yunjin.store.times import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.store.database import Database
    from yunjin.store.objects import ObjectStore

WITH_AUDIT: Final = "0002"
"""The first revision that has a ledger and an audit."""
UNREADABLE: Final = "replace-unreadable"
"""Consent to put a backup where a state is that cannot be read."""
_PIECE: Final = 1 << 20
_WORK: Final = ".backup-"
"""Begins the name of the folder in which a backup is made, so that it is no backup's own."""
_STALE: Final = 86_400.0
"""Seconds after which such a folder is nobody's any longer: its process was killed."""
_EMPTY: Final = ("answers", "alembic_version")
"""Tables whose rows make no state."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that holds what it says.

    Attributes:
        report: of its chain.
        path: its content, to be moved away or read.
    """

    manifest: Manifest
    report: Report
    path: Path


@dataclass(frozen=True, slots=True)
class Restored:
    """How a restore ended.

    Attributes:
        report: of the chain as it stands now, with the row that tells of the restore.
        equal: whether the ledger's export is what it was; None where the backup's schema was an older one.
        before: where the state is kept that gave way; empty where there was none.
    """

    manifest: Manifest
    report: Report
    equal: bool | None
    before: str


def take(store: Store, place: ObjectStore) -> tuple[str, Manifest]:
    """Back the state up, while others work on it.

    Returns:
        The backup's name below the place, and its manifest.

    Raises:
        YunjinError: the place cannot be written to, or a disk is full.
    """
    Seal(store.database, store.now).seal(whole=True)
    _clear_away(store.folder)
    made = store.now()
    name = f"backup-{made:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(dir=store.folder, prefix=_WORK) as work:
        path = Path(work) / CONTENT
        copy(store.database, path)
        with closing(SqliteDatabase(path)) as copied:
            summary = summed_up(copied)
        manifest = Manifest(
            product=version("yunjin"),
            made=text(made),
            dialect=store.database.dialect,
            revision=HEAD,
            size=path.stat().st_size,
            sha256=_sha256(path),
            summary=summary,
        )
        place.put(f"{name}/{CONTENT}", path)
        place.put(f"{name}/{manifests.NAME}", manifest.written())
    return name, manifest


def _clear_away(folder: Path) -> None:
    """Each backup that is killed leaves a whole copy; many would fill the disk of the state itself."""
    for left in folder.glob(f"{_WORK}*"):
        with suppress(OSError):
            if time() - left.stat().st_mtime > _STALE:
                shutil.rmtree(left)


@contextmanager
def opened(place: ObjectStore, folder: Path | None = None) -> Iterator[Checked]:
    """A backup, fetched and looked into; gone again after the block.

    Args:
        place: the backup itself.
        folder: where it is fetched to; that of the machine's temporary files where it is None.

    Raises:
        UsageError: it is no backup.
        PermanentError: it is damaged, holds something else than it says, or a newer Yunjin wrote it.
    """
    manifest = manifests.read(place)
    with tempfile.TemporaryDirectory(dir=folder, prefix="restore-") as work:
        path = Path(work) / CONTENT
        place.fetch(CONTENT, path, manifest.size)
        if path.stat().st_size != manifest.size or _sha256(path) != manifest.sha256:
            raise _other(place, Text("内容不完整或被改动", "it is incomplete or was changed"))
        if check(path) != manifest.revision:
            raise _other(place, Text("结构版本不同", "its schema is another"))
        report = Report()
        if manifest.revision >= WITH_AUDIT:
            with closing(SqliteDatabase(path)) as copied:
                report = verify(links(copied))
                report.tail = tail_of(copied)
                _require_summary(place, manifest, copied)
        yield Checked(manifest, report, path)


def restore_into_folder(place: ObjectStore, folder: Path, consent: str, actor: str) -> Restored:
    """Put a backup back as the file of a folder.

    Args:
        place: the backup.
        folder: of the installation; made where it is missing.
        consent: the phrase that the refusal names, where a state is there already.
        actor: who asks.

    Raises:
        RefusalError: there is a state, and nobody consented to replace it.
        UsageError: others may write into the folder, or it is another user's.
        ConflictError: a process writes it.
        YunjinError: as `opened`.
    """
    manifests.read(place)  # before anything is made in the folder
    standing = _standing(folder, None)
    _require_consent(standing, consent, str(folder))
    with opened(place, folder) as checked:
        before = put_into_folder(checked.path, folder, keep=bool(standing))
        manifest = checked.manifest
    with Store.open(folder) as store:
        return _concluded(store, place, manifest, actor, str(before or ""))


def restore_into_server(place: ObjectStore, folder: Path, url: str, consent: str, actor: str) -> Restored:
    """Put a backup back into a database of a server. Arguments and errors as `restore_into_folder`.

    Args:
        place: the backup.
        folder: of the installation.
        url: of the database.
        consent: as there.
        actor: as there.
    """
    from yunjin.store.backup_server import copy_to_server, put_aside
    from yunjin.store.pool import Pool

    manifests.read(place)
    standing = _standing(folder, url)
    pool = Pool(url)
    _require_consent(standing, consent, pool.name)
    with opened(place, folder) as checked:
        bring_file_up_to_date(checked.path)
        before = put_aside(pool) if standing else ""
        copy_to_server(checked.path, pool)
        manifest = checked.manifest
    pool.close()
    with Store.open(folder, url=url) as store:
        return _concluded(store, place, manifest, actor, before)


def summed_up(database: Database) -> Summary:
    """What a state of the newest schema holds."""
    end = end_of(database)
    digest = export.digest_of(export.read(database.rows, database.dialect))
    return Summary(end.position, end.hash, tail_of(database).count, digest)


def _require_summary(place: ObjectStore, manifest: Manifest, copied: Database) -> None:
    """That the content is what the manifest says; the ledger's digest is comparable within one schema."""
    end, said = end_of(copied), manifest.summary
    if (end.position, end.hash, tail_of(copied).count) != (said.position, said.hash, said.unsealed):
        raise _other(place, Text("审计链与清单不同", "its audit is another than its manifest says"))
    if manifest.revision == HEAD and summed_up(copied) != said:
        raise _other(place, Text("台账与清单不同", "its ledger is another than its manifest says"))


def _standing(folder: Path, url: str | None) -> str:
    """The phrase that consents to replace the state which is there; empty where there is none."""
    if url is None and not (folder / FILE).exists():
        make_private(folder)
        return ""
    try:
        with Store.open(folder, url=url) as store:
            return _phrase(store.database)
    except PermanentError:  # damaged, or of a newer schema: both are reasons to restore
        return UNREADABLE


def _phrase(database: Database) -> str:
    tables = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        if database.dialect == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    counts = {}
    for (table,) in database.rows(tables):
        if table not in _EMPTY:
            ((counts[table],),) = database.rows(f"SELECT count(*) FROM {table}")  # noqa: S608 (names of the schema)
    if not any(counts.values()):
        return ""
    content = canonical([counts, end_of(database).hash])
    return f"replace-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _require_consent(standing: str, given: str, where: str) -> None:
    if standing and given != standing:
        raise RefusalError(
            Text(f"{where} 已有状态, 不予覆盖", f"there is a state in {where}, which is not replaced"),
            Text(
                f"确要以备份替换, 加上 --replace {standing}; 现有状态另名保留",
                f"to put the backup in its place add --replace {standing}; what is there is kept beside",
            ),
        )


def _concluded(store: Store, place: ObjectStore, manifest: Manifest, actor: str, before: str) -> Restored:
    """Say in the audit that this was done, and look at what is there now."""
    equal = None if manifest.revision != HEAD else summed_up(store.database).ledger == manifest.summary.ledger
    digest = manifest.digest
    request = {
        "key": own_key("restore", digest, secrets.token_hex(8)),
        "actor": actor,
        "at": text(store.now()),
        "backup": place.name,
        "manifest": digest,
        "made": manifest.made,
        "position": manifest.summary.position,
        "hash": manifest.summary.hash,
    }
    store.database.write(restore, request)
    Seal(store.database, store.now).seal(whole=True)
    return Restored(manifest, verify_database(store.database, links(store.database)), equal, before)


def _other(place: ObjectStore, reason: Text) -> PermanentError:
    return PermanentError(
        Text(f"备份 {place.name} 不可用: {reason.zh}", f"the backup {place.name} is of no use: {reason.en}"),
        Text("改用另一份备份", "take another backup"),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
