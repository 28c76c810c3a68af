"""The audit names an account that nobody can choose."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

from yunjin_cli.actor import actor

if TYPE_CHECKING:
    import pytest

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name


def test_the_environment_hides_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert actor() == ACCOUNT
    monkeypatch.setenv("SUDO_USER", "yunwei")
    assert actor() == f"yunwei ({ACCOUNT})"


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert actor() == "4000000000"
