"""What stays on this machine is told from what only looks as if it did."""

from __future__ import annotations

import pytest

from yunjin.model.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_stays_here(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "127.0.0.1.example", "localhost.example", "10.0.0.1", "::", "0"])
def test_anything_else_may_leave(host: str) -> None:
    assert not is_loopback(host)
