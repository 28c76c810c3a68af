"""The log is for people on a terminal, for machines anywhere else, and always on standard error."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SPEAK = """
import logging, structlog
from yunjin_cli import logs
logs.configure()
log = structlog.get_logger()
log.info("sweep", drifted=2, tenant="交通局")
log.debug("noise")
logging.getLogger("kubernetes").warning("Trying again after %s", "a reset")
logging.getLogger("urllib3.connectionpool").warning("Retrying")
logging.getLogger("keystoneauth.identity").warning("Failed to discover")
logging.getLogger("kubernetes.client.rest").debug("response body: token")
def broken(token):
    raise ValueError("no")
try:
    broken("the-secret")
except ValueError:
    log.error("internal error", exc_info=True)
    logging.getLogger("other").exception("internal error")
"""


def _spoken(source: str) -> tuple[str, list[str]]:
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr.splitlines()


def test_off_a_terminal_every_line_is_json_on_standard_error() -> None:
    out, lines = _spoken(SPEAK)
    assert out == ""
    rows = [json.loads(line) for line in lines]
    assert [(row["event"], row["level"]) for row in rows] == [
        ("sweep", "info"),
        ("Trying again after a reset", "warning"),
        ("internal error", "error"),
        ("internal error", "error"),
    ]
    assert (rows[0]["drifted"], rows[0]["tenant"]) == (2, "交通局")
    assert all(row["timestamp"].endswith("Z") for row in rows)


def test_no_local_variable_gets_into_it() -> None:
    _, lines = _spoken(SPEAK)
    assert "ValueError: no" in json.loads(lines[-1])["exception"]
    assert "the-secret" not in "".join(lines)


def _on_terminal(source: str) -> str:
    """The terminal is one of the machine's own."""
    script = f"""
import os, pty, sys
master, slave = pty.openpty()
os.dup2(slave, 2)
exec({source!r})
os.close(slave)
os.close(2)
shown = b""
try:
    while piece := os.read(master, 1 << 16):
        shown += piece
except OSError:
    pass  # nobody writes any more
sys.stdout.write(shown.decode("utf-8", "replace"))
"""
    shown, _ = _spoken(script)
    return shown


def test_on_a_terminal_it_is_for_people() -> None:
    shown = _on_terminal(SPEAK)
    assert "sweep" in shown
    assert "ValueError: no" in shown
    assert not shown.lstrip().startswith("{")
    assert "the-secret" not in shown


@pytest.mark.parametrize("which", ["plain", "configure"])
def test_a_name_of_others_does_nothing_to_a_terminal(which: str) -> None:
    shown = _on_terminal(f"""
import logging
from yunjin_cli import logs
logs.{which}()
logging.getLogger("other").warning("role %s", "a\\x1b]0;fine\\x07")
if "{which}" == "configure":
    import structlog
    structlog.get_logger().warning("drift", who="b\\x1b]0;fine\\x07", all=["c\\x1b]0;fine\\x07"])
""")
    written = r"\x1b]0;fine\x07"
    assert f"a{written}" in shown
    assert "\x1b]" not in shown
    assert which == "plain" or (f"b{written}" in shown and f"c{written}" in shown)
