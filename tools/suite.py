"""`make test`: says which lanes it will run, sets up what they need, runs them, says what they promise.

Run by the Makefile (`python3 -m tools.suite [LANE...]`); calls `tools.environment`, `tools.needs` and the
commands of `tools.lanes`. Standard library alone, because it speaks before anything is installed. Promises
exit code 0 only where every lane that was asked for ran and passed; with CI=true a skipped test is red as
well. The last line is `N passed, N failed`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tools import environment
from tools.lanes import LANES, LONGEST, Lane, Step, Words
from tools.needs import NEEDS
from tools.reports import Row, pytest_rows, step_row, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = environment.ROOT
MEMORY: Final = "/dev/shm"  # noqa: S108 (a fresh folder of our own is made in it)


def main(names: list[str]) -> int:
    """Runs the named lanes, all where none is named."""
    known = {lane.name: lane for lane in LANES}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"{', '.join(unknown)}? LANES: {' '.join(known)}", file=sys.stderr)
        return 2
    lanes = [known[name] for name in names] or list(LANES)
    print(announcement(lanes), flush=True)
    began = time.monotonic()
    try:
        programs = environment.prepare(ROOT)
    except environment.SetUpError as error:
        rows = [not_run(lane, str(error), error.mend) for lane in lanes]
    else:
        variables = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        over = began + LONGEST * 60
        rows = [row for lane in lanes for row in run(lane, variables, over)]
    return close(rows)


def announcement(lanes: list[Lane]) -> str:
    """The lanes, what is real in each, and minutes on a machine that ran them before and on a fresh one."""
    head = (
        str(Words("测试道", "lane")),
        str(Words("其中真实的部分", "what is real in it")),
        str(Words("分钟(已备/全新)", "minutes (warm/fresh)")),
    )
    rows = [(lane.name, str(lane.real), f"{lane.warm}/{lane.fresh}") for lane in lanes]
    total = (sum(lane.warm for lane in lanes), sum(lane.fresh for lane in lanes))
    rows.append((str(Words("合计", "total")), "", f"{total[0]}/{total[1]}"))
    return table(head, rows) + "\n"


def run(lane: Lane, variables: dict[str, str], over: float) -> list[Row]:
    """Every step of a lane, the later ones also after a failure; one red row where a need is not met.

    `over` is the time, on the monotonic clock, at which the whole run ends.
    """
    print(f"\n== {lane.name}: {lane.real}", flush=True)
    for need in lane.needs:
        missing = NEEDS[need](ROOT, variables)
        if missing:
            return [not_run(lane, missing.reason, missing.mend)]
    deadline = min(time.monotonic() + lane.limit * 60, over)
    rows: list[Row] = []
    with temporary(lane) as folder:
        for number, step in enumerate(lane.steps):
            report = ROOT / "build" / "reports" / f"{lane.name}-{number}.xml"
            rows += run_step(lane, step, report, deadline, variables | folder)
    for row in rows:
        if row.skipped and (variables.get("CI") == "true" or not row.passed + row.failed):
            row.note = str(Words(f"未运行: 跳过 {row.skipped} 项", f"NOT RUN: {row.skipped} skipped"))
            row.failed += row.skipped
        if row.failed:
            row.mend = lane.again
    return rows


@contextmanager
def temporary(lane: Lane) -> Iterator[dict[str, str]]:
    """Where pytest puts the lane's temporary files, as a variable; none where that is the usual place."""
    if not (lane.in_memory and os.access(MEMORY, os.W_OK)):
        yield {}
        return
    with TemporaryDirectory(prefix="yunjin-", dir=MEMORY) as folder:
        yield {"PYTEST_DEBUG_TEMPROOT": folder}


def run_step(lane: Lane, step: Step, report: Path, deadline: float, variables: dict[str, str]) -> list[Row]:
    """One command, ended with all its children where the lane's time is over."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = list(step.command)
    if step.is_pytest:
        command += [f"--junit-xml={report}", "-o", "junit_family=xunit1"]
    print(f"\n$ {' '.join(step.command)}", flush=True)
    process = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        code = process.wait(timeout=max(deadline - time.monotonic(), 1))
    except subprocess.TimeoutExpired:
        _end(process)
        note = str(Words("超时, 已终止", "ended: it took too long"))
        return [Row(lane.name, str(step.promise), failed=1, note=note)]
    except KeyboardInterrupt:
        _end(process)
        raise
    if step.is_pytest:
        return pytest_rows(lane.name, str(step.promise), code, report, ROOT)
    return [step_row(lane.name, str(step.promise), code)]


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def not_run(lane: Lane, reason: str, mend: str) -> Row:
    """The red row of a lane that could not start."""
    note = str(Words(f"未运行: {reason}", f"NOT RUN: {reason}"))
    return Row(lane.name, str(lane.real), failed=1, note=note, mend=mend)


def close(rows: list[Row]) -> int:
    """Prints lane x promise x result, the command that mends each red one, and the sum; the exit code."""
    head = (str(Words("测试道", "lane")), str(Words("承诺", "promise")), str(Words("结果", "result")))
    print("\n" + table(head, [(row.lane, row.promise, row.result) for row in rows]))
    for lane, mend in dict.fromkeys((row.lane, row.mend) for row in rows if row.red):
        print(f"✗ {lane} → {mend}")
    failed = sum(row.failed for row in rows)
    print(f"\n{sum(row.passed for row in rows)} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
