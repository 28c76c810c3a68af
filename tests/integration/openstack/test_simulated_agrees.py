"""The simulated cloud and the real one, told the same, answer the same: every field of every object."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from cloud_drivers import OpenStackDriver, SimulatedCloudDriver
from leaves import change, objects, read, write
from waiting import wait_until
from yunjin.errors import YunjinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cloud_drivers import CloudDriver
    from devcloud import DevCloud
    from leaves import Objects

Step = tuple[str, "Callable[[CloudDriver, Objects, Objects], object]"]


def _group(of: Objects) -> Any:
    return next(one.key for one in of.all if one.key.kind == "SecurityGroup")


def _too_small(driver: CloudDriver, small: Objects, _: Objects) -> None:
    live = read(driver.backend, small.quota.key)
    driver.backend.write(change(small.quota, live), live)


STEPS: tuple[Step, ...] = (
    ("a project is made", lambda driver, small, _: write(driver.backend, small.namespace)),
    ("its quota is written", lambda driver, small, _: write(driver.backend, small.quota)),
    ("all is written", lambda driver, small, _: write(driver.backend, *small.all)),
    ("all is written again", lambda driver, small, _: write(driver.backend, *small.all)),
    (
        "an administrator sets a figure",
        lambda driver, small, _: driver.set_figure(small.quota.key, "volume", "gigabytes", 7),
    ),
    (
        "a tenant changes rules",
        lambda driver, small, _: driver.set_rules(_group(small), ("ingress tcp 22 from any",)),
    ),
    ("the quota grows and all is put right", lambda driver, _, large: write(driver.backend, *large.all)),
    ("a tenant runs something", lambda driver, small, _: driver.consume(small.namespace.key.name, 5)),
    ("the quota would fall below it", _too_small),
    ("a tenant makes a port", lambda driver, small, _: driver.take(small.namespace.key.name, "network")),
    ("a tenant makes a volume", lambda driver, small, _: driver.take(small.namespace.key.name, "volume")),
)


@pytest.fixture
def drivers(
    cloud: DevCloud, tmp_path: Path, unique: Callable[[str], str]
) -> Iterator[tuple[CloudDriver, CloudDriver]]:
    """An endpoint of the same name on both."""
    endpoint = unique("agree")
    simulated = SimulatedCloudDriver(endpoint, tmp_path / "os.db")
    real = OpenStackDriver(endpoint, cloud)
    yield simulated, real
    simulated.close()
    real.close()


def _holds(driver: CloudDriver, name: str) -> dict[tuple[str, str], Any]:
    """Every object of the leaf without ids and times; whoever the load needs is left out."""
    found = {state.name: state.objects for state in driver.backend.observe()}[name]
    return {
        key: {
            **live.body,
            "metadata": {part: live.body["metadata"].get(part) for part in ("name", "namespace", "owner")},
        }
        for key, live in found.items()
        if live.key.kind != "User"
    }


def _memory(holds: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """What a server takes of memory is its flavor's affair."""
    for key, body in holds.items():
        if key[0] == "Quota":
            body["status"]["compute"].pop("ram")
    return holds


def _agree(driver: CloudDriver, name: str, expected: dict[tuple[str, str], Any]) -> bool:
    return _memory(_holds(driver, name)) == expected


def _answer(act: Callable[[], object]) -> tuple[str, object]:
    """What came back: an error's class and facts, or what the tenant was told."""
    try:
        return "", act()
    except YunjinError as error:
        return type(error).__name__, dict(error.facts)


def test_both_answer_and_hold_the_same_after_every_step(
    drivers: tuple[CloudDriver, CloudDriver], unique: Callable[[str], str]
) -> None:
    simulated, real = drivers
    name = unique("leaf")
    small = objects(simulated.leaf(name), simulated.translator)
    large = objects(simulated.leaf(name, allotted=simulated.large), simulated.translator)
    for step, act in STEPS:
        answers = [_answer(partial(act, driver, small, large)) for driver in drivers]
        assert answers[0] == answers[1], step
        expected = _memory(_holds(simulated, name))
        with suppress(AssertionError):  # the comparison below says what differs
            wait_until(partial(_agree, real, name, expected), within=20)
        found = _memory(_holds(real, name))
        assert found.keys() == expected.keys(), step
        for place, body in found.items():
            assert body == expected[place], f"{step}: {place}"
