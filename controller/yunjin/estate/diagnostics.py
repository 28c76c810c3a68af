"""What is wrong with the declared files, gathered over one run.

Filled by every module of `yunjin.estate`; calls nothing. Promises one error for one place and field, however
many checks stumble over it, and raises all of them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import DeclaredError, DeclaredErrors, Place, Text

if TYPE_CHECKING:
    from pathlib import Path

MOST: Final = 10_000  # errors of one run; nobody reads more, and a hostile file could hold millions


class Diagnostics:
    """Errors of one run."""

    def __init__(self) -> None:
        self._errors: dict[tuple[Place, str], DeclaredError] = {}

    def __bool__(self) -> bool:
        """Whether anything was recorded."""
        return bool(self._errors)

    def add(self, error: DeclaredError) -> None:
        """Record an error; the first one of a place and field stands."""
        if len(self._errors) < MOST:
            self._errors.setdefault((error.place, error.field), error)

    def raise_if_any(self, folder: Path) -> None:
        """Raise all that was recorded; past `MOST`, one more error says so.

        Raises:
            DeclaredErrors: at least one error was.
        """
        errors = list(self._errors.values())
        if len(errors) == MOST:
            message = Text(
                f"错误超过 {MOST} 处, 其余未列出", f"more than {MOST} errors, the rest is not listed"
            )
            remedy = Text("先改正列出的错误", "mend those that are listed first")
            errors.append(DeclaredError(Place(folder), message, remedy=remedy))
        if errors:
            raise DeclaredErrors(errors)
