"""Waiting for what a server does in its own time. Used by tests; nothing here asserts how long it took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, within: float = 60) -> None:
    """Ask again and again until `condition` holds.

    Raises:
        AssertionError: it did not within `within` seconds: it will not, however long one waits.
    """
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {within:.0f} s"
        time.sleep(0.05)
