"""A restore drill ends with the ledger that was backed up, byte for byte, and a sound chain of the audit.

A city is applied and worked on, backed up into a folder and into a bucket, and lost. What is restored gives
the same export, its chain verifies, and work goes on. Whoever does not say that an existing state may be
replaced replaces nothing, and a full disk leaves no half backup behind.
"""

from __future__ import annotations

import re
import resource
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from buckets import S3Server
    from commandline import CommandLine

PHRASE = re.compile(r"--replace (replace-[0-9a-f]{12})")


@pytest.fixture
def worked(provisioned: CommandLine) -> CommandLine:
    """A city with grants, reservations and a day's audit."""
    terms = ["--pool", "k8s-egov", "--cpu", "2", "--from", provisioned.day, "--until", "2027-11-22"]
    for node in ("bureau/jtj", "tenant/jtj"):
        provisioned.run("grant", "add", node, *terms, "--basis", "市政府〔2026〕1号")
    provisioned.run("allot", "k8s/jtj-egov", "--cpu", "5")
    return provisioned


def exported(desk: CommandLine) -> str:
    return desk.ask("ledger", "export").out


def newest(desk: CommandLine, place: str, access: str = "") -> str:
    """The backup that was just taken, as the product names it."""
    answer = desk.ask("backup", "--to", place, "--output", "json", YUNJIN_S3_ACCESS=access)
    assert answer.code == 0, answer.err
    found = re.search(r'"backup": "([^"]+)"', answer.out)
    assert found
    return found[1]


def drill(desk: CommandLine, backup: str, access: str = "") -> None:
    """Lose the state, restore it, and compare."""
    before = exported(desk)
    rows = desk.value("audit", "verify")["rows"]
    desk.run("verify", backup, YUNJIN_S3_ACCESS=access)
    lost = desk.folder / "lost"
    (desk.state / "state.db").rename(lost)

    said = desk.run("restore", "--from", backup, YUNJIN_S3_ACCESS=access)
    assert "台账与备份一致, 审计链完好" in said
    assert exported(desk) == before
    verified = desk.value("audit", "verify")
    assert (verified["sound"], verified["rows"]) == (True, rows + 1)
    desk.run("ledger", "check")
    lost.unlink()


def test_the_drill_from_a_folder(worked: CommandLine) -> None:
    backup = newest(worked, "backups")
    drill(worked, backup)

    worked.run("plan")
    worked.run("apply", "--yes")
    assert worked.value("drift", "list")["drift"] == []


def test_the_drill_from_a_bucket(worked: CommandLine, s3: S3Server) -> None:
    place = f"s3://{s3.bucket(locked=False)}/city"
    drill(worked, newest(worked, place, s3.access), s3.access)


def test_a_state_is_replaced_only_by_who_says_its_phrase(worked: CommandLine) -> None:
    backup = newest(worked, "backups")
    worked.run("allot", "k8s/jtj-egov", "--cpu", "4")
    later = exported(worked)

    said = worked.run("restore", "--from", backup, expect=1)
    found = PHRASE.search(said)
    assert found
    worked.run("restore", "--from", backup, "--replace", "replace-000000000000", expect=1)
    assert exported(worked) == later

    said = worked.run("restore", "--from", backup, "--replace", found[1])
    kept = re.search(r"原状态另存为 (\S+)", said)
    assert kept
    assert exported(worked) != later
    shutil.copy(kept[1], worked.state / "state.db")
    assert exported(worked) == later


def test_it_goes_into_another_folder(worked: CommandLine) -> None:
    backup = newest(worked, "backups")
    worked.run("restore", "--from", backup, "--into", "elsewhere")

    assert worked.ask("ledger", "export", "--state", "elsewhere").out == exported(worked)


@pytest.mark.parametrize("spoilt", ["state.db", "manifest.json"])
def test_a_truncated_backup_is_refused(worked: CommandLine, spoilt: str) -> None:
    backup = newest(worked, "backups")
    before = exported(worked)
    path = worked.folder / backup / spoilt
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-100])

    for call in (("verify", backup), ("restore", "--from", backup, "--into", "elsewhere")):
        said = worked.ask(*call)
        assert said.code == 1
        assert ("内容不完整或被改动" if spoilt == "state.db" else "清单已损坏") in said.err
    assert not (worked.folder / "elsewhere" / "state.db").exists()
    assert exported(worked) == before


def test_a_full_disk_leaves_no_half_backup(worked: CommandLine) -> None:
    before = exported(worked)

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    process = worked.start("backup", "--to", "backups", preexec_fn=small)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "磁盘" in said
    assert left(worked.folder / "backups") == []
    assert [path.name for path in worked.state.iterdir() if path.name.startswith(".backup-")] == []
    assert exported(worked) == before
    newest(worked, "backups")


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_wrong_places_are_said(worked: CommandLine, s3: S3Server) -> None:
    said = worked.run("backup", "--to", "s3://nowhere-to-be-found", expect=2, YUNJIN_S3_ACCESS=s3.access)
    assert "没有存储桶 nowhere-to-be-found" in said
    said = worked.run("backup", "--to", f"s3://{s3.bucket()}", expect=2)
    assert "--s3-access" in said
    said = worked.run("restore", "--from", "nothing", expect=2)
    assert "不是完整的备份" in said
    assert not (worked.folder / "nothing").exists()
