"""Reorganisations on every database: whole or not at all, once, and beside everything else that goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import CLOUD, K8S
from yunjin.errors import ConflictError, RefusalError
from yunjin.ledger import contributions, grants, reservations
from yunjin.ledger.notices import Notices, Reclaim
from yunjin.ledger.questions import Questions
from yunjin.ledger.reorganisations import Reorganisations

if TYPE_CHECKING:
    from ledgers import Hand

TODAY = date(2026, 11, 22)
DAY = date(2026, 12, 1)
BODIES = ["bureau/jtj", "bureau/jt"]
MERGER = {"from": ["bureau/jtj"], "into": "bureau/jt", "parent": "city", "bodies": BODIES}
SPLIT = {**MERGER, "tenants": ["tenant/bus"], "share": {K8S: {"cpu": 15, "memory": 100}}}


def register(hand: Hand) -> Reorganisations:
    return Reorganisations(hand.database, hand.clock, "tests")


def recorded(hand: Hand, kind: str, terms: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A change on record, and what it would come to."""
    found = register(hand)
    number = found.record(kind, DAY, "document", terms, TODAY)
    return number, found.rehearse(kind, DAY, "document", terms, number)


def parents(hand: Hand) -> dict[str, str]:
    return dict(hand.rows("SELECT id, parent FROM quota_nodes WHERE parent IS NOT NULL AND ended IS NULL"))


def test_a_merger(hand: Hand) -> None:
    hand.allot("leaf/k1/jtj-egov", cpu=12)
    before = {pool: hand.cell("bureau/jtj", pool) for pool in (K8S, CLOUD, "*")}
    number, expected = recorded(hand, "merge", MERGER)
    assert parents(hand)["tenant/jtj"] == "bureau/jtj"
    done = register(hand).carry_out(number, expected, [], DAY)
    assert register(hand).carry_out(number, {}, [], DAY) == done
    assert {pool: hand.cell("bureau/jt", pool) for pool in (K8S, CLOUD, "*")} == before
    assert {parents(hand)[tenant] for tenant in ("tenant/jtj", "tenant/bus")} == {"bureau/jt"}


def test_what_an_ended_grant_left_in_use_is_the_successors_to_give_back(hand: Hand) -> None:
    notices = Notices(hand.database, hand.clock, "tests")
    hand.allot("leaf/k1/jtj-egov", cpu=12)
    hand(grants.end_grant, number="opening/bureau/jtj", cause="期满", today=TODAY.isoformat())
    number, expected = recorded(hand, "merge", MERGER)
    register(hand).carry_out(number, expected, [], DAY)
    assert {(row[0], row[4]) for row in hand.deficits()} == {("bureau/jt", "grant/opening/bureau/jtj")}
    assert notices.reclaims() == (Reclaim("opening/bureau/jtj", "bureau/jt", TODAY),)
    assert notices.close_reclaims() == 0

    first, *_, moved, ended = Questions(hand.database).versions("opening/bureau/jtj")
    assert [(each.node, each.state, each.cause, each.limit) for each in (moved, ended)] == [
        ("bureau/jtj", "moved", "期满", first.limit),
        ("bureau/jt", "ended", "期满", first.limit),
    ]
    hand.allot("leaf/k1/jtj-egov", cpu=0)
    end = {"cause": "期满", "today": DAY.isoformat()}
    hand(grants.end_grant, number="opening/tenant/jtj", **end)  # it is guaranteed something there
    assert (notices.reclaims(), notices.close_reclaims()) == ((), 1)


def test_a_split_and_back(hand: Hand) -> None:
    before = {pool: hand.cell("bureau/jtj", pool) for pool in (K8S, CLOUD, "*")}
    number, expected = recorded(hand, "split", SPLIT)
    register(hand).carry_out(number, expected, [], DAY)
    register(hand).finish(number)
    assert hand.cell("bureau/jt", K8S)[2] == 15
    back = {**MERGER, "from": ["bureau/jt"], "into": "bureau/jtj"}
    number, expected = recorded(hand, "merge", back)
    register(hand).carry_out(number, expected, [], DAY)
    assert {pool: hand.cell("bureau/jtj", pool) for pool in (K8S, CLOUD, "*")} == before


