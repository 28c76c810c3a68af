"""Merging, dividing and cancelling in the ledger: sums, places, history, refusals."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bodies_beside import tree
from ledgers import CLOUD, K8S, Body, Hand, grant, plant
from yunjin.errors import ConflictError, RefusalError, ShortageError, UsageError
from yunjin.ledger import grants, nodes, supply
from yunjin.ledger.checks import check
from yunjin.ledger.history import When, standing
from yunjin.ledger.reorganisations import Reorganisations
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clocks import Clock

TODAY = date(2026, 11, 22)
DAY = date(2026, 12, 1)
BASIS = "盘委编〔2026〕7号"
BEFORE = When(day=date(2026, 11, 30))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger in which every leaf holds something."""
    folder = tmp_path_factory.mktemp("grown")
    with Store.open(folder / "state") as store:
        hand = Hand(store.database)
        plant(hand, tree())
        for leaf, cpu in (
            ("leaf/k8s/lfw-egov", 14),
            ("leaf/os/lfw-egov", 6),
            ("leaf/k8s/park-egov", 3),
            ("leaf/k8s/wgj-egov", 9),
            ("leaf/k8s/gaj-egov", 25),
            ("leaf/k8s/jjzd-egov", 5),
        ):
            hand.allot(leaf, cpu=cpu)
    return folder / "state" / "state.db"


@pytest.fixture
def hand(grown: Path, tmp_path: Path, clock: Clock) -> Iterator[Hand]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "state.db").write_bytes(grown.read_bytes())
    with Store.open(state, now=clock) as store:
        yield Hand(store.database, clock)
        assert check(store.database) == ()


