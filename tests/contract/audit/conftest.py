"""The databases that the contract suite of the audit runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import states
from audits import Place, planted
from clocks import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledgers import Hand
    from yunjin.store.database import Database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database in a file, and one on a server."""
    if request.param == "postgresql":
        return Place(tmp_path, request.getfixturevalue("postgres").new_database())
    return Place(states.begin(tmp_path))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    opened = place.open()
    yield opened
    opened.close()


@pytest.fixture
def hand(database: Database, clock: Clock) -> Hand:
    """The small tree, its audit rows sealed."""
    return planted(database, clock)
