"""A quota counts when the cluster has adopted it, and a shrink when nothing sticks out of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leaves import LARGE, SMALL, change, leaf, objects
from yunjin.model.resources import Live
from yunjin.substrates.kubernetes.enforcement import in_force

ENDPOINT = "k8s"
SMALL_QUOTA = objects(leaf("jtj-egov", ENDPOINT, allotted=SMALL)).quota
LARGE_QUOTA = objects(leaf("jtj-egov", ENDPOINT, allotted=LARGE)).quota
HARD: dict[str, str] = SMALL_QUOTA.body["spec"]["hard"]


def _body(hard: dict[str, str], status: dict[str, Any]) -> dict[str, Any]:
    return {**SMALL_QUOTA.body, "spec": {"hard": hard}, "status": status}


def test_adopted_it_is_in_force() -> None:
    assert in_force(change(SMALL_QUOTA, None), _body(HARD, {"hard": HARD, "used": {}}))


@pytest.mark.parametrize("status", [{}, {"hard": {}}, {"hard": {**HARD, "requests.cpu": "3"}}])
def test_not_adopted_it_is_not(status: dict[str, Any]) -> None:
    assert not in_force(change(SMALL_QUOTA, None), _body(HARD, status))


def test_adopted_with_figures_of_somebody_else_it_is_not() -> None:
    theirs = {**HARD, "requests.cpu": "5"}
    assert not in_force(change(SMALL_QUOTA, None), _body(theirs, {"hard": theirs}))


def test_bounds_that_others_add_do_not_matter() -> None:
    more = {**HARD, "services": "7"}
    assert in_force(change(SMALL_QUOTA, None), _body(more, {"hard": more}))


def test_quantities_are_compared_as_numbers() -> None:
    status = {"hard": {**HARD, "requests.cpu": "4000m"}}
    assert in_force(change(SMALL_QUOTA, None), _body(HARD, status))


@pytest.mark.parametrize(("used", "expected"), [("5", False), ("4001m", False), ("4", True), ("4000m", True)])
def test_a_shrink_waits_until_no_more_is_used(used: str, *, expected: bool) -> None:
    live = Live(LARGE_QUOTA.key, LARGE_QUOTA.body, "1")
    shrunk = change(SMALL_QUOTA, live)
    assert shrunk.differences
    body = _body(HARD, {"hard": HARD, "used": {"requests.cpu": used}})
    assert in_force(shrunk, body) is expected


def test_a_growth_does_not_ask_what_is_used() -> None:
    grown = change(LARGE_QUOTA, Live(SMALL_QUOTA.key, SMALL_QUOTA.body, "1"))
    hard = LARGE_QUOTA.body["spec"]["hard"]
    assert in_force(grown, _body(hard, {"hard": hard, "used": {"requests.cpu": "100"}}))


def test_what_runs_in_a_quota_that_is_taken_over_does_not_hold_it_up() -> None:
    """It was never bound: it goes on, and nothing is to be had back from it."""
    larger = replace(LARGE_QUOTA, loose=True)
    theirs = {**SMALL_QUOTA.body, "spec": {"hard": {"cpu": "4"}}}
    taken_over = change(larger, Live(larger.key, theirs, "1"), force=True)
    assert "spec.hard.pods" in [difference.path for difference in taken_over.differences]
    hard = LARGE_QUOTA.body["spec"]["hard"]
    assert in_force(taken_over, _body(hard, {"hard": hard, "used": {"pods": "900"}}))


def test_a_first_bound_waits_like_a_shrink() -> None:
    without = {name: text for name, text in HARD.items() if name != "requests.cpu"}
    unbounded = replace(SMALL_QUOTA, body={**SMALL_QUOTA.body, "spec": {"hard": without}})
    bounded = change(SMALL_QUOTA, Live(unbounded.key, unbounded.body, "1"))
    status = {"hard": HARD, "used": {"requests.cpu": "9"}}
    assert not in_force(bounded, _body(HARD, status))
