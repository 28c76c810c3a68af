"""What a server's clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from yunjin.substrates.hints import ahead

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("Sun, 22 Nov 2026 12:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 12:00:01 GMT", 0),  # it may have answered just before our second ended
        ("Sun, 22 Nov 2026 11:59:59 GMT", 0),  # cut down to the second in which we asked
        ("Sun, 22 Nov 2026 12:01:01 GMT", 60),
        ("Sun, 22 Nov 2026 11:58:59 GMT", -60),
        ("Sun, 22 Nov 2026 11:58:59", -60),
    ],
)
def test_only_what_the_moments_of_question_and_answer_do_not_explain_is_a_difference(
    told: str, seconds: int
) -> None:
    assert ahead(told, NOON, NOON + timedelta(seconds=1)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("told", ["", "soon"])
def test_what_is_no_date_tells_nothing(told: str) -> None:
    assert ahead(told, NOON, NOON) is None
