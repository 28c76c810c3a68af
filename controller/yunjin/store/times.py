"""Times as the database holds them: UTC text of fixed width, which sorts as the times do.

Used by the other modules of this package alone.
"""

from __future__ import annotations

from datetime import UTC, datetime


def text(time: datetime) -> str:
    """`2026-11-22T02:15:00.000000+00:00`. The time must carry its zone."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def time(written: str) -> datetime:
    """The time that `text` wrote."""
    return datetime.fromisoformat(written)
