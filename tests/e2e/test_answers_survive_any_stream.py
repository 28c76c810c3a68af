"""An answer meets pipes nobody reads, full disks, closed streams, other encodings: never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commandline import CommandLine


def call(
    desk: CommandLine, *words: str, out: IO[bytes] | int = subprocess.PIPE, before: str = ":", **extra: str
) -> subprocess.CompletedProcess[bytes]:
    """A command as a shell starts it that does something to its streams first."""
    variables = {"YUNJIN_STATE": str(desk.state), "YUNJIN_LANG": "zh", "LANG": "C.UTF-8"}
    return subprocess.run(
        ["bash", "-c", f'{before}; exec "$0" -m yunjin_cli "$@"', sys.executable, *words],
        cwd=desk.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | variables | extra,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("form", ["table", "json"])
def test_who_stops_reading_hears_no_complaint(small: CommandLine, form: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = call(small, "bureau", "list", "--output", form, out=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_full_disk_is_an_error_that_says_what_may_have_happened(small: CommandLine, form: str) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 (a device)
        done = call(small, "status", "--output", form, out=full)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "应答未能写出" in said
    assert "yunjin status" in said
    assert "Traceback" not in said
    if form == "json":
        assert json.loads(said)["errors"][0]["code"] == "permanent"


@pytest.mark.parametrize("closing", ["exec >&-", "exec 2>&-", "exec >&- 2>&-"])
def test_closed_streams_change_nothing(small: CommandLine, closing: str) -> None:
    done = call(small, "plan", "--out", "p.json", before=closing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (small.folder / "p.json").exists()


def test_a_terminal_of_gbk_reads_chinese_and_the_sign_of_what_is_taken_back(provisioned: CommandLine) -> None:
    provisioned.allot("k8s/jtj-egov", cpu="3")
    done = call(provisioned, "ledger", "show", "tenant/jtj", PYTHONIOENCODING="gbk")
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode("gbk")
    assert "配额上限" in said
    assert "-1 核" in said


def test_what_an_encoding_lacks_is_shown_by_number(small: CommandLine) -> None:
    done = call(small, "bureau", "list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"\\u7f16\\u53f7" in done.stdout
    assert json.loads(call(small, "bureau", "list", "-o", "json", PYTHONIOENCODING="ascii").stdout) == (
        small.value("bureau", "list")
    )