class Desk:
    """Records a change and carries it out on its day."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.changes = Reorganisations(hand.database, hand.clock, "tests")

    def record(self, kind: str, **terms: Any) -> int:
        bodies = [*terms["from"], terms["into"]]
        return self.changes.record(kind, DAY, BASIS, {"bodies": bodies, "parent": "city", **terms}, TODAY)

    def carry_out(self, number: int, today: date = DAY) -> dict[str, Any]:
        found = self.changes.get(number)
        expected = self.changes.rehearse(found.kind, found.effective, found.basis, found.terms, number)
        done = self.changes.carry_out(number, expected, [], today)
        self.changes.finish(number)
        return done

    def merge(self, *sources: str, into: str) -> dict[str, Any]:
        return self.carry_out(self.record("merge", **{"from": list(sources)}, into=into))

    def split(self, source: str, *tenants: str, into: str, **share: Any) -> dict[str, Any]:
        terms = {"from": [source], "into": into, "tenants": list(tenants), **share}
        return self.carry_out(self.record("split", **terms))

    def parent(self, node: str) -> str:
        return str(self.hand.rows("SELECT parent FROM quota_nodes WHERE id = ?", node)[0][0])


@pytest.fixture
def desk(hand: Hand) -> Desk:
    return Desk(hand)


def held(hand: Hand, node: str) -> list[tuple[Any, ...]]:
    sql = "SELECT number, state, valid_from, valid_to FROM grants WHERE node = ? AND superseded IS NULL"
    return hand.rows(f"{sql} ORDER BY id", node)


# Merging


def test_the_successor_has_the_sums_and_everybody_hangs_below_it(hand: Hand, desk: Desk) -> None:
    desk.merge("bureau/lfw", "bureau/wgj", into="bureau/wlj")
    assert hand.cell("bureau/wlj", K8S) == (12, 10, 30, 26)
    assert hand.cell("bureau/wlj", CLOUD) == (0, 0, 10, 6)
    assert hand.cell("bureau/wlj", "*") == (0, 0, 40, 32)
    for body in ("bureau/lfw", "bureau/wgj"):
        assert hand.cell(body, K8S) == hand.cell(body, "*") == (0, 0, 0, 0)
    assert {desk.parent(f"tenant/{name}") for name in ("lfw", "park", "wgj")} == {"bureau/wlj"}
    assert desk.parent("leaf/k8s/wgj-egov") == "tenant/wgj"


def test_tenants_and_leaves_hold_what_they_held(hand: Hand, desk: Desk) -> None:
    names = ["tenant/lfw", "tenant/wgj", "tenant/park", "leaf/k8s/lfw-egov", "leaf/os/lfw-egov"]
    before = [hand.cell(node, pool) for node in names for pool in (K8S, CLOUD, "*")]
    desk.merge("bureau/wgj", into="bureau/lfw")
    assert [hand.cell(node, pool) for node in names for pool in (K8S, CLOUD, "*")] == before


def test_a_guarantee_that_nobody_used_covers_what_the_other_borrowed(hand: Hand, desk: Desk) -> None:
    hand.allot("leaf/k8s/wgj-egov", cpu=2)
    assert hand.cell("city", K8S) == (0, 32, 100, 17 + 4 + 31)
    desk.merge("bureau/wgj", into="bureau/lfw")
    assert hand.cell("bureau/lfw", K8S) == (12, 10, 30, 19)
    assert hand.cell("city", K8S) == (0, 32, 100, 19 + 31)


def test_a_merger_in_a_full_pool_needs_no_room(hand: Hand, desk: Desk) -> None:
    full = {"pool": K8S, "supply": {"cpu": 57}, "reserve": {}, "percent": {}, "cause": "a host died"}
    hand(supply.set_supply, **full, today=TODAY.isoformat())
    assert [row[:4] for row in hand.deficits()] == []
    assert hand.allotted("city") == 57
    desk.merge("bureau/lfw", "bureau/wgj", into="bureau/wlj")
    assert hand.allotted("city") == 57


def test_a_deficit_goes_over_and_does_not_grow(hand: Hand, desk: Desk) -> None:
    hand(grants.end_grant, number="opening/bureau/wgj", cause="", today=TODAY.isoformat())
    assert [row[:4] for row in hand.deficits()] == [
        ("bureau/wgj", "*", "cpu", 9),
        ("bureau/wgj", K8S, "cpu", 9),
    ]
    desk.merge("bureau/wgj", into="bureau/lfw")
    assert hand.cell("bureau/lfw", K8S) == (8, 10, 20, 26)
    assert [row[:4] for row in hand.deficits()] == [
        ("bureau/lfw", "*", "cpu", 2),
        ("bureau/lfw", K8S, "cpu", 6),
    ]


def test_the_old_body_ends_and_its_id_is_never_used_again(hand: Hand, desk: Desk) -> None:
    assert desk.merge("bureau/wgj", into="bureau/lfw")["ended"] == ["bureau/wgj"]
    assert hand.rows("SELECT ended FROM quota_nodes WHERE id = 'bureau/wgj'") == [(DAY.isoformat(),)]
    with pytest.raises(ConflictError):
        hand(nodes.add_node, node="bureau/wgj", parent="city", pool=None, today=DAY.isoformat())
    with pytest.raises(RefusalError, match="ended on 2026-12-01"):
        desk.merge("bureau/wgj", into="bureau/gaj")


def test_a_question_about_the_day_before_finds_the_old_tree(hand: Hand, desk: Desk) -> None:
    before = standing(hand.database, BEFORE)
    desk.merge("bureau/lfw", "bureau/wgj", into="bureau/wlj")
    then, after = standing(hand.database, BEFORE), standing(hand.database, When(day=DAY))
    assert then.nodes["tenant/wgj"].parent == "bureau/wgj"
    assert after.nodes["tenant/wgj"].parent == "bureau/wlj"
    assert "bureau/wlj" not in then.nodes
    assert "bureau/wgj" not in after.nodes
    for node in ("city", "bureau/lfw", "bureau/wgj", "tenant/wgj"):
        assert then.cells[node] == before.cells[node]
    assert after.cell("bureau/wlj", K8S, "cpu").limit == 30


def test_a_grant_keeps_its_number_and_says_whose_it_was(hand: Hand, desk: Desk) -> None:
    desk.merge("bureau/wgj", into="bureau/lfw")
    assert held(hand, "bureau/wgj") == [("opening/bureau/wgj", "moved", "2026-11-22", "2026-12-01")]
    assert held(hand, "bureau/lfw")[-1] == ("opening/bureau/wgj", "in_force", "2026-12-01", None)
    hand(grants.end_grant, number="opening/bureau/wgj", cause="", today="2026-12-05")
    assert hand.cell("bureau/lfw", K8S)[:3] == (8, 10, 20)


def test_a_grant_that_begins_later_begins_at_the_successor(hand: Hand, desk: Desk) -> None:
    later = {**grant(Body("bureau/jjzd", "", {K8S: {"cpu": 5}}, {"cpu": 5}, {K8S: {"cpu": 3}}), "G-1")}
    hand(grants.add_grant, **{**later, "valid_from": "2027-01-01", "today": TODAY.isoformat()})
    assert desk.parent("hold/G-1") == "bureau/gaj"
    desk.merge("bureau/jjzd", into="bureau/lfw")
    assert desk.parent("hold/G-1") == "city"
    hand(grants.start_grant, number="G-1", today="2027-01-01")
    assert hand.cell("bureau/lfw", K8S) == (8 + 6 + 3, 8 + 4, 20 + 10 + 5, 17 + 5)


def test_what_is_held_for_a_tenant_goes_with_it(hand: Hand, desk: Desk) -> None:
    later = {**grant(Body("tenant/wgj", "", {K8S: {"cpu": 1}}, {"cpu": 1}, {K8S: {"cpu": 1}}), "G-1")}
    hand(grants.end_grant, number="opening/tenant/wgj", cause="", today=TODAY.isoformat())
    hand(grants.add_grant, **{**later, "valid_from": "2027-01-01", "today": TODAY.isoformat()})
    desk.merge("bureau/wgj", into="bureau/lfw")
    assert desk.parent("hold/G-1") == "bureau/lfw"


def test_what_an_absorbed_body_shared_out_is_its_successors_to_renew(hand: Hand, desk: Desk) -> None:
    own = {
        **grant(Body("tenant/park", "", {K8S: {"cpu": 1}}, {"cpu": 1}, {}), "L-1"),
        "grantor": "bureau/lfw",
    }
    hand(grants.add_grant, **own, today=TODAY.isoformat())
    desk.merge("bureau/lfw", into="bureau/wgj")
    sql = "SELECT grantor FROM grants WHERE number = 'L-1' ORDER BY id"
    assert hand.rows(sql) == [("bureau/lfw",), ("bureau/wgj",)]


def test_a_body_merged_into_the_one_above_brings_nothing_twice(hand: Hand, desk: Desk) -> None:
    before = hand.cell("city", K8S)
    desk.merge("bureau/jjzd", into="bureau/gaj")
    assert hand.cell("bureau/gaj", K8S) == (20, 14, 40, 30)
    assert held(hand, "bureau/jjzd")[0][1:] == ("ended", "2026-11-22", "2026-12-01")
    assert hand.cell("city", K8S) == (0, before[1], before[2], before[3] - 1)  # c of jjzd was max(6, 5)


def test_two_that_stand_one_above_the_other_merge_into_a_third_once(hand: Hand, desk: Desk) -> None:
    desk.merge("bureau/jjzd", "bureau/gaj", into="bureau/new")
    assert hand.cell("bureau/new", K8S) == (20, 14, 40, 30)
    assert desk.parent("tenant/jjzd") == "bureau/new"


def test_a_body_with_bodies_below_it_brings_them(hand: Hand, desk: Desk) -> None:
    desk.merge("bureau/gaj", into="bureau/lfw")
    assert desk.parent("bureau/jjzd") == "bureau/lfw"
    assert hand.cell("bureau/lfw", K8S) == (28, 8 + 16, 60, 17 + 31)


def test_no_body_becomes_part_of_what_hangs_below_it(desk: Desk) -> None:
    with pytest.raises(RefusalError, match="cannot become a part of it"):
        desk.merge("bureau/gaj", into="bureau/jjzd")


def test_a_merger_below_a_third_body_meets_its_limit(hand: Hand, desk: Desk) -> None:
    with pytest.raises(ShortageError) as refused:
        desk.merge("bureau/lfw", into="bureau/jjzd")
    assert refused.value.facts["node"] == "bureau/gaj"
    assert refused.value.facts["missing"] == (25 + 5 + 17 + 6) - 40  # over all pools
    assert desk.parent("tenant/lfw") == "bureau/lfw"


def test_a_body_without_quota_merges_too(hand: Hand, desk: Desk) -> None:
    assert desk.merge("bureau/fda", into="bureau/lfw")["nodes"] == []
    assert desk.merge("bureau/wgj", into="bureau/new")["added"] == ["bureau/new"]


# Dividing


def test_tenants_take_along_what_they_may_use(hand: Hand, desk: Desk) -> None:
    done = desk.split("bureau/lfw", "tenant/park", into="bureau/new")
    assert hand.cell("bureau/new", K8S) == (0, 0, 4, 3)
    assert hand.cell("bureau/lfw", K8S) == (8, 8, 16, 14)
    assert hand.cell("bureau/lfw", "*")[2] + hand.cell("bureau/new", "*")[2] == 30
    assert done["grants"] == [
        ["opening/bureau/lfw", "bureau/lfw", "bureau/new", f"opening/bureau/lfw/R{1}"],
    ]
    assert done["opening"]["bureau/new"] == {K8S: {"limit": {"cpu": 4}, "guarantee": {}}}


def test_a_stated_share_counts_and_comes_back_whole(hand: Hand, desk: Desk) -> None:
    share = {"share": {K8S: {"cpu": 6}}, "share_guarantee": {K8S: {"cpu": 2}}}
    desk.split("bureau/lfw", "tenant/park", into="bureau/new", **share, keep={K8S: {"cpu": 14}})
    assert hand.cell("bureau/new", K8S) == (2, 0, 6, 3)
    assert hand.cell("bureau/lfw", K8S) == (6, 8, 14, 14)
    desk.merge("bureau/new", into="bureau/lfw")
    assert hand.cell("bureau/lfw", K8S) == (8, 8, 20, 17)
    assert hand.cell("bureau/lfw", "*") == (0, 0, 30, 23)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (
            {"share": {K8S: {"cpu": 6}}, "keep": {K8S: {"cpu": 13}}},
            "0.006 cores go and 0.013 cores stay",
        ),
        ({"share": {K8S: {"cpu": 21}}}, "0.02 cores to share out; 0.021 cores go$"),
        ({"share": {K8S: {"cpu": 2}}}, "bureau/new .* 0.002 cores, and 0.003 cores are in use"),
        ({"share": {K8S: {"cpu": 10}}}, "bureau/lfw .* 0.01 cores, and 0.014 cores are in use"),
        (
            {"share": {K8S: {"cpu": 4}}, "share_guarantee": {K8S: {"cpu": 5}}},
            "guarantee would be above the limit",
        ),
        ({"share_guarantee": {K8S: {"cpu": 9}}}, "0.008 cores to share out; 0.009 cores go$"),
    ],
)
def test_amounts_that_do_not_add_up(desk: Desk, share: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusalError, match=said) as refused:
        desk.split("bureau/lfw", "tenant/park", into="bureau/new", **share)
    assert "数额对不上" in refused.value.message.zh


def test_only_tenants_of_the_body_go(desk: Desk) -> None:
    with pytest.raises(RefusalError, match="does not hang below"):
        desk.split("bureau/lfw", "tenant/wgj", into="bureau/new")


def test_between_upper_and_lower_no_share_goes_along(hand: Hand, desk: Desk) -> None:
    with pytest.raises(UsageError, match="no share"):
        desk.split("bureau/gaj", "tenant/gaj", into="bureau/jjzd", share={K8S: {"cpu": 30}})
    desk.changes.cancel(1)
    with pytest.raises(ShortageError) as refused:
        desk.split("bureau/gaj", "tenant/gaj", into="bureau/jjzd")
    assert refused.value.facts["node"] == "bureau/jjzd"


# Waiting and cancelling


def everything(hand: Hand) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, those apart that say what was asked for."""
    tables = [
        name
        for (name,) in hand.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        if name not in ("audit", "audit_chain", "answers")
    ]
    return {
        table: sorted(hand.rows(f"SELECT * FROM {table}"), key=repr)  # noqa: S608 (its own names)
        for table in tables
    }


