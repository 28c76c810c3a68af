"""What every store of objects promises, in a folder and in a bucket."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from killing import fork
from yunjin.errors import ConflictError, PermanentError, RefusalError, UsageError
from yunjin.store.objects import Lock, Mode, ObjectStore, open_objects

if TYPE_CHECKING:
    from pathlib import Path

    from buckets import S3Server

UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=400)
KEPT = UNTIL + timedelta(seconds=1)
"""What a bucket makes of it."""
MOST = 1 << 20


@dataclass
class Shelf:
    """A store, and what somebody else does to it."""

    store: ObjectStore
    folder: Path | None = None
    s3: S3Server | None = None
    bucket: str = ""

    def overwrite(self, name: str, content: bytes) -> None:
        if self.folder:
            (self.folder / name).chmod(0o644)
            (self.folder / name).write_bytes(content)
            return
        assert self.s3
        self.s3.client().put_object(Bucket=self.bucket, Key=f"some/prefix/{name}", Body=content)

    def delete(self, name: str) -> None:
        if self.folder:
            (self.folder / name).unlink()
            return
        assert self.s3
        self.s3.client().delete_object(Bucket=self.bucket, Key=f"some/prefix/{name}")


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "folder":
        return Shelf(open_objects(str(tmp_path / "shelf")), folder=tmp_path / "shelf")
    s3: S3Server = request.getfixturevalue("s3")
    bucket = s3.bucket()
    return Shelf(open_objects(f"s3://{bucket}/some/prefix", s3.access), s3=s3, bucket=bucket)


def test_what_was_put_is_there(shelf: Shelf, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x" * 3_000_000)
    shelf.store.put("b/one", b"\x00first")
    shelf.store.put("a/two", source)
    shelf.store.fetch("a/two", target, 3_000_000)

    assert shelf.store.get("b/one", 6) == b"\x00first"
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    assert shelf.store.names("") == ["a/two", "b/one"]
    assert shelf.store.names("b/") == ["b/one"]


@pytest.mark.parametrize("kept", [None, UNTIL])
def test_nothing_is_written_over(shelf: Shelf, tmp_path: Path, kept: datetime | None) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"other")
    shelf.store.put("one", b"first", kept)

    with pytest.raises(ConflictError, match="one"):
        shelf.store.put("one", b"second", kept)
    with pytest.raises(ConflictError, match="one"):
        shelf.store.put("one", source)
    assert shelf.store.get("one", MOST) == b"first"
    assert shelf.store.names("") == ["one"]


def test_what_is_not_there_is_said(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.store.names("") == []
    assert shelf.store.records("") == []
    shelf.store.put("oneself", b"first")
    with pytest.raises(UsageError, match="one"):
        shelf.store.get("one", MOST)
    with pytest.raises(UsageError, match="one"):
        shelf.store.fetch("one", tmp_path / "target", MOST)
    assert not (tmp_path / "target").exists()


def test_no_more_is_read_than_was_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    shelf.store.put("one", b"12345")

    with pytest.raises(PermanentError, match="more than 4 bytes"):
        shelf.store.get("one", 4)
    with pytest.raises(PermanentError, match="more than 4 bytes"):
        shelf.store.fetch("one", tmp_path / "target", 4)
    assert not (tmp_path / "target").exists()


def test_a_target_is_not_written_over(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    shelf.store.put("one", b"12345")

    with pytest.raises(ConflictError, match="target"):
        shelf.store.fetch("one", tmp_path / "target", MOST)
    assert (tmp_path / "target").read_bytes() == b"mine"


def test_what_is_kept_shows_how(shelf: Shelf) -> None:
    shelf.store.put("kept", b"first", UNTIL)
    shelf.store.put("loose", b"first")

    kept, loose = shelf.store.records("")
    if shelf.folder:
        assert (kept.guard, loose.guard) == (Mode(0o444), Mode(0o600))
        assert isinstance(kept.guard, Mode)
        assert not kept.guard.writable
    else:
        assert (kept.guard, loose.guard) == (Lock("COMPLIANCE", KEPT), Lock("", None))
    assert (kept.deleted, kept.versions) == (False, 1)


# ---- a bucket alone


@pytest.fixture
def bucket(tmp_path: Path, s3: S3Server) -> Shelf:
    name = s3.bucket()
    return Shelf(open_objects(f"s3://{name}/some/prefix", s3.access), s3=s3, bucket=name)


def test_in_a_bucket_the_first_version_is_read_whatever_came_later(bucket: Shelf) -> None:
    bucket.store.put("kept", b"first", UNTIL)
    bucket.overwrite("kept", b"second")
    assert bucket.store.get("kept", MOST) == b"first"
    bucket.delete("kept")

    (record,) = bucket.store.records("")
    assert (record.deleted, record.versions, record.guard) == (True, 2, Lock("COMPLIANCE", KEPT))
    assert bucket.store.get("kept", MOST) == b"first"
    assert bucket.store.names("") == []


def test_a_bucket_without_object_lock_keeps_nothing(s3: S3Server) -> None:
    store = open_objects(f"s3://{s3.bucket(locked=False)}/heads", s3.access)
    with pytest.raises(RefusalError, match="no object lock"):
        store.put("kept", b"first", UNTIL)
    store.put("loose", b"first")

    assert store.names("") == ["loose"]
    assert store.get("loose", MOST) == b"first"


def test_a_bucket_that_is_not_there(s3: S3Server) -> None:
    store = open_objects("s3://nowhere/heads", s3.access)
    for work in (
        lambda: store.put("one", b"", UNTIL),
        lambda: store.put("one", b""),
        lambda: store.get("one", MOST),
        lambda: store.names(""),
    ):
        with pytest.raises(UsageError, match="no bucket nowhere"):
            work()


# ---- a folder alone


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_objects(str(tmp_path / "file" / "below"))

    with pytest.raises(UsageError, match="file"):
        store.put("one", b"first")


def test_a_device_and_a_pipe_are_no_objects(tmp_path: Path) -> None:
    """One has no end, the other may have no beginning."""
    store, target = open_objects(str(tmp_path / "shelf")), tmp_path / "target"
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "endless").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "shelf" / "silent")

    for name in ("endless", "silent"):
        with pytest.raises(UsageError, match="not a regular file"):
            store.get(name, MOST)
        with pytest.raises(UsageError, match="not a regular file"):
            store.fetch(name, target, MOST)
    assert not target.exists()


def test_what_is_half_written_is_not_listed(tmp_path: Path) -> None:
    store = open_objects(str(tmp_path))
    (tmp_path / ".partial-0123").write_bytes(b"")

    assert store.names("") == []


def _put_on_full_disk(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    with pytest.raises(PermanentError, match=r"the disk of .* is full"):
        open_objects(str(folder)).put("one", b"x" * 2000)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    assert fork(lambda: _put_on_full_disk(tmp_path / "shelf")) == 0
    assert list((tmp_path / "shelf").iterdir()) == []
