"""What is free can be reserved, not a unit more, and the limit named is the one that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.errors import UsageError
from yunjin.ledger import grants, reservations, supply
from yunjin.ledger.questions import Bound, Questions, Row, headroom, sheet
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAF = "leaf/k1/jtj-egov"


@pytest.fixture
def questions(hand: Hand) -> Questions:
    return Questions(hand.database)


def row_of(rows: Iterable[Row], node: str, pool: str = K8S) -> Row:
    (found,) = [row for row in rows if (row.node, row.pool) == (node, pool)]
    return found


def test_a_sheet_shows_a_node_and_all_below_it(hand: Hand, questions: Questions) -> None:
    hand.allot(LEAF, cpu=25)
    found = questions.sheet("bureau/jtj")
    assert found.parent == "city"
    own = row_of(found.rows, "bureau/jtj")
    assert (own.guarantee, own.limit.of("cpu"), own.allotted.of("cpu")) == (Amounts({"cpu": 20}), 40, 25)
    assert (own.borrowed, own.free.of("cpu")) == (Amounts({"cpu": 5}), 15)
    assert own.bounds["cpu"] == Bound("bureau/jtj", K8S)
    assert [row.pool for row in found.rows] == [K8S, CLOUD, "*"]
    assert {row.node for row in found.children} == {"tenant/jtj", "tenant/bus"}
    held = {row.node: row.allotted for row in found.leaves}
    assert {leaf: amounts for leaf, amounts in held.items() if amounts} == {LEAF: Amounts({"cpu": 25})}
    assert len(held) == 4
    assert row_of(found.leaves, LEAF).limit == {}
    assert {(each.pool, each.dimension) for each in found.supply} == {
        (pool, dimension) for pool in (K8S, CLOUD) for dimension in ("cpu", "memory")
    }


def test_a_sheet_of_one_pool_holds_nothing_of_another(hand: Hand, questions: Questions) -> None:
    hand.allot("leaf/o1/jtj-egov", cpu=5)
    found = questions.sheet("tenant/jtj", pool=CLOUD)
    assert {row.pool for row in (*found.rows, *found.children, *found.leaves)} == {CLOUD}
    assert {each.pool for each in found.supply} == {CLOUD}


def test_reservations_under_way_stand_with_their_nodes(hand: Hand, questions: Questions) -> None:
    hand.allot(LEAF, cpu=10)
    end = "2026-11-29T01:00:00.000000+00:00"
    hand(reservations.reserve, leaf=LEAF, target={"cpu": 4}, expires=end)
    (one,) = questions.sheet("tenant/jtj").reservations
    assert (one.leaf, one.state, one.deltas) == (LEAF, "reserved", {"cpu": -6})
    assert one.expires is not None
    assert one.expires.isoformat() == "2026-11-29T01:00:00+00:00"
    assert questions.sheet("area/dawa").reservations == ()


def test_a_pool_in_deficit_leaves_nothing_free(hand: Hand, questions: Questions) -> None:
    hand.allot("leaf/k1/dawa-egov", cpu=30)
    less: dict[str, Any] = {"pool": K8S, "supply": {"cpu": 45}, "reserve": {}, "percent": {}}
    hand(supply.set_supply, **less, cause="一台主机故障", today=DAY)
    found = questions.sheet("tenant/bus")
    row = row_of(found.rows, "tenant/bus")
    assert row.free.of("cpu") == 0
    assert row.bounds["cpu"] == Bound("city", K8S, short=True)
    (deficit,) = [
        each for each in questions.sheet("city").deficits if each.dimension == "cpu" and each.pool == K8S
    ]
    assert (deficit.node, deficit.amount, deficit.cause) == ("city", 5, "一台主机故障")


def test_grants_of_a_node_and_below_it_are_those_that_count(hand: Hand, questions: Questions) -> None:
    hand(grants.end_grant, number="opening/tenant/bus", cause="停用", today=DAY)
    assert [grant.number for grant in questions.grants("bureau/jtj")] == [
        "opening/bureau/jtj",
        "opening/tenant/jtj",
    ]
    assert len(questions.grants()) == 4
    first, last = questions.versions("opening/tenant/bus")
    assert (first.state, first.cause, last.state, last.cause) == ("in_force", None, "ended", "停用")
    assert first.superseded == last.recorded
    assert last.limit[K8S] == {"cpu": 40, "memory": 400}


def test_what_is_not_there_is_said_so(questions: Questions) -> None:
    with pytest.raises(UsageError, match="bureau/xyz"):
        questions.sheet("bureau/xyz")
    with pytest.raises(UsageError, match="G9"):
        questions.versions("G9")


def test_no_row_is_no_quota(questions: Questions) -> None:
    found = questions.standing()
    assert headroom(found, "leaf/k1/bus-egov", K8S, "pods") == (0, Bound("tenant/bus", K8S))
    assert sheet(found, "tenant/bus").rows[0].free.of("pods") == 0
