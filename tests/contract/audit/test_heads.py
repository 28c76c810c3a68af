"""Heads of the chain, in a folder and in a bucket: exported once, kept, and missed where they are gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 (a dataclass names it)
from typing import TYPE_CHECKING

import pytest

from audits import Place, planted
from ledgers import Hand  # noqa: TC001 (a fixture names it)
from yunjin.engine.auditing import verify_audit
from yunjin.errors import RefusalError, UsageError
from yunjin.ledger.chain import Seal
from yunjin.ledger.heads import Head, export_head, parsed
from yunjin.store.objects import ObjectStore, open_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buckets import S3Server
    from yunjin.ledger.verification import Report
    from yunjin.store.database import Database

KEEP = 400
LEAF = "leaf/k1/jtj-egov"


@dataclass
class Now:
    """The real time, which the bucket's server compares with its own, and a way to move it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Archive:
    """Where heads go, and what somebody does there who may."""

    store: ObjectStore
    folder: Path | None = None
    s3: S3Server | None = None
    bucket: str = ""

    def names(self) -> list[str]:
        return [record.name for record in self.store.records("head-")]

    def delete(self, name: str) -> None:
        if self.folder:
            (self.folder / name).unlink()
            return
        assert self.s3
        self.s3.client().delete_object(Bucket=self.bucket, Key=f"audit/{name}")

    def overwrite(self, name: str, content: bytes) -> None:
        if self.folder:
            path = self.folder / name
            path.chmod(0o644)
            path.write_bytes(content)
            path.chmod(0o444)
            return
        assert self.s3
        self.s3.client().put_object(Bucket=self.bucket, Key=f"audit/{name}", Body=content)


@pytest.fixture(params=["folder", "bucket"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "folder":
        return Archive(open_objects(str(tmp_path / "heads")), folder=tmp_path / "heads")
    s3: S3Server = request.getfixturevalue("s3")
    bucket = s3.bucket()
    return Archive(open_objects(f"s3://{bucket}/audit", s3.access), s3=s3, bucket=bucket)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def ledger(tmp_path: Path, now: Now) -> Iterator[Hand]:
    """The small tree, its audit rows sealed."""
    (tmp_path / "state").mkdir()
    database = Place(tmp_path / "state").open()
    yield planted(database, now)
    database.close()


def more(hand: Hand) -> None:
    hand.allot(LEAF, cpu=1 + (hand.allotted(LEAF) % 5))
    Seal(hand.database, hand.clock).seal()


def exported(hand: Hand, archive: Archive) -> Head:
    head = export_head(hand.database, archive.store, KEEP, hand.clock)
    assert head
    return head


def verified(hand: Hand, archive: Archive, keep_days: int = KEEP) -> Report:
    return verify_audit(hand.database, [archive.store], keep_days, hand.clock())


def kinds(report: Report) -> set[tuple[str, str]]:
    return {(problem.kind, problem.where) for problem in report.problems}


def test_a_head_says_where_the_chain_ends(ledger: Hand, archive: Archive) -> None:
    head = exported(ledger, archive)
    ((rows,),) = ledger.rows("SELECT count(*) FROM audit")
    ((digest,),) = ledger.rows("SELECT hash FROM audit_chain WHERE position = ?", rows)

    assert archive.names() == [head.name]
    assert parsed(archive.store.get(head.name, 1 << 16)) == head
    assert (head.position, head.rows, head.hash, head.previous) == (rows, rows, digest, "")
    report = verified(ledger, archive)
    assert (report.sound, report.agreed) == (True, 1)


def test_a_head_is_exported_once(ledger: Hand, archive: Archive) -> None:
    exported(ledger, archive)
    assert export_head(ledger.database, archive.store, KEEP, ledger.clock) is None
    more(ledger)
    second = exported(ledger, archive)

    assert second.previous.split(" ")[0] == archive.names()[0]
    assert len(archive.names()) == 2
    assert verified(ledger, archive).agreed == 2


def test_nothing_is_exported_of_an_empty_audit(tmp_path: Path, archive: Archive, now: Now) -> None:
    (tmp_path / "empty").mkdir()
    database: Database = Place(tmp_path / "empty").open()
    assert export_head(database, archive.store, KEEP, now) is None
    database.close()
    assert archive.names() == []


def test_a_place_without_heads_is_no_proof(ledger: Hand, archive: Archive) -> None:
    with pytest.raises(UsageError, match="no heads"):
        verified(ledger, archive)


def test_a_rewritten_chain_contradicts_every_head_behind_the_forgery(
    ledger: Hand, archive: Archive, tmp_path: Path
) -> None:
    early = exported(ledger, archive)
    more(ledger)
    late = exported(ledger, archive)
    administrator = Place(tmp_path / "state").administrator
    administrator.take_guards_away()
    administrator.execute("UPDATE audit SET actor = 'nobody' WHERE seq = ?", early.position + 1)
    administrator.rewrite_chain()

    report = verified(ledger, archive)
    assert kinds(report) == {("rewritten", late.name)}
    assert report.agreed == 1


def test_a_chain_cut_short_contradicts_the_heads_beyond(
    ledger: Hand, archive: Archive, tmp_path: Path
) -> None:
    exported(ledger, archive)
    more(ledger)
    late = exported(ledger, archive)
    administrator = Place(tmp_path / "state").administrator
    administrator.take_guards_away()
    administrator.execute("DELETE FROM audit_chain WHERE position = ?", late.position)
    administrator.execute("DELETE FROM audit WHERE seq = ?", late.seq)
    administrator.execute("UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'audit'")

    assert kinds(verified(ledger, archive)) == {("rewritten", late.name)}


def test_a_head_in_the_middle_that_is_gone_is_missed_by_its_successor(ledger: Hand, archive: Archive) -> None:
    for _ in range(3):
        more(ledger)
        exported(ledger, archive)
    name = archive.names()[1]
    archive.delete(name)

    found = kinds(verified(ledger, archive))
    assert found == (
        {("missing", name), ("missing", str(parsed_position(name)))} if archive.folder else {("head", name)}
    )


def parsed_position(name: str) -> int:
    return int(name.split("-")[2])


def test_the_last_head_that_is_gone_is_missed_by_the_database(ledger: Hand, archive: Archive) -> None:
    exported(ledger, archive)
    more(ledger)
    last = exported(ledger, archive)
    archive.delete(last.name)

    expected = ("missing", str(last.position)) if archive.folder else ("head", last.name)
    report = verified(ledger, archive)
    assert kinds(report) == {expected}
    assert report.agreed == (1 if archive.folder else 2), "an object under lock is there still"


def test_a_head_whose_date_is_over_may_be_gone(ledger: Hand, archive: Archive, now: Now) -> None:
    first = exported(ledger, archive)
    more(ledger)
    exported(ledger, archive)
    if archive.folder:
        archive.delete(first.name)
        now.ahead = timedelta(days=KEEP, seconds=-30)
        assert ("missing", first.name) in kinds(verified(ledger, archive))
        now.ahead = timedelta(days=KEEP, seconds=30)
        assert verified(ledger, archive).sound


def test_a_head_that_was_written_over_is_seen(ledger: Hand, archive: Archive) -> None:
    exported(ledger, archive)
    more(ledger)
    exported(ledger, archive)
    name, second = archive.names()
    other = json.loads(archive.store.get(second, 1 << 16)) | {"hash": "0" * 64}
    archive.overwrite(name, f"{json.dumps(other)}\n".encode())

    report = verified(ledger, archive)
    if archive.folder:
        assert {kind for kind, where in kinds(report) if where == name} >= {"head"}
    else:
        assert (kinds(report), report.agreed) == ({("head", name)}, 2)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 10_000, b'{"position": 1}'])