def test_what_waits_touches_nothing_and_what_is_cancelled_is_gone(hand: Hand, desk: Desk) -> None:
    before = everything(hand)
    number = desk.record("merge", **{"from": ["bureau/wgj"]}, into="bureau/lfw")
    found = desk.changes.get(number)
    desk.changes.rehearse(found.kind, found.effective, found.basis, found.terms, number)
    waiting = everything(hand)
    assert {table for table in before if before[table] != waiting[table]} == {"reorganisations"}
    desk.changes.cancel(number)
    assert everything(hand) == before
    assert hand.rows("SELECT operation FROM audit ORDER BY seq DESC LIMIT 2") == [
        ("cancel_reorganisation",),
        ("record_reorganisation",),
    ]


def test_before_its_day_it_is_not_carried_out_and_after_it_only_once(hand: Hand, desk: Desk) -> None:
    number = desk.record("merge", **{"from": ["bureau/wgj"]}, into="bureau/lfw")
    with pytest.raises(RefusalError, match="takes effect on 2026-12-01"):
        desk.carry_out(number, date(2026, 11, 30))
    assert desk.changes.due(date(2026, 11, 30)) == []
    assert desk.changes.due(DAY) == [number]
    done = desk.carry_out(number)
    after = everything(hand)
    assert desk.changes.carry_out(number, {}, [], DAY) == done
    desk.changes.finish(number)
    assert everything(hand) == after
    assert desk.changes.due(DAY) == []
    with pytest.raises(RefusalError, match="is carried out"):
        desk.changes.cancel(number)


