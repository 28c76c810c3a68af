"""Reserve, commit, confirm, release, expire: what is charged at every moment, and every refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import DAY, K8S, Hand
from yunjin.errors import ConflictError, RefusalError, UsageError
from yunjin.ledger import nodes, reservations
from yunjin.model.amounts import MOST
from yunjin.store.times import text

if TYPE_CHECKING:
    from clocks import Clock

LEAF, OTHER = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis"


def reserve(hand: Hand, leaf: str = LEAF, **delta: int) -> int:
    return int(hand(reservations.reserve, leaf=leaf, delta=delta)["reservation"])


def commit(hand: Hand, **target: int) -> Any:
    return hand(reservations.commit, leaf=LEAF, target=target)


def confirm(hand: Hand, used: dict[str, int] | None = None, **enforced: int) -> Any:
    return hand(reservations.confirm, leaf=LEAF, enforced=enforced, used=used or {})


def release(hand: Hand, number: int, **enforced: int) -> Any:
    return hand(reservations.release, reservation=number, enforced=enforced)


def target(hand: Hand) -> Any:
    """What the leaf shall hold once all is through."""
    return hand(reservations.reserve, leaf=LEAF, delta={})["target"]


def test_growth_counts_from_the_moment_it_is_reserved(hand: Hand) -> None:
    number = reserve(hand, cpu=5)

    assert (hand.state(number), hand.allotted(LEAF)) == ("reserved", 5)
    assert commit(hand, cpu=5) == [number]
    assert (hand.state(number), hand.allotted(LEAF)) == ("committed", 5)
    assert confirm(hand, cpu=5) == [number]
    assert (hand.state(number), hand.allotted(LEAF)) == ("confirmed", 5)


def test_a_shrink_counts_once_the_backend_was_seen_lowered(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10)
    number = reserve(hand, cpu=-4)

    assert (hand.allotted(LEAF), target(hand)) == (10, {"cpu": 6})
    commit(hand, cpu=6)
    assert confirm(hand, cpu=10) == []
    assert (hand.state(number), hand.allotted(LEAF)) == ("committed", 10)
    assert confirm(hand, cpu=6) == [number]
    assert hand.allotted(LEAF) == 6


def test_a_shrink_waits_for_use_to_fall_below_it(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10)
    number = reserve(hand, cpu=-4)
    commit(hand, cpu=6)

    assert confirm(hand, {"cpu": 7}, cpu=6) == []
    assert hand.allotted(LEAF) == 10
    assert confirm(hand, {"cpu": 6}, cpu=6) == [number]


def test_growth_does_not_wait_for_use(hand: Hand) -> None:
    """What runs may be above a new figure only where the figure fell."""
    number = reserve(hand, cpu=5)
    commit(hand, cpu=5)

    assert confirm(hand, {"cpu": 9}, cpu=5) == [number]


def test_what_the_backend_does_not_show_is_not_in_force(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10)
    reserve(hand, cpu=-10)
    commit(hand, cpu=0)

    assert confirm(hand) == []
    assert len(confirm(hand, cpu=0)) == 1


def test_a_dimension_that_nobody_changes_does_not_hold_up_the_others(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10, memory=100)
    number = reserve(hand, cpu=2)
    commit(hand, cpu=12, memory=100)

    assert confirm(hand, cpu=12, memory=400) == [number]


def test_one_reservation_may_raise_one_dimension_and_lower_another(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10, memory=100)
    number = reserve(hand, cpu=5, memory=-60)

    assert (hand.allotted(LEAF), hand.allotted(LEAF, dimension="memory")) == (15, 100)
    commit(hand, cpu=15, memory=40)
    assert confirm(hand, {"memory": 50}, cpu=15, memory=40) == []
    assert confirm(hand, {"memory": 40}, cpu=15, memory=40) == [number]
    assert (hand.allotted(LEAF), hand.allotted(LEAF, dimension="memory")) == (15, 40)


def test_a_target_that_is_reached_already_reserves_nothing(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10)
    made = hand(reservations.reserve, leaf=LEAF, target={"cpu": 10})

    assert made == {"reservation": None, "target": {"cpu": 10}, "counted": []}
    assert commit(hand, cpu=10) == []
    assert confirm(hand, cpu=10) == []
    assert hand(reservations.reserve, leaf=LEAF, delta={"cpu": 0}) == made


def test_a_target_counts_from_what_is_under_way(hand: Hand) -> None:
    reserve(hand, cpu=5)
    made = hand(reservations.reserve, leaf=LEAF, target={"cpu": 3, "memory": 8})

    assert made["target"] == {"cpu": 3, "memory": 8}
    assert (hand.allotted(LEAF), hand.allotted(LEAF, dimension="memory")) == (5, 8)


def test_a_commit_takes_all_that_is_open_and_nothing_else(hand: Hand) -> None:
    first, second = reserve(hand, cpu=5), reserve(hand, cpu=-2)
    with pytest.raises(ConflictError):
        commit(hand, cpu=5)
    with pytest.raises(ConflictError):
        commit(hand, cpu=3, memory=1)

    assert commit(hand, cpu=3) == [first, second]
    assert commit(hand, cpu=3) == []
    assert confirm(hand, cpu=3) == [first, second]
    assert hand.allotted(LEAF) == 3


def test_what_is_reserved_after_a_commit_waits_for_the_next(hand: Hand) -> None:
    first = reserve(hand, cpu=5)
    commit(hand, cpu=5)
    second = reserve(hand, cpu=2)

    assert confirm(hand, cpu=5) == [first]
    assert (hand.allotted(LEAF), hand.state(second)) == (7, "reserved")


def test_a_reservation_that_was_never_written_can_be_given_up(hand: Hand) -> None:
    number = reserve(hand, cpu=5)
    release(hand, number)

    assert (hand.state(number), hand.allotted(LEAF), hand.allotted("tenant/jtj")) == ("released", 0, 0)


def test_a_second_release_frees_nothing_more(hand: Hand) -> None:
    reserve(hand, cpu=7)
    number = reserve(hand, cpu=5)
    release(hand, number)

    assert release(hand, number) == {"reservation": number, "counted": []}
    assert hand.allotted(LEAF) == 7


def test_what_was_written_is_released_only_once_the_backend_is_seen_without_it(hand: Hand) -> None:
    hand.allot(LEAF, cpu=3)
    number = reserve(hand, cpu=5)
    commit(hand, cpu=8)
    with pytest.raises(RefusalError, match="not seen without it"):
        hand(reservations.release, reservation=number)
    with pytest.raises(RefusalError, match="not seen without it"):
        release(hand, number, cpu=4)

    release(hand, number, cpu=3)
    assert (hand.state(number), hand.allotted(LEAF)) == ("released", 3)


def test_it_is_released_only_where_nothing_of_it_is_seen(hand: Hand) -> None:
    number = reserve(hand, cpu=5, memory=7)
    commit(hand, cpu=5, memory=7)
    for seen in ({"cpu": 5}, {"memory": 7}, {"cpu": 0, "memory": 1}):
        with pytest.raises(RefusalError, match="not seen without it"):
            release(hand, number, **seen)

    release(hand, number)
    assert hand.allotted(LEAF) == hand.allotted(LEAF, dimension="memory") == 0


def test_what_is_in_force_is_lowered_by_another_reservation_not_released(hand: Hand) -> None:
    number = hand.allot(LEAF, cpu=5)
    with pytest.raises(RefusalError) as caught:
        release(hand, number, cpu=0)

    assert "yunjin allot" in caught.value.remedy.zh  # type: ignore[union-attr]  # it has one
    assert hand.allotted(LEAF) == 5


def test_a_shrink_that_is_given_up_leaves_the_leaf_what_it_had(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10)
    number = reserve(hand, cpu=-4)
    release(hand, number)

    assert (hand.allotted(LEAF), target(hand)) == (10, {"cpu": 10})


def test_a_shrink_takes_no_more_than_is_left_once_growth_before_it_is_given_up(hand: Hand) -> None:
    hand.allot(LEAF, cpu=3)
    growth, shrink = reserve(hand, cpu=5), reserve(hand, cpu=-8)
    result = release(hand, growth)

    assert result["trimmed"] == [[shrink, {"cpu": 5}]]
    assert target(hand) == {"cpu": 0}
    commit(hand, cpu=0)
    assert confirm(hand, cpu=0) == [shrink]
    assert hand.allotted(LEAF) == 0


def test_growth_that_is_given_up_takes_nothing_from_a_shrink_before_it(hand: Hand) -> None:
    hand.allot(LEAF, cpu=10)
    _, growth = reserve(hand, cpu=-8), reserve(hand, cpu=5)

    assert release(hand, growth)["trimmed"] == []
    assert target(hand) == {"cpu": 2}


def test_a_shrink_with_nothing_left_to_take_is_released(hand: Hand) -> None:
    growth, shrink = reserve(hand, cpu=5), reserve(hand, cpu=-5)
    release(hand, growth)

    assert hand.state(shrink) == "released"
    assert target(hand) == {"cpu": 0}
    assert hand.rows("SELECT 1 FROM reservation_amounts WHERE reservation = ?", shrink) == []


def test_the_newest_shrink_is_the_one_that_is_cut(hand: Hand) -> None:
    hand.allot(LEAF, cpu=4)
    growth = reserve(hand, cpu=5)
    first, second = reserve(hand, cpu=-3), reserve(hand, cpu=-6)
    release(hand, growth)

    assert hand.rows("SELECT reservation, delta FROM reservation_amounts WHERE delta < 0 ORDER BY 1") == [
        (first, -3),
        (second, -1),
    ]


def test_a_committed_shrink_leans_on_nothing_that_was_reserved_after_it(hand: Hand) -> None:
    """Growth reserved later fills no hole that an earlier release tore."""
    growth, shrink = reserve(hand, cpu=5), reserve(hand, cpu=-5)
    commit(hand, cpu=0)
    later = reserve(hand, cpu=4)
    release(hand, growth, cpu=0)

    assert (hand.state(shrink), target(hand)) == ("released", {"cpu": 4})
    assert commit(hand, cpu=4) == [later]
    assert confirm(hand, cpu=4) == [later]
    assert hand.allotted(LEAF) == 4


def test_a_reservation_ends_when_its_time_is_over(hand: Hand, clock: Clock) -> None:
    until = text(clock() + timedelta(hours=1))
    made = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 5}, expires=until)
    number = made["reservation"]

    assert hand(reservations.expire, reservation=number) is False
    clock.advance(3600)
    assert hand(reservations.expire, reservation=number) is True
    assert hand(reservations.expire, reservation=number) is False
    assert (hand.state(number), hand.allotted(LEAF)) == ("expired", 0)


def test_what_is_committed_does_not_expire(hand: Hand, clock: Clock) -> None:
    until = text(clock() + timedelta(hours=1))
    made = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 5}, expires=until)
    commit(hand, cpu=5)
    clock.advance(7200)

    assert hand(reservations.expire, reservation=made["reservation"]) is False
    assert hand.allotted(LEAF) == 5


def test_one_without_a_time_does_not_expire(hand: Hand, clock: Clock) -> None:
    number = reserve(hand, cpu=5)
    clock.advance(10**9)

    assert hand(reservations.expire, reservation=number) is False


def test_an_expired_one_can_be_released_and_nothing_happens(hand: Hand, clock: Clock) -> None:
    made = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 5}, expires=text(clock()))
    hand(reservations.expire, reservation=made["reservation"])

    assert release(hand, made["reservation"])["counted"] == []
    assert hand.state(made["reservation"]) == "expired"


def test_a_shrink_that_leans_on_what_expires_is_cut_too(hand: Hand, clock: Clock) -> None:
    hand.allot(LEAF, cpu=2)
    hand(reservations.reserve, leaf=LEAF, delta={"cpu": 5}, expires=text(clock()))
    shrink = reserve(hand, cpu=-7)
    hand(reservations.expire, reservation=shrink - 1)

    assert target(hand) == {"cpu": 0}
    commit(hand, cpu=0)
    assert confirm(hand, cpu=0) == [shrink]
    assert hand.allotted(LEAF) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"delta": {"cpu": -1}}, "cannot hold"),
        ({"target": {"cpu": -1}}, "cannot hold"),
        ({"target": {"cpu": MOST + 1}}, "cannot hold"),
        ({"delta": {"cpu": 2**63}}, "cannot hold"),
        ({"delta": {"cpu": 1.5}}, "counts no cpu 1.5"),
        ({"delta": {"cores": 1}}, "counts no cores"),
        ({"target": {"gpu": 1}}, "counts no gpu"),
    ],
)
def test_amounts_that_cannot_be_meant(hand: Hand, content: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        hand(reservations.reserve, leaf=LEAF, **content)

    assert hand.rows("SELECT count(*) FROM reservations") == [(0,)]


def test_an_amount_that_cannot_be_held_is_said_as_people_read_it(hand: Hand) -> None:
    with pytest.raises(UsageError) as caught:
        hand(reservations.reserve, leaf=LEAF, delta={"cpu": -3000})

    assert caught.value.message.zh == "leaf/k1/jtj-egov 的处理器额度不能为 -3 核"


@pytest.mark.parametrize("name", ["leaf/k1/nobody", "tenant/jtj", "city"])
@pytest.mark.parametrize("operation", [reservations.reserve, reservations.commit, reservations.confirm])
def test_what_is_no_leaf_holds_nothing(hand: Hand, name: str, operation: Any) -> None:
    with pytest.raises(UsageError):
        hand(operation, leaf=name, delta={"cpu": 1}, target={}, enforced={}, used={})


def test_an_ended_leaf_takes_nothing(hand: Hand) -> None:
    hand(nodes.end_node, node=LEAF, today=DAY)
    with pytest.raises(UsageError, match="in use"):
        reserve(hand, cpu=1)


@pytest.mark.parametrize("operation", [reservations.release, reservations.expire])
def test_there_is_no_such_reservation(hand: Hand, operation: Any) -> None:
    with pytest.raises(UsageError, match="no reservation 999"):
        hand(operation, reservation=999)


def test_a_leaf_that_holds_anything_does_not_end(hand: Hand) -> None:
    reserve(hand, cpu=1)
    with pytest.raises(ConflictError):
        hand(nodes.end_node, node=LEAF, today=DAY)


def test_the_pool_of_a_reservation_is_its_leafs(hand: Hand) -> None:
    number = reserve(hand, cpu=1)

    assert hand.rows("SELECT leaf, pool, actor FROM reservations WHERE id = ?", number) == [
        (LEAF, K8S, "tests")
    ]


def test_a_life_counts_from_when_it_is_recorded_and_a_repeat_has_the_first_one(hand: Hand) -> None:
    asked = {"leaf": LEAF, "delta": {"cpu": 3}, "lasts": 60, "key": "k"}
    first = hand(reservations.reserve, **asked)
    hand.clock.advance(30)  # type: ignore[attr-defined]  # a clock that tests move
    assert hand(reservations.reserve, **asked) == first
    assert first["expires"] == "2026-11-22T01:01:00.000000+00:00"
    assert not hand(reservations.expire, reservation=first["reservation"])
    hand.clock.advance(30)  # type: ignore[attr-defined]
    assert hand(reservations.expire, reservation=first["reservation"])
