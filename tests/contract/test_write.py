"""How every substrate makes one change: to the object that was read, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from leaves import LARGE, TRANSLATOR, change, leaf, objects, read, removal, with_body, write
from yunjin.errors import ConflictError, PermanentError, RefusalError
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaves import Objects
    from substrate_drivers import Driver
    from yunjin.model.resources import Live, Wanted

CPU = ("spec", "hard", "requests.cpu")
NOTE = ("metadata", "annotations", "example.org/note")


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    """Of the leaf under test."""
    return unique("leaf")


@pytest.fixture
def small(driver: Driver, name: str) -> Objects:
    """A leaf with its namespace and its quota."""
    wanted = objects(leaf(name, driver.endpoint))
    write(driver.backend, wanted.namespace, wanted.quota)
    return wanted


@pytest.fixture
def large(driver: Driver, name: str) -> Objects:
    """The same leaf with a larger quota, wanted only."""
    return objects(leaf(name, driver.endpoint, allotted=LARGE))


def _now(driver: Driver, wanted: Wanted) -> Live:
    live = read(driver.backend, wanted.key)
    assert live is not None
    return live


def _name_of(wanted: Wanted) -> dict[str, str]:
    return {"name": wanted.key.name, "namespace": wanted.key.namespace}


def _field(live: Live, path: tuple[str, ...]) -> Any:
    found: Any = live.body
    for step in path:
        found = found.get(step, {})
    return found


def test_the_same_again_changes_nothing(driver: Driver, small: Objects) -> None:
    # A quota's status is written in the cluster's own time, so the version of another object is looked at.
    write(driver.backend, small.limits)
    before = _now(driver, small.limits)
    driver.backend.write(change(small.limits, before), before)
    assert _now(driver, small.limits) == before


def test_an_update_brings_what_is_wanted(driver: Driver, small: Objects, large: Objects) -> None:
    live = _now(driver, small.quota)
    assert not TRANSLATOR.matches(large.quota, live)
    driver.backend.write(change(large.quota, live), live)
    assert TRANSLATOR.matches(large.quota, _now(driver, large.quota))


def test_a_change_that_lost_its_answer_can_be_sent_again(
    driver: Driver, small: Objects, large: Objects
) -> None:
    live = _now(driver, small.quota)
    sent = change(large.quota, live)
    driver.backend.write(sent, live)
    driver.backend.write(sent, live)
    assert TRANSLATOR.matches(large.quota, _now(driver, large.quota))


def test_a_creation_that_lost_its_answer_can_be_sent_again(driver: Driver, small: Objects) -> None:
    sent = change(small.limits, None)
    driver.backend.write(sent, None)
    driver.backend.write(sent, None)
    assert TRANSLATOR.matches(small.limits, _now(driver, small.limits))


def test_what_others_wrote_elsewhere_in_the_object_does_not_stop_a_write(
    driver: Driver, small: Objects, large: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.edit(small.quota.key, {NOTE: "theirs"}, "stranger")
    driver.backend.write(change(large.quota, stale), stale)
    live = _now(driver, large.quota)
    assert TRANSLATOR.matches(large.quota, live)
    assert _field(live, NOTE) == "theirs"


def test_a_compared_field_that_moved_after_reading_stops_the_write(
    driver: Driver, small: Objects, large: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.edit(small.quota.key, {CPU: "5"}, "stranger")
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale), stale)
    assert _field(_now(driver, small.quota), CPU) == "5"


def test_force_does_not_excuse_a_stale_reading(driver: Driver, small: Objects, large: Objects) -> None:
    stale = _now(driver, small.quota)
    driver.edit(small.quota.key, {CPU: "5"}, "stranger")
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale, force=True), stale)
    assert _field(_now(driver, small.quota), CPU) == "5"


def test_a_field_that_another_manager_took_is_theirs_until_forced(driver: Driver, small: Objects) -> None:
    driver.edit(small.quota.key, {CPU: "5"}, "stranger")
    live = _now(driver, small.quota)
    with pytest.raises(ConflictError, match="stranger"):
        driver.backend.write(change(small.quota, live), live)
    assert _field(_now(driver, small.quota), CPU) == "5"
    write(driver.backend, small.quota, force=True)
    assert TRANSLATOR.matches(small.quota, _now(driver, small.quota))


def test_a_field_is_taken_back_for_good(driver: Driver, small: Objects, large: Objects) -> None:
    driver.edit(small.quota.key, {CPU: "5"}, "stranger")
    write(driver.backend, small.quota, force=True)
    write(driver.backend, large.quota)
    assert TRANSLATOR.matches(large.quota, _now(driver, large.quota))


def test_a_field_no_longer_wanted_goes(driver: Driver, name: str) -> None:
    bound = objects(leaf(name, driver.endpoint, node_selector={"yunjin/pool": "egov"})).namespace
    free = objects(leaf(name, driver.endpoint)).namespace
    (annotation,) = bound.body["metadata"]["annotations"]
    path = ("metadata", "annotations", annotation)
    write(driver.backend, bound)
    assert _field(_now(driver, bound), path) == "yunjin/pool=egov"
    assert not TRANSLATOR.matches(free, _now(driver, bound))
    write(driver.backend, free)
    assert _field(_now(driver, free), path) in (None, {})
    assert TRANSLATOR.matches(free, _now(driver, free))


def test_fields_of_other_managers_outlive_update_and_force(
    driver: Driver, small: Objects, large: Objects
) -> None:
    metadata = {**_name_of(small.quota), "labels": {"example.org/team": "theirs"}}
    driver.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata}, "their-tool")
    driver.edit(small.quota.key, {NOTE: "theirs", ("spec", "hard", "services"): "7"}, "stranger")
    write(driver.backend, large.quota)
    write(driver.backend, small.quota, force=True)
    live = _now(driver, small.quota)
    assert _field(live, ("metadata", "labels", "example.org/team")) == "theirs"
    assert _field(live, NOTE) == "theirs"
    assert _field(live, ("spec", "hard", "services")) == "7"
    assert TRANSLATOR.matches(small.quota, live)


def test_a_field_set_by_two_managers_alike_is_no_conflict(driver: Driver, small: Objects) -> None:
    shared = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": _name_of(small.quota)}
    driver.apply({**shared, "spec": {"hard": {"requests.cpu": "4"}}}, "their-tool")
    live = _now(driver, small.quota)
    assert TRANSLATOR.matches(small.quota, live)
    driver.backend.write(change(small.quota, live), live)


def test_what_somebody_else_created_meanwhile_is_not_taken_over(driver: Driver, small: Objects) -> None:
    theirs = with_body(small.limits, spec={"limits": [{"type": "Pod", "max": {"cpu": "1"}}]})
    driver.create(theirs.body)
    with pytest.raises(ConflictError):
        driver.backend.write(change(small.limits, None), None)
    assert _field(_now(driver, small.limits), ("spec", "limits"))[0]["type"] == "Pod"


def test_an_object_that_vanished_after_reading_is_not_made_anew(
    driver: Driver, small: Objects, large: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.remove(small.quota.key)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale), stale)
    assert read(driver.backend, small.quota.key) is None


def test_a_replaced_object_is_another_object(driver: Driver, small: Objects, large: Objects) -> None:
    stale = _now(driver, small.quota)
    driver.remove(small.quota.key)
    driver.create(with_body(small.quota, spec={"hard": {"pods": "3"}}).body)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale), stale)
    with pytest.raises(ConflictError):
        driver.backend.write(removal(small.quota), stale)
    assert _field(_now(driver, small.quota), ("spec", "hard")) == {"pods": "3"}


def test_a_removed_object_is_gone_and_removing_it_again_is_no_error(driver: Driver, small: Objects) -> None:
    live = _now(driver, small.quota)
    driver.backend.write(removal(small.quota), live)
    driver.backend.write(removal(small.quota), live)
    driver.backend.write(removal(small.quota), None)
    assert read(driver.backend, small.quota.key) is None


def test_status_written_after_reading_does_not_stop_a_removal(driver: Driver, small: Objects) -> None:
    stale = _now(driver, small.quota)
    driver.edit(small.quota.key, {NOTE: "theirs"}, "stranger")
    driver.backend.write(removal(small.quota), stale)
    assert read(driver.backend, small.quota.key) is None


def test_what_is_protected_is_not_removed(driver: Driver, name: str) -> None:
    protected = objects(leaf(name, driver.endpoint, protected=True)).namespace
    write(driver.backend, protected)
    with pytest.raises(RefusalError):
        driver.backend.write(removal(protected), _now(driver, protected))
    assert "deletionTimestamp" not in _now(driver, protected).body["metadata"]


def test_neighbours_are_left_alone(driver: Driver, small: Objects, large: Objects) -> None:
    theirs = with_body(small.deny, metadata={"name": "theirs", "namespace": small.namespace.key.name})
    key = driver.create(theirs.body)
    before = driver.backend.read([key])[key]
    write(driver.backend, *large.all)
    live = _now(driver, large.quota)
    driver.backend.write(removal(large.quota), live)
    assert driver.backend.read([key])[key] == before


def test_the_role_of_a_binding_changes_only_by_force(driver: Driver, small: Objects) -> None:
    other = {**small.admin.body["roleRef"], "name": "view"}
    driver.create(with_body(small.admin, roleRef=other).body)
    live = _now(driver, small.admin)
    with pytest.raises(ConflictError):
        driver.backend.write(change(small.admin, live), live)
    assert _field(_now(driver, small.admin), ("roleRef", "name")) == "view"
    write(driver.backend, small.admin, force=True)
    assert TRANSLATOR.matches(small.admin, _now(driver, small.admin))


def test_nothing_is_written_into_a_namespace_that_is_not_there(driver: Driver, name: str) -> None:
    wanted = objects(leaf(name, driver.endpoint))
    with pytest.raises(ConflictError):
        driver.backend.write(change(wanted.quota, None), None)


def test_what_the_server_would_not_keep_is_refused_for_good(driver: Driver, small: Objects) -> None:
    live = _now(driver, small.quota)
    wrong = with_body(small.quota, spec={"hard": {"requests.cpu": "-1"}})
    with pytest.raises(PermanentError):
        driver.backend.write(change(wrong, live), live)
    labelled = with_body(
        small.deny, metadata={**_name_of(small.deny), "labels": {"yunjin/tenant": "no label!"}}
    )
    with pytest.raises(PermanentError):
        driver.backend.write(change(labelled, None), None)
    assert TRANSLATOR.matches(small.quota, _now(driver, small.quota))
    assert read(driver.backend, small.deny.key) is None


def test_names_may_be_as_long_as_kubernetes_lets_them(driver: Driver, name: str) -> None:
    long = name + "x" * (63 - len(name))
    wanted = objects(leaf(long, driver.endpoint, tenant="t" * 50, bureau="b" * 50))
    write(driver.backend, *wanted.all)
    assert all(TRANSLATOR.matches(one, _now(driver, one)) for one in wanted.all)


def test_a_name_that_is_too_long_is_refused_for_good(driver: Driver, name: str) -> None:
    wanted = objects(leaf(name + "x" * (64 - len(name)), driver.endpoint)).namespace
    with pytest.raises(PermanentError):
        driver.backend.write(change(wanted, None), None)


def test_many_threads_may_write_at_once(driver: Driver, unique: Callable[[str], str]) -> None:
    every = [objects(leaf(unique("thread"), driver.endpoint)) for _ in range(24)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda wanted: write(driver.backend, wanted.namespace, wanted.limits), every))
    for wanted in every:
        assert TRANSLATOR.matches(wanted.limits, _now(driver, wanted.limits))


def test_one_of_two_processes_wins(driver: Driver, small: Objects, large: Objects) -> None:
    middle = with_body(small.quota, spec={"hard": {**small.quota.body["spec"]["hard"], "requests.cpu": "6"}})
    live = _now(driver, small.quota)
    second = driver.second()
    second.write(change(middle, live), live)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, live), live)
    assert TRANSLATOR.matches(middle, _now(driver, small.quota))


def test_errors_say_where_and_what_next(driver: Driver, name: str) -> None:
    wanted = objects(leaf(name, driver.endpoint))
    with pytest.raises(ConflictError) as raised:
        driver.backend.write(change(wanted.quota, None), None)
    error = raised.value
    key = Key(driver.endpoint, name, "ResourceQuota", "yunjin")
    for text in (error.message.zh, error.message.en):
        assert str(key) in text
    assert error.remedy is not None