def test_files_that_wait_to_be_written_keep_it_due(desk: Desk) -> None:
    number = desk.record("merge", **{"from": ["bureau/wgj"]}, into="bureau/lfw")
    found = desk.changes.get(number)
    expected = desk.changes.rehearse(found.kind, found.effective, found.basis, found.terms, number)
    desk.changes.carry_out(number, expected, [{"do": "put"}], DAY)
    assert desk.changes.get(number).result["edits"] == [{"do": "put"}]
    assert desk.changes.due(DAY) == [number]
    with pytest.raises(ConflictError, match="waits"):
        desk.record("rename", **{"from": []}, into="bureau/lfw")
    desk.changes.finish(number)
    assert desk.changes.due(DAY) == []


def test_a_ledger_that_changed_since_the_rehearsal_is_looked_at_again(hand: Hand, desk: Desk) -> None:
    number = desk.record("merge", **{"from": ["bureau/wgj"]}, into="bureau/lfw")
    found = desk.changes.get(number)
    expected = desk.changes.rehearse(found.kind, found.effective, found.basis, found.terms, number)
    hand.allot("leaf/k8s/wgj-egov", cpu=5)  # what leaves use decides nothing
    hand(nodes.add_node, node="tenant/late", parent="bureau/wgj", pool=None, today=TODAY.isoformat())
    with pytest.raises(ConflictError, match="changed meanwhile"):
        desk.changes.carry_out(number, expected, [], DAY)
    assert desk.parent("tenant/wgj") == "bureau/wgj"


def test_refusals_of_the_register(desk: Desk) -> None:
    terms = {"bodies": ["bureau/lfw", "bureau/wgj"], "from": ["bureau/wgj"], "into": "bureau/lfw"}
    with pytest.raises(UsageError, match="has passed"):
        desk.changes.record("merge", date(2026, 11, 21), BASIS, terms, TODAY)
    first = desk.changes.record("merge", DAY, BASIS, terms, TODAY)
    with pytest.raises(ConflictError, match=f"reorganisation {first}, which names bureau/lfw"):
        desk.changes.record("rename", DAY, BASIS, {"bodies": ["bureau/lfw"]}, TODAY)
    with pytest.raises(UsageError, match="no reorganisation 99"):
        desk.changes.cancel(99)
    desk.changes.cancel(first)
    assert desk.changes.record("rename", DAY, BASIS, {"bodies": ["bureau/lfw"]}, TODAY) == first + 1
