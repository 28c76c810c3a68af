"""Clocks: warnings are raised once, ends take nothing away, and what must begin begins when it can."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.ledger import Ledger, grants, supply
from yunjin.ledger.notices import Notices

if TYPE_CHECKING:
    from clocks import Clock

EGOV = "leaf/k1/jtj-egov"
END = date(2027, 6, 1)
DAYS = (30, 7, 1)


@pytest.fixture
def notices(hand: Hand, clock: Clock) -> Notices:
    return Notices(hand.database, clock, "controller")


@pytest.fixture
def ledger(hand: Hand, clock: Clock) -> Ledger:
    return Ledger(hand.database, clock, "controller")


def add(hand: Hand, number: str = "G-1", until: date | None = END, **other: Any) -> None:
    terms: dict[str, Any] = {
        "number": number, "node": "tenant/bus", "limit": {CLOUD: {"cpu": 5}, "*": {"cpu": 5}},
        "guarantee": {}, "kind": "grant", "grantor": "city", "basis": "b", "valid_from": DAY,
        "valid_to": until.isoformat() if until else None,
    }  # fmt: skip
    hand(grants.add_grant, **{**terms, "today": DAY, **other})


def renew(hand: Hand, until: date) -> None:
    hand(grants.renew_grant, number="G-1", valid_to=until.isoformat(), basis="b", today=DAY)


def swept(notices: Notices, first: int, last: int, end: date = END) -> dict[int, list[str]]:
    """What each day's sweeps tell, by days before the end; two sweeps a day."""
    told = {}
    for left in range(first, last - 1, -1):
        today = end - timedelta(days=left)
        found = [each.number for _ in range(2) for each in notices.raise_due(today, DAYS)]
        if found:
            told[left] = found
    return told


def test_an_end_is_warned_of_30_7_and_1_days_before_once_each(hand: Hand, notices: Notices) -> None:
    add(hand)
    assert swept(notices, 40, 0) == {30: ["G-1"], 7: ["G-1"], 1: ["G-1"]}


def test_another_process_does_not_raise_it_again(hand: Hand, notices: Notices, clock: Clock) -> None:
    add(hand)
    today = END - timedelta(days=30)
    assert len(notices.raise_due(today, DAYS)) == 1
    assert Notices(hand.database, clock, "another").raise_due(today, DAYS) == ()


def test_after_a_pause_the_latest_warning_is_told_and_the_missed_ones_are_not(
    hand: Hand, notices: Notices
) -> None:
    add(hand)
    assert swept(notices, 5, 0) == {5: ["G-1"], 1: ["G-1"]}


def test_a_renewed_grant_is_warned_of_before_its_new_end(hand: Hand, notices: Notices) -> None:
    add(hand)
    assert swept(notices, 31, 7) == {30: ["G-1"], 7: ["G-1"]}
    later = END + timedelta(days=365)
    renew(hand, later)
    assert notices.raise_due(END - timedelta(days=1), DAYS) == ()
    assert swept(notices, 31, 0, later) == {30: ["G-1"], 7: ["G-1"], 1: ["G-1"]}


def test_a_short_grant_is_not_warned_of_before_it_began(hand: Hand, notices: Notices) -> None:
    end = date(2026, 11, 27)
    add(hand, until=end)
    assert swept(notices, 5, 0, end) == {1: ["G-1"]}


def test_neither_what_has_no_end_nor_what_has_not_begun_is_warned_of(hand: Hand, notices: Notices) -> None:
    add(hand, until=None)
    add(hand, "G-2", valid_from="2027-05-31")
    assert notices.raise_due(END - timedelta(days=1), DAYS) == ()


def test_who_asks_sees_what_ends_and_which_warnings_were_raised(hand: Hand, notices: Notices) -> None:
    add(hand)
    add(hand, "G-2", END + timedelta(days=3))
    today = END - timedelta(days=7)
    notices.raise_due(today, DAYS)
    assert [(each.number, each.left, each.warned) for each in notices.ending(today, 30)] == [
        ("G-1", 7, (30, 7)),
        ("G-2", 10, (30,)),
    ]
    assert [each.number for each in notices.ending(today, 7)] == ["G-1"]


def test_a_grant_ends_on_its_day_and_not_before(hand: Hand, ledger: Ledger) -> None:
    add(hand)
    assert ledger.advance(END - timedelta(days=1)).done == ()
    assert ledger.advance(END).done == ("G-1",)
    assert ledger.advance(END).done == ()
    assert hand.cell("tenant/bus", CLOUD)[2] == 0
    assert hand.rows("SELECT cause FROM grants WHERE number = 'G-1' AND superseded IS NULL") == [("expired",)]


def test_a_grant_that_can_never_begin_keeps_no_other_from_beginning(hand: Hand, ledger: Ledger) -> None:
    late = "2027-01-01"
    add(hand, "G-1", limit={CLOUD: {"cpu": 20}, "*": {"cpu": 20}}, valid_from=late)
    add(hand, "G-2", limit={CLOUD: {"cpu": 1}, "*": {"cpu": 1}}, valid_from=late)
    hand(grants.end_grant, number="opening/bureau/jtj", cause="withdrawn", today=DAY)
    add(hand, "G-3", node="area/dawa", limit={CLOUD: {"cpu": 1}, "*": {"cpu": 1}}, valid_from=late)

    first = ledger.advance(date(2027, 1, 1))
    assert first.done == ("G-3",)
    assert [number for number, _ in first.refused] == ["G-1", "G-2"]

    add(hand, "G-4", node="bureau/jtj", limit={CLOUD: {"cpu": 25}, "*": {"cpu": 65}}, until=None)
    assert set(ledger.advance(date(2027, 1, 2)).done) == {"G-1", "G-2"}


def test_two_sweeps_at_once_do_it_once(hand: Hand, ledger: Ledger, clock: Clock) -> None:
    add(hand)
    other = Ledger(hand.database, clock, "an operator")
    done = [*ledger.advance(END).done, *other.advance(END).done]
    assert done == ["G-1"]
    assert len(hand.rows("SELECT 1 FROM grants WHERE number = 'G-1' AND state = 'ended'")) == 1


def test_what_ended_in_use_is_to_be_reclaimed_until_it_fits_again(
    hand: Hand, notices: Notices, ledger: Ledger
) -> None:
    hand.allot(EGOV, cpu=30)
    hand(grants.end_grant, number="opening/tenant/jtj", cause="over", today=DAY)
    ledger.advance(date(2026, 11, 23))
    assert notices.close_reclaims() == 0
    assert [(each.number, each.node, each.since) for each in notices.reclaims()] == [
        ("opening/tenant/jtj", "tenant/jtj", date(2026, 11, 22))
    ]
    assert hand.allotted(EGOV) == 30

    hand.allot(EGOV, cpu=0)
    assert notices.reclaims() == ()
    assert notices.close_reclaims() == 1
    assert notices.close_reclaims() == 0
    assert hand.rows("SELECT done IS NOT NULL FROM clocks") == [(1,)]


def test_a_deficit_of_the_pool_is_not_the_nodes_to_reclaim(hand: Hand, notices: Notices) -> None:
    hand.allot(EGOV, cpu=35)
    hand(supply.change_supply, pool=K8S, delta={"cpu": -45}, cause="host 7 died", today=DAY)
    hand(grants.end_grant, number="opening/tenant/bus", cause="over", today=DAY)
    assert notices.reclaims() == ()
