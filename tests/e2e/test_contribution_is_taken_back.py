"""Who hands servers over can prove what it may have for them at any time, and takes them home by a plan."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from commandline import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

LEAF = "leaf/k8s/jtj-egov"
GOES = "2026-12-31"
WRONG = [
    ("add", "nobody", "--pool", "k8s-egov", "--cpu", "1", "--servers", "s", "--basis", "b"),
    ("add", "jtj", "--pool", "nowhere", "--cpu", "1", "--servers", "s", "--basis", "b"),
    ("add", "jtj", "--pool", "k8s-egov", "--servers", "s", "--basis", "b"),
    (
        "add",
        "jtj",
        "--pool",
        "k8s-egov",
        "--cpu",
        "1",
        "--factor",
        "101",
        "--servers",
        "s",
        "--basis",
        "b",
    ),
    ("add", "jtj", "--pool", "k8s-egov", "--cpu", "1", "--servers", "", "--basis", "b"),
    ("show", "C-404"),
    ("recall", "C-404", "--effective", GOES, "--basis", "b"),
    ("recall", "C-2026-0001", "--basis", "b"),
    ("recall", "C-2026-0001", "--effective", "2026-11-21", "--basis", "b"),
    ("recall", "C-2026-0001", "--effective", GOES, "--cancel", "--basis", "b"),
]


@pytest.fixture(scope="module")
def made(prepared: dict[str, CommandLine], tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """jtj hands 6 servers over, together 10 cores and 20 GiB, and is promised 80 % of them."""
    desk = CommandLine(tmp_path_factory.mktemp("made"))
    shutil.copytree(prepared["provisioned"].folder, desk.folder, dirs_exist_ok=True)
    said = desk.run(
        "contribution", "add", "jtj", "--pool", "k8s-egov", "--cpu", "10", "--memory", "20Gi",
        "--factor", "80", "--servers", "6 台机架服务器", "--basis", "盘政办〔2026〕9号",
    )  # fmt: skip
    assert "市交通局交出 6 台机架服务器, 随时可拿回 8 核, 内存 16 GiB" in said
    return desk


@pytest.fixture
def given(made: CommandLine, tmp_path: Path) -> CommandLine:
    """The same for each test, to be changed."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


def row(desk: CommandLine, day: str = "2026-11-22") -> dict[str, Any]:
    shown = desk.value("supply", "show", "k8s-egov", "--as-of", day)["pools"]
    return next(row for row in shown if row["dimension"] == "cpu")


def use(desk: CommandLine) -> None:
    """jtj takes up what it is promised: 12 cores in all."""
    desk.run(
        "grant", "add", "tenant/jtj", "--pool", "k8s-egov", "--cpu", "8", "--until", "2030-01-01",
        "--basis", "局内安排", "--by", "bureau/jtj",
    )  # fmt: skip
    desk.run("allot", LEAF, "--cpu", "12")
    desk.run("plan")
    desk.run("apply", "--yes")


def test_supply_and_guarantee_rise_together_and_the_proof_goes_up_to_the_city(given: CommandLine) -> None:
    stands = row(given)
    assert (stands["supply"], stands["promised"]) == ("74", "20")
    shown = given.value("contribution", "show", "C-2026-0001")
    assert shown["promised"] == {"cpu": "8", "memory": "16Gi"}
    assert shown["idle"] == {"cpu": "8", "memory": "16Gi"}
    assert [(level["node"], level["holds"]) for level in shown["proof"] if level["dimension"] == "cpu"] == [
        ("bureau/jtj", True),
        ("city", True),
    ]
    assert [each["number"] for each in given.value("contribution", "list", "jtj")] == ["C-2026-0001"]
    assert given.value("contribution", "list", "fgw") == []


