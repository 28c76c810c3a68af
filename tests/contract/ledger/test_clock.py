"""A clock that is set back: nothing is lost, nothing is done twice, nothing ends that should not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ledgers import DAY, K8S, Hand
from yunjin.ledger import reservations, supply
from yunjin.store.times import text

if TYPE_CHECKING:
    from clocks import Clock

LEAF = "leaf/k1/jtj-egov"
A_DAY = 86_400


def test_what_was_to_expire_waits_until_its_time_comes_again(hand: Hand, clock: Clock) -> None:
    until = text(clock() + timedelta(hours=1))
    made = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 5}, expires=until)
    clock.advance(-A_DAY)
    assert hand(reservations.expire, reservation=made["reservation"]) is False

    clock.advance(A_DAY + 3600)
    assert hand(reservations.expire, reservation=made["reservation"]) is True
    clock.advance(-A_DAY)
    assert hand(reservations.expire, reservation=made["reservation"]) is False
    assert hand.allotted(LEAF) == 0


def test_a_reservation_goes_its_way_backwards_in_time(hand: Hand, clock: Clock) -> None:
    number = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 5})["reservation"]
    clock.advance(-A_DAY)
    hand(reservations.commit, leaf=LEAF, target={"cpu": 5})
    clock.advance(-A_DAY)

    assert hand(reservations.confirm, leaf=LEAF, enforced={"cpu": 5}, used={}) == [number]
    assert hand.allotted(LEAF) == 5


def test_audit_rows_keep_the_order_in_which_things_happened(hand: Hand, clock: Clock) -> None:
    numbers = []
    for _ in range(3):
        numbers.append(hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})["reservation"])
        clock.advance(-A_DAY)
    rows = hand.rows("SELECT result, at FROM audit WHERE operation = 'reserve' ORDER BY seq")

    assert [f'"reservation":{number}' in result for number, (result, _) in zip(numbers, rows, strict=True)]
    assert [at for _, at in rows] == sorted((at for _, at in rows), reverse=True)


def test_a_deficit_closes_also_before_it_opened(hand: Hand, clock: Clock) -> None:
    def stands(cpu: int) -> None:
        amounts = {"cpu": cpu, "memory": 1000}
        hand(supply.set_supply, pool=K8S, supply=amounts, reserve={}, percent={}, cause="x", today=DAY)

    hand.allot(LEAF, cpu=30)
    stands(40)
    assert hand.deficits() == [("city", K8S, "cpu", 5, "x")]
    clock.advance(-A_DAY)
    stands(60)
    assert hand.deficits() == []
    assert hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})["reservation"]
