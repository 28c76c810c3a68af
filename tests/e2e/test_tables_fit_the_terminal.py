"""Tables fit a terminal, Chinese characters counted as two; no figure is cut, at 100 columns no id broken."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine

IDS = {
    ("tenant", "list"): 29,
    ("bureau", "list"): 32,
    ("element", "list"): 17,
}


FIGURES = re.compile(r"\b\d[\d,]*(?:/[\d,]+)? (?:核|[GT]iB)|\b\d+%|\bk8s-egov-xc\b")
FULL_OF_FIGURES = (
    ("ledger", "show"), ("ledger", "show", "bureau/gaj"), ("ledger", "explain", "bureau/gaj"),
    ("supply", "show"), ("grant", "list"), ("audit", "list"),
)  # fmt: skip


def cells(line: str) -> int:
    """Columns of a terminal that a line takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("command", IDS, ids=" ".join)
def test_every_row_begins_with_its_id(desk: CommandLine, command: tuple[str, str], lang: str) -> None:
    lines = desk.on_terminal(*command, columns=100, lang=lang)
    assert max(map(cells, lines)) <= 100
    ruled = next(number for number, line in enumerate(lines) if line.startswith("──"))
    ids = [line.split()[0] for line in lines[ruled + 1 :] if line and not line.startswith(" ")]
    assert ids == [row["id"] for row in desk.value(*command)]
    assert len(ids) == IDS[command]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_plan_of_43_leaves_takes_a_line_a_leaf(desk: CommandLine, lang: str) -> None:
    lines = desk.on_terminal("plan", columns=100, lang=lang)
    assert max(map(cells, lines)) <= 100
    rows = [line.split() for line in lines if "个对象: " in line or "objects: " in line]
    assert len(rows) == 43
    assert ["k8s-egov", "jtj-egov"] in [row[1:3] for row in rows]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_a_merger_moves_fits_and_breaks_no_id(desk: CommandLine, lang: str) -> None:
    merger = ("bureau", "merge", "lfw", "wgj", "--into", "wlgj", "--zh", "市文旅广电局", "--en", "Culture")
    terms = ("--effective", "2026-12-01", "--basis", "盘委编〔2026〕7号")
    lines = desk.on_terminal(*merger, *terms, columns=100, lang=lang)
    tables = lines[: next(number for number, line in enumerate(lines) if line.startswith("--- "))]
    assert max(map(cells, tables)) <= 100
    words = {word for line in tables for word in line.split()}
    assert {"tenant/lfw", "opening/bureau/wgj/k8s-egov", "tourism-six", "2016/T11"} <= words


def test_a_wide_terminal_breaks_nothing(desk: CommandLine) -> None:
    lines = desk.on_terminal("tenant", "list", columns=200, lang="en")
    assert len(lines) == 3 + 43


@pytest.mark.parametrize("columns", [80, 60])
def test_a_narrow_terminal_cuts_no_figure(desk: CommandLine, columns: int) -> None:
    desk.run("plan")
    desk.run("apply", "--yes")
    for command in FULL_OF_FIGURES:
        narrow = desk.on_terminal(*command, columns=columns)
        assert max(map(cells, narrow)) <= columns, command
        assert figures(narrow) == figures(desk.on_terminal(*command, columns=240)), command


def figures(lines: list[str]) -> set[str]:
    """What a reader takes from a table."""
    found = {figure for line in lines for figure in FIGURES.findall(line)}
    assert len(found) > 3
    return found
