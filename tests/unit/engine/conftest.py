"""A city that was applied, one that was not, and the clock they live by."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from clocks import Clock
from spines import City, policies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


POLICIES = policies(network="repair", roles="repair")
"""Network policies and role bindings are repaired, everything else is reported."""


@pytest.fixture
def declared(tmp_path: Path, clock: Clock) -> Iterator[City]:
    """Files alone."""
    found = City(tmp_path, clock, policies=POLICIES)
    yield found
    found.close()


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, applied once for all tests, which take copies."""
    folder = tmp_path_factory.mktemp("applied")
    city = City(folder, Clock(), policies=POLICIES)
    receipts = city.apply()
    city.close()
    assert receipts
    assert all(receipt.settled for receipt in receipts)
    return folder


@pytest.fixture
def town(applied: Path, tmp_path: Path, clock: Clock) -> Iterator[City]:
    """A city that was applied."""
    shutil.copytree(applied, tmp_path, dirs_exist_ok=True)
    found = City.at(tmp_path, clock)
    yield found
    found.close()
