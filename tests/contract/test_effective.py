"""What every substrate counts as in force: not what was written, but what holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaves import change, objects, read, removal, state, write
from waiting import wait_until
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Holding

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaves import Objects
    from substrate_drivers import Driver
    from yunjin.model.change import Change


@pytest.fixture
def wanted(driver: Driver, unique: Callable[[str], str]) -> Objects:
    """A leaf whose namespace or project stands."""
    made = objects(driver.leaf(unique("effect")), driver.translator)
    write(driver.backend, made.namespace)
    return made


def _granted(driver: Driver, wanted: Objects) -> Change:
    """The leaf's quota, written and in force."""
    written = change(wanted.quota, None)
    driver.backend.write(written, None)
    wait_until(lambda: driver.backend.effective([written]).keys() == {wanted.quota.key})
    return written


def test_a_quota_comes_into_force(driver: Driver, wanted: Objects) -> None:
    written = _granted(driver, wanted)
    found = driver.backend.effective([written])[wanted.quota.key]
    assert {d: found.granted.of(d) for d in driver.small} == dict(driver.small)
    assert found.enforced == found.granted


def test_a_changed_quota_is_in_force_with_its_new_figures(driver: Driver, wanted: Objects) -> None:
    first = _granted(driver, wanted)
    live = read(driver.backend, wanted.quota.key)
    larger = objects(driver.leaf(wanted.namespace.key.name, allotted=driver.large), driver.translator)
    second = change(larger.quota, live)
    driver.backend.write(second, live)
    wait_until(lambda: driver.backend.effective([second]).keys() == {wanted.quota.key})
    assert driver.backend.effective([second])[wanted.quota.key].enforced.of("cpu") == 8000
    assert driver.backend.effective([first]).keys() == frozenset()


def test_a_quota_that_was_not_written_is_not_in_force(driver: Driver, wanted: Objects) -> None:
    assert driver.backend.effective([change(wanted.quota, None)]).keys() == frozenset()


def test_a_quota_that_somebody_changed_is_not_in_force(driver: Driver, wanted: Objects) -> None:
    written = _granted(driver, wanted)
    driver.set_cores(wanted.quota.key, 5)
    wait_until(lambda: driver.backend.effective([written]).keys() == frozenset())


def test_what_is_in_force_says_what_it_grants_and_what_is_used(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    name = unique("used")
    large = objects(driver.leaf(name, allotted=driver.large), driver.translator)
    write(driver.backend, large.namespace)
    grown = _granted(driver, large)
    driver.consume(name, 5)

    def holding() -> Holding:
        return driver.backend.effective([grown])[large.quota.key]

    wait_until(lambda: (holding().used or Amounts()).of("cpu") == 5000)
    live = read(driver.backend, large.quota.key)
    assert live is not None
    for found in (holding(), driver.translator.holding(live)):
        assert {d: found.granted.of(d) for d in driver.large} == dict(driver.large)
        assert found.enforced == found.granted


def test_a_removal_that_is_through_holds_nothing(driver: Driver, wanted: Objects) -> None:
    ended = removal(wanted.namespace)
    driver.backend.write(ended, read(driver.backend, wanted.namespace.key))
    wait_until(lambda: ended.key in driver.backend.effective([ended]))
    assert driver.backend.effective([ended])[ended.key] == Holding(Amounts(), Amounts(), Amounts())


def test_a_removed_leaf_ends_with_all_that_it_holds(driver: Driver, wanted: Objects) -> None:
    write(driver.backend, *wanted.all)
    ended = removal(wanted.namespace)
    driver.backend.write(ended, read(driver.backend, wanted.namespace.key))
    wait_until(lambda: driver.backend.effective([ended]).keys() == {wanted.namespace.key})
    assert wanted.namespace.key.name not in state(driver.backend)
    assert driver.backend.read(wanted.keys) == {}


def test_many_changes_are_asked_about_at_once(driver: Driver, unique: Callable[[str], str]) -> None:
    every = [objects(driver.leaf(unique("all")), driver.translator) for _ in range(12)]
    written = []
    for one in every:
        write(driver.backend, one.namespace)
        written.append(change(one.quota, None))
        driver.backend.write(written[-1], None)
    absent = change(objects(driver.leaf(unique("absent")), driver.translator).quota, None)
    expected = {one.quota.key for one in every}
    wait_until(lambda: driver.backend.effective([*written, absent]).keys() == expected)
    assert driver.backend.effective([]).keys() == frozenset()
