"""The lease of a simulated endpoint: one holder at a time, until a moment.

Called by both simulated backends. Calls the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunjin.substrates.simulated.database import Database


def acquire(file: Database, holder: str, now: float, seconds: float) -> str | None:
    """Take or renew the lease for `seconds`; None on success, else the holder's name."""
    with file.writing() as connection:
        found = connection.execute("SELECT holder FROM lease WHERE until > ?", (now,)).fetchone()
        other: str | None = found[0] if found and found[0] != holder else None
        if other is None:
            connection.execute("INSERT OR REPLACE INTO lease VALUES (1, ?, ?)", (holder, now + seconds))
    return other


def release(file: Database, holder: str) -> None:
    """Give the lease back if `holder` has it."""
    with file.writing() as connection:
        connection.execute("DELETE FROM lease WHERE holder = ?", (holder,))
