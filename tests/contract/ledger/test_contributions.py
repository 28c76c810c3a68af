"""Servers handed over: what a body gets for them, how they go home, and what that leaves behind."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.errors import ConflictError, RefusalError, ShortageError, UsageError
from yunjin.ledger import Ledger, contributions, grants, nodes, reservations, supply
from yunjin.ledger.capacity import Contribution, contributions_of
from yunjin.model.amounts import MOST

if TYPE_CHECKING:
    from clocks import Clock

EGOV = "leaf/k1/jtj-egov"
BUS = "leaf/k1/bus-egov"
GOES = "2026-12-31"


def add(hand: Hand, **other: Any) -> Any:
    """bureau/jtj hands 30 over, of which it is promised 24."""
    terms: dict[str, Any] = {
        "number": "C-1",
        "node": "bureau/jtj",
        "pool": K8S,
        "amounts": {"cpu": 30, "memory": 100},
        "factor": 80,
        "servers": "3 台机架服务器",
        "basis": "盘政办〔2026〕9号",
    }
    return hand(contributions.add_contribution, **{**terms, "today": DAY, **other})


def recall(hand: Hand, effective: str | None = GOES, today: str = DAY) -> Any:
    return hand(
        contributions.recall_contribution, number="C-1", effective=effective, basis="局务会纪要", today=today
    )


def go(hand: Hand, today: str = GOES) -> Any:
    return hand(contributions.end_contribution, number="C-1", today=today)


def record(hand: Hand) -> Contribution:
    (found,) = contributions_of(hand.database)
    return found


def figures(hand: Hand) -> list[tuple[Any, ...]]:
    """All that counts, and what stands."""
    cells = hand.rows("SELECT * FROM quota_cells ORDER BY node, pool, dimension")
    return [
        *(row for row in cells if any(row[3:])),
        *hand.rows(
            "SELECT pool, dimension, supply FROM pool_supply WHERE superseded IS NULL AND supply > 0 "
            "ORDER BY pool, dimension"
        ),
    ]


def test_supply_rises_by_what_they_carry_and_the_guarantee_by_that_times_the_factor(hand: Hand) -> None:
    answer = add(hand)
    assert answer["guarantee"] == {"cpu": 24, "memory": 80}
    assert answer["state"] == "staying"
    assert hand.cell("city", K8S)[2] == 90 + 30
    assert hand.cell("bureau/jtj", K8S) == (20 + 24, 10, 40 + 24, 10)
    assert hand.cell("bureau/jtj", "*")[2] == 60 + 24
    assert record(hand).promised.of("cpu") == 24


def test_what_does_not_come_out_even_is_rounded_down() -> None:
    assert contributions.promised({"cpu": 7, "pods": 1, "memory": 3}, 50) == {"cpu": 3, "memory": 1}


def test_it_is_promised_as_long_as_they_stay_whatever_others_take(hand: Hand) -> None:
    """The others fill the pool to its brim; what was handed over can be had all the same."""
    add(hand)
    hand.allot("leaf/k1/dawa-egov", cpu=40)
    assert hand.cell("city", K8S)[2] - hand.cell("city", K8S)[3] == 36
    hand.allot(EGOV, cpu=40)
    hand.allot(BUS, cpu=24)
    assert hand.cell("bureau/jtj", K8S)[3] == 64
    assert hand.deficits() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"factor": 0}, "折算比例"),
        ({"factor": 101}, "折算比例"),
        ({"factor": True}, "折算比例"),
        ({"amounts": {}}, "折算后为零"),
        ({"amounts": {"pods": 1}, "factor": 50}, "折算后为零"),
        ({"amounts": {"cpu": -1}}, "不能为 -1"),
        ({"amounts": {"cpu": MOST + 1}}, "处理器"),
        ({"amounts": {"cpu": MOST}}, "处理器"),  # with what stands already
        ({"amounts": {"cores": 1}}, "cores"),
        ({"servers": " "}, "设备和依据"),
        ({"basis": ""}, "设备和依据"),
        ({"node": "city"}, "全市"),
        ({"node": EGOV}, "命名空间"),
        ({"node": "bureau/nobody"}, "bureau/nobody"),
        ({"pool": "*"}, "资源池"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(hand: Hand, wrong: dict[str, Any], said: str) -> None:
    before = figures(hand)
    with pytest.raises(UsageError) as caught:
        add(hand, **wrong)
    assert said in caught.value.message.zh
    assert figures(hand) == before
    assert contributions_of(hand.database) == ()


def test_a_number_belongs_to_one_grant_or_contribution(hand: Hand) -> None:
    with pytest.raises(ConflictError):
        add(hand, number="opening/tenant/bus")
    assert [add(hand, number="")["contribution"] for _ in range(2)] == ["C-2026-0001", "C-2026-0002"]


def test_a_body_below_another_needs_that_ones_limit(hand: Hand) -> None:
    """tenant/jtj may have 40, as its bureau: neither gets more by what stands below."""
    before = figures(hand)
    with pytest.raises(ShortageError) as caught:
        add(hand, node="tenant/jtj")
    assert caught.value.facts["node"] == "bureau/jtj"
    assert figures(hand) == before


def test_its_grant_is_neither_renewed_nor_ended_by_itself(hand: Hand) -> None:
    add(hand)
    with pytest.raises(RefusalError, match="stays as long as the servers do") as caught:
        hand(grants.end_grant, number="C-1", cause="withdrawn", today=DAY)
    assert "yunjin contribution recall C-1" in str(caught.value.remedy and caught.value.remedy.zh)
    with pytest.raises(RefusalError):
        hand(grants.renew_grant, number="C-1", valid_to=GOES, basis="", today=DAY)


def test_a_recall_changes_nothing_before_its_day(hand: Hand) -> None:
    add(hand)
    before = figures(hand)
    assert recall(hand)["state"] == "recalled"
    assert go(hand, "2026-12-30")["state"] == "recalled"
    assert figures(hand) == before
    assert (record(hand).state, record(hand).effective) == ("recalled", date(2026, 12, 31))
    assert hand.rows("SELECT valid_to FROM grants WHERE number = 'C-1' AND superseded IS NULL") == [(GOES,)]


def test_on_their_day_supply_and_guarantee_fall_together(hand: Hand) -> None:
    before = figures(hand)
    add(hand)
    recall(hand)
    assert go(hand)["state"] == "gone"
    assert figures(hand) == before
    assert hand.rows("SELECT * FROM quota_deficits") == []
    assert record(hand).state == "gone"
    assert go(hand)["state"] == "gone"
    assert figures(hand) == before


def test_servers_that_go_today_are_gone_at_once(hand: Hand) -> None:
    before = figures(hand)
    add(hand)
    assert recall(hand, DAY)["state"] == "gone"
    assert figures(hand) == before


def test_what_is_still_used_then_is_a_deficit_that_names_them(hand: Hand) -> None:
    add(hand)
    hand.allot(EGOV, cpu=40)
    hand.allot(BUS, cpu=20)
    hand.allot("leaf/k1/dawa-egov", cpu=40)
    recall(hand)
    go(hand)

    assert hand.allotted(EGOV) == 40  # nothing is taken away
    assert hand.deficits() == [
        ("bureau/jtj", K8S, "cpu", 20, "gone/C-1"),
        ("city", K8S, "cpu", 10, "gone/C-1"),
    ]
    with pytest.raises(RefusalError) as caught:
        hand(reservations.reserve, leaf=BUS, delta={"cpu": 1})
    assert "移交设备 C-1 已收回" in caught.value.message.zh
    assert hand.rows("SELECT kind, subject, done FROM clocks") == [("reclaim", "C-1", None)]


def test_a_recall_can_be_called_off(hand: Hand) -> None:
    add(hand)
    recall(hand)
    assert recall(hand, None)["state"] == "staying"
    assert go(hand)["state"] == "staying"
    assert hand.rows("SELECT valid_to FROM grants WHERE number = 'C-1' AND superseded IS NULL") == [(None,)]
    assert hand.cell("bureau/jtj", K8S)[0] == 44


@pytest.mark.parametrize(("effective", "today"), [("2026-11-21", DAY), (GOES, "2027-01-01")])
def test_servers_do_not_go_yesterday(hand: Hand, effective: str, today: str) -> None:
    add(hand)
    with pytest.raises(UsageError):
        recall(hand, effective, today)


def test_servers_that_have_gone_are_not_recalled(hand: Hand) -> None:
    add(hand)
    recall(hand, DAY)
    with pytest.raises(RefusalError):
        recall(hand)
    with pytest.raises(UsageError, match="there is no contribution C-404"):
        hand(contributions.recall_contribution, number="C-404", effective=None, basis="", today=DAY)


def test_what_died_meanwhile_does_not_leave_a_second_time(hand: Hand) -> None:
    add(hand, pool=CLOUD, amounts={"cpu": 30})
    hand(supply.change_supply, pool=CLOUD, delta={"cpu": -70}, cause="fire", today=DAY)
    recall(hand, DAY)
    assert hand.rows(
        "SELECT supply FROM pool_supply WHERE pool = ? AND dimension = 'cpu' AND superseded IS NULL", CLOUD
    ) == [(0,)]


def short_pool(hand: Hand) -> None:
    """80 are charged; of 80 that stand 10 are kept back."""
    hand.allot(EGOV, cpu=40)
    hand.allot("leaf/k1/dawa-egov", cpu=40)
    hand(supply.change_supply, pool=K8S, delta={"cpu": -20}, cause="host 7 died", today=DAY)
    assert hand.deficits() == [("city", K8S, "cpu", 10, "host 7 died")]


def test_servers_that_come_in_a_deficit_count_at_once_and_the_promise_waits(hand: Hand) -> None:
    short_pool(hand)
    assert add(hand, amounts={"cpu": 5})["state"] == "waiting"
    assert hand.deficits() == [("city", K8S, "cpu", 5, "host 7 died")]
    assert hand.cell("bureau/jtj", K8S)[0] == 20
    assert hand.rows("SELECT 1 FROM grants WHERE number = 'C-1'") == []
    with pytest.raises(RefusalError):
        hand(contributions.promise_contribution, number="C-1", today=DAY)


def test_the_promise_follows_when_it_fits(hand: Hand, clock: Clock) -> None:
    short_pool(hand)
    add(hand, amounts={"cpu": 5})
    hand(supply.change_supply, pool=K8S, delta={"cpu": 20}, cause="host 7 repaired", today=DAY)
    ledger = Ledger(hand.database, clock, "controller")
    assert ledger.advance(date(2026, 11, 23)).done == ("C-1",)
    assert record(hand).state == "staying"
    assert hand.cell("bureau/jtj", K8S)[0] == 24
    assert ledger.advance(date(2026, 11, 24)).done == ()


def test_servers_that_never_got_their_promise_go_home_too(hand: Hand) -> None:
    short_pool(hand)
    add(hand, amounts={"cpu": 5})
    recall(hand)
    go(hand)
    assert hand.deficits() == [("city", K8S, "cpu", 10, "host 7 died")]
    assert record(hand).state == "gone"


def test_what_waits_and_is_recalled_and_kept_waits_again(hand: Hand) -> None:
    short_pool(hand)
    add(hand, amounts={"cpu": 5})
    recall(hand)
    assert recall(hand, None)["state"] == "waiting"


def test_the_list_says_what_stands_on_a_day(hand: Hand) -> None:
    add(hand)
    recall(hand)
    go(hand)
    assert [each.number for each in contributions_of(hand.database, date(2026, 12, 30))] == ["C-1"]
    assert contributions_of(hand.database, date(2026, 12, 31)) == ()
    assert contributions_of(hand.database, date(2026, 11, 21)) == ()


def test_a_node_with_servers_in_a_pool_does_not_end(hand: Hand) -> None:
    hand(nodes.add_node, node="bureau/new", parent="city", pool=None, today=DAY)
    add(hand, node="bureau/new")
    with pytest.raises(ConflictError):
        hand(nodes.end_node, node="bureau/new", today=DAY)
