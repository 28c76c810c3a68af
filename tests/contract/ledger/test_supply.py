"""What a pool can carry: figures that cannot be meant, falls that open deficits, rises that close them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ledgers import CLOUD, DAY, K8S, By, Hand
from yunjin.errors import RefusalError, UsageError
from yunjin.ledger import grants, reservations, supply
from yunjin.model.amounts import MOST

if TYPE_CHECKING:
    from clocks import Clock

EGOV = "leaf/k1/jtj-egov"
DAWA = "leaf/k1/dawa-egov"
BUS = "leaf/k1/bus-egov"
NOW: dict[str, Any] = {"supply": {"cpu": 100, "memory": 1000}, "reserve": {"cpu": 10}, "percent": {}}


def change(hand: Hand, cause: str = "host 7 died", pool: str = K8S, **figures: By) -> Any:
    return hand(supply.change_supply, pool=pool, cause=cause, today=DAY, **figures)


def state(hand: Hand, pool: str = K8S, dimension: str = "cpu") -> tuple[Any, ...]:
    """Supply, reserve and percent that count now."""
    return hand.rows(
        "SELECT supply, reserve, percent FROM pool_supply "
        "WHERE pool = ? AND dimension = ? AND superseded IS NULL",
        pool,
        dimension,
    )[0]


def test_the_bound_is_what_is_left_after_the_reserve_times_the_ratio_rounded_down() -> None:
    assert supply.bound(640, 64, 125) == 720
    assert supply.bound(7, 0, 50) == 3
    assert supply.bound(10, 20, 300) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"supply": {"cpu": -1}}, "不能为 -1"),
        ({"supply": {"cpu": MOST + 1}}, "处理器"),
        ({"supply": {"cpu": True}}, "处理器"),
        ({"supply": {"cpu": "4"}}, "处理器"),
        ({"supply": {"cores": 4}}, "cores"),
        ({"reserve": {"cpu": -1}}, "处理器"),
        ({"reserve": {"gold": 1}}, "gold"),
        ({"percent": {"cpu": -1}}, "超分比例"),
        ({"percent": {"cpu": 1001}}, "超分比例"),
        ({"supply": {"cpu": MOST}, "percent": {"cpu": 200}}, "处理器"),
        ({"cause": "  "}, "原因"),
        ({"cause": "two\nlines"}, "原因"),
        ({"pool": "*"}, "资源池"),
        ({"pool": ""}, "资源池"),
    ],
)
def test_a_supply_that_cannot_be_meant_changes_nothing(hand: Hand, wrong: dict[str, Any], said: str) -> None:
    before = hand.rows("SELECT * FROM pool_supply"), hand.rows("SELECT * FROM quota_cells")
    with pytest.raises(UsageError) as caught:
        hand(supply.set_supply, **{"pool": K8S, "cause": "counted", "today": DAY, **NOW, **wrong})
    assert said in caught.value.message.zh
    assert (hand.rows("SELECT * FROM pool_supply"), hand.rows("SELECT * FROM quota_cells")) == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"delta": {"cpu": -101}}, "不能减少这么多"),
        ({"delta": {"pods": -1}}, "不能减少这么多"),
        ({"delta": {"cores": 1}}, "cores"),
        ({"reserve": {"cpu": -1}}, "不能为 -1"),
    ],
)
def test_a_pool_cannot_lose_more_than_it_has(hand: Hand, wrong: dict[str, By], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        hand(supply.change_supply, pool=K8S, cause="host 7 died", today=DAY, **wrong)
    assert said in caught.value.message.zh
    assert state(hand) == (100, 10, 100)


def test_a_pool_can_lose_all_it_has(hand: Hand) -> None:
    change(hand, delta={"cpu": -100})
    assert state(hand) == (0, 10, 100)


def test_a_change_leaves_the_rest_as_it_was(hand: Hand) -> None:
    change(hand, delta={"cpu": -20})
    assert state(hand) == (80, 10, 100)
    assert state(hand, dimension="memory") == (1000, 0, 100)
    assert hand.cell("city", K8S)[2] == 70

    change(hand, "reserve lowered", reserve={"cpu": 0}, percent={"cpu": 150})
    assert state(hand) == (80, 0, 150)
    assert hand.cell("city", K8S)[2] == 120


def test_over_all_pools_the_city_has_the_sum(hand: Hand) -> None:
    assert hand.cell("city", "*")[2] == 90 + 100
    change(hand, delta={"cpu": -20})
    change(hand, pool=CLOUD, delta={"cpu": 5})
    assert hand.cell("city", "*")[2] == 70 + 110


def test_what_is_not_stated_is_gone_and_what_was_is_kept_on_record(hand: Hand) -> None:
    hand(supply.set_supply, pool=K8S, supply={"cpu": 100}, reserve={}, percent={}, cause="counted", today=DAY)
    assert hand.cell("city", K8S, "memory")[2] == 0
    assert hand.cell("city", K8S)[2] == 100
    old = hand.rows(
        "SELECT supply, cause FROM pool_supply WHERE pool = ? AND dimension = 'memory' ORDER BY id", K8S
    )
    assert old == [(1000, "opening"), (0, "counted")]


def test_figures_that_stay_get_no_new_row(hand: Hand) -> None:
    hand(supply.set_supply, pool=K8S, cause="counted again", today=DAY, **NOW)
    assert hand.rows("SELECT COUNT(*) FROM pool_supply WHERE cause = 'counted again'") == [(0,)]


def test_a_fall_below_what_is_charged_opens_a_deficit_with_cause_and_time(hand: Hand, clock: Clock) -> None:
    hand.allot(EGOV, cpu=35)
    clock.advance(3600)
    answer = change(hand, delta={"cpu": -45})

    assert answer["deficits"] == {"cpu": 5}
    assert hand.rows("SELECT node, pool, dimension, amount, cause, opened, closed FROM quota_deficits") == [
        ("city", K8S, "cpu", 5, "host 7 died", "2026-11-22T02:00:00.000000+00:00", None)
    ]


@pytest.mark.parametrize("leaf", [EGOV, DAWA])
def test_a_pool_in_deficit_takes_no_growth_not_even_of_an_idle_guarantee(hand: Hand, leaf: str) -> None:
    hand.allot(EGOV, cpu=35)
    change(hand, delta={"cpu": -45})

    for delta in ({"cpu": 1}, {"memory": 1}):
        with pytest.raises(RefusalError) as caught:
            hand(reservations.reserve, leaf=leaf, delta=delta)
        assert "k8s-egov 自 2026-11-22 起欠额(host 7 died)" in caught.value.message.zh
        assert "yunjin supply relief k8s-egov" in str(caught.value.remedy and caught.value.remedy.zh)
    hand(reservations.reserve, leaf="leaf/o1/dawa-egov", delta={"cpu": 1})  # another pool


def test_a_shrink_is_taken_in_a_deficit_and_closes_it(hand: Hand) -> None:
    hand.allot(EGOV, cpu=35)
    change(hand, delta={"cpu": -45})
    hand.allot(EGOV, cpu=30)

    assert hand.deficits() == []
    hand(reservations.reserve, leaf=DAWA, delta={"cpu": 1})


def test_a_rise_of_supply_closes_a_deficit(hand: Hand) -> None:
    hand.allot(EGOV, cpu=35)
    change(hand, delta={"cpu": -45})
    assert change(hand, "host 7 repaired", delta={"cpu": 4})["deficits"] == {"cpu": 1}
    assert change(hand, "host 8 repaired", delta={"cpu": 4})["deficits"] == {}
    assert hand.rows("SELECT amount, closed IS NULL FROM quota_deficits") == [(0, False)]


def test_guarantees_above_what_stands_are_a_deficit_of_their_own(hand: Hand) -> None:
    """At 400 % the charges fit; that 35 are guaranteed while 30 stand is said all the same."""
    change(hand, "bold", percent={"cpu": 400})
    answer = change(hand, delta={"cpu": -60})

    assert (answer["deficits"], answer["promises"]) == ({}, {"cpu": 5})
    assert hand.rows("SELECT promise, amount, cause FROM quota_deficits WHERE closed IS NULL") == [
        (1, 5, "host 7 died")
    ]
    with pytest.raises(RefusalError):
        hand(reservations.reserve, leaf=BUS, delta={"cpu": 1})


def test_a_deficit_of_guarantees_closes_when_a_guarantee_ends(hand: Hand) -> None:
    change(hand, "bold", percent={"cpu": 400})
    change(hand, delta={"cpu": -60})
    hand(grants.end_grant, number="opening/tenant/dawa", cause="given up", today=DAY)
    assert hand.rows("SELECT amount FROM quota_deficits WHERE promise = 1 AND closed IS NULL") == [(5,)]
    hand(grants.end_grant, number="opening/area/dawa", cause="given up", today=DAY)
    assert hand.rows("SELECT 1 FROM quota_deficits WHERE promise = 1 AND closed IS NULL") == []


def test_less_reserve_for_the_same_bound_is_still_seen_by_the_guarantees(hand: Hand) -> None:
    """At 0 % the bound is 0 whatever stands; what stands for guarantees changes all the same."""
    change(hand, "nothing lent", percent={"cpu": 0})
    answer = change(hand, delta={"cpu": -70})
    assert answer["promises"] == {"cpu": 15}
    assert change(hand, "less kept back", reserve={"cpu": 0})["promises"] == {"cpu": 5}


def test_a_deficit_keeps_the_cause_that_opened_it_and_every_fall_is_on_record(hand: Hand) -> None:
    hand.allot(EGOV, cpu=35)
    change(hand, delta={"cpu": -45})
    change(hand, "host 8 died", delta={"cpu": -10})

    assert hand.deficits() == [("city", K8S, "cpu", 15, "host 7 died")]
    causes = hand.rows("SELECT cause FROM pool_supply WHERE pool = ? AND dimension = 'cpu' ORDER BY id", K8S)
    assert [cause for (cause,) in causes] == ["opening", "host 7 died", "host 8 died"]


def test_a_repeated_request_is_carried_out_once(hand: Hand) -> None:
    again = hand.request(pool=K8S, delta={"cpu": -5}, cause="host 7 died", today=DAY)
    first = hand.database.write(supply.change_supply, again)
    assert hand.database.write(supply.change_supply, again) == first
    assert state(hand) == (95, 10, 100)
