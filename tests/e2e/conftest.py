"""A desk for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commandline import CommandLine
from estates import write_estate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> CommandLine:
    """A copy of the shipped city, with a state of its own."""
    return CommandLine.at(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> CommandLine:
    """A city of two bureaus and one area, each with a namespace of 4 cores on the endpoint `k8s`."""
    write_estate(tmp_path / "tenants")
    return CommandLine(tmp_path)
