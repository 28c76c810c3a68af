"""How every substrate lets one holder at a time change an endpoint."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from waiting import wait_until

if TYPE_CHECKING:
    from substrate_drivers import Driver

LONG = 600.0
OWNED = pytest.param("kubernetes", marks=[pytest.mark.kubernetes, pytest.mark.owns_server])
OPENSTACK = pytest.param("openstack", marks=pytest.mark.openstack)
pytestmark = pytest.mark.parametrize(
    "driver", ["simulated-cluster", OWNED, "simulated-cloud", OPENSTACK], indirect=True
)


def test_the_first_to_ask_holds_it(driver: Driver) -> None:
    assert driver.backend.acquire("apply-1", LONG) is None


def test_the_holder_renews_it(driver: Driver) -> None:
    assert driver.backend.acquire("apply-1", LONG) is None
    assert driver.backend.acquire("apply-1", LONG) is None


def test_others_are_told_who_holds_it(driver: Driver) -> None:
    driver.backend.acquire("apply-1", LONG)
    assert driver.second().acquire("controller-2", LONG) == "apply-1"
    assert driver.backend.acquire("apply-1", LONG) is None


def test_given_back_it_is_free(driver: Driver) -> None:
    driver.backend.acquire("apply-1", LONG)
    driver.backend.release("apply-1")
    assert driver.second().acquire("controller-2", LONG) is None


def test_nobody_gives_back_what_another_holds(driver: Driver) -> None:
    driver.backend.acquire("apply-1", LONG)
    driver.second().release("controller-2")
    assert driver.backend.acquire("controller-2", LONG) == "apply-1"


def test_giving_back_what_nobody_holds_is_no_error(driver: Driver) -> None:
    driver.backend.release("apply-1")
    driver.backend.acquire("apply-1", LONG)
    driver.backend.release("apply-1")
    driver.backend.release("apply-1")
    assert driver.backend.acquire("apply-1", LONG) is None


def test_a_holder_that_died_loses_it_in_time(driver: Driver) -> None:
    driver.backend.acquire("died", 1)
    second = driver.second()
    wait_until(lambda: second.acquire("next", LONG) is None)
    assert driver.backend.acquire("died", LONG) == "next"


def test_renewing_makes_it_last(driver: Driver) -> None:
    driver.backend.acquire("apply-1", 1)
    driver.backend.acquire("apply-1", LONG)
    driver.backend.acquire("short", 1)
    assert driver.second().acquire("controller-2", LONG) == "apply-1"


def test_of_many_who_ask_at_once_one_gets_it(driver: Driver) -> None:
    backends = [driver.second() for _ in range(4)]

    def ask(number: int) -> str | None:
        return backends[number % 4].acquire(f"holder-{number}", LONG)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(12)))
    (winner,) = [number for number, answer in enumerate(answers) if answer is None]
    assert {answer for answer in answers if answer} == {f"holder-{winner}"}
