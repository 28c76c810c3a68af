"""A lost host opens a deficit with its cause; nothing grows or shrinks by itself until relief is approved."""

from __future__ import annotations

import shutil
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from commandline import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

LEAF = "leaf/k8s/jtj-egov"
WRONG = [
    ("fall", "k8s-egov", "--cpu", "65", "--cause", "x"),
    ("fall", "k8s-egov", "--cpu", "-1", "--cause", "x"),
    ("fall", "k8s-egov", "--cpu", "1", "--cause", " "),
    ("fall", "k8s-egov", "--cause", "x"),
    ("fall", "k8s-nowhere", "--cpu", "1", "--cause", "x"),
    ("set", "k8s-egov", "--percent", "cpu=2000", "--cause", "x"),
    ("set", "k8s-egov", "--percent", "cpu=half", "--cause", "x"),
    ("set", "k8s-egov", "--reserve", "gold=1", "--cause", "x"),
    ("relief", "k8s-nowhere"),
    ("show", "k8s-nowhere"),
]


def pool(desk: CommandLine) -> dict[str, Any]:
    """The processors of the pool in which everybody has 4 cores, of them all guaranteed."""
    shown = desk.value("supply", "show", "k8s-egov")
    return next(row for row in shown["pools"] if row["dimension"] == "cpu")


@pytest.fixture(scope="module")
def made(prepared: dict[str, CommandLine], tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """jtj has 6 cores, and of the 64 that stood 12 are left: 14 are charged."""
    desk = CommandLine(tmp_path_factory.mktemp("made"))
    shutil.copytree(prepared["provisioned"].folder, desk.folder, dirs_exist_ok=True)
    desk.run("allot", LEAF, "--cpu", "6")
    desk.run("plan")
    desk.run("apply", "--yes")
    desk.run("supply", "fall", "k8s-egov", "--cpu", "52", "--cause", "主机 node-7 主板故障")
    return desk


@pytest.fixture
def short(made: CommandLine, tmp_path: Path) -> CommandLine:
    """The same for each test, to be changed."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


def test_the_fall_is_recorded_and_says_what_no_longer_fits(provisioned: CommandLine) -> None:
    said = provisioned.run("supply", "fall", "k8s-egov", "--cpu", "54", "--cause", "主机 node-7 主板故障")
    assert "资源池 k8s-egov 欠额, 补足前暂不新增" in said
    assert "主机 node-7 主板故障" in said
    rows = provisioned.value("supply", "show", "k8s-egov")["pools"]
    assert [row["dimension"] for row in rows] == ["cpu", "memory", "storage", "pods"]
    assert {name: pool(provisioned)[name] for name in ("supply", "bound", "charged", "deficit")} == {
        "supply": "10", "bound": "10", "charged": "12", "deficit": "2",
    }  # fmt: skip
    (deficit,) = provisioned.value("supply", "show")["deficits"][:1]
    assert deficit["cause"] == {"zh": "主机 node-7 主板故障", "en": "主机 node-7 主板故障"}


def test_while_it_lasts_nothing_grows_and_the_refusal_says_why(short: CommandLine) -> None:
    terms = ("--until", "2027-06-01", "--basis", "盘政数〔2026〕12号")
    for call in (
        ("allot", "leaf/k8s/dawa-egov", "--cpu", "5"),
        ("allot", "leaf/k8s/dawa-egov", "--memory", "9Gi"),
        ("grant", "add", "tenant/dawa", "--pool", "k8s-egov", "--cpu", "1", *terms),
    ):
        said = short.run(*call, expect=1)
        assert "欠额(主机 node-7 主板故障), 暂不新增" in said
        assert "yunjin supply relief k8s-egov" in said
    short.run("allot", LEAF, "--cpu", "5")  # a shrink is always taken


def test_relief_is_a_proposal_and_changes_nothing(short: CommandLine) -> None:
    before = short.standing("k8s"), short.value("supply", "show")
    answer = short.value("supply", "relief", "k8s-egov")
    (proposal,) = answer["proposals"]
    assert (proposal["short"], proposal["remains"]) == ("2", "0")
    assert [(step["kind"], step["changes"][0]["node"], step["gives"]) for step in proposal["steps"]] == [
        ("borrowed", LEAF, "2")
    ]
    assert answer["commands"] == [f"yunjin allot {LEAF} --cpu 4"]
    assert (short.standing("k8s"), short.value("supply", "show")) == before


def test_what_it_proposes_closes_the_deficit_once_it_is_carried_out(short: CommandLine) -> None:
    for line in short.value("supply", "relief", "k8s-egov")["commands"]:
        short.run(*line.split()[1:])
    assert pool(short)["deficit"] == "2"  # decided, and not yet in force
    short.run("plan")
    short.run("apply", "--yes")

    assert pool(short)["deficit"] is None
    assert short.value("supply", "show")["deficits"] == []
    assert "没有欠额" in short.run("supply", "relief", "k8s-egov")


def test_a_repaired_host_closes_it_by_itself(short: CommandLine) -> None:
    short.run("supply", "set", "k8s-egov", "--cpu", "64", "--cause", "主机 node-7 已修复")
    assert short.value("supply", "show")["deficits"] == []
    short.run("allot", "leaf/k8s/dawa-egov", "--cpu", "5")


def test_the_reserve_gives_before_anybody_else(short: CommandLine) -> None:
    short.run("supply", "set", "k8s-egov", "--reserve", "cpu=1", "--cause", "预留一核")
    answer = short.value("supply", "relief", "k8s-egov")
    (proposal,) = answer["proposals"]
    assert [step["kind"] for step in proposal["steps"]] == ["reserve", "borrowed"]
    assert answer["commands"][0].startswith("yunjin supply set k8s-egov --reserve cpu=0 ")


def test_guarantees_give_last_and_what_remains_is_said(short: CommandLine) -> None:
    short.run("supply", "fall", "k8s-egov", "--cpu", "4", "--cause", "又一台")
    (proposal,) = short.value("supply", "relief", "k8s-egov")["proposals"]
    assert [(step["kind"], step["remains"]) for step in proposal["steps"]] == [
        ("borrowed", "4"),
        ("guarantees", "0"),
    ]


def test_what_cannot_be_meant_is_bad_input(provisioned: CommandLine) -> None:
    before = provisioned.value("supply", "show")
    for call in WRONG:
        provisioned.run("supply", *call, expect=2)
    assert provisioned.value("supply", "show") == before


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_its_tables_fit_100_columns_and_break_no_id(desk: CommandLine, lang: str) -> None:
    desk.run("supply", "fall", "k8s-egov", "--cpu", "350", "--memory", "500Gi", "--cause", "七台主机故障")
    steps = [
        step
        for proposal in desk.value("supply", "relief", "k8s-egov")["proposals"]
        for step in proposal["steps"]
    ]
    lines = desk.on_terminal("supply", "relief", "k8s-egov", columns=100, lang=lang)
    shown = desk.on_terminal("supply", "show", columns=100, lang=lang)
    assert max(map(cells, (line for line in lines + shown if "yunjin " not in line))) <= 100
    leaves = {step["changes"][0]["node"].rpartition("/")[2] for step in steps[1:]} - {"city"}
    assert all(any(leaf in line.split() for line in lines) for leaf in leaves)
    assert len(steps) > 15


def cells(line: str) -> int:
    """Columns of a terminal that a line takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def test_before_there_is_a_ledger_a_question_says_so(small: CommandLine) -> None:
    for call in (("supply", "show"), ("supply", "relief", "k8s-egov"), ("contribution", "list")):
        assert "资源台账尚未建立" in small.run(*call, expect=2)
