"""How every substrate makes one change: to the object that was read, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from leaves import change, objects, read, removal, state, write
from waiting import wait_until
from yunjin.errors import ConflictError, PermanentError, RefusalError
from yunjin.model.amounts import Amounts
from yunjin.model.centre import Flow
from yunjin.model.resources import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaves import Objects
    from substrate_drivers import Driver
    from yunjin.model.resources import Live, Wanted

FLOW = Flow.model_validate(
    {
        "id": "exch-egov",
        "from": "exch",
        "to": "egov",
        "protocol": "TCP",
        "port": 8443,
        "approval": "批复 2026-7",
        "expires": date(2030, 1, 1),
    }
)
CIDRS = {"egov": ("10.10.0.0/16",), "exch": ("10.131.0.0/24",)}


def _now(driver: Driver, wanted: Wanted) -> Live:
    live = read(driver.backend, wanted.key)
    assert live is not None
    return live


def _stands(driver: Driver, wanted: Wanted) -> bool:
    return driver.translator.matches(wanted, _now(driver, wanted))


def _cores(driver: Driver, wanted: Objects) -> float:
    return driver.translator.holding(_now(driver, wanted.quota)).granted.of("cpu") / 1000


def test_the_same_again_changes_nothing(driver: Driver, small: Objects) -> None:
    # A quota's status is written in a cluster's own time, so another object is looked at.
    write(driver.backend, small.limits)
    before = _now(driver, small.limits)
    driver.backend.write(change(small.limits, before), before)
    assert _now(driver, small.limits) == before


def test_an_update_brings_what_is_wanted(driver: Driver, small: Objects, large: Objects) -> None:
    live = _now(driver, small.quota)
    assert not driver.translator.matches(large.quota, live)
    driver.backend.write(change(large.quota, live), live)
    assert _stands(driver, large.quota)


def test_a_change_that_lost_its_answer_can_be_sent_again(
    driver: Driver, small: Objects, large: Objects
) -> None:
    live = _now(driver, small.quota)
    sent = change(large.quota, live)
    driver.backend.write(sent, live)
    driver.backend.write(sent, live)
    assert _stands(driver, large.quota)


def test_every_creation_that_lost_its_answer_can_be_sent_again(driver: Driver, name: str) -> None:
    for wanted in objects(driver.leaf(name), driver.translator).all:
        sent = change(wanted, None)
        driver.backend.write(sent, None)
        driver.backend.write(sent, None)
        assert _stands(driver, wanted)


def test_a_compared_field_that_moved_after_reading_stops_the_write(
    driver: Driver, small: Objects, large: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.set_cores(small.quota.key, 5)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale), stale)
    assert _cores(driver, small) == 5


def test_force_does_not_excuse_a_stale_reading(driver: Driver, small: Objects, large: Objects) -> None:
    stale = _now(driver, small.quota)
    driver.set_cores(small.quota.key, 5)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale, force=True), stale)
    assert _cores(driver, small) == 5


def test_what_somebody_changed_is_put_right_by_force(driver: Driver, small: Objects) -> None:
    driver.set_cores(small.quota.key, 5)
    assert not _stands(driver, small.quota)
    write(driver.backend, small.quota, force=True)
    assert _stands(driver, small.quota)


def test_a_way_that_is_no_longer_approved_goes(driver: Driver, name: str) -> None:
    opened = objects(driver.leaf(name, cidrs=CIDRS, flows=(FLOW,)), driver.translator)
    closed = objects(driver.leaf(name, cidrs=CIDRS), driver.translator)
    write(driver.backend, *opened.all)
    assert all(_stands(driver, one) for one in opened.all)
    shut = [one for one in closed.all if not _stands(driver, one)]
    assert [one.object_class for one in shut if one.object_class is not ObjectClass.QUOTA] == [
        ObjectClass.NETWORK
    ]
    write(driver.backend, *shut)
    assert all(_stands(driver, one) for one in closed.all)


def test_what_somebody_else_created_meanwhile_is_not_taken_over(driver: Driver, name: str) -> None:
    wanted = objects(driver.leaf(name), driver.translator).namespace
    driver.stranger(name)
    with pytest.raises(ConflictError):
        driver.backend.write(change(wanted, None), None)
    assert driver.translator.claim(_now(driver, wanted)).endpoint == ""


def test_a_leaf_that_vanished_after_reading_is_not_made_anew(driver: Driver, small: Objects) -> None:
    stale = _now(driver, small.namespace)
    driver.remove(small.namespace.key)
    renamed = replace(small.namespace, body=objects(
        driver.leaf(small.namespace.key.name, bureau="fgw"), driver.translator
    ).namespace.body)  # fmt: skip
    with pytest.raises(ConflictError):
        driver.backend.write(change(renamed, stale), stale)
    assert read(driver.backend, small.namespace.key) is None


def test_a_leaf_made_anew_is_another_leaf(driver: Driver, small: Objects, name: str) -> None:
    stale = _now(driver, small.namespace)
    driver.remove(small.namespace.key)
    driver.stranger(name)
    with pytest.raises(ConflictError):
        driver.backend.write(removal(small.namespace), stale)
    assert driver.translator.claim(_now(driver, small.namespace)).endpoint == ""


def test_a_removed_object_is_gone_and_removing_it_again_is_no_error(driver: Driver, small: Objects) -> None:
    write(driver.backend, small.limits)
    live = _now(driver, small.limits)
    driver.backend.write(removal(small.limits), live)
    driver.backend.write(removal(small.limits), live)
    driver.backend.write(removal(small.limits), None)
    assert read(driver.backend, small.limits.key) is None


def test_a_removed_leaf_is_gone_and_removing_it_again_is_no_error(driver: Driver, small: Objects) -> None:
    live = _now(driver, small.namespace)
    ended = removal(small.namespace)
    driver.backend.write(ended, live)
    driver.backend.write(ended, live)
    wait_until(lambda: driver.backend.effective([ended]).keys() == {ended.key})
    driver.backend.write(ended, live)
    driver.backend.write(ended, None)
    assert read(driver.backend, small.namespace.key) is None


def test_what_is_protected_is_not_removed(driver: Driver, name: str) -> None:
    protected = objects(driver.leaf(name, protected=True), driver.translator).namespace
    write(driver.backend, protected)
    with pytest.raises(RefusalError):
        driver.backend.write(removal(protected), _now(driver, protected))
    claim = driver.translator.claim(_now(driver, protected))
    assert claim.protected
    assert not claim.ending


def test_neighbours_are_left_alone(driver: Driver, small: Objects, large: Objects) -> None:
    key = driver.guest(small.namespace.key.name)
    before = driver.backend.read([key])[key]
    write(driver.backend, *large.all)
    driver.backend.write(removal(large.limits), _now(driver, large.limits))
    assert driver.backend.read([key])[key].body["spec"] == before.body["spec"]


def test_nothing_is_written_into_a_leaf_that_is_not_there(driver: Driver, name: str) -> None:
    wanted = objects(driver.leaf(name), driver.translator)
    for one in (wanted.quota, wanted.limits, wanted.deny, wanted.admin):
        with pytest.raises(ConflictError):
            driver.backend.write(change(one, None), None)
    assert name not in state(driver.backend)


def test_names_may_be_as_long_as_the_technology_lets_them(driver: Driver, name: str) -> None:
    long = name + "x" * (driver.longest - len(name))
    wanted = objects(driver.leaf(long, tenant="t" * 50, bureau="b" * 50), driver.translator)
    write(driver.backend, *wanted.all)
    assert all(_stands(driver, one) for one in wanted.all)


def test_a_name_that_is_too_long_is_refused_for_good(driver: Driver, name: str) -> None:
    wanted = objects(driver.leaf(name + "x" * (65 - len(name))), driver.translator).namespace
    with pytest.raises(PermanentError):
        driver.backend.write(change(wanted, None), None)


def test_many_threads_may_write_at_once(driver: Driver, unique: Callable[[str], str]) -> None:
    every = [objects(driver.leaf(unique("thread")), driver.translator) for _ in range(24)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda wanted: write(driver.backend, wanted.namespace, wanted.limits), every))
    for wanted in every:
        assert _stands(driver, wanted.limits)


def test_one_of_two_processes_wins(driver: Driver, name: str, small: Objects, large: Objects) -> None:
    amounts = Amounts({**driver.small, "cpu": 6000})
    middle = objects(driver.leaf(name, allotted=amounts), driver.translator).quota
    live = _now(driver, small.quota)
    second = driver.second()
    second.write(change(middle, live), live)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, live), live)
    assert _stands(driver, middle)


def test_errors_say_where_and_what_next(driver: Driver, name: str) -> None:
    wanted = objects(driver.leaf(name), driver.translator)
    with pytest.raises(ConflictError) as raised:
        driver.backend.write(change(wanted.quota, None), None)
    error = raised.value
    for text in (error.message.zh, error.message.en):
        assert driver.endpoint in text
        assert name in text
    assert error.remedy is not None
