"""One business date decides what everybody is called: 大洼县 in 2015, 大洼区 in 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine

NAMES = {
    "2015-12-01": {"dawa": "大洼县", "jtj": "市交通局"},
    "2026-11-22": {"dawa": "大洼区", "jtj": "市交通运输局"},
}


@pytest.mark.parametrize("day", NAMES)
def test_lists_call_everybody_by_the_name_of_the_day(desk: CommandLine, day: str) -> None:
    for command in ("bureau", "tenant"):
        rows = {row["id"]: row["name"]["zh"] for row in desk.value(command, "list", "--as-of", day)}
        assert {key: rows[key] for key in NAMES[day]} == NAMES[day]


def test_a_table_says_of_which_day_it_is_where_one_is_asked_for(provisioned: CommandLine) -> None:
    titles = {
        ("tenant", "list"): "2026年12月1日的名称, 当前额度",
        ("bureau", "list"): "2026年12月1日的名称",
        ("supply", "show"): "2026年12月1日的供给和占用",
        ("contribution", "list"): "2026年12月1日的移交设备",
        ("grant", "list"): "核定配额 (2026年12月1日)",
    }
    for command, title in titles.items():
        assert provisioned.run(*command, "--as-of", "2026-12-01").splitlines()[0] == title
    assert "Names of 1 December 2026" in provisioned.run("bureau", "list", "--as-of", "2026-12-01", lang="en")


def test_the_day_the_name_changes_bears_the_new_one(desk: CommandLine) -> None:
    for day, name in {"2018-12-31": "市交通局", "2019-01-01": "市交通运输局"}.items():
        assert desk.value("bureau", "show", "jtj", "--as-of", day)["name"]["zh"] == name
    shown = desk.run("bureau", "show", "jtj")
    for term in ("市交通局 (2019年1月1日前)", "市交通运输局 (2019年1月1日起, 待核)", "行动计划列名"):
        assert term in shown


def test_a_day_that_does_not_exist_is_bad_input(desk: CommandLine) -> None:
    for day in ("2026-02-30", "2026年11月22日", "20261122x"):
        assert day in desk.run("bureau", "list", "--as-of", day, expect=2)
