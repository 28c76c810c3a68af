"""A store in a folder of its own, with a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clocks import Clock
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(folder: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(folder, now=clock) as opened:
        yield opened
