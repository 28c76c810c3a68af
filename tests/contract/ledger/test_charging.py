"""What an apply asks and tells the ledger, about many leaves at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from yunjin.errors import ConflictError, ShortageError
from yunjin.ledger import charging, moves, reservations
from yunjin.ledger.reclaims import open_reclaims
from yunjin.ledger.shares import opened, shares, shares_of, sources, under_way
from yunjin.model.amounts import Amounts
from yunjin.model.tenancy import Share

if TYPE_CHECKING:
    from ledgers import Hand

EGOV, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"
NOTHING = Amounts()


def reserve(hand: Hand, leaf: str, **target: int) -> None:
    hand(reservations.reserve, leaf=leaf, target=target)


def commit(hand: Hand, written: dict[str, dict[str, int]] | None = None, **targets: dict[str, int]) -> None:
    names = {"egov": EGOV, "gis": GIS, "bus": BUS}
    leaves = {
        names[name]: {"target": target, "written": (written or {}).get(name, {})}
        for name, target in targets.items()
    }
    hand(charging.commit_leaves, leaves=leaves, due="2026-12-22")


def confirm(hand: Hand, leaf: str, used: dict[str, int] | None = None, **enforced: int) -> Any:
    return hand(charging.confirm_leaves, leaves={leaf: {"enforced": enforced, "used": used or {}}})


def cpu(value: int) -> Amounts:
    return Amounts({"cpu": value})


def test_a_leaf_without_a_record_is_told_from_one_that_is_unknown(hand: Hand) -> None:
    assert opened(hand.database)
    found = shares(hand.database)
    assert found is not None
    assert found[EGOV] == Share(NOTHING, NOTHING, NOTHING)
    assert shares_of(hand.database, [EGOV, "leaf/k1/nobody"]).keys() == {EGOV}
    assert shares_of(hand.database, []) == {}


def test_in_flight_the_greater_is_charged_and_the_lesser_wanted(hand: Hand) -> None:
    hand.allot(EGOV, cpu=10, memory=5)
    reserve(hand, EGOV, cpu=4, memory=8)
    share = shares_of(hand.database, [EGOV])[EGOV]
    assert share.target == Amounts({"cpu": 4, "memory": 8})
    assert share.charged == Amounts({"cpu": 10, "memory": 8})
    assert (share.coming, share.planned) == (NOTHING, share.target)
    assert under_way(hand.database) == {EGOV}
    assert (shares(hand.database) or {})[EGOV] == share


def test_what_comes_from_elsewhere_is_planned_and_not_charged(hand: Hand) -> None:
    hand.allot(EGOV, cpu=10)
    hand(moves.move, source=EGOV, target=GIS, amounts={"cpu": 6})
    share = shares_of(hand.database, [GIS])[GIS]
    assert (share.target, share.charged, share.coming, share.planned) == (NOTHING, NOTHING, cpu(6), cpu(6))
    assert sources(hand.database) == {GIS: {EGOV}}
    assert under_way(hand.database) == {EGOV}


def test_several_leaves_are_committed_together(hand: Hand) -> None:
    reserve(hand, EGOV, cpu=3)
    reserve(hand, BUS, cpu=4)
    commit(hand, egov={"cpu": 3}, bus={"cpu": 4})
    assert {row[0] for row in hand.rows("SELECT state FROM reservations")} == {"committed"}
    assert confirm(hand, EGOV, cpu=3) == [EGOV]
    assert under_way(hand.database) == {BUS}


def test_where_one_has_moved_none_is_committed_and_it_is_named(hand: Hand) -> None:
    reserve(hand, EGOV, cpu=3)
    reserve(hand, BUS, cpu=4)
    with pytest.raises(ConflictError) as caught:
        commit(hand, egov={"cpu": 3}, bus={"cpu": 5})
    assert caught.value.facts["leaves"] == [BUS]
    assert {row[0] for row in hand.rows("SELECT state FROM reservations")} == {"reserved"}


def test_what_is_not_in_force_or_in_use_confirms_nothing(hand: Hand) -> None:
    hand.allot(EGOV, cpu=10)
    reserve(hand, EGOV, cpu=4)
    commit(hand, egov={"cpu": 4})
    assert confirm(hand, EGOV, cpu=10) == []
    assert confirm(hand, EGOV, {"cpu": 5}, cpu=4) == []
    assert hand.allotted(EGOV) == 10
    assert confirm(hand, EGOV, {"cpu": 4}, cpu=4) == [EGOV]
    assert hand.allotted(EGOV) == 4


def test_a_cut_above_what_is_asked_has_a_row_until_it_is_through(hand: Hand) -> None:
    hand.allot(EGOV, cpu=10)
    reserve(hand, EGOV, cpu=4)
    for used in (8, 6):
        commit(hand, {"egov": {"cpu": used}}, egov={"cpu": 4})
        assert confirm(hand, EGOV, cpu=used) == []
        (row,) = open_reclaims(hand.database)
        assert (row.leaf, row.asked, row.used, row.due.isoformat()) == (EGOV, 4, used, "2026-12-22")
        assert hand.allotted(EGOV) == 10
    commit(hand, egov={"cpu": 4})
    assert confirm(hand, EGOV, cpu=4) == [EGOV]
    assert open_reclaims(hand.database) == ()


def test_a_vacated_leaf_gives_back_everything_once_it_is_gone(hand: Hand) -> None:
    hand.allot(EGOV, cpu=10, memory=5)
    for run in (1, 2):  # the second run finds it vacated already
        hand(charging.vacate, leaves=[EGOV], run=run)
        assert (hand.allotted(EGOV), under_way(hand.database)) == (10, frozenset({EGOV}))
    assert confirm(hand, EGOV, cpu=0, memory=0) == [EGOV]
    assert (hand.allotted(EGOV), hand.allotted(EGOV, dimension="memory")) == (0, 0)
    hand.allot(EGOV, cpu=2)  # and may be had again


def test_what_a_confirmed_shrink_frees_may_be_had_at_once(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    hand.allot(GIS, cpu=10)  # the tenant's limit is reached
    reserve(hand, EGOV, cpu=20)
    commit(hand, egov={"cpu": 20})
    with pytest.raises(ShortageError):
        reserve(hand, GIS, cpu=11)
    confirm(hand, EGOV, cpu=20)
    reserve(hand, GIS, cpu=20)
