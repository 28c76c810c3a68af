"""The shipped city under all rules, on its business date."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from yunjin.estate import load
from yunjin.model.change import Severity
from yunjin.policy import Facts, run
from yunjin_policies import RULES

if TYPE_CHECKING:
    from yunjin.model.change import Finding

TENANTS = Path(__file__).parents[3] / "tenants"
NINE = {
    "education",
    "healthcare",
    "food-safety",
    "work-safety",
    "port",
    "agriculture",
    "water",
    "environment",
    "one-card",
}


@pytest.fixture(scope="module")
def found() -> tuple[Finding, ...]:
    return run(RULES, Facts(load(TENANTS), date(2026, 11, 22)))


def test_there_is_no_error(found: tuple[Finding, ...]) -> None:
    assert [finding for finding in found if finding.severity is Severity.ERROR] == []


def test_the_nine_platforms_without_lead_are_warned_of(found: tuple[Finding, ...]) -> None:
    assert {finding.subject for finding in found if finding.rule == "L01"} == {
        f"element/{item}" for item in NINE
    }


def test_every_warning_is_one_that_the_documents_themselves_cause(found: tuple[Finding, ...]) -> None:
    counted = Counter(finding.rule for finding in found if finding.severity is Severity.WARNING)

    assert set(counted) == {"L01", "I04"}  # no lead yet; a lead that its own list names again


def test_every_finding_says_where_it_stands(found: tuple[Finding, ...]) -> None:
    for finding in found:
        assert finding.place is not None, finding
        assert finding.place.line > 0
        assert finding.place.path.exists()


def test_next_year_every_task_of_the_demonstration_is_late() -> None:
    late = run(RULES, Facts(load(TENANTS), date(2027, 1, 1)))

    assert len([finding for finding in late if finding.rule == "V01"]) == 18
