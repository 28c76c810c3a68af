"""What the city's policies say about the machinery is used, and checked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import city
from yunjin.apply import Settings
from yunjin.engine.choices import drift_policies, patience, seconds_asked, sweep_interval
from yunjin.errors import DeclaredErrors, UsageError
from yunjin.ledger.relief import ORDER
from yunjin.model.policies import RELIEF_ORDER
from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    from yunjin.model.estate import Estate


NAMES = {"zh": "策略", "en": "policy"}


def _estate(**values: Any) -> Estate:
    """`drift__quota=("report", "")` is policy `drift.quota` with that value and unit."""
    chosen = [
        {"id": name.replace("__", ".").replace("_", "-"), **NAMES, "value": value, "unit": unit}
        for name, (value, unit) in values.items()
    ]
    return declared(policies=[*city()["policies"], *chosen])


def test_without_policies_there_are_defaults() -> None:
    default, found = Settings(), patience(_estate())
    assert (found.wait_quota, found.lock_timeout) == (default.wait_quota, default.lock_timeout)
    assert sweep_interval(_estate()) == 60
    assert set(drift_policies(_estate()).values()) == {"report"}


def test_policies_are_used() -> None:
    estate = _estate(wait_quota=(7, "s"), lock_timeout=(8, "s"), sweep_interval=(9, "s"))
    found = patience(estate)
    assert (found.wait_quota, found.lock_timeout, sweep_interval(estate)) == (7, 8, 9)
    assert drift_policies(_estate(drift__quota=("adopt", "")))[ObjectClass.QUOTA] == "adopt"


def test_what_cannot_be_taken_yet_has_the_days_the_city_gives() -> None:
    assert patience(_estate()).reclaim_days == Settings().reclaim_days
    assert patience(_estate(reclaim_days=(7, "d"))).reclaim_days == 7
    with pytest.raises(DeclaredErrors):
        patience(_estate(reclaim_days=(7, "s")))


def test_who_asks_goes_before_the_policy() -> None:
    stop = threading.Event()
    estate = _estate(wait_quota=(7, "s"), lock_timeout=(8, "s"))
    found = patience(estate, wait_quota=0, lock_timeout=1.5, allow_destroy=True, stop=stop)
    assert (found.wait_quota, found.lock_timeout, found.allow_destroy) == (0, 1.5, True)
    assert found.stop is stop


@pytest.mark.parametrize(
    "value", [(0, "s"), (86_401, "s"), (-1, "s"), (2, "min"), ("120", "s"), ("soon", "")]
)
def test_what_is_no_number_of_seconds_is_an_error_at_its_place(value: tuple[Any, str]) -> None:
    with pytest.raises(DeclaredErrors) as caught:
        patience(_estate(wait_quota=value))
    (error,) = caught.value.errors
    assert error.place.line == len(city()["policies"]) + 1
    assert "wait-quota" in error.message.zh
    assert error.expected is not None


@pytest.mark.parametrize("asked", [float("nan"), float("inf"), -1, 86_401])
def test_what_nobody_can_wait_is_refused(asked: float) -> None:
    with pytest.raises(UsageError, match="number of seconds"):
        patience(_estate(), wait_quota=asked)
    with pytest.raises(UsageError):
        seconds_asked(asked)


def test_those_who_can_give_are_those_the_ledger_knows() -> None:
    assert RELIEF_ORDER == ORDER


def test_all_wrong_choices_are_shown_at_once() -> None:
    with pytest.raises(DeclaredErrors) as caught:
        drift_policies(_estate(drift__quota=("ignore", ""), drift__roles=(1, "")))
    assert [error.message.en for error in caught.value.errors] == [
        "policy drift.quota cannot be 'ignore'",
        "policy drift.roles cannot be 1",
    ]