def test_what_is_no_head_is_said(ledger: Hand, archive: Archive, content: bytes) -> None:
    exported(ledger, archive)
    archive.store.put("head-0.json", content, datetime.now(UTC) + timedelta(days=KEEP))

    assert kinds(verified(ledger, archive)) == {("head", "head-0.json")}


def test_heads_kept_for_less_than_the_policy_are_named(ledger: Hand, archive: Archive) -> None:
    head = exported(ledger, archive)

    assert kinds(verified(ledger, archive, KEEP + 1)) == {("retention", head.name)}


def test_a_file_that_can_be_written_to_is_named(ledger: Hand, tmp_path: Path) -> None:
    archive = Archive(open_objects(str(tmp_path / "heads")), folder=tmp_path / "heads")
    head = exported(ledger, archive)
    (tmp_path / "heads" / head.name).chmod(0o644)

    report = verified(ledger, archive)
    assert kinds(report) == {("retention", head.name)}
    assert "0644" in report.problems[0].text.zh


@pytest.mark.parametrize(
    ("mode", "days", "said"),
    [
        ("GOVERNANCE", KEEP, "GOVERNANCE"),
        ("COMPLIANCE", KEEP - 1, "not kept long enough"),
        ("", 0, "not locked"),
    ],
)
def test_a_head_that_is_not_held_as_it_should_is_named(
    ledger: Hand, s3: S3Server, tmp_path: Path, mode: str, days: int, said: str
) -> None:
    """As where somebody copied it into a bucket that they rule."""
    archive = Archive(open_objects(str(tmp_path / "heads")), folder=tmp_path / "heads")
    head = exported(ledger, archive)
    bucket = s3.bucket()
    until = datetime.now(UTC) + timedelta(days=days)
    lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until} if mode else {}
    s3.client().put_object(Bucket=bucket, Key=f"audit/{head.name}", Body=head.written(), **lock)
    copy = Archive(open_objects(f"s3://{bucket}/audit", s3.access), s3=s3, bucket=bucket)

    report = verified(ledger, copy)
    assert kinds(report) == {("retention", head.name)}
    assert said in report.problems[0].text.en


def test_a_bucket_that_keeps_nothing_gets_no_head(ledger: Hand, s3: S3Server) -> None:
    store = open_objects(f"s3://{s3.bucket(locked=False)}/audit", s3.access)
    with pytest.raises(RefusalError, match="no object lock"):
        export_head(ledger.database, store, KEEP, ledger.clock)
    assert ledger.rows("SELECT count(*) FROM audit_heads") == [(0,)]


def test_heads_of_several_places_are_all_compared(ledger: Hand, archive: Archive, tmp_path: Path) -> None:
    other = Archive(open_objects(str(tmp_path / "other")), folder=tmp_path / "other")
    for place in (archive, other):
        exported(ledger, place)

    report = verify_audit(ledger.database, [archive.store, other.store], KEEP, ledger.clock())
    assert (report.sound, report.agreed) == (True, 2)
