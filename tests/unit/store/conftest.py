"""A store of its own, with a clock that the test moves.

`store` is every kind there is, one after the other; `file_store` the one in a file that this process writes.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import states
from clocks import Clock
from store_operations import echo
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
def file_store(folder: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(states.begin(folder), now=clock) as opened:
        yield opened


@pytest.fixture(
    params=["file", "through the socket", pytest.param("postgresql", marks=pytest.mark.postgres)],
    ids=lambda kind: kind,
)
def opened(request: pytest.FixtureRequest, folder: Path, clock: Clock) -> Iterator[tuple[Store, str | None]]:
    """A store, and the address of its server."""
    url = None
    with ExitStack() as stack:
        if request.param != "postgresql":
            states.begin(folder)
        if request.param == "through the socket":
            writer = stack.enter_context(Store.open(folder))
            writer.database.write(echo, "it writes for the other")
        elif request.param == "postgresql":
            url = request.getfixturevalue("postgres").new_database()
        yield stack.enter_context(Store.open(folder, now=clock, url=url)), url


@pytest.fixture
def store(opened: tuple[Store, str | None]) -> Store:
    return opened[0]


@pytest.fixture
def url(opened: tuple[Store, str | None]) -> str | None:
    """Where another process finds the same store: this, and `folder`."""
    return opened[1]
