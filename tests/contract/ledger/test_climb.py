"""From a leaf up to the city: who is charged, where it ends, and what a refusal says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.errors import PermanentError, RefusalError, ShortageError
from yunjin.ledger import grants, reservations, supply
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.errors import JSON
    from yunjin.store.connection import Connection

EGOV, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"
IN_CLOUD, DAWA = "leaf/o1/jtj-egov", "leaf/k1/dawa-egov"


def refused(hand: Hand, leaf: str, **delta: int) -> Mapping[str, JSON]:
    """What the refusal of a reservation says, and that nothing is left of it."""
    before = hand.rows("SELECT * FROM quota_cells ORDER BY node, pool, dimension")
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf=leaf, delta=delta)
    assert hand.rows("SELECT * FROM quota_cells ORDER BY node, pool, dimension") == before
    return caught.value.facts


def test_a_reservation_is_charged_on_every_level_that_it_borrows_from(hand: Hand) -> None:
    hand.allot(EGOV, cpu=25)

    assert hand.allotted(EGOV) == 25
    assert hand.allotted("tenant/jtj") == 25  # guaranteed 10
    assert hand.allotted("bureau/jtj") == 25  # guaranteed 20
    assert hand.allotted("city") == 25 + 15  # and what is carved out for area/dawa
    assert hand.allotted("city", "*") == 40


def test_within_a_guarantee_nothing_above_it_changes(hand: Hand) -> None:
    hand.allot(EGOV, cpu=10)

    assert hand.allotted("tenant/jtj") == 10
    assert hand.allotted("bureau/jtj") == 10
    assert hand.allotted("city") == 20 + 15


def test_a_tenants_limit_in_the_pool(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)

    assert refused(hand, GIS, cpu=12) == {
        "node": "tenant/jtj",
        "pool": K8S,
        "dimension": "cpu",
        "promise": False,
        "limit": 40,
        "taken": 30,
        "asked": 12,
        "missing": 2,
        "holders": [[EGOV, 30]],
    }


def test_a_limit_over_all_pools_names_the_leaves_that_hold_it(hand: Hand) -> None:
    hand.allot(EGOV, cpu=15)
    hand.allot(GIS, cpu=15)
    hand.allot(IN_CLOUD, cpu=12)
    facts = refused(hand, IN_CLOUD, cpu=9)

    assert (facts["node"], facts["pool"], facts["limit"]) == ("tenant/jtj", "*", 50)
    assert (facts["taken"], facts["asked"], facts["missing"]) == (42, 9, 1)
    assert facts["holders"] == [[EGOV, 15], [GIS, 15], [IN_CLOUD, 12]]


def test_a_limit_further_up_names_who_holds_it_there(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    facts = refused(hand, BUS, cpu=11)

    assert (facts["node"], facts["pool"], facts["missing"]) == ("bureau/jtj", K8S, 1)
    assert facts["holders"] == [["tenant/jtj", 30]]


def test_a_holder_is_shown_with_what_it_held_before_the_refused_request(hand: Hand) -> None:
    """Part of what was asked for fits a guarantee, so the limit above sees less of it."""
    hand.allot(EGOV, cpu=5)
    hand.allot(BUS, cpu=28)
    facts = refused(hand, EGOV, cpu=8)  # 5 of it within the guarantee of tenant/jtj

    assert (facts["node"], facts["asked"], facts["missing"]) == ("bureau/jtj", 3, 1)
    assert facts["holders"] == [["tenant/bus", 28], ["tenant/jtj", 10]]


def test_what_the_city_can_carry(hand: Hand) -> None:
    hand(
        supply.set_supply,
        pool=K8S,
        supply={"cpu": 50, "memory": 500},
        reserve={},
        percent={},
        cause="x",
        today=DAY,
    )
    hand.allot(EGOV, cpu=30)
    facts = refused(hand, DAWA, cpu=21)

    assert (facts["node"], facts["limit"], facts["taken"], facts["asked"]) == ("city", 50, 45, 6)
    assert facts["holders"] == [["bureau/jtj", 30], ["area/dawa", 15]]


def test_all_dimensions_or_none(hand: Hand) -> None:
    assert refused(hand, EGOV, cpu=1, memory=401)["dimension"] == "memory"


def test_no_record_is_no_quota(hand: Hand) -> None:
    assert refused(hand, EGOV, pods=1) == {
        "node": "tenant/jtj",
        "pool": K8S,
        "dimension": "pods",
        "promise": False,
        "limit": 0,
        "taken": 0,
        "asked": 1,
        "missing": 1,
        "holders": [],
    }


def test_a_refusal_says_whose_limit_it_was_in_both_languages(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf=GIS, delta={"cpu": 12})

    assert caught.value.message.zh == (
        "tenant/jtj (k8s-egov) 的处理器配额上限为 0.04 核, 已计入 0.03 核, "
        "本次需再增加 0.012 核, 超出 0.002 核"
    )
    assert "tenant/jtj (k8s-egov): the CPU limit is 0.04 cores" in caught.value.message.en
    assert caught.value.remedy is not None


def test_a_limit_over_all_pools_is_called_so(hand: Hand) -> None:
    for leaf, cpu in ((EGOV, 15), (GIS, 15), (IN_CLOUD, 12)):
        hand.allot(leaf, cpu=cpu)
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf=IN_CLOUD, delta={"cpu": 9})

    assert caught.value.message.zh.startswith("tenant/jtj (各资源池合计) 的处理器配额上限为 0.05 核")
    assert caught.value.message.en.startswith("tenant/jtj (over all pools): the CPU limit is 0.05 cores")


def guarantee(hand: Hand, node: str, number: str, **by_pool: Any) -> Any:
    return hand(
        grants.add_grant,
        number=number,
        node=node,
        limit={**by_pool, "*": {"cpu": sum(by["cpu"] for by in by_pool.values())}},
        guarantee=by_pool,
        kind="grant",
        grantor="city",
        basis="",
        valid_from=DAY,
        valid_to=None,
        today=DAY,
    )


def test_guarantees_of_children_do_not_pass_the_parents_limit(hand: Hand) -> None:
    hand.allot(EGOV, cpu=5)
    with pytest.raises(ShortageError) as caught:
        guarantee(hand, "tenant/bus", "G1", **{K8S: {"cpu": 31}})

    facts = caught.value.facts
    assert (facts["node"], facts["pool"], facts["missing"]) == ("bureau/jtj", K8S, 1)


def test_guarantees_do_not_pass_what_really_stands_there(hand: Hand) -> None:
    """Overcommit lends: the cloud pool carries 100 but holds 50."""
    guarantee(hand, "area/dawa", "G1", **{CLOUD: {"cpu": 30}})
    with pytest.raises(ShortageError) as caught:
        guarantee(hand, "bureau/jtj", "G2", **{CLOUD: {"cpu": 21}})

    facts = caught.value.facts
    assert (facts["node"], facts["limit"], facts["taken"], facts["asked"]) == ("city", 50, 30, 21)
    assert facts["promise"] is True
    assert facts["holders"] == [["area/dawa", 30]]
    assert caught.value.message.zh == (
        "city (os-egov) 的处理器最多可保底 0.05 核, 已保底 0.03 核, 本次需再增加 0.021 核, 超出 0.001 核"
    )


def fall(hand: Hand, cpu: int, cause: str = "host 7 died") -> Any:
    return hand(
        supply.set_supply,
        pool=K8S,
        supply={"cpu": cpu, "memory": 1000},
        reserve={},
        percent={},
        cause=cause,
        today=DAY,
    )


def test_a_fall_of_supply_opens_a_deficit_that_keeps_its_first_cause(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    fall(hand, 40)
    fall(hand, 38, "host 8 died")

    assert hand.deficits() == [("city", K8S, "cpu", 7, "host 7 died")]


def test_a_pool_in_deficit_takes_no_growth_not_even_within_a_guarantee(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    fall(hand, 40)
    with pytest.raises(RefusalError) as caught:
        hand(reservations.reserve, leaf=DAWA, delta={"memory": 1})

    assert "host 7 died" in caught.value.message.zh
    assert caught.value.facts["pool"] == K8S
    assert hand(reservations.reserve, leaf=IN_CLOUD, delta={"cpu": 1})["reservation"]


def test_a_deficit_shrinks_and_closes_as_leaves_give_back(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    fall(hand, 40)
    hand.allot(EGOV, cpu=28)
    assert hand.deficits() == [("city", K8S, "cpu", 3, "host 7 died")]

    hand.allot(EGOV, cpu=25)
    assert hand.deficits() == []
    assert hand.rows("SELECT amount, closed IS NULL FROM quota_deficits") == [(0, False)]


def test_a_deficit_that_came_back_has_a_row_of_its_own(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    fall(hand, 40)
    fall(hand, 90)
    fall(hand, 41, "host 9 died")

    assert hand.deficits() == [("city", K8S, "cpu", 4, "host 9 died")]
    assert len(hand.rows("SELECT 1 FROM quota_deficits")) == 2


def test_guarantees_that_no_longer_stand_there_are_a_deficit_of_their_own(hand: Hand) -> None:
    """The cloud pool lends twice what it has: charges may fit where guarantees do not."""
    guarantee(hand, "area/dawa", "G1", **{CLOUD: {"cpu": 30}})
    hand(
        supply.set_supply,
        pool=CLOUD,
        supply={"cpu": 26, "memory": 500},
        reserve={},
        percent={"cpu": 200},
        cause="host 3 died",
        today=DAY,
    )
    assert hand.deficits() == []
    assert hand.deficits(promise=True) == [("city", CLOUD, "cpu", 4, "host 3 died")]
    with pytest.raises(RefusalError, match="in deficit"):
        hand(reservations.reserve, leaf=IN_CLOUD, delta={"cpu": 1})

    hand(grants.end_grant, number="G1", cause="withdrawn", today=DAY)
    assert hand.deficits(promise=True) == []
    assert hand(reservations.reserve, leaf=IN_CLOUD, delta={"cpu": 1})["reservation"]


@operation
def below_zero(connection: Connection, column: str) -> None:
    connection.execute(f"UPDATE quota_cells SET {column} = -1")  # noqa: S608 (a name of the test's own)


@pytest.mark.parametrize("column", ["guarantee", "nested", "limit_", "allotted"])
def test_no_counter_goes_below_zero_whoever_writes_it(hand: Hand, column: str) -> None:
    with pytest.raises(PermanentError, match="quota_cells_whole"):
        hand.database.write(below_zero, column)
