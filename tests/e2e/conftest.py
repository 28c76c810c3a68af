"""A desk for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commandline import CommandLine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> CommandLine:
    """A copy of the shipped city, with a state of its own."""
    return CommandLine.at(tmp_path)
