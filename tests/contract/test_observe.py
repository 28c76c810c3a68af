"""What every substrate shows of an endpoint: all of what is its own, in order, the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaves import TRANSLATOR, leaf, objects, state, write
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from substrate_drivers import Driver


def _foreign_policy(namespace: str) -> dict[str, object]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "of-the-tenant", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }


def test_an_endpoint_that_nobody_wrote_to_has_no_leaf(driver: Driver) -> None:
    assert set(state(driver.backend)) <= {""}


def test_what_was_written_is_observed_and_stands_as_wanted(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    wanted = objects(leaf(unique("whole"), driver.endpoint))
    write(driver.backend, *wanted.all)
    found = state(driver.backend)[wanted.namespace.key.name]
    assert {(key.kind, key.name) for key in wanted.keys} == set(found)
    for one in wanted.all:
        live = found[one.key.kind, one.key.name]
        assert live.key == one.key
        assert TRANSLATOR.matches(one, live)


def test_looking_changes_nothing(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = objects(leaf(unique("still"), driver.endpoint))
    write(driver.backend, wanted.namespace, wanted.limits, wanted.deny, wanted.admin)
    assert state(driver.backend) == state(driver.backend)


def test_leaves_come_in_order_the_endpoints_own_first(driver: Driver, unique: Callable[[str], str]) -> None:
    base = unique("order")
    written = [base + tail for tail in ("", "-b", "-10", "0", "-9", "-a", "a", "-a0")]
    for name in written:
        write(driver.backend, objects(leaf(name, driver.endpoint)).namespace)
    observed = [found.name for found in driver.backend.observe()]
    assert [name for name in observed if name] == sorted(written)
    assert "" not in observed[1:]


def test_foreign_objects_of_a_leaf_are_shown(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = objects(leaf(unique("guests"), driver.endpoint))
    write(driver.backend, wanted.namespace)
    key = driver.create(_foreign_policy(wanted.namespace.key.name))
    assert state(driver.backend)[key.namespace]["NetworkPolicy", key.name].key == key


def test_namespaces_that_are_nobodys_are_not_shown(driver: Driver, unique: Callable[[str], str]) -> None:
    stranger, other = unique("stranger"), unique("other")
    driver.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stranger}})
    elsewhere = objects(leaf(other, "another-endpoint")).namespace
    driver.create(elsewhere.body)
    assert not {stranger, other} & set(state(driver.backend))


def test_named_objects_are_read_and_absent_ones_are_missing(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    wanted = objects(leaf(unique("named"), driver.endpoint))
    write(driver.backend, wanted.namespace, wanted.quota)
    nowhere = Key(driver.endpoint, unique("nowhere"), "ResourceQuota", "yunjin")
    asked = [wanted.quota.key, wanted.limits.key, nowhere, wanted.namespace.key]
    assert set(driver.backend.read(asked)) == {wanted.quota.key, wanted.namespace.key}
    assert driver.backend.read([]) == {}


def test_many_objects_are_read_as_few_are(driver: Driver, unique: Callable[[str], str]) -> None:
    every = [objects(leaf(unique("many"), driver.endpoint)) for _ in range(12)]
    for wanted in every:
        write(driver.backend, wanted.namespace, wanted.limits)
    keys = [key for wanted in every for key in wanted.keys]
    found = driver.backend.read(keys)
    assert set(found) == {one.key for wanted in every for one in (wanted.namespace, wanted.limits)}
    alone = {key: driver.backend.read([key])[key] for key in found}
    assert {key: live.version for key, live in alone.items()} == {
        key: live.version for key, live in found.items()
    }


def test_another_process_sees_the_same(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = objects(leaf(unique("shared"), driver.endpoint))
    write(driver.backend, wanted.namespace, wanted.limits)
    assert state(driver.second()) == state(driver.backend)
