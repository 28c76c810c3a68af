"""A city that was applied, one that was not, and the clock they live by."""

from __future__ import annotations

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


@pytest.fixture
def declared(tmp_path: Path, clock: Clock) -> Iterator[City]:
    """Files alone. Network policies and role bindings are repaired, everything else is reported."""
    found = City(tmp_path, clock, policies=policies(network="repair", roles="repair"))
    yield found
    found.close()


@pytest.fixture
def town(declared: City) -> City:
    """The same, applied."""
    receipts = declared.apply()
    assert receipts
    assert all(receipt.settled for receipt in receipts)
    return declared
