"""Who rewrites the audit, its whole chain included, is contradicted by the heads exported before.

An operator works, heads are exported to a folder and to a bucket under object lock. Then an administrator
takes the guards of the database away, changes or deletes rows, and computes every hash anew. The database
alone looks sound; every head exported after the forged row says otherwise, and so do heads that are gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from audits import Administrator, Place

if TYPE_CHECKING:
    from buckets import S3Server
    from commandline import CommandLine


@dataclass
class Town:
    """A desk, and where its heads go."""

    desk: CommandLine
    place: str
    access: str = ""

    @property
    def administrator(self) -> Administrator:
        return Place(self.desk.state).administrator

    def export(self) -> None:
        self.desk.run("audit", "heads", "export", "--to", self.place, YUNJIN_S3_ACCESS=self.access)

    def work(self, cpu: int) -> None:
        self.desk.run("allot", "k8s/jtj-egov", "--cpu", str(cpu))

    def verify(self, *more: str) -> tuple[int, dict[str, Any]]:
        answer = self.desk.ask(
            "audit", "verify", "--heads", self.place, *more, "--output", "json", YUNJIN_S3_ACCESS=self.access
        )
        return answer.code, json.loads(answer.out)

    def problems(self) -> set[str]:
        code, said = self.verify()
        assert code == int(not said["sound"])
        return {problem["kind"] for problem in said["problems"]}


@pytest.fixture(params=["folder", "bucket"])
def town(request: pytest.FixtureRequest, provisioned: CommandLine) -> Town:
    """Three heads, with work between them."""
    if request.param == "folder":
        made = Town(provisioned, "heads")
    else:
        s3: S3Server = request.getfixturevalue("s3")
        made = Town(provisioned, f"s3://{s3.bucket()}/audit", s3.access)
    for cpu in (3, 2, 1):
        made.work(cpu)
        made.export()
    return made


def test_an_honest_audit_agrees_with_every_head(town: Town) -> None:
    code, said = town.verify()
    assert (code, said["sound"], said["heads"], said["unsealed"]["count"]) == (0, True, 3, 0)
    text = town.desk.run("audit", "verify", "--heads", town.place, YUNJIN_S3_ACCESS=town.access)
    assert "相符链头  3" in text
    assert "审计链完好" in text


def test_a_chain_rewritten_as_a_whole_is_detected(town: Town) -> None:
    administrator = town.administrator
    administrator.take_guards_away()
    administrator.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    assert town.desk.value("audit", "verify", expect=1)["problems"][0]["kind"] == "changed"
    administrator.rewrite_chain()

    assert town.desk.value("audit", "verify")["sound"], "the forger knows how hashes are computed"
    assert town.problems() == {"rewritten"}


def test_the_newest_rows_deleted_without_a_trace_are_detected(town: Town) -> None:
    administrator = town.administrator
    administrator.take_guards_away()
    ((last,),) = administrator.execute("SELECT max(seq) FROM audit")
    administrator.execute("DELETE FROM audit_chain WHERE seq = ?", last)
    administrator.execute("DELETE FROM audit WHERE seq = ?", last)
    administrator.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", last - 1)

    assert town.desk.value("audit", "verify")["sound"], "nothing in the database tells of them"
    assert town.problems() == {"rewritten"}


def test_the_guards_refuse_with_a_clear_error(town: Town) -> None:
    with pytest.raises(Exception, match="审计记录不得修改或删除"):
        town.administrator.execute("DELETE FROM audit WHERE seq = 3")
    assert town.problems() == set()


def test_deleted_heads_are_missed(town: Town, s3: S3Server) -> None:
    if town.access:
        bucket = town.place.split("/")[2]
        client = s3.client()
        for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
            client.delete_object(Bucket=bucket, Key=item["Key"])
        assert town.problems() == {"head"}
        assert town.verify()[1]["heads"] == 3, "what is locked is there still"
        return
    (_, newest) = sorted((town.desk.folder / "heads").iterdir())[1:]
    newest.unlink()
    assert town.problems() == {"missing"}


def test_a_restore_is_a_break_that_somebody_must_own_up_to(town: Town) -> None:
    """What was done after a backup is gone with its restore; its heads stay until a person excuses them."""
    backup = town.desk.value("backup", "--to", "backups")["backup"]
    town.work(2)
    town.export()
    said = town.desk.run("restore", "--from", backup, expect=1)
    phrase = said.partition("--replace ")[2].split(";")[0]
    town.desk.run("restore", "--from", backup, "--replace", phrase)

    assert town.problems() == {"rewritten"}
    (row,) = town.desk.value("audit", "list", "--operation", "restore")
    code, said_of = town.verify("--restored", str(row["seq"]))
    assert (code, said_of["sound"], said_of["heads"]) == (0, True, 3)
    town.export()
    assert town.verify("--restored", str(row["seq"]))[1]["heads"] == 4
    town.desk.run(
        "audit", "verify", "--heads", town.place, "--restored", "3", expect=2, YUNJIN_S3_ACCESS=town.access
    )
