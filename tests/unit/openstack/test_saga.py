"""What three services hold after a write over all of them, wherever it fails."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    Text,
    TransientError,
    UnreachableError,
    YunjinError,
)
from yunjin.substrates.openstack.saga import Step, run

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES = ("compute", "network", "volume")
OLD, NEW = {"a": 1}, {"a": 2}
SAID = Text("服务说不", "the service says no")

# What a call does: None: its work; else an error, and whether the work was done all the same.
Fault = tuple[type[YunjinError], bool] | None
DEFINITE: tuple[Fault, ...] = tuple((kind, False) for kind in (ConflictError, RefusalError, PermanentError))
UNSURE: tuple[Fault, ...] = tuple(product((TransientError, UnreachableError), (False, True)))
FAULTS = (*DEFINITE, *UNSURE)


class Services:
    """Three services that do what they are told, but for the calls that meet a fault."""

    def __init__(self, faults: Mapping[int, Fault], old: Mapping[str, int] | None = OLD) -> None:
        self.held: dict[str, Mapping[str, int] | None] = dict.fromkeys(SERVICES, old)
        self.calls: list[tuple[str, Mapping[str, int] | None]] = []
        self._faults = faults

    def steps(self) -> list[Step]:
        """From what they hold to `NEW`."""
        return [Step(name, self.held[name], NEW, partial(self._write, name)) for name in SERVICES]

    def _write(self, name: str, figures: Mapping[str, int] | None) -> None:
        fault = self._faults.get(len(self.calls))
        self.calls.append((name, figures))
        if fault is None or fault[1]:
            self.held[name] = figures
        if fault is not None:
            raise fault[0](SAID)


def test_all_are_written_in_order() -> None:
    services = Services({})
    run("key", services.steps())
    assert services.calls == [(name, NEW) for name in SERVICES]
    assert services.held == dict.fromkeys(SERVICES, NEW)


def test_what_stands_already_is_not_called() -> None:
    services = Services({})
    services.held["network"] = NEW
    run("key", services.steps())
    assert services.calls == [("compute", NEW), ("volume", NEW)]
    again = Services({}, old=NEW)
    run("key", again.steps())
    assert again.calls == []


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("fault", DEFINITE)
def test_a_plain_no_leaves_all_as_before(position: int, fault: tuple[type[YunjinError], bool]) -> None:
    services = Services({position: fault})
    with pytest.raises(fault[0]) as raised:
        run("key", services.steps())
    assert raised.value.message == SAID
    assert services.held == dict.fromkeys(SERVICES, OLD)
    back = [(name, OLD) for name in reversed(SERVICES[:position])]
    assert services.calls[position + 1 :] == back


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("fault", UNSURE)
def test_one_that_may_have_been_written_is_put_back_too(
    position: int, fault: tuple[type[YunjinError], bool]
) -> None:
    services = Services({position: fault})
    with pytest.raises(fault[0]) as raised:
        run("key", services.steps())
    assert "in_doubt" not in raised.value.facts
    assert services.held == dict.fromkeys(SERVICES, OLD)
    back = [(name, OLD) for name in reversed(SERVICES[: position + 1])]
    assert services.calls[position + 1 :] == back


@pytest.mark.parametrize(("position", "failing"), [(1, 0), (2, 0), (2, 1)])
@pytest.mark.parametrize("first", DEFINITE)
@pytest.mark.parametrize("second", DEFINITE)
def test_one_that_cannot_be_put_back_is_in_doubt_and_the_others_go_back(
    position: int, failing: int, first: Fault, second: Fault
) -> None:
    services = Services({position: first, position + 1 + (position - 1 - failing): second})
    with pytest.raises(TransientError, match="in doubt") as raised:
        run("cloud/leaf/Quota/yunjin", services.steps())
    held = {name: NEW if index == failing else OLD for index, name in enumerate(SERVICES)}
    assert services.held == held
    told = {name: "new" if held[name] == NEW else "old" for name in SERVICES}
    assert raised.value.facts["in_doubt"] == told
    for text in (raised.value.message.zh, raised.value.message.en):
        assert "cloud/leaf/Quota/yunjin" in text
        assert [name for name in SERVICES if name in text] == [SERVICES[failing]]
    assert raised.value.remedy is not None
    assert isinstance(raised.value.__cause__, YunjinError)


def test_the_services_defaults_are_put_back_as_none() -> None:
    services = Services({2: DEFINITE[0]}, old=None)
    with pytest.raises(ConflictError):
        run("key", services.steps())
    assert services.held == dict.fromkeys(SERVICES)
    assert services.calls[3:] == [("network", None), ("compute", None)]


def test_the_hint_when_to_repeat_is_kept() -> None:
    def limited(figures: Mapping[str, int] | None) -> None:
        raise TransientError(SAID, retry_after=7.0)

    with pytest.raises(TransientError) as raised:
        run("key", [Step("compute", OLD, NEW, limited)])
    assert raised.value.facts["in_doubt"] == {"compute": "unknown"}
    assert raised.value.retry_after == 7.0


def test_what_an_earlier_run_left_half_done_is_driven_forward() -> None:
    services = Services({2: UNSURE[0], 3: UNSURE[0], 4: UNSURE[0], 5: UNSURE[0]})
    with pytest.raises(TransientError, match="in doubt"):
        run("key", services.steps())
    assert services.held == {"compute": NEW, "network": NEW, "volume": OLD}
    run("key", services.steps())
    assert services.held == dict.fromkeys(SERVICES, NEW)


@given(
    st.dictionaries(st.integers(0, 5), st.sampled_from(FAULTS)),
    st.fixed_dictionaries({name: st.sampled_from((OLD, NEW, None)) for name in SERVICES}),
)
def test_the_end_is_new_or_old_or_said_to_be_in_doubt(
    faults: Mapping[int, Fault], old: Mapping[str, Mapping[str, int] | None]
) -> None:
    services = Services(faults)
    services.held = dict(old)
    error = _ended(services)
    if error is None:
        assert services.held == dict.fromkeys(SERVICES, NEW)
        return
    told = error.facts.get("in_doubt", dict.fromkeys(SERVICES, "old"))
    assert isinstance(told, dict)
    assert isinstance(error, TransientError) or set(told.values()) == {"old"}
    for name in SERVICES:
        allowed = {"old": (old[name],), "new": (NEW,), "unknown": (old[name], NEW)}[told[name]]
        assert services.held[name] in allowed


def _ended(services: Services) -> YunjinError | None:
    try:
        run("key", services.steps())
    except YunjinError as error:
        return error
    return None
