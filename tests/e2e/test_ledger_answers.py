"""The ledger answers who may use, holds and borrows how much: now, on any day, and as once recorded."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import yaml

from yunjin.model.words import nowhere

if TYPE_CHECKING:
    from commandline import CommandLine

CHINESE = re.compile("[\u4e00-\u9fff]")
LEAF = "k8s/jtj-egov"
OPENING = "opening/bureau/jtj/k8s-egov"
TERM = ("--pool", "k8s-egov", "--until", "2027-11-22", "--basis", "盘数发〔2026〕18号")
READS = {
    "show the city": ("ledger", "show"),
    "show a bureau": ("ledger", "show", "bureau/jtj"),
    "show a namespace": ("ledger", "show", LEAF),
    "show as once recorded": ("ledger", "show", "--recorded-by", "2099-01-01"),
    "check": ("ledger", "check"),
    "explain": ("ledger", "explain", "bureau/jtj"),
    "grant list": ("grant", "list"),
    "grant show": ("grant", "show", OPENING),
}


def cells(line: str) -> int:
    """Columns of a terminal that a line takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


@pytest.mark.parametrize("name", READS)
def test_values_are_the_same_in_every_language_and_form(provisioned: CommandLine, name: str) -> None:
    chinese = provisioned.value(*READS[name])
    english = yaml.safe_load(provisioned.run(*READS[name], "--output", "yaml", lang="en"))
    assert chinese == json.loads(json.dumps(english, default=str))


@pytest.mark.parametrize("name", READS)
def test_people_read_it_in_their_language(provisioned: CommandLine, name: str) -> None:
    chinese, english = (provisioned.run(*READS[name], lang=lang) for lang in ("zh", "en"))
    assert CHINESE.search(chinese)
    assert not CHINESE.search(english)
    for word in nowhere():
        assert word not in chinese


