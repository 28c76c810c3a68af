"""Every operation that writes an audit row has a word for people."""

from __future__ import annotations

import re

from tools.environment import ROOT
from yunjin_cli.audits import OPERATIONS

CODE = ROOT / "controller" / "yunjin"
AUDITED = re.compile(r"^@audited\ndef (\w+)", re.MULTILINE)
RECORDED = re.compile(r"""\b_?record\(\s*(?:self\.)?_?connection, (?:request, )?"(\w+)\"""")


def test_every_operation_has_a_word() -> None:
    texts = [path.read_text("utf-8") for path in CODE.rglob("*.py")]
    names = {name for text in texts for pattern in (AUDITED, RECORDED) for name in pattern.findall(text)}

    assert {"reserve", "commit", "confirm", "follow", "add_grant", "restore"} <= names
    assert names <= set(OPERATIONS)
    assert set(OPERATIONS) <= names
