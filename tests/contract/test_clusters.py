"""What a cluster alone has: owners of single fields, labels, and controllers that take their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from leaves import LARGE, TRANSLATOR, change, leaf, objects, read, removal, state, with_body, write
from waiting import wait_until
from yunjin.errors import ConflictError, PermanentError, TransientError
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from leaves import Objects
    from substrate_drivers import ClusterDriver
    from yunjin.model.resources import Live, Wanted

CPU = ("spec", "hard", "requests.cpu")
NOTE = ("metadata", "annotations", "example.org/note")
KUBERNETES = pytest.param("kubernetes", marks=pytest.mark.kubernetes)
OWNED = pytest.param("kubernetes", marks=[pytest.mark.kubernetes, pytest.mark.owns_server])
clusters = pytest.mark.parametrize("driver", ["simulated-cluster", KUBERNETES], indirect=True)
freezing = pytest.mark.parametrize("driver", ["simulated-cluster", OWNED], indirect=True)


@pytest.fixture
def wanted(driver: ClusterDriver, name: str) -> Objects:
    """A leaf whose namespace stands."""
    made = objects(leaf(name, driver.endpoint))
    write(driver.backend, made.namespace)
    return made


@pytest.fixture
def small(driver: ClusterDriver, wanted: Objects) -> Objects:
    """The same with its quota."""
    write(driver.backend, wanted.quota)
    return wanted


@pytest.fixture
def large(driver: ClusterDriver, name: str) -> Objects:
    """The same leaf with a larger quota, wanted only."""
    return objects(leaf(name, driver.endpoint, allotted=LARGE))


@pytest.fixture
def frozen(driver: ClusterDriver, wanted: Objects) -> Iterator[ClusterDriver]:
    """The endpoint with its controllers standing still."""
    driver.freeze()
    yield driver
    driver.thaw()


def _now(driver: ClusterDriver, wanted: Wanted) -> Live:
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


def _status(driver: ClusterDriver, wanted: Objects) -> Mapping[str, Any]:
    live = read(driver.backend, wanted.quota.key)
    status: Mapping[str, Any] = live.body.get("status", {}) if live else {}
    return {"hard": {"requests.cpu": ""}, "used": {"requests.cpu": ""}} | dict(status)


@clusters
def test_what_others_wrote_elsewhere_in_the_object_does_not_stop_a_write(
    driver: ClusterDriver, small: Objects, large: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.edit(small.quota.key, {NOTE: "theirs"}, "stranger")
    driver.backend.write(change(large.quota, stale), stale)
    live = _now(driver, large.quota)
    assert TRANSLATOR.matches(large.quota, live)
    assert _field(live, NOTE) == "theirs"


@clusters
def test_a_field_that_another_manager_took_is_theirs_until_forced(
    driver: ClusterDriver, small: Objects
) -> None:
    driver.edit(small.quota.key, {CPU: "5"}, "stranger")
    live = _now(driver, small.quota)
    with pytest.raises(ConflictError, match="stranger"):
        driver.backend.write(change(small.quota, live), live)
    assert _field(_now(driver, small.quota), CPU) == "5"
    write(driver.backend, small.quota, force=True)
    assert TRANSLATOR.matches(small.quota, _now(driver, small.quota))


@clusters
def test_a_field_is_taken_back_for_good(driver: ClusterDriver, small: Objects, large: Objects) -> None:
    driver.edit(small.quota.key, {CPU: "5"}, "stranger")
    write(driver.backend, small.quota, force=True)
    write(driver.backend, large.quota)
    assert TRANSLATOR.matches(large.quota, _now(driver, large.quota))


@clusters
def test_a_field_no_longer_wanted_goes(driver: ClusterDriver, name: str) -> None:
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


@clusters
def test_fields_of_other_managers_outlive_update_and_force(
    driver: ClusterDriver, small: Objects, large: Objects
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


@clusters
def test_a_field_set_by_two_managers_alike_is_no_conflict(driver: ClusterDriver, small: Objects) -> None:
    shared = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": _name_of(small.quota)}
    driver.apply({**shared, "spec": {"hard": {"requests.cpu": "4"}}}, "their-tool")
    live = _now(driver, small.quota)
    assert TRANSLATOR.matches(small.quota, live)
    driver.backend.write(change(small.quota, live), live)


@clusters
def test_an_object_that_somebody_else_created_meanwhile_is_not_taken_over(
    driver: ClusterDriver, small: Objects
) -> None:
    theirs = with_body(small.limits, spec={"limits": [{"type": "Pod", "max": {"cpu": "1"}}]})
    driver.create(theirs.body)
    with pytest.raises(ConflictError):
        driver.backend.write(change(small.limits, None), None)
    assert _field(_now(driver, small.limits), ("spec", "limits"))[0]["type"] == "Pod"


@clusters
def test_an_object_that_vanished_after_reading_is_not_made_anew(
    driver: ClusterDriver, small: Objects, large: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.remove(small.quota.key)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale), stale)
    assert read(driver.backend, small.quota.key) is None


@clusters
def test_a_replaced_object_is_another_object(driver: ClusterDriver, small: Objects, large: Objects) -> None:
    stale = _now(driver, small.quota)
    driver.remove(small.quota.key)
    driver.create(with_body(small.quota, spec={"hard": {"pods": "3"}}).body)
    with pytest.raises(ConflictError):
        driver.backend.write(change(large.quota, stale), stale)
    with pytest.raises(ConflictError):
        driver.backend.write(removal(small.quota), stale)
    assert _field(_now(driver, small.quota), ("spec", "hard")) == {"pods": "3"}


@clusters
def test_what_was_written_after_reading_does_not_stop_a_removal(
    driver: ClusterDriver, small: Objects
) -> None:
    stale = _now(driver, small.quota)
    driver.edit(small.quota.key, {NOTE: "theirs"}, "stranger")
    driver.backend.write(removal(small.quota), stale)
    assert read(driver.backend, small.quota.key) is None


@clusters
def test_the_role_of_a_binding_changes_only_by_force(driver: ClusterDriver, small: Objects) -> None:
    other = {**small.admin.body["roleRef"], "name": "view"}
    driver.create(with_body(small.admin, roleRef=other).body)
    live = _now(driver, small.admin)
    with pytest.raises(ConflictError):
        driver.backend.write(change(small.admin, live), live)
    assert _field(_now(driver, small.admin), ("roleRef", "name")) == "view"
    write(driver.backend, small.admin, force=True)
    assert TRANSLATOR.matches(small.admin, _now(driver, small.admin))


@clusters
def test_what_the_server_would_not_keep_is_refused_for_good(driver: ClusterDriver, small: Objects) -> None:
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


@clusters
def test_a_shrink_is_in_force_only_when_no_more_is_used(
    driver: ClusterDriver, wanted: Objects, large: Objects
) -> None:
    grown = change(large.quota, None)
    driver.backend.write(grown, None)
    wait_until(lambda: driver.backend.effective([grown]).keys() == {large.quota.key})
    driver.consume(wanted.namespace.key.name, 5)
    wait_until(lambda: _status(driver, large)["used"]["requests.cpu"] == "5")
    live = read(driver.backend, large.quota.key)
    shrunk = change(wanted.quota, live)
    driver.backend.write(shrunk, live)
    wait_until(lambda: _status(driver, large)["hard"]["requests.cpu"] == "4")
    assert driver.backend.effective([shrunk]).keys() == frozenset()


@freezing
def test_a_quota_is_not_in_force_before_the_cluster_counts_it(frozen: ClusterDriver, wanted: Objects) -> None:
    written = change(wanted.quota, None)
    frozen.backend.write(written, None)
    assert frozen.backend.effective([written]).keys() == frozenset()
    frozen.thaw()
    wait_until(lambda: frozen.backend.effective([written]).keys() == {wanted.quota.key})


@freezing
def test_what_was_written_is_not_enforced_before_the_cluster_counts_it(
    frozen: ClusterDriver, wanted: Objects
) -> None:
    frozen.backend.write(change(wanted.quota, None), None)
    found = TRANSLATOR.holding(_now(frozen, wanted.quota))
    assert (found.granted.of("cpu"), found.enforced, found.used) == (4000, Amounts(), None)


@freezing
def test_a_changed_quota_is_in_force_only_with_its_new_figures(
    driver: ClusterDriver, small: Objects, large: Objects
) -> None:
    live = _now(driver, small.quota)
    same = change(small.quota, live)
    wait_until(lambda: driver.backend.effective([same]).keys() == {small.quota.key})
    live = _now(driver, small.quota)
    second = change(large.quota, live)
    driver.freeze()
    try:
        driver.backend.write(second, live)
        assert driver.backend.effective([second]).keys() == frozenset()
    finally:
        driver.thaw()
    wait_until(lambda: driver.backend.effective([second]).keys() == {large.quota.key})


@freezing
def test_a_namespace_in_removal_is_still_there_and_takes_nothing_new(
    frozen: ClusterDriver, wanted: Objects
) -> None:
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
