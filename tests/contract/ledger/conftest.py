"""The databases that the ledger's contract holds on; whatever a test did, the ledger is right after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from check_ledger import check
from clocks import Clock
from ledger_places import ServerLedgers, file_ledger, plant_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledgers import Hand

FILE, SOCKET = "file", "through the socket"
SERVER = pytest.param("postgresql", marks=pytest.mark.postgres)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def planted_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant_file(tmp_path_factory.mktemp("planted") / "state")


@pytest.fixture(scope="session")
def planted_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ServerLedgers:
    return ServerLedgers(tmp_path_factory.mktemp("planted") / "state", request.getfixturevalue("postgres"))


@pytest.fixture(params=[FILE, SERVER])
def hand(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Hand]:
    """The small tree, nothing reserved. A test asks for other kinds by `parametrize(..., indirect=True)`."""
    folder = tmp_path / "state"
    if request.param == "postgresql":
        opened = request.getfixturevalue("planted_server").ledger(folder, clock)
    else:
        planted = request.getfixturevalue("planted_file")
        opened = file_ledger(planted, folder, clock, elsewhere=request.param == SOCKET)
    with opened as hand:
        yield hand
        assert check(hand.where) == []
