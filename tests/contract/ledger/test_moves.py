"""A move: what the first leaf gives up, the second gets, and nobody between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ledgers import DAY, K8S, Hand
from yunjin.errors import ConflictError, RefusalError, ShortageError, UsageError
from yunjin.ledger import grants, moves, nodes, reservations, supply

if TYPE_CHECKING:
    from clocks import Clock

EGOV, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"
IN_CLOUD, DAWA = "leaf/o1/jtj-egov", "leaf/k1/dawa-egov"


def move(hand: Hand, source: str = EGOV, target: str = GIS, **amounts: int) -> tuple[int, int]:
    made = hand(moves.move, source=source, target=target, amounts=amounts)
    return made["reservation"], made["follower"]


def shrunk(hand: Hand, leaf: str = EGOV, **amounts: int) -> Any:
    hand(reservations.commit, leaf=leaf, target=amounts)
    return hand(reservations.confirm, leaf=leaf, enforced=amounts, used={})


def test_the_second_leaf_gets_it_in_the_transaction_that_frees_it(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    hand.allot(GIS, cpu=10)  # the tenant's limit is reached
    shrink, follower = move(hand, cpu=12)

    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (30, 10)
    assert (hand.state(shrink), hand.state(follower)) == ("reserved", "waiting")
    assert shrunk(hand, cpu=18) == [shrink]
    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (18, 22)
    assert (hand.state(shrink), hand.state(follower)) == ("confirmed", "reserved")
    assert hand.allotted("tenant/jtj") == 40


def test_what_is_freed_is_nobody_elses_before(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    hand.allot(GIS, cpu=10)
    move(hand, cpu=12)
    with pytest.raises(ShortageError):
        hand(reservations.reserve, leaf=GIS, delta={"cpu": 1})


def test_a_move_that_would_not_fit_is_refused_at_once(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    hand.allot(DAWA, cpu=30)
    with pytest.raises(ShortageError) as caught:
        move(hand, EGOV, DAWA, cpu=11)

    assert (caught.value.facts["node"], caught.value.facts["missing"]) == ("tenant/dawa", 1)
    assert hand.rows("SELECT count(*) FROM reservations WHERE state IN ('reserved', 'waiting')") == [(0,)]


def test_a_follower_that_no_longer_fits_is_released_and_the_shrink_stands(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    _, follower = move(hand, EGOV, DAWA, cpu=10)
    hand.allot(DAWA, cpu=35)
    shrunk(hand, cpu=10)

    assert hand.state(follower) == "released"
    assert (hand.allotted(EGOV), hand.allotted(DAWA)) == (10, 35)
    assert hand.rows("SELECT operation FROM audit ORDER BY seq DESC LIMIT 1") == [("follow",)]


def test_a_follower_does_not_outlive_its_shrink(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    shrink, follower = move(hand, cpu=10)
    hand(reservations.release, reservation=shrink)

    assert (hand.state(shrink), hand.state(follower)) == ("released", "released")


def test_a_follower_can_be_given_up_alone(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    shrink, follower = move(hand, cpu=10)
    hand(reservations.release, reservation=follower)
    shrunk(hand, cpu=10)

    assert (hand.state(shrink), hand.state(follower)) == ("confirmed", "released")
    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (10, 0)


def test_a_follower_gets_no_more_than_its_shrink_still_takes(hand: Hand) -> None:
    hand.allot(EGOV, cpu=3)
    growth = hand(reservations.reserve, leaf=EGOV, delta={"cpu": 5})["reservation"]
    _, follower = move(hand, cpu=8)
    hand(reservations.release, reservation=growth)
    shrunk(hand, cpu=0)

    assert hand.state(follower) == "reserved"
    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (0, 3)


def test_a_follower_whose_shrink_has_nothing_left_is_released(hand: Hand) -> None:
    growth = hand(reservations.reserve, leaf=EGOV, delta={"cpu": 5})["reservation"]
    shrink, follower = move(hand, cpu=5)
    hand(reservations.release, reservation=growth)

    assert (hand.state(shrink), hand.state(follower)) == ("released", "released")


def test_what_came_of_a_move_fills_no_hole_that_was_committed_before_it_came(hand: Hand) -> None:
    """A follower has an older number than what was reserved while it waited."""
    hand.allot(EGOV, cpu=20)
    _, follower = move(hand, cpu=8)
    growth = hand(reservations.reserve, leaf=GIS, delta={"cpu": 3})["reservation"]
    shrink = hand(reservations.reserve, leaf=GIS, delta={"cpu": -3})["reservation"]
    hand(reservations.commit, leaf=GIS, target={"cpu": 0})
    shrunk(hand, cpu=12)
    hand(reservations.release, reservation=growth, enforced={"cpu": 0})

    assert (hand.state(follower), hand.state(shrink)) == ("reserved", "released")
    assert hand(reservations.commit, leaf=GIS, target={"cpu": 8}) == [follower]
    assert hand(reservations.confirm, leaf=GIS, enforced={"cpu": 8}, used={}) == [follower]


def test_two_moves_that_cross(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    hand.allot(GIS, cpu=20)
    move(hand, EGOV, GIS, cpu=5)
    move(hand, GIS, EGOV, cpu=7)
    shrunk(hand, EGOV, cpu=15)
    hand(reservations.commit, leaf=GIS, target={"cpu": 18})
    hand(reservations.confirm, leaf=GIS, enforced={"cpu": 18}, used={})

    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (22, 18)


def test_a_move_between_pools_is_charged_where_it_arrives(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    _, follower = move(hand, EGOV, IN_CLOUD, cpu=10)
    shrunk(hand, cpu=10)

    assert hand.state(follower) == "reserved"
    assert hand.allotted("city", "os-egov") == 10


def fall(hand: Hand, pool: str, cpu: int) -> None:
    amounts = {"cpu": cpu, "memory": 500}
    hand(supply.set_supply, pool=pool, supply=amounts, reserve={}, percent={}, cause="x", today=DAY)


def test_a_pool_in_deficit_takes_no_move(hand: Hand) -> None:
    hand.allot(EGOV, cpu=30)
    fall(hand, K8S, 40)
    with pytest.raises(RefusalError, match="in deficit"):
        move(hand, cpu=1)


def test_a_pool_that_fell_into_deficit_meanwhile_takes_nothing_from_another(hand: Hand) -> None:
    hand.allot(IN_CLOUD, cpu=20)
    hand.allot(DAWA, cpu=30)
    _, follower = move(hand, IN_CLOUD, EGOV, cpu=5)
    fall(hand, K8S, 40)
    hand(reservations.commit, leaf=IN_CLOUD, target={"cpu": 15})
    hand(reservations.confirm, leaf=IN_CLOUD, enforced={"cpu": 15}, used={})

    assert (hand.state(follower), hand.allotted(EGOV)) == ("released", 0)


def test_a_move_under_way_within_a_pool_goes_on_where_it_raises_no_deficit(hand: Hand) -> None:
    """Within guarantees: what the city carries does not change."""
    hand.allot(EGOV, cpu=10)
    _, follower = move(hand, cpu=4)
    fall(hand, K8S, 30)
    shrunk(hand, cpu=6)

    assert (hand.state(follower), hand.allotted(GIS)) == ("reserved", 4)
    assert hand.deficits() == [("city", K8S, "cpu", 5, "x")]


def test_a_leaf_that_something_waits_for_does_not_end(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    move(hand, cpu=10)
    with pytest.raises(ConflictError):
        hand(nodes.end_node, node=GIS, today=DAY)


@pytest.mark.parametrize(
    "content",
    [
        {"target": EGOV, "amounts": {"cpu": 1}},
        {"amounts": {}},
        {"amounts": {"cpu": 0}},
        {"amounts": {"cpu": -1}},
        {"amounts": {"cores": 1}},
        {"amounts": {"cpu": 21}},
        {"amounts": {"memory": 1}},
        {"target": "leaf/k1/nobody", "amounts": {"cpu": 1}},
        {"source": "tenant/jtj", "amounts": {"cpu": 1}},
    ],
)
def test_moves_that_cannot_be_meant(hand: Hand, content: dict[str, Any]) -> None:
    hand.allot(EGOV, cpu=20)
    with pytest.raises(UsageError):
        hand(moves.move, **{"source": EGOV, "target": GIS, **content})


def test_a_move_takes_nothing_that_is_leaving_already(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    hand(reservations.reserve, leaf=EGOV, delta={"cpu": -15})
    with pytest.raises(UsageError, match="does not hold as much"):
        move(hand, cpu=6)


def test_a_grant_that_ended_meanwhile_leaves_the_second_leaf_without_it(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    _, follower = move(hand, EGOV, DAWA, cpu=10)
    hand(grants.end_grant, number="opening/tenant/dawa", cause="withdrawn", today=DAY)
    shrunk(hand, cpu=10)

    assert (hand.state(follower), hand.allotted(DAWA)) == ("released", 0)


def asked(hand: Hand, clock: Clock) -> tuple[int, int]:
    """A move that waits an hour for consent, and half of the hour is over."""
    hand.allot(EGOV, cpu=20)
    made = hand(moves.move, source=EGOV, target=GIS, amounts={"cpu": 10}, lasts=3600)
    clock.advance(1800)
    return made["reservation"], made["follower"]


def expired(hand: Hand, number: int) -> bool:
    return bool(hand(reservations.expire, reservation=number))


def test_a_move_that_nobody_agrees_to_is_given_up_whole(hand: Hand, clock: Clock) -> None:
    shrink, follower = asked(hand, clock)
    assert not expired(hand, shrink)
    clock.advance(1800)
    assert expired(hand, shrink)

    assert (hand.state(shrink), hand.state(follower)) == ("expired", "released")
    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (20, 0)
    with pytest.raises(ConflictError):
        hand(moves.consent, reservation=shrink)


def test_a_move_that_was_agreed_to_waits_for_as_long_as_it_takes(hand: Hand, clock: Clock) -> None:
    shrink, follower = asked(hand, clock)
    hand(moves.consent, reservation=shrink)
    clock.advance(10**8)
    assert not expired(hand, shrink)
    shrunk(hand, cpu=10)

    assert (hand.state(shrink), hand.state(follower)) == ("confirmed", "reserved")
    assert not expired(hand, follower)
    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (10, 10)


def test_a_move_under_way_is_not_given_up_because_nobody_agreed(hand: Hand, clock: Clock) -> None:
    """Somebody applied it meanwhile, with consent of their own."""
    shrink, follower = asked(hand, clock)
    hand(reservations.commit, leaf=EGOV, target={"cpu": 10})
    clock.advance(1800)
    assert not expired(hand, shrink)
    assert hand(reservations.confirm, leaf=EGOV, enforced={"cpu": 10}, used={}) == [shrink]

    assert not expired(hand, follower)
    assert (hand.allotted(EGOV), hand.allotted(GIS)) == (10, 10)


def test_consent_to_what_was_given_up_is_refused(hand: Hand, clock: Clock) -> None:
    shrink, _ = asked(hand, clock)
    hand(reservations.release, reservation=shrink)
    with pytest.raises(ConflictError) as caught:
        hand(moves.consent, reservation=shrink)

    assert caught.value.message.zh == f"由 {EGOV} 调出的额度等待同意过久, 已失效"
