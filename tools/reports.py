"""Reads what a lane's commands left and says it as rows: lane, promise, result.

Called by `tools.suite`. Reads pytest's report (junit xml, family xunit1, which names the file of a test)
and the docstrings of the test files. Promises that nothing red is lost: a command that failed without a
failed test in its report, or a report that was never written, is a failure of its own.
"""

from __future__ import annotations

import ast
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tools.lanes import PROMISES, Words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(slots=True)
class Row:
    """One line of the closing table. `mend` is the command that helps where it is red."""

    lane: str
    promise: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""
    mend: str = ""

    @property
    def red(self) -> bool:
        """Failed, or did not run."""
        return bool(self.failed or self.mend)

    @property
    def result(self) -> str:
        """In words."""
        if self.note:
            return self.note
        if self.failed:
            ended = (self.failed, self.passed)
            return str(Words("失败 {}, 通过 {}".format(*ended), "{} FAILED, {} passed".format(*ended)))
        skipped = str(Words(f", 未运行 {self.skipped}", f", {self.skipped} not run")) if self.skipped else ""
        return str(Words(f"通过 {self.passed}", f"{self.passed} passed")) + skipped


def step_row(lane: str, promise: str, code: int) -> Row:
    """The row of a command that is one check."""
    return Row(lane, promise, passed=int(code == 0), failed=int(code != 0))


def pytest_rows(lane: str, promise: str, code: int, report: Path, root: Path) -> list[Row]:
    """The rows of a pytest command: one for each file that is a promise, one for all other tests together."""
    rows: dict[str, Row] = {}
    if report.exists():
        for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - written by our own pytest
            file = case.get("file", "")
            own = file.startswith(tuple(f"{folder}/" for folder in PROMISES))
            row = rows.setdefault(file if own else "", Row(lane, promise_of(root / file) if own else promise))
            if case.find("failure") is not None or case.find("error") is not None:
                row.failed += 1
            elif case.find("skipped") is not None:
                row.skipped += 1
            else:
                row.passed += 1
    found = [rows[file] for file in sorted(rows)]
    if code and not any(row.failed for row in found):
        note = str(Words(f"未运行: pytest 返回 {code}", f"NOT RUN: pytest ended with {code}"))
        found.append(Row(lane, promise, failed=1, note=note))
    return found


def promise_of(file: Path) -> str:
    """First line of a test file's docstring; its name in words where it has none."""
    said = ast.get_docstring(ast.parse(file.read_text("utf-8"))) if file.exists() else None
    return said.splitlines()[0] if said else file.stem.removeprefix("test_").replace("_", " ")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell; Chinese characters take two."""
    widths = [max(width(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ("  ".join(map(_padded, row, widths)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)


def width(text: str) -> int:
    """Columns `text` takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
