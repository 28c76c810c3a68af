"""The small tree in a database of its own, with a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clocks import Clock
from ledgers import Hand, plant, small_tree
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger in which nothing has happened yet; each test copies it."""
    folder = tmp_path_factory.mktemp("planted")
    with Store.open(folder / "state") as store:
        plant(Hand(store.database), small_tree())
    return folder / "state" / "state.db"


@pytest.fixture
def hand(planted: Path, tmp_path: Path, clock: Clock) -> Iterator[Hand]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "state.db").write_bytes(planted.read_bytes())
    with Store.open(state, now=clock) as store:
        yield Hand(store.database, clock)
