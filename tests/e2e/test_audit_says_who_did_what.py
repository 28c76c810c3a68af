"""The audit answers who did what to whom and when, and can be verified without the database.

An operator works; rows are found by node, operation, actor and day, as people and as programs read them. The
exported file verifies by itself, and a line that was changed in it is named.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine


@pytest.fixture
def worked(provisioned: CommandLine) -> CommandLine:
    """A city with a grant and an allotment of its own."""
    terms = ["--pool", "k8s-egov", "--cpu", "2", "--from", provisioned.day, "--until", "2027-11-22"]
    provisioned.run("grant", "add", "bureau/jtj", *terms, "--basis", "市政府〔2026〕1号")
    provisioned.run("allot", "k8s/jtj-egov", "--cpu", "5")
    return provisioned


def rows(desk: CommandLine, *wanted: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.value("audit", "list", *wanted)
    return found


def test_rows_are_found_by_what_is_known_of_them(worked: CommandLine) -> None:
    everything = rows(worked, "--limit", "1000")
    assert [row["seq"] for row in everything] == list(range(len(everything), 0, -1))
    assert [row["position"] for row in everything] == [row["seq"] for row in everything], "all are sealed"

    (newest,) = rows(worked, "--limit", "1")
    assert (newest["operation"], newest["nodes"]) == ("reserve", ["leaf/k8s/jtj-egov"])
    of_leaf = rows(worked, "--node", "leaf/k8s/jtj-egov")
    assert [row["operation"] for row in of_leaf] == ["reserve", "confirm", "commit", "reserve", "add_node"]
    (granted,) = rows(worked, "--node", "bureau/jtj", "--operation", "add_grant", "--limit", "1")
    assert granted["request"]["basis"] == "市政府〔2026〕1号"
    assert rows(worked, "--actor", newest["actor"], "--limit", "1") == [newest]
    for nobody in (
        ("--actor", "nobody"),
        ("--node", "tenant/jt"),
        ("--node", "%"),
        ("--operation", "nothing"),
    ):
        assert rows(worked, *nobody) == []


def test_days_are_days_of_the_city(worked: CommandLine) -> None:
    (newest,) = rows(worked, "--limit", "1")
    day = worked.run("audit", "list", "--limit", "1").splitlines()[2].split()[1]

    assert rows(worked, "--since", day, "--until", day, "--limit", "1") == [newest]
    assert rows(worked, "--until", "2026-01-01") == []
    assert rows(worked, "--since", "2999-01-01") == []
    worked.run("audit", "list", "--since", "2026-13-01", expect=2)
    worked.run("audit", "list", "--limit", "0", expect=2)


def test_people_read_words_and_amounts(worked: CommandLine) -> None:
    lines = worked.run("audit", "list", "--limit", "3").splitlines()
    assert lines[0].split() == ["序号", "时间", "经办人", "业务", "对象", "内容", "链位"]
    assert "预占" in lines[2]
    assert "leaf/k8s/jtj-egov" in lines[2]
    assert "+1 核" in lines[2]
    assert "核定配额" in lines[3]
    assert "G-2026-0001; 2 核" in lines[3]
    assert lines[-1] == "只列出最近 3 条, 见 --limit"
    assert "没有符合条件的审计记录" in worked.run("audit", "list", "--actor", "nobody")
    assert "reservation" in worked.run("audit", "list", "--limit", "1", lang="en")


def test_a_table_fits_a_terminal(worked: CommandLine) -> None:
    for line in worked.on_terminal("audit", "list", "--limit", "30", columns=100):
        assert len(line) <= 100


def test_an_exported_audit_verifies_by_itself(worked: CommandLine) -> None:
    worked.run("audit", "heads", "export", "--to", "heads")
    worked.run("audit", "export", "--out", "audit.jsonl")
    (worked.state / "state.db").rename(worked.folder / "gone")
    verify = ("audit", "verify", "--file", "audit.jsonl", "--heads", "heads")
    assert "审计链完好" in worked.run(*verify)

    path = worked.folder / "audit.jsonl"
    lines = path.read_text("utf-8").splitlines()
    forged = json.loads(lines[4]) | {"actor": "nobody"}
    path.write_text("\n".join([*lines[:4], json.dumps(forged), *lines[5:]]), "utf-8")
    assert "哈希链第 5 位" in worked.run(*verify, expect=1)
    path.write_text("\n".join(lines[:-1]), "utf-8")
    assert "其后的审计记录被删除" in worked.run(*verify, expect=1)
    path.write_text("\n".join([*lines[:4], *lines[5:]]), "utf-8")
    assert "哈希链缺少第 5 位" in worked.run(*verify, expect=1)
    for nonsense in ("hello\n", "{}\n", "[1]\n", '{"seq": 1}\n'):
        path.write_text(nonsense, "utf-8")
        assert "第 1 行不是审计导出内容" in worked.run(*verify, expect=1)
    path.unlink()
    worked.run(*verify, expect=2)


def test_an_export_goes_to_standard_output_or_to_a_new_file(worked: CommandLine) -> None:
    said = worked.ask("audit", "export").out.splitlines()
    worked.run("audit", "export", "--out", "audit.jsonl")

    assert (worked.folder / "audit.jsonl").read_text("utf-8").splitlines() == said
    assert (worked.folder / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    assert "不予覆盖" in worked.run("audit", "export", "--out", "audit.jsonl", expect=1)