def test_what_is_promised_can_be_had_when_all_else_is_taken(given: CommandLine) -> None:
    given.run(
        "grant", "add", "bureau/fgw", "--pool", "k8s-egov", "--cpu", "60", "--until", "2030-01-01",
        "--basis", "b",
    )  # fmt: skip
    given.run(
        "grant", "add", "tenant/fgw", "--pool", "k8s-egov", "--cpu", "60", "--until", "2030-01-01",
        "--basis", "b",
    )  # fmt: skip
    said = given.run("allot", "leaf/k8s/fgw-egov", "--cpu", "59", expect=1)
    assert "超出 1 核" in said
    given.run("allot", "leaf/k8s/fgw-egov", "--cpu", "58")
    use(given)
    assert given.value("contribution", "show", "C-2026-0001")["idle"] == {"memory": "16Gi"}


def test_a_recall_says_what_must_give_and_changes_nothing_before_its_day(given: CommandLine) -> None:
    use(given)
    before = given.value("supply", "show")
    recalled = given.value(
        "contribution", "recall", "C-2026-0001", "--effective", GOES, "--basis", "局务会纪要"
    )
    (drain,) = recalled["drain"]
    assert (recalled["state"], recalled["effective"], drain["dimension"]) == ("recalled", GOES, "cpu")
    assert [(step["kind"], step["changes"][0]["node"], step["gives"]) for step in drain["steps"]] == [
        ("borrowed", LEAF, "4")
    ]
    given.run("advance", "--as-of", "2026-12-30")
    assert given.value("supply", "show") == before
    assert (row(given)["promised"], row(given, GOES)["promised"]) == ("20", "12")


def test_who_drains_in_time_leaves_no_deficit(given: CommandLine) -> None:
    use(given)
    said = given.run("contribution", "recall", "C-2026-0001", "--effective", GOES, "--basis", "局务会纪要")
    assert "定于 2026年12月31日 收回" in said
    (line,) = (line.strip() for line in said.splitlines() if line.strip().startswith("yunjin allot"))
    given.run(*line.split()[1:])
    given.run("plan")
    given.run("apply", "--yes")

    assert "C-2026-0001" in given.run("advance", "--as-of", GOES)
    after = row(given, GOES)
    assert (after["supply"], after["promised"]) == ("64", "12")
    assert given.value("supply", "show")["deficits"] == []
    assert given.value("contribution", "show", "C-2026-0001")["state"] == "gone"


def test_who_does_not_drain_keeps_running_and_has_a_deficit_that_says_why(given: CommandLine) -> None:
    use(given)
    given.run("contribution", "recall", "C-2026-0001", "--effective", GOES, "--basis", "局务会纪要")
    standing = given.standing("k8s")
    given.run("advance", "--as-of", GOES)

    assert given.standing("k8s") == standing
    said = given.run("allot", LEAF, "--cpu", "13", expect=1)
    assert "移交设备 C-2026-0001 已收回" in said
    assert [each["number"] for each in given.value("status")["reclaims"]] == ["C-2026-0001"]


def test_a_recall_can_be_called_off(given: CommandLine) -> None:
    given.run("contribution", "recall", "C-2026-0001", "--effective", GOES, "--basis", "局务会纪要")
    assert [each["number"] for each in given.value("status", "--as-of", "2026-12-20")["ending"]] == [
        "C-2026-0001"
    ]
    assert "在池" in given.run("contribution", "recall", "C-2026-0001", "--cancel", "--basis", "局务会纪要")
    given.run("advance", "--as-of", GOES)
    assert row(given, GOES)["supply"] == "74"


def test_what_cannot_be_meant_is_bad_input(given: CommandLine) -> None:
    before = given.value("supply", "show"), given.value("contribution", "list")
    for call in WRONG:
        given.run("contribution", *call, expect=2)
    assert (given.value("supply", "show"), given.value("contribution", "list")) == before


def test_its_grant_does_not_end_by_itself(given: CommandLine) -> None:
    said = given.run("grant", "end", "C-2026-0001", "--cause", "x", expect=1)
    assert "yunjin contribution recall C-2026-0001" in said
