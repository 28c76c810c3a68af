"""What every substrate shows of an endpoint: all of what is its own, in order, the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaves import objects, state, write
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaves import Objects
    from substrate_drivers import Driver


def _leaf(driver: Driver, name: str) -> Objects:
    return objects(driver.leaf(name), driver.translator)


def test_an_endpoint_that_nobody_wrote_to_has_no_leaf(driver: Driver) -> None:
    assert set(state(driver.backend)) <= {""}


def test_what_was_written_is_observed_and_stands_as_wanted(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    wanted = _leaf(driver, unique("whole"))
    write(driver.backend, *wanted.all)
    found = state(driver.backend)[wanted.namespace.key.name]
    assert {(key.kind, key.name) for key in wanted.keys} == set(found)
    for one in wanted.all:
        live = found[one.key.kind, one.key.name]
        assert live.key == one.key
        assert driver.translator.matches(one, live)


def test_what_is_observed_says_whose_it_is(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = _leaf(driver, unique("whose"))
    write(driver.backend, *wanted.all)
    for live in state(driver.backend)[wanted.namespace.key.name].values():
        claim = driver.translator.claim(live)
        assert (claim.owned, claim.endpoint, claim.tenant) == (True, driver.endpoint, "jtj")
        assert not claim.protected
        assert not claim.ending


def test_looking_changes_nothing(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = _leaf(driver, unique("still"))
    write(driver.backend, wanted.namespace, wanted.limits, wanted.deny, wanted.admin)
    assert state(driver.backend) == state(driver.backend)


def test_leaves_come_in_order_the_endpoints_own_first(driver: Driver, unique: Callable[[str], str]) -> None:
    base = unique("order")
    written = [base + tail for tail in ("", "-b", "-10", "0", "-9", "-a", "a", "-a0")]
    for name in written:
        write(driver.backend, _leaf(driver, name).namespace)
    observed = [found.name for found in driver.backend.observe()]
    assert [name for name in observed if name] == sorted(written)
    assert "" not in observed[1:]


def test_foreign_objects_of_a_leaf_are_shown(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = _leaf(driver, unique("guests"))
    write(driver.backend, wanted.namespace)
    key = driver.guest(wanted.namespace.key.name)
    live = state(driver.backend)[key.namespace][key.kind, key.name]
    assert live.key == key
    assert not driver.translator.claim(live).owned


def test_leaves_that_are_nobodys_are_not_shown(driver: Driver, unique: Callable[[str], str]) -> None:
    stranger, other = unique("stranger"), unique("other")
    driver.stranger(stranger)
    driver.stranger(other, "another-endpoint")
    assert not {stranger, other} & set(state(driver.backend))


def test_a_leaf_that_is_nobodys_is_read_where_it_is_named(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    stranger = unique("stranger")
    driver.stranger(stranger)
    key = driver.translator.home(driver.endpoint, stranger)
    live = driver.backend.read([key])[key]
    assert driver.translator.claim(live).endpoint == ""


def test_named_objects_are_read_and_absent_ones_are_missing(
    driver: Driver, unique: Callable[[str], str]
) -> None:
    wanted = _leaf(driver, unique("named"))
    write(driver.backend, wanted.namespace, wanted.quota)
    nowhere = Key(driver.endpoint, unique("nowhere"), wanted.quota.key.kind, wanted.quota.key.name)
    asked = [wanted.quota.key, wanted.limits.key, nowhere, wanted.namespace.key]
    assert set(driver.backend.read(asked)) == {wanted.quota.key, wanted.namespace.key}
    assert driver.backend.read([]) == {}


def test_many_objects_are_read_as_few_are(driver: Driver, unique: Callable[[str], str]) -> None:
    every = [_leaf(driver, unique("many")) for _ in range(12)]
    for wanted in every:
        write(driver.backend, wanted.namespace, wanted.limits)
    keys = [key for wanted in every for key in (wanted.namespace.key, wanted.limits.key, wanted.deny.key)]
    found = driver.backend.read(keys)
    assert set(found) == {key for wanted in every for key in (wanted.namespace.key, wanted.limits.key)}
    alone = {key: driver.backend.read([key])[key] for key in found}
    assert {key: live.version for key, live in alone.items()} == {
        key: live.version for key, live in found.items()
    }


def test_another_process_sees_the_same(driver: Driver, unique: Callable[[str], str]) -> None:
    wanted = _leaf(driver, unique("shared"))
    write(driver.backend, wanted.namespace, wanted.limits)
    assert state(driver.second()) == state(driver.backend)
