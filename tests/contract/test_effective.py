"""What every substrate counts as in force: not what was written, but what holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from leaves import LARGE, TRANSLATOR, change, leaf, objects, read, removal, state, write
from waiting import wait_until
from yunjin.errors import TransientError
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Holding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from leaves import Objects
    from substrate_drivers import Driver

OWNED = pytest.param("kubernetes", marks=[pytest.mark.kubernetes, pytest.mark.owns_server])
freezing = pytest.mark.parametrize("driver", ["simulated", OWNED], indirect=True)


@pytest.fixture
def wanted(driver: Driver, unique: Callable[[str], str]) -> Objects:
    """A leaf whose namespace stands."""
    made = objects(leaf(unique("effect"), driver.endpoint))
    write(driver.backend, made.namespace)
    return made


@pytest.fixture
def frozen(driver: Driver, wanted: Objects) -> Iterator[Driver]:
    """The endpoint with its controllers standing still."""
    driver.freeze()
    yield driver
    driver.thaw()


def _status(driver: Driver, wanted: Objects) -> Mapping[str, Any]:
    live = read(driver.backend, wanted.quota.key)
    status: Mapping[str, Any] = live.body.get("status", {}) if live else {}
    return {"hard": {"requests.cpu": ""}, "used": {"requests.cpu": ""}} | dict(status)


def test_a_quota_comes_into_force(driver: Driver, wanted: Objects) -> None:
    written = change(wanted.quota, None)
    driver.backend.write(written, None)
    wait_until(lambda: driver.backend.effective([written]).keys() == {wanted.quota.key})


@freezing
def test_a_quota_is_not_in_force_before_the_cluster_counts_it(frozen: Driver, wanted: Objects) -> None:
    written = change(wanted.quota, None)
    frozen.backend.write(written, None)
    assert frozen.backend.effective([written]).keys() == frozenset()
    frozen.thaw()
    wait_until(lambda: frozen.backend.effective([written]).keys() == {wanted.quota.key})


@freezing
def test_a_changed_quota_is_in_force_only_with_its_new_figures(driver: Driver, wanted: Objects) -> None:
    first = change(wanted.quota, None)
    driver.backend.write(first, None)
    wait_until(lambda: driver.backend.effective([first]).keys() == {wanted.quota.key})
    live = read(driver.backend, wanted.quota.key)
    larger = objects(leaf(wanted.namespace.key.name, driver.endpoint, allotted=LARGE))
    second = change(larger.quota, live)
    driver.freeze()
    try:
        driver.backend.write(second, live)
        assert driver.backend.effective([second]).keys() == frozenset()
    finally:
        driver.thaw()
    wait_until(lambda: driver.backend.effective([second]).keys() == {wanted.quota.key})


def test_a_quota_that_is_not_there_is_not_in_force(driver: Driver, wanted: Objects) -> None:
    assert driver.backend.effective([change(wanted.quota, None)]).keys() == frozenset()


def test_a_quota_that_somebody_changed_is_not_in_force(driver: Driver, wanted: Objects) -> None:
    written = change(wanted.quota, None)
    driver.backend.write(written, None)
    wait_until(lambda: driver.backend.effective([written]).keys() == {wanted.quota.key})
    driver.edit(wanted.quota.key, {("spec", "hard", "requests.cpu"): "5"}, "stranger")
    wait_until(lambda: driver.backend.effective([written]).keys() == frozenset())


def test_a_shrink_is_in_force_only_when_no_more_is_used(driver: Driver, unique: Callable[[str], str]) -> None:
    name = unique("shrink")
    large = objects(leaf(name, driver.endpoint, allotted=LARGE))
    grown = change(large.quota, None)
    write(driver.backend, large.namespace)
    driver.backend.write(grown, None)
    wait_until(lambda: driver.backend.effective([grown]).keys() == {large.quota.key})
    driver.consume(name, 5)
    wait_until(lambda: _status(driver, large)["used"]["requests.cpu"] == "5")
    live = read(driver.backend, large.quota.key)
    shrunk = change(objects(leaf(name, driver.endpoint)).quota, live)
    driver.backend.write(shrunk, live)
    wait_until(lambda: _status(driver, large)["hard"]["requests.cpu"] == "4")
    assert driver.backend.effective([shrunk]).keys() == frozenset()


def test_what_is_in_force_says_what_it_grants_and_what_is_used(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    name = unique("used")
    large = objects(leaf(name, driver.endpoint, allotted=LARGE))
    grown = change(large.quota, None)
    write(driver.backend, large.namespace)
    driver.backend.write(grown, None)
    wait_until(lambda: driver.backend.effective([grown]).keys() == {large.quota.key})
    driver.consume(name, 5)

    def holding() -> Holding:
        return driver.backend.effective([grown])[large.quota.key]

    wait_until(lambda: holding().used is not None and (holding().used or LARGE).of("cpu") == 5000)
    live = read(driver.backend, large.quota.key)
    assert live is not None
    for found in (holding(), TRANSLATOR.holding(live)):
        assert {d: found.granted.of(d) for d in LARGE} == dict(LARGE)
        assert found.enforced == found.granted


@freezing
def test_what_was_written_is_not_enforced_before_the_cluster_counts_it(
    frozen: Driver, wanted: Objects
) -> None:
    frozen.backend.write(change(wanted.quota, None), None)
    live = read(frozen.backend, wanted.quota.key)
    assert live is not None
    found = TRANSLATOR.holding(live)
    assert (found.granted.of("cpu"), found.enforced, found.used) == (4000, Amounts(), None)


def test_a_removal_that_is_through_holds_nothing(driver: Driver, wanted: Objects) -> None:
    ended = removal(wanted.namespace)
    driver.backend.write(ended, read(driver.backend, wanted.namespace.key))
    wait_until(lambda: ended.key in driver.backend.effective([ended]))
    assert driver.backend.effective([ended])[ended.key] == Holding(Amounts(), Amounts(), Amounts())


def test_a_removed_namespace_ends_with_all_that_it_holds(driver: Driver, wanted: Objects) -> None:
    write(driver.backend, wanted.quota, wanted.limits)
    ended = removal(wanted.namespace)
    driver.backend.write(ended, read(driver.backend, wanted.namespace.key))
    wait_until(lambda: driver.backend.effective([ended]).keys() == {wanted.namespace.key})
    assert wanted.namespace.key.name not in state(driver.backend)
    assert driver.backend.read(wanted.keys) == {}


@freezing
def test_a_namespace_in_removal_is_still_there_and_takes_nothing_new(frozen: Driver, wanted: Objects) -> None:
    ended = removal(wanted.namespace)
    frozen.backend.write(ended, read(frozen.backend, wanted.namespace.key))
    assert frozen.backend.effective([ended]).keys() == frozenset()
    assert wanted.namespace.key.name in state(frozen.backend)
    with pytest.raises(TransientError):
        frozen.backend.write(change(wanted.limits, None), None)
    # Removing once more what is on its way is no error.
    frozen.backend.write(ended, read(frozen.backend, wanted.namespace.key))
    frozen.thaw()
    wait_until(lambda: frozen.backend.effective([ended]).keys() == {wanted.namespace.key})


def test_many_changes_are_asked_about_at_once(driver: Driver, unique: Callable[[str], str]) -> None:
    every = [objects(leaf(unique("all"), driver.endpoint)) for _ in range(12)]
    written = []
    for one in every:
        write(driver.backend, one.namespace)
        written.append(change(one.quota, None))
        driver.backend.write(written[-1], None)
    absent = change(objects(leaf(unique("absent"), driver.endpoint)).quota, None)
    expected = {one.quota.key for one in every}
    wait_until(lambda: driver.backend.effective([*written, absent]).keys() == expected)
    assert driver.backend.effective([]).keys() == frozenset()
