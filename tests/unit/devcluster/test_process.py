"""Processes of the test bed end by their own id, and no other ever does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from devcluster import process

SUPPORT = Path(process.__file__).parents[1]


def test_a_started_process_is_remembered_and_ended(tmp_path: Path) -> None:
    sleeper = process.start(tmp_path, "sleeper", ["sleep", "60"], tied=True)
    assert sleeper.running
    assert process.recorded(tmp_path) == (sleeper,)
    sleeper.kill()
    assert not sleeper.running
    assert process.recorded(tmp_path) == ()


def test_its_output_is_its_log(tmp_path: Path) -> None:
    speaker = process.start(tmp_path, "speaker", ["sh", "-c", "echo out; echo err >&2"], tied=True)
    while speaker.running:
        time.sleep(0.01)
    assert speaker.complaint() == "out\nerr"


def test_a_stopped_process_can_be_killed(tmp_path: Path) -> None:
    sleeper = process.start(tmp_path, "sleeper", ["sleep", "60"], tied=True)
    sleeper.signal(signal.SIGSTOP)
    sleeper.kill()
    assert not sleeper.running


def test_an_id_that_belongs_to_somebody_else_now_is_left_alone(tmp_path: Path) -> None:
    sleeper = process.start(tmp_path, "sleeper", ["sleep", "60"], tied=True)
    stranger = replace(sleeper, began="1")
    assert not stranger.running
    stranger.kill()
    assert sleeper.running
    sleeper.kill()


def test_another_process_can_end_what_this_one_started(tmp_path: Path) -> None:
    sleeper = process.start(tmp_path, "sleeper", ["sleep", "600"], tied=False)
    code = (
        "import pathlib, sys\nfrom devcluster import process\n"
        "[part.signal(9) for part in process.recorded(pathlib.Path(sys.argv[1]))]"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path], check=True, env=os.environ | {"PYTHONPATH": str(SUPPORT)}
    )
    while sleeper.running:
        time.sleep(0.01)


def test_a_tied_process_does_not_outlive_a_killed_caller(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\nfrom devcluster import process\n"
        "sleeper = process.start(pathlib.Path(sys.argv[1]), 'sleeper', ['sleep', '600'], tied=True)\n"
        "comm = pathlib.Path(f'/proc/{sleeper.pid}/comm')\n"
        "while comm.read_text() != 'sleep\\n':\n"
        "    pass\n"  # until then it is the program that ties it
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path], check=False, env=os.environ | {"PYTHONPATH": str(SUPPORT)}
    )
    (sleeper,) = process.recorded(tmp_path)
    while sleeper.running:
        time.sleep(0.01)