def test_tables_fit_a_terminal(desk: CommandLine) -> None:
    desk.run("plan")
    desk.run("apply", "--yes")
    desk.run("grant", "add", "bureau/lfw", "--cpu", "8", "--memory", "1537Mi", *TERM)
    desk.run("grant", "add", "tenant/lfw", "--cpu", "8", *TERM, "--to", "k8s-egov/lfw-egov")
    desk.run("allot", "k8s-egov/lfw-egov", "--storage", "513Gi")
    for lang in ("zh", "en"):
        for call in (
            ("ledger", "show"),
            ("ledger", "show", "bureau/lfw"),
            ("ledger", "show", "k8s-egov/lfw-egov"),
            ("ledger", "explain", "tenant/lfw"),
            ("ledger", "explain", "city", "--pool", "k8s-egov"),
            ("grant", "list"),
            ("grant", "show", "G-2026-0002"),
        ):
            lines = desk.on_terminal(*call, columns=100, lang=lang)
            assert max(map(cells, lines)) <= 100, (call, lang)
            shown = "\n".join(lines)
            assert shown.count("(") == shown.count(")"), (call, lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_id_is_ever_broken(desk: CommandLine, lang: str) -> None:
    desk.run("grant", "add", "bureau/lfw", "--cpu", "8", *TERM)
    holders = ("ledger", "explain", "city", "--pool", "k8s-egov")
    listed = {
        ("ledger", "show"): {each["node"] for each in desk.value("ledger", "show")["children"]},
        ("grant", "list"): {each["node"] for each in desk.value("grant", "list")},
        holders: {each["node"] for each in desk.value(*holders)["reasons"][0]["holders"]},
    }
    for call, nodes in listed.items():
        assert len(nodes) > 20
        assert nodes <= set(" ".join(desk.on_terminal(*call, columns=100, lang=lang)).split())


def test_who_holds_a_limit_is_said_of_each_pool(desk: CommandLine) -> None:
    desk.run("grant", "add", "bureau/lfw", "--cpu", "8", *TERM)  # opens the ledger
    said = desk.run("ledger", "explain", "area/dawa", lang="en")
    assert "16 (12) cores" in said
    assert "4 (3) cores" in said


def test_what_a_node_may_use_does_use_and_could_still_get(provisioned: CommandLine) -> None:
    shown = provisioned.value("ledger", "show", "bureau/jtj")
    (row,) = shown["rows"]
    assert [row[key]["cpu"] for key in ("guarantee", "allotted", "limit", "free")] == ["4", "4", "8", "4"]
    assert row["borrowed"] == {}
    assert row["bounds"]["cpu"] == {"node": "bureau/jtj", "pool": "k8s-egov", "short": False}
    assert [each["node"] for each in shown["children"]] == ["tenant/jtj"]
    assert [each["node"] for each in shown["leaves"]] == [f"leaf/{LEAF}"]

    provisioned.run("allot", LEAF, "--cpu", "8")
    (row,) = provisioned.value("ledger", "show", "bureau/jtj")["rows"]
    assert (row["borrowed"], row["free"]["cpu"]) == ({"cpu": "4"}, "0")


def test_why_a_tenant_is_full(provisioned: CommandLine) -> None:
    provisioned.run("allot", LEAF, "--cpu", "8")
    first = provisioned.value("ledger", "explain", LEAF)["reasons"][0]
    assert (first["full"], first["bound"]["node"]) == (True, "tenant/jtj")
    assert [(each["node"], each["charge"]["cpu"]) for each in first["holders"]] == [(f"leaf/{LEAF}", "8")]
    assert [(loan["node"], loan["lender"], loan["amounts"]) for loan in first["loans"]] == [
        ("tenant/jtj", "bureau/jtj", {"cpu": "4"}),
        ("bureau/jtj", "city", {"cpu": "4"}),
    ]
    (reserved,) = first["growing"]
    assert (reserved["deltas"], reserved["state"]) == ({"cpu": "+4"}, "reserved")
    assert reserved["expires"] is not None
    said = provisioned.run("ledger", "explain", LEAF)
    assert "处理器已无余量: 受限于 用云单位jtj tenant/jtj 在资源池 k8s-egov 的配额上限" in said
    assert "市交通局 bureau/jtj 向 全市 借用 4 核" in said


def test_a_pool_in_deficit_says_why_and_what_can_be_done(provisioned: CommandLine) -> None:
    fall = ("supply", "fall", "k8s-egov", "--cpu", "55", "--cause", "两台主机故障")
    provisioned.ask(*fall)
    first = provisioned.value("ledger", "explain", LEAF)["reasons"][0]
    assert first["bound"] == first["bound"] | {"node": "city", "pool": "k8s-egov", "short": True}
    deficits = {(each["dimension"], each["promise"]): each["amount"] for each in first["deficits"]}
    assert deficits == {("cpu", False): "3", ("cpu", True): "3"}
    said = provisioned.run("ledger", "explain", LEAF)
    for words in ("资源池 k8s-egov 欠额, 暂不新增", "两台主机故障", "yunjin supply relief k8s-egov"):
        assert words in said


def test_a_day_and_a_moment_are_different_questions(provisioned: CommandLine) -> None:
    number = provisioned.value("grant", "add", "bureau/jtj", "--cpu", "8", *TERM)["number"]
    recorded = provisioned.value("grant", "show", number)["recorded"]
    provisioned.run("grant", "renew", number, "--until", "2030-01-01", "--basis", "续期")

    def limit(day: str, *more: str) -> str:
        shown = provisioned.value("ledger", "show", "bureau/jtj", "--as-of", day, *more)
        return str(shown["rows"][0]["limit"]["cpu"])

    assert [limit(day) for day in ("2026-11-22", "2029-12-31", "2030-01-01")] == ["16", "16", "8"]
    assert limit("2029-12-31", "--recorded-by", recorded) == "8"
    assert limit("2027-11-21", "--recorded-by", recorded) == "16"
    assert "市交通局 bureau/jtj (2020年1月1日)" in provisioned.run(
        "ledger", "show", "bureau/jtj", "--as-of", "2020-01-01", expect=2
    )


def test_a_counter_that_was_tampered_with_is_exit_1(provisioned: CommandLine) -> None:
    assert "台账与记录一致" in provisioned.run("ledger", "check")
    with closing(sqlite3.connect(provisioned.state / "state.db", isolation_level=None)) as database:
        database.execute(
            "UPDATE quota_cells SET limit_ = limit_ + 1000 "
            "WHERE node = 'bureau/jtj' AND pool = 'k8s-egov' AND dimension = 'cpu'"
        )
    (difference,) = provisioned.value("ledger", "check", expect=1)["differences"]
    assert (difference["node"], difference["figure"]) == ("bureau/jtj", "limit")
    assert (difference["counted"], difference["computed"]) == (9000, 8000)
    said = provisioned.run("ledger", "check", expect=1)
    assert "市交通局 bureau/jtj" in said
    assert "台账与记录不一致 1 处" in said


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("ledger", "show", "bureau/nobody"), "bureau/nobody"),
        (("ledger", "show", "bureau/jt"), "bureau/jtj"),
        (("ledger", "show", "jtj"), "bureau/jtj, tenant/jtj"),
        (("ledger", "show", "--pool", "nowhere"), "nowhere"),
        (("ledger", "show", "--recorded-by", "yesterday"), "yesterday"),
        (("ledger", "show", "--recorded-by", "9999-12-31"), "9999-12-31"),
        (("ledger", "show", "--recorded-by", "0001-01-01T00:00"), "0001-01-01"),
        (("ledger", "show", "--recorded-by", "2020-01-01"), "按 2020-01-01 23:59:59 的登记"),
        (("ledger", "explain"), "explain"),
        (("grant", "show", "G-2020-0001"), "G-2020-0001"),
        (("grant", "add", "bureau/jtj", "--cpu", "1", *TERM[:-1], " "), "--basis"),
        (("grant", "renew", OPENING, "--until", "2030-01-01", "--basis", "一\n二"), "--basis"),
        (("grant", "end", OPENING, "--cause", ""), "--cause"),
        (("allot", "--release", "99999999999999999999"), "2147483647"),
        (("bureau", "cancel", "99999999999999999999"), "2147483647"),
        (("audit", "verify", "--restored", "99999999999999999999"), "2147483647"),
    ],
)
def test_what_cannot_be_meant_is_2(provisioned: CommandLine, call: tuple[str, ...], words: str) -> None:
    answer = provisioned.ask(*call)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err


@pytest.mark.parametrize("call", [("ledger", "show"), ("ledger", "check"), ("grant", "list")])
def test_before_the_opening_there_is_nothing_to_ask(small: CommandLine, call: tuple[str, ...]) -> None:
    assert "资源台账尚未建立" in small.run(*call, expect=2)


def test_who_grants_first_opens_the_ledger(small: CommandLine) -> None:
    small.run("grant", "add", "bureau/jtj", "--cpu", "8", *TERM)
    (row,) = small.value("ledger", "show", "bureau/jtj")["rows"]
    assert row["limit"]["cpu"] == "16"
    assert small.value("ledger", "check") == {"differences": []}
