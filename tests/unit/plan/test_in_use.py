"""A quota is not cut below what is used, nor left above what is charged; what is held back is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning import DAY, ENDPOINT, NOON, TRANSLATOR, Member, city, observed, provide
from yunjin.model.amounts import CPU, Amounts
from yunjin.model.change import Binding, Hold
from yunjin.model.resources import Holding, Key
from yunjin.model.tenancy import Share
from yunjin.plan import make_plan
from yunjin.plan.endpoint import _in_use

if TYPE_CHECKING:
    from yunjin.model.change import Plan
    from yunjin.substrates.simulated.backend import SimulatedBackend

JTJ = Member("jtj")
QUOTA = Key(ENDPOINT, "jtj-egov", "ResourceQuota", "yunjin")
LEAF = city(JTJ).leaves(DAY)[0]


def _share(target: int, charged: int, coming: int = 0) -> Share:
    of = LEAF.allotted
    return Share(
        Amounts({**of, CPU: target}), Amounts({**of, CPU: charged}), Amounts({CPU: coming} if coming else {})
    )


def _plan(backend: SimulatedBackend, share: Share) -> Plan:
    return make_plan(
        city(JTJ),
        DAY,
        observed(backend),
        {ENDPOINT: TRANSLATOR},
        {ENDPOINT: Binding("kubernetes", "simulated", NOON)},
        {JTJ.node: share},
    )


@pytest.fixture
def used(backend: SimulatedBackend) -> SimulatedBackend:
    """A namespace of 4 cores of which 3 are in use."""
    provide(city(JTJ), backend)
    backend.consume("jtj-egov", {"requests.cpu": "3"})
    return backend


def _planned(plan: Plan) -> str | None:
    for change in plan.changes:
        if change.key == QUOTA and change.body is not None:
            return str(change.body["spec"]["hard"]["requests.cpu"])
    return None


def test_a_cut_within_what_is_free_is_made_whole(used: SimulatedBackend) -> None:
    plan = _plan(used, _share(3000, 4000))
    assert (_planned(plan), plan.held) == ("3", ())


def test_a_cut_below_use_goes_down_to_use_and_says_so(used: SimulatedBackend) -> None:
    plan = _plan(used, _share(1000, 4000))
    assert _planned(plan) == "3"
    (held,) = plan.held
    assert (held.leaf, held.tenant, held.hold) == ("jtj-egov", "jtj", Hold.IN_USE)
    assert "1 核" in held.reason.zh
    assert "3 核" in held.reason.zh
    assert "1 core" in held.reason.en


def test_it_is_said_as_long_as_it_lasts_though_nothing_changes(used: SimulatedBackend) -> None:
    for change in _plan(used, _share(1000, 4000)).changes:
        used.write(change, used.read([change.key])[change.key])
    plan = _plan(used, _share(1000, 4000))
    assert (plan.changes, [held.hold for held in plan.held]) == ((), [Hold.IN_USE])
    used.consume("jtj-egov", {"requests.cpu": "1"})
    assert (_planned(_plan(used, _share(1000, 4000))), plan.unchanged) == ("1", 12)


def test_what_others_raised_beyond_the_ledger_is_no_reason_to_leave_it(used: SimulatedBackend) -> None:
    used.edit(QUOTA, {("spec", "hard", "requests.cpu"): "9"})
    used.consume("jtj-egov", {"requests.cpu": "7"})
    plan = _plan(used, _share(4000, 4000))
    assert (_planned(plan), plan.held) == ("4", ())


def test_a_dimension_is_cut_while_another_waits(used: SimulatedBackend) -> None:
    share = _share(1000, 4000)
    plan = _plan(used, replace(share, target=Amounts({**share.target, "pods": 10})))
    (change,) = (change for change in plan.changes if change.key == QUOTA)
    assert change.body is not None
    assert (change.body["spec"]["hard"]["requests.cpu"], change.body["spec"]["hard"]["pods"]) == ("3", "10")


def test_use_that_nobody_counted_yet_holds_nothing_back(backend: SimulatedBackend) -> None:
    backend.freeze()
    provide(city(JTJ), backend)
    assert _planned(_plan(backend, _share(1000, 4000))) == "1"


def test_what_comes_from_elsewhere_is_part_of_the_plan(used: SimulatedBackend) -> None:
    assert _planned(_plan(used, _share(4000, 4000, coming=2000))) == "6"


def test_a_leaf_without_a_record_gets_nothing(backend: SimulatedBackend) -> None:
    plan = make_plan(
        city(JTJ),
        DAY,
        observed(backend),
        {ENDPOINT: TRANSLATOR},
        {ENDPOINT: Binding("kubernetes", "simulated", NOON)},
        {},
    )
    assert _planned(plan) == "0"


FIGURE = st.integers(0, 9)


@given(granted=FIGURE, used=FIGURE, charged=FIGURE, asked=FIGURE)
def test_what_is_kept_lies_between_what_is_asked_and_what_is_charged(
    granted: int, used: int, charged: int, asked: int
) -> None:
    leaf = replace(LEAF, allotted=Amounts({CPU: asked}), charged=Amounts({CPU: charged}))
    holding = Holding(Amounts({CPU: granted}), Amounts({CPU: granted}), Amounts({CPU: used}))
    kept = _in_use(leaf, holding)
    written = kept.get(CPU, asked)
    assert written >= asked
    if kept:
        assert asked < written <= min(granted, charged)
        assert written == min(granted, used, charged)
    elif granted > asked:  # it shrinks, and nothing that is used and charged stands above what is asked
        assert min(granted, used, charged) <= asked