SERVERS = {
    "number": "C-1",
    "pool": K8S,
    "amounts": {"cpu": 10},
    "factor": 80,
    "servers": "3 台机架服务器",
    "basis": "盘政办〔2026〕9号",
}


def test_servers_handed_over_are_the_successors_to_take_home(hand: Hand) -> None:
    hand(contributions.add_contribution, **SERVERS, node="bureau/jtj", today=TODAY.isoformat())
    number, expected = recorded(hand, "merge", MERGER)
    done = register(hand).carry_out(number, expected, [], DAY)
    assert done["followed"] == {"contributions.node": 1}
    assert hand.cell("bureau/jt", K8S)[:3] == (28, 10, 48)
    go = {"number": "C-1", "effective": "2026-12-31", "basis": "", "today": DAY.isoformat()}
    hand(contributions.recall_contribution, **go)
    hand(contributions.end_contribution, number="C-1", today="2026-12-31")
    assert hand.cell("bureau/jt", K8S)[:3] == (20, 10, 40)


def test_what_rests_on_servers_stays_whole_where_a_body_divides(hand: Hand) -> None:
    hand(contributions.add_contribution, **SERVERS, node="bureau/jtj", today=TODAY.isoformat())
    with pytest.raises(RefusalError, match="to share out"):
        recorded(hand, "split", {**SPLIT, "share": {K8S: {"cpu": 41}}})
    register(hand).cancel(1)
    number, expected = recorded(hand, "split", SPLIT)
    register(hand).carry_out(number, expected, [], DAY)
    assert hand.cell("bureau/jtj", K8S)[:3] == (28, 10, 33)
    assert hand.cell("bureau/jt", K8S)[:3] == (0, 0, 15)


def test_of_two_that_decide_at_once_one_is_recorded(hand: Hand) -> None:
    def decide(_: int) -> int:
        try:
            return register(hand).record("merge", DAY, "document", MERGER, TODAY)
        except ConflictError:
            return 0

    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(decide, range(4)))
    assert len([number for number in numbers if number]) == 1


def test_of_two_that_carry_it_out_at_once_both_get_what_one_did(hand: Hand) -> None:
    number, expected = recorded(hand, "merge", MERGER)
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: register(hand).carry_out(number, expected, [], DAY), range(4)))
    assert all(result == done[0] for result in done)
    assert len(hand.rows("SELECT 1 FROM audit WHERE operation = 'carry_out_reorganisation'")) == 1


def test_leaves_grow_while_their_bureau_merges(hand: Hand) -> None:
    found = register(hand)
    number = found.record("merge", DAY, "document", MERGER, TODAY)

    def grow(leaf: str) -> None:
        for _ in range(8):
            hand(reservations.reserve, leaf=leaf, delta={"cpu": 1})

    def merge() -> None:
        expected = found.rehearse("merge", DAY, "document", MERGER, number)
        found.carry_out(number, expected, [], DAY)

    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(grow, leaf) for leaf in ("leaf/k1/jtj-egov", "leaf/k1/bus-egov")]
        waiting.append(threads.submit(merge))
        for each in waiting:
            each.result()
    assert found.due(DAY) == [number]
    assert found.get(number).state == "in_ledger"
    assert hand.allotted("bureau/jt") == max(10, 8) + 8


def test_what_is_refused_leaves_nothing(hand: Hand) -> None:
    before = hand.rows("SELECT * FROM quota_cells ORDER BY node, pool, dimension")
    with pytest.raises(RefusalError):
        recorded(hand, "split", {**SPLIT, "share": {K8S: {"cpu": 100}}})
    assert hand.rows("SELECT * FROM quota_cells ORDER BY node, pool, dimension") == before
    assert "bureau/jt" not in parents(hand)
    register(hand).cancel(1)
    assert hand.rows("SELECT * FROM reorganisations") == []
