"""A grant that ends is warned of 30, 7 and 1 days before, stops growth, and takes away nothing that runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from commandline import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

LEAF = "leaf/k8s/jtj-egov"
END = "2027-03-01"


@pytest.fixture(scope="module")
def made(prepared: dict[str, CommandLine], tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """bureau and tenant jtj may have 2 cores more until March, and its namespace has them: 10 in all."""
    desk = CommandLine(tmp_path_factory.mktemp("made"))
    shutil.copytree(prepared["provisioned"].folder, desk.folder, dirs_exist_ok=True)
    for node in ("bureau/jtj", "tenant/jtj"):
        desk.run(
            "grant", "add", node, "--pool", "k8s-egov", "--cpu", "2", "--until", END,
            "--basis", "盘政数〔2026〕12号",
        )  # fmt: skip
    desk.run("allot", LEAF, "--cpu", "10")
    desk.run("plan")
    desk.run("apply", "--yes")
    return desk


@pytest.fixture
def granted(made: CommandLine, tmp_path: Path) -> CommandLine:
    """The same for each test, to be changed."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


def warned(desk: CommandLine, day: str) -> list[tuple[str, int]]:
    """What two sweeps of a day tell."""
    told = [row for _ in range(2) for row in desk.value("advance", "--as-of", day)["warnings"]]
    return [(row["number"], row["left"]) for row in told]


def test_its_end_is_told_30_7_and_1_days_before_once(granted: CommandLine) -> None:
    both = ["G-2026-0001", "G-2026-0002"]
    assert {
        day: warned(granted, day)
        for day in ("2027-01-29", "2027-01-30", "2027-01-31", "2027-02-22", "2027-02-28")
    } == {
        "2027-01-29": [],
        "2027-01-30": [(number, 30) for number in both],
        "2027-01-31": [],
        "2027-02-22": [(number, 7) for number in both],
        "2027-02-28": [(number, 1) for number in both],
    }


def test_status_and_list_show_what_ends(granted: CommandLine) -> None:
    assert granted.value("status", "--as-of", "2027-01-29")["ending"] == []
    assert "即将到期的核定配额" in granted.run("status", "--as-of", "2027-02-01")
    rows = granted.value("grant", "list", "--expiring", "30", "--as-of", "2027-02-01")
    assert [row["number"] for row in rows] == ["G-2026-0001", "G-2026-0002"]


def test_a_renewed_grant_goes_on(granted: CommandLine) -> None:
    for number in ("G-2026-0001", "G-2026-0002"):
        granted.run("grant", "renew", number, "--until", "2028-03-01", "--basis", "续期批复")
    assert granted.value("advance", "--as-of", END)["changed"] == []
    granted.run("allot", LEAF, "--cpu", "10", "--as-of", END)


def test_its_end_takes_nothing_away(granted: CommandLine) -> None:
    before = granted.standing("k8s")
    assert granted.value("advance", "--as-of", END)["changed"] == ["G-2026-0001", "G-2026-0002"]
    assert granted.value("advance", "--as-of", END)["changed"] == []
    assert granted.standing("k8s") == before
    plan = granted.value("plan", "--as-of", END)
    assert plan["plan"]["changes"] == [], "an end must not lower what runs"


def test_growth_after_its_end_is_refused_and_names_it(granted: CommandLine) -> None:
    granted.run("advance", "--as-of", END)
    said = granted.run("allot", LEAF, "--cpu", "11", "--as-of", END, expect=1)
    assert "核定配额 G-2026-0002 已终止" in said
    assert "grant G-2026-0002 has ended" in granted.run(
        "allot", LEAF, "--cpu", "11", "--as-of", END, expect=1, lang="en"
    )
    granted.run("allot", LEAF, "--memory", "9Gi", "--as-of", END)  # what it was not about goes on


def test_what_it_left_in_use_waits_to_be_reclaimed_until_it_fits(granted: CommandLine) -> None:
    granted.run("advance", "--as-of", END)
    shown = granted.value("status", "--as-of", END)["reclaims"]
    assert [(row["number"], row["since"]) for row in shown] == [
        ("G-2026-0001", END),
        ("G-2026-0002", END),
    ]
    granted.run("allot", LEAF, "--cpu", "8", "--as-of", END)
    granted.run("plan", "--as-of", END)
    granted.run("apply", "--yes", "--as-of", END)
    granted.run("advance", "--as-of", END)
    assert granted.value("status", "--as-of", END)["reclaims"] == []
