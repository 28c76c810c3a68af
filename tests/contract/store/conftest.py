"""The places that the contract suite of the state database runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store_places import Place, ServerPlace, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.store.database import Database

SERVER = pytest.param("postgresql", marks=pytest.mark.postgres)


def _place(request: pytest.FixtureRequest, folder: Path, kind: str) -> Place:
    if kind == "postgresql":
        return ServerPlace(folder, request.getfixturevalue("postgres"))
    return Place(folder)


@pytest.fixture(params=["alone", "through the socket", SERVER])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database that this process writes, one that another process writes for it, one on a server."""
    made = _place(request, tmp_path, request.param)
    if request.param != "through the socket":
        yield made
        return
    with Worker(made, "writer", threads=0) as writer:
        writer.wait_until_ready()
        writer.hold()
        yield made
        assert made.writer() == writer.process.pid, "these tests were to go through the socket"


@pytest.fixture(params=["sqlite", SERVER])
def shared_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database that several processes of the test share."""
    return _place(request, tmp_path, request.param)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    opened = place.open()
    yield opened
    opened.close()
