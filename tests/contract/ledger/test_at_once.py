"""Decisions at the same instant, by processes that know nothing of one another."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from deciders import deciders
from ledgers import K8S
from yunjin.ledger import reservations

if TYPE_CHECKING:
    from ledgers import Hand

pytestmark = pytest.mark.served

EGOV, GIS, BUS = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/bus-egov"
ROUNDS = 12


def test_one_of_two_gets_the_last_cores_and_the_other_learns_who_has_them(hand: Hand) -> None:
    hand.allot(EGOV, cpu=20)
    hand.allot(BUS, cpu=10)  # 10 are left in the pool of bureau/jtj
    with deciders(hand, 2) as both:
        for _ in range(ROUNDS):
            for one, leaf in zip(both, (GIS, BUS), strict=True):
                one.ask("reservations:reserve", leaf=leaf, delta={"cpu": 8})
            answers = [one.answer() for one in both]
            (won,) = (answer["result"] for answer in answers if "result" in answer)
            (lost,) = (answer for answer in answers if "error" in answer)
            winner = won["counted"][0][0]

            assert lost["error"] == "shortage"
            held = {"tenant/jtj": 20, "tenant/bus": 10}
            held["tenant/jtj" if winner == GIS else "tenant/bus"] += 8
            assert lost["facts"] == {
                "node": "bureau/jtj",
                "pool": K8S,
                "dimension": "cpu",
                "promise": False,
                "limit": 40,
                "taken": 38,
                "asked": 8,
                "missing": 6,
                "holders": [list(one) for one in sorted(held.items(), key=lambda one: -one[1])],
            }
            assert lost["message"][0].startswith("bureau/jtj (k8s-egov) 的处理器配额上限为 0.04 核")
            hand(reservations.release, reservation=won["reservation"])


def test_the_same_request_sent_twice_at_once_is_carried_out_once(hand: Hand) -> None:
    with deciders(hand, 2) as both:
        for n in range(ROUNDS):
            for one in both:
                one.ask("reservations:reserve", leaf=EGOV, delta={"cpu": 1}, key=f"once-{n}")
            first, second = (one.answer() for one in both)

            assert first == second
            assert hand.allotted(EGOV) == n + 1


def test_a_reservation_released_by_two_at_once_is_given_back_once(hand: Hand) -> None:
    with deciders(hand, 2) as both:
        for _ in range(ROUNDS):
            hand(reservations.reserve, leaf=EGOV, delta={"cpu": 3})
            number = hand(reservations.reserve, leaf=EGOV, delta={"cpu": 4})["reservation"]
            before = hand.allotted(EGOV)
            for one in both:
                one.ask("reservations:release", reservation=number)
            counted = [one.answer()["result"]["counted"] for one in both]

            assert sorted(counted) == [[], [[EGOV, K8S, {"cpu": -4}]]]
            assert hand.allotted(EGOV) == before - 4


def test_a_reservation_that_expires_while_it_is_committed_does_one_of_the_two(hand: Hand) -> None:
    with deciders(hand, 2) as (sweeper, applier):
        for _ in range(ROUNDS):
            before = hand.allotted(EGOV)
            made = hand(reservations.reserve, leaf=EGOV, delta={"cpu": 1}, expires="2000")
            sweeper.ask("reservations:expire", reservation=made["reservation"])
            applier.ask("reservations:commit", leaf=EGOV, target=made["target"])
            expired, committed = sweeper.answer()["result"], applier.answer()

            assert expired is (committed.get("error") == "conflict")
            assert hand.allotted(EGOV) == before + (not expired)
            if not expired:
                hand(reservations.confirm, leaf=EGOV, enforced=made["target"], used={})


def test_moves_that_cross_do_not_wait_for_one_another_for_ever(hand: Hand) -> None:
    hand.allot(EGOV, cpu=15)
    hand.allot(BUS, cpu=15)
    with deciders(hand, 2) as both:
        for _ in range(ROUNDS):
            for one, (source, target) in zip(both, itertools.permutations((EGOV, BUS)), strict=True):
                one.ask("moves:move", source=source, target=target, amounts={"cpu": 1})
            assert all("result" in one.answer() for one in both)
            targets = [hand(reservations.reserve, leaf=leaf, delta={})["target"] for leaf in (EGOV, BUS)]
            for leaf, target in zip((EGOV, BUS), targets, strict=True):
                hand(reservations.commit, leaf=leaf, target=target)
            for one, leaf, target in zip(both, (EGOV, BUS), targets, strict=True):
                one.ask("reservations:confirm", leaf=leaf, enforced=target, used={})
            assert all("result" in one.answer() for one in both)

    assert hand.rows("SELECT count(*) FROM reservations WHERE state IN ('waiting', 'released')") == [(0,)]
    assert hand.allotted("bureau/jtj") == 30
