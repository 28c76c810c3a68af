"""What the heads of HTTP answers say of time, in every technology.

Called by the clients. Calls nothing. Promises that a wait is never infinite, and that what says nothing is
told from what says "at once".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY: Final = 86_400.0
"""Seconds: whoever asks to wait longer is not told from one who asks for this."""


def moment(date: str) -> datetime | None:
    """A date as HTTP writes it; None where it is none."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def ahead(date: str, asked: datetime, answered: datetime) -> timedelta | None:
    """How far a server's clock is ahead at least, from the `Date` of its answer; None where it is no date.

    The date is cut to seconds and was written at an unknown moment between question and answer: what these
    two explain is no difference.
    """
    told = moment(date)
    if told is None:
        return None
    least, most = told - answered, told + timedelta(seconds=1) - asked
    zero = timedelta()
    return max(least, zero) or min(most, zero)


def wait(headers: Mapping[str, str]) -> float | None:
    """How long `Retry-After` asks to wait, in seconds or until a date; None where it says neither."""
    hint = headers.get("Retry-After", "")
    if hint.isascii() and hint.isdigit():
        return min(float(hint), _DAY)
    until = moment(hint)
    return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), _DAY) if until else None
