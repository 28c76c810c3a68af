"""A plan is a file, applied later, to what it was made from; what has moved since is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from yunjin.model.resources import Key

if TYPE_CHECKING:
    from commandline import CommandLine

QUOTA = Key("k8s", "jtj-egov", "ResourceQuota", "yunjin")
HARD = ("spec", "hard", "requests.cpu")


def test_a_plan_file_is_applied_later(small: CommandLine) -> None:
    said = small.run("plan", "--out", "p.json")
    assert "3 个命名空间/项目" in said
    assert small.standing("k8s") == {}
    small.run("apply", "p.json", "--yes")
    assert sum("/ResourceQuota/" in key for key in small.standing("k8s")) == 3


def test_without_a_file_the_newest_plan_is_applied(planned: CommandLine) -> None:
    planned.change_rows("tenant/fgw", "leaf/k8s/fgw-egov", cpu=8)
    newest = planned.value("plan")
    done = planned.value("apply", "--yes")
    assert done["plan"] == newest["hash"]
    assert planned.standing("k8s")["fgw-egov/ResourceQuota/yunjin"]["spec"]["hard"]["requests.cpu"] == "8"


def test_a_plan_of_other_declared_files_is_refused(planned: CommandLine) -> None:
    planned.change_rows("leaf/k8s/fgw-egov", cpu=3)
    for plan in (["p.json"], []):
        said = planned.run("apply", *plan, "--yes", expect=1)
        assert "已改动" in said
        assert "yunjin plan" in said
    assert planned.standing("k8s") == {}


def test_nothing_is_applied_without_consent(planned: CommandLine) -> None:
    assert "--yes" in planned.run("apply", expect=1)
    assert planned.standing("k8s") == {}


def test_people_are_shown_the_plan_and_asked(planned: CommandLine) -> None:
    refused = planned.on_terminal("apply", typed="n\n", expect=1)
    assert [line for line in refused if "新建  k8s" in line and "jtj-egov" in line]
    assert [line for line in refused if line.startswith("下发执行 28 项变更? [y/N]")]
    assert planned.standing("k8s") == {}
    agreed = planned.on_terminal("apply", typed="y\n", lang="en")
    assert [line for line in agreed if line.startswith("apply 28 changes? [y/N]")]
    assert agreed[-1].endswith("28 done")


def test_without_any_plan_there_is_nothing_to_apply(small: CommandLine) -> None:
    assert "yunjin plan" in small.run("apply", "--yes", expect=2)


@pytest.mark.parametrize("kind", ["foreign", "truncated", "other version", "huge", "missing", "not text"])
def test_what_is_no_plan_is_bad_input(planned: CommandLine, kind: str) -> None:
    path = planned.folder / "p.json"
    whole = path.read_text("utf-8")
    if kind == "foreign":
        path.write_text('{"apiVersion": "v1", "kind": "List", "items": []}', "utf-8")
    elif kind == "truncated":
        path.write_text(whole[: len(whole) // 2], "utf-8")
    elif kind == "other version":
        assert '"version":1' in whole
        path.write_text(whole.replace('"version":1', '"version":2'), "utf-8")
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 40)  # a hole: it takes no room
    elif kind == "missing":
        path.unlink()
    else:
        path.write_bytes(b"\xff\xfe\x00")
    answer = planned.ask("apply", "p.json", "--yes", "--output", "json")
    assert answer.code == 2, answer
    (error,) = answer.errors
    assert error["code"] == "usage"
    assert error["remedy"]["zh"]
    assert planned.standing("k8s") == {}


def test_a_plan_file_that_was_edited_is_refused(planned: CommandLine) -> None:
    path = planned.folder / "p.json"
    whole = path.read_text("utf-8")
    for honest, forged in (
        ('"name":"yunjin:jtj:admin"', '"name":"mallory"'),
        ('"requests.cpu":"4"', '"requests.cpu":"400"'),
        ('"as_of":"2026-11-22"', '"as_of":"2026-01-01"'),
    ):
        assert honest in whole
        path.write_text(whole.replace(honest, forged), "utf-8")
        said = planned.run("apply", "p.json", "--yes", expect=2)
        assert "内容被改动" in said
        assert "yunjin plan" in said
    assert planned.standing("k8s") == {}


def test_a_plan_file_of_another_state_is_refused(planned: CommandLine) -> None:
    other = planned.folder / "other"
    said = planned.run("apply", "p.json", "--yes", expect=2, YUNJIN_STATE=str(other))
    assert "在别处生成" in said
    assert planned.standing("k8s") == {}


def test_a_plan_that_cannot_be_written_is_bad_input(small: CommandLine) -> None:
    assert "nowhere/p.json" in small.run("plan", "--out", "nowhere/p.json", expect=2)


def test_what_has_moved_is_skipped_and_the_rest_done(provisioned: CommandLine) -> None:
    provisioned.allot("k8s/jtj-egov", "k8s/fgw-egov", cpu=3)
    provisioned.run("plan", "--out", "p.json")
    with provisioned.endpoint("k8s") as others:
        others.edit(QUOTA, {HARD: "5"})

    done = provisioned.value("apply", "p.json", "--yes", expect=1)

    ends = {receipt["key"]: receipt for receipt in done["receipts"]}
    moved = ends.pop("k8s/jtj-egov/ResourceQuota/yunjin")
    assert moved["outcome"] == "moved"
    assert moved["reason"]["zh"]
    assert moved["reason"]["en"]
    assert {receipt["outcome"] for receipt in ends.values()} == {"done"}
    standing = provisioned.standing("k8s")
    assert standing["jtj-egov/ResourceQuota/yunjin"]["spec"]["hard"]["requests.cpu"] == "5"
    assert standing["fgw-egov/ResourceQuota/yunjin"]["spec"]["hard"]["requests.cpu"] == "3"


def test_an_endpoint_that_falls_silent_after_the_plan_stops_no_other(desk: CommandLine, closed: str) -> None:
    desk.run("plan")
    desk.run("apply", "--yes")
    desk.allot("k8s-egov/jtj-egov", "os-egov/jtj-egov", cpu=3)
    desk.run("plan")

    done = desk.value("apply", "--yes", "--kubeconfig", closed, expect=1)

    ends = {receipt["key"].split("/")[0]: receipt["outcome"] for receipt in done["receipts"]}
    assert ends == {"k8s-egov": "failed", "os-egov": "done"}
    assert done["counts"] == {"done": 1, "failed": 1}
    desk.run("apply", "--yes")
    assert desk.value("plan")["plan"]["changes"] == []


def test_a_plan_that_was_applied_by_somebody_else_meanwhile_is_done(provisioned: CommandLine) -> None:
    done = provisioned.value("apply", "p.json", "--yes")
    assert set(done["counts"]) == {"already"}
