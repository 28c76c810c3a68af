from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools.lanes import Lane, Step, Words
from tools.reports import Row, promise_of, pytest_rows, step_row, table, width
from tools.suite import close, run_step
from waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "tests/e2e/test_promise.py": '"""Nothing is lost."""\ndef test_a(): pass\ndef test_b(): assert False\n',
    "tests/e2e/test_silent_one.py": "def test_c(): pass\n",
    "tests/unit/test_plain.py": (
        "import pytest\n"
        "def test_d(): pass\n"
        "@pytest.mark.skip(reason='no')\ndef test_e(): pass\n"
        "@pytest.fixture\ndef broken(): raise OSError\n"
        "def test_f(broken): pass\n"
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def rows_of(project: Path, *arguments: str) -> list[Row]:
    """Rows of a real pytest run in a small project."""
    report = project / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={project}",
        *arguments,
    ]
    command += [f"--junit-xml={report}", "-o", "junit_family=xunit1"]
    code = subprocess.run(command, cwd=project, check=False, capture_output=True).returncode
    return pytest_rows("lane", "the rest", code, report, project)


def test_a_file_of_promises_has_its_own_row_and_the_rest_share_one(project: Path) -> None:
    rows = {row.promise: row for row in rows_of(project, "tests")}
    assert set(rows) == {"the rest", "Nothing is lost.", "silent one"}
    promise, rest = rows["Nothing is lost."], rows["the rest"]
    assert (promise.passed, promise.failed, promise.skipped) == (1, 1, 0)
    assert (rest.passed, rest.failed, rest.skipped) == (1, 1, 1)
    assert promise.red
    assert not rows["silent one"].red


def test_a_run_without_tests_is_red(project: Path) -> None:
    (row,) = rows_of(project, "tests", "-k", "nothing_has_this_name")
    assert row.red


def test_a_run_that_cannot_be_collected_is_red(project: Path) -> None:
    (project / "tests/e2e/test_promise.py").write_text("import nowhere_to_be_found\n", "utf-8")
    assert any(row.red for row in rows_of(project, "tests"))


def test_a_run_that_was_never_started_is_red(project: Path) -> None:
    (row,) = pytest_rows("lane", "the rest", 4, project / "none.xml", project)
    assert row.red


def test_a_command_is_one_check() -> None:
    assert step_row("lane", "style", 0) == Row("lane", "style", passed=1)
    assert step_row("lane", "style", 2) == Row("lane", "style", failed=1)


def test_promises_are_read_without_running_the_file(tmp_path: Path) -> None:
    file = tmp_path / "test_kill_at_any_step.py"
    file.write_text('"""A killed apply\nis finished."""\nraise SystemExit\n', "utf-8")
    assert promise_of(file) == "A killed apply"
    assert promise_of(tmp_path / "test_gone_again.py") == "gone again"


def test_chinese_characters_take_two_columns() -> None:
    assert width("承诺 a") == 6
    lines = table(("测试道", "x"), [("a", "b")]).splitlines()
    assert lines == ["测试道  x", "a       b"]


def test_the_last_line_counts_and_the_red_rows_say_what_mends_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [Row("one", "holds", passed=3), Row("two", "breaks", passed=1, failed=2, mend="make it so")]
    assert close(rows) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "4 passed, 2 failed"
    assert "✗ two → make it so" in printed
    assert close(rows[:1]) == 0


def test_a_hanging_command_is_ended_with_its_children(tmp_path: Path) -> None:
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    lane = Lane("lane", Words("真", "real"), 0, 0, 0, (), ())
    step = Step(Words("等", "waits"), ("sh", "-c", f"sleep 600 > {pipe} & wait"))
    (row,) = run_step(lane, step, tmp_path / "none.xml", 0.0, {"PATH": "/usr/bin:/bin"})
    assert row.red
    wait_until(lambda: nobody_writes(reader))
    os.close(reader)


def nobody_writes(reader: int) -> bool:
    """Whether everybody who held the other end is gone."""
    try:
        return os.read(reader, 1) == b""
    except BlockingIOError:
        return False
