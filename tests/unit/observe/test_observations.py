"""Looking at all endpoints: concurrently, leaf by leaf, with unknown told from empty."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from leaves import leaf, objects, write
from planning import NOON
from yunjin.errors import RefusalError, UnreachableError
from yunjin.observe import Observation, Unknown, observe_all
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from yunjin.model.resources import LeafState

    Opened = Callable[..., SimulatedBackend]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Open endpoints by name, with faults."""
    found: list[SimulatedBackend] = []

    def one(endpoint: str, *rules: Rule) -> SimulatedBackend:
        found.append(SimulatedBackend.open(endpoint, tmp_path / f"{endpoint}.db", Faults(rules)))
        return found[-1]

    yield one
    for backend in found:
        backend.close()


def looked_at(found: Observation | Unknown) -> Observation:
    assert isinstance(found, Observation)
    return found


def test_each_endpoint_is_observed_leaf_by_leaf_in_order(opened: Opened) -> None:
    backends = {name: opened(name) for name in ("one", "two")}
    for name in ("zfj-egov", "fgw-egov"):
        write(backends["two"], objects(leaf(name, "two")).namespace)
    found = observe_all(backends, lambda: NOON)
    assert list(found) == ["one", "two"]
    assert [state.name for state in looked_at(found["one"]).states] == [""]
    assert [state.name for state in looked_at(found["two"]).states] == ["", "fgw-egov", "zfj-egov"]
    assert looked_at(found["two"]).taken_at == NOON
    assert looked_at(found["two"]).endpoint == "two"


@pytest.mark.parametrize(
    ("effect", "error"), [(Effect.UNREACHABLE, UnreachableError), (Effect.REFUSED, RefusalError)]
)
def test_an_endpoint_that_does_not_answer_is_unknown_and_hides_nobody(
    opened: Opened, effect: Effect, error: type[Exception]
) -> None:
    silent = opened("silent", Rule(operation=Operation.OBSERVE, effect=effect))
    found = observe_all({"silent": silent, "sound": opened("sound")})
    unknown = found["silent"]
    assert isinstance(unknown, Unknown)
    assert isinstance(unknown.error, error)
    assert unknown.endpoint == "silent"
    assert [state.name for state in looked_at(found["sound"]).states] == [""]


def test_an_error_on_the_way_comes_where_the_states_are_taken(opened: Opened) -> None:
    backend = opened("one", Rule(operation=Operation.STREAM, effect=Effect.UNREACHABLE, nth=(2,)))
    for name in ("fgw-egov", "zfj-egov"):
        write(backend, objects(leaf(name, "one")).namespace)
    states = looked_at(observe_all({"one": backend})["one"]).states
    assert [next(states).name, next(states).name] == ["", "fgw-egov"]
    with pytest.raises(UnreachableError):
        next(states)


def test_what_is_not_handed_in_is_not_looked_at(opened: Opened) -> None:
    opened("one")
    assert observe_all({}) == {}


def test_endpoints_are_asked_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(2, timeout=60)

    class Meeting(SimulatedBackend):
        """Answers once both are asked."""

        def observe(self) -> Iterator[LeafState]:
            together.wait()
            return super().observe()

    backends = {name: Meeting.open(name, tmp_path / f"{name}.db") for name in ("one", "two")}
    assert {type(found) for found in observe_all(backends).values()} == {Observation}
    for backend in backends.values():
        backend.close()


def test_looking_writes_nothing(opened: Opened) -> None:
    backend = opened("one")
    write(backend, *objects(leaf("fgw-egov", "one")).all)

    def everything() -> list[object]:
        return list(looked_at(observe_all({"one": backend})["one"]).states)

    assert everything() == everything()


def test_an_answer_may_be_dropped_half_way(opened: Opened) -> None:
    backend = opened("one")
    write(backend, objects(leaf("fgw-egov", "one")).namespace)
    states = looked_at(observe_all({"one": backend})["one"]).states
    next(states)
    del states
    write(backend, objects(leaf("zfj-egov", "one")).namespace)
    assert len(list(looked_at(observe_all({"one": backend})["one"]).states)) == 3


def test_the_clock_says_when(opened: Opened) -> None:
    found = looked_at(observe_all({"one": opened("one")})["one"])
    assert found.taken_at.tzinfo is not None
