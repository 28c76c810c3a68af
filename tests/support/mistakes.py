"""Mistakes put into small declared cities, and what the loader finds there.

Used by tests of the loader and of the commands that show its errors; calls `estates` and the loader. A mark
`«` in the text of a mistake shows where its error belongs, so that no test counts lines by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from estates import write_estate
from yunjin.errors import DeclaredError, DeclaredErrors
from yunjin.estate import load

if TYPE_CHECKING:
    from pathlib import Path

MARK = "«"


def make_mistake(folder: Path, name: str, old: str, new: str) -> str:
    """Replace the first `old` of a declared file by `new`, which bears the mark.

    Returns:
        `name:line:column` of the mark, counted from 1.
    """
    path = folder / name
    text = path.read_text("utf-8")
    assert old in text, f"{name} does not say {old!r}"
    before, _, after = text.replace(old, new, 1).partition(MARK)
    path.write_text(before + after, "utf-8")
    return f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def city_with_mistake(folder: Path, name: str, old: str, new: str) -> str:
    """The minimal city with one mistake; returns its place as `make_mistake` does."""
    write_estate(folder)
    return make_mistake(folder, name, old, new)


def errors_of(folder: Path) -> tuple[DeclaredError, ...]:
    """Every error of a folder that must not load, each complete in both languages and with exit code 2."""
    with pytest.raises(DeclaredErrors) as caught:
        load(folder)
    assert caught.value.exit_code == 2
    for error in caught.value.errors:
        assert error.exit_code == 2
        assert error.remedy, f"no remedy: {error}"
        for text in (error.message, error.expected, error.remedy):
            assert text is None or (text.zh and text.en), str(error)
    return caught.value.errors


def places_of(folder: Path) -> list[tuple[str, str]]:
    """Place below the folder and field of every error, in order."""
    return [(str(error.place).removeprefix(f"{folder}/"), error.field) for error in errors_of(folder)]
