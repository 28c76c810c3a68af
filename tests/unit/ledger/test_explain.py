"""Why a node is full: whose limit it is, who holds it and who borrows, what is on its way."""

from __future__ import annotations

from typing import Any

import pytest

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.ledger import moves, reservations, supply
from yunjin.ledger.explain import Loan, Reason, explain
from yunjin.ledger.questions import Bound, Questions
from yunjin.model.amounts import Amounts

JTJ, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"


def reasons(hand: Hand, node: str, pool: str | None = K8S) -> tuple[Reason, ...]:
    return explain(Questions(hand.database).standing(), node, pool).reasons


@pytest.fixture
def full(hand: Hand) -> Hand:
    """Bureau jtj has 40 cores in the pool, 20 of them guaranteed: its tenants hold 30 and 10."""
    hand.allot(JTJ, cpu=25)
    hand.allot(GIS, cpu=5)
    hand.allot(BUS, cpu=10)
    return hand


def test_the_limit_in_the_way_and_who_holds_it(full: Hand) -> None:
    first, *_ = reasons(full, "tenant/bus")
    assert first.bound == Bound("bureau/jtj", K8S)
    assert first.full
    (room,) = first.rooms
    assert (room.dimension, room.limit, room.charged, room.free) == ("cpu", 40, 40, 0)
    assert [(each.node, each.charge) for each in first.holders] == [
        ("tenant/jtj", Amounts({"cpu": 30})),
        ("tenant/bus", Amounts({"cpu": 10})),
    ]
    assert sum(each.charge.of("cpu") for each in first.holders) == room.charged


def test_who_borrows_from_whom(full: Hand) -> None:
    first, *_ = reasons(full, "tenant/bus")
    assert [(loan.node, loan.lender, loan.amounts.of("cpu")) for loan in first.loans] == [
        ("tenant/jtj", "bureau/jtj", 20),
        ("tenant/bus", "bureau/jtj", 10),
        ("bureau/jtj", "city", 20),
    ]
    assert all(isinstance(loan, Loan) for loan in first.loans)


def test_what_is_full_stands_first(full: Hand) -> None:
    found = reasons(full, "bureau/jtj", None)
    assert [reason.full for reason in found] == sorted((reason.full for reason in found), reverse=True)
    rooms = {(room.pool, room.dimension) for reason in found for room in reason.rooms}
    assert rooms == {(pool, dimension) for pool in (K8S, CLOUD, "*") for dimension in ("cpu", "memory")}


def test_an_idle_guarantee_holds_too(hand: Hand) -> None:
    first, *_ = reasons(hand, "city")
    assert [(each.node, each.charge.of("cpu"), each.allotted.of("cpu")) for each in first.holders] == [
        ("bureau/jtj", 20, 10),
        ("area/dawa", 15, 5),
    ]
    assert first.loans == ()


def test_over_all_pools_the_holders_are_summed(hand: Hand) -> None:
    hand.allot(JTJ, cpu=30)
    hand.allot("leaf/o1/jtj-egov", cpu=20)
    (first,) = [reason for reason in reasons(hand, "leaf/o1/jtj-egov", None) if reason.full]
    assert first.bound == Bound("tenant/jtj", "*")
    assert [(each.node, each.charge.of("cpu")) for each in first.holders] == [
        (JTJ, 30),
        ("leaf/o1/jtj-egov", 20),
    ]


def test_what_is_on_its_way(full: Hand) -> None:
    end = "2026-11-29T01:00:00.000000+00:00"
    full(reservations.reserve, leaf=JTJ, target={"cpu": 20}, expires=end)
    full(moves.move, source=GIS, target=BUS, amounts={"cpu": 3})
    (first,) = [reason for reason in reasons(full, "tenant/bus") if reason.full]
    assert first.growing == ()
    assert [(one.leaf, one.deltas["cpu"]) for one in first.shrinking] == [(JTJ, -5), (GIS, -3)]
    assert [(one.leaf, one.deltas["cpu"]) for one in first.waiting] == [(BUS, 3)]


def test_what_is_reserved_and_may_expire(hand: Hand) -> None:
    end = "2026-11-29T01:00:00.000000+00:00"
    hand(reservations.reserve, leaf=BUS, target={"cpu": 30}, expires=end)
    (first,) = [reason for reason in reasons(hand, "tenant/bus") if reason.full]
    (one,) = first.growing
    assert (one.leaf, one.deltas, one.expires is not None) == (BUS, {"cpu": 30}, True)


def test_a_deficit_says_its_cause(full: Hand) -> None:
    less: dict[str, Any] = {"pool": K8S, "supply": {"cpu": 45}, "reserve": {}, "percent": {}}
    full(supply.set_supply, **less, cause="一台主机故障", today=DAY)
    first, *_ = reasons(full, "tenant/bus")
    assert first.bound == Bound("city", K8S, short=True)
    assert "一台主机故障" in {deficit.cause for deficit in first.deficits}
    assert {room.free for room in first.rooms} == {0}
