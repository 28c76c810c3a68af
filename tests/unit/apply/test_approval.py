"""What may be applied: the plan that was judged, if no finding on it is an error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from yunjin.apply import ApprovedPlan, approve
from yunjin.errors import RefusalError, Text
from yunjin.model.change import Basis, Finding, Severity, Verdict
from yunjin.plan import plan_hash

if TYPE_CHECKING:
    from applying import Place


def _finding(severity: Severity) -> Finding:
    message = Text("用云单位超出配额上限", "the tenant exceeds its limit")
    return Finding("G01", severity, "tenant/jtj", message, Text("核减申报", "lower it"), Basis())


def test_a_plan_without_errors_is_approved(place: Place) -> None:
    plan = place.plan(*place.changes(place.leaf())).plan
    verdict = Verdict(plan_hash(plan), (_finding(Severity.WARNING), _finding(Severity.NOTICE)))

    assert approve(plan, verdict, "cloud-ops") == ApprovedPlan(plan, plan_hash(plan), "cloud-ops")


def test_a_plan_with_an_error_is_refused_in_the_words_of_the_finding(place: Place) -> None:
    plan = place.plan(*place.changes(place.leaf())).plan

    with pytest.raises(RefusalError, match="the tenant exceeds its limit") as caught:
        approve(plan, Verdict(plan_hash(plan), (_finding(Severity.ERROR),)), "cloud-ops")

    assert caught.value.remedy == Text("核减申报", "lower it")


def test_a_verdict_on_another_plan_approves_of_nothing(place: Place) -> None:
    plan = place.plan(*place.changes(place.leaf())).plan
    other = replace(plan, changes=plan.changes[1:])

    with pytest.raises(RefusalError, match="not on this plan"):
        approve(plan, Verdict(plan_hash(other), ()), "cloud-ops")
