"""Proposals of relief: who gives, in which order, how much; and that they cover what is short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.ledger.branches import Holding
from yunjin.ledger.relief import ORDER, Leaving, Proposal, Rank, Situation, Step, drain, propose
from yunjin.ledger.supply import bound

if TYPE_CHECKING:
    from collections.abc import Mapping

# Name: parent, guarantee, limit; a leaf has its allotment instead.
Plain = dict[str, tuple[str, int, int]]

BODIES: Plain = {
    "bureau/jtj": ("city", 20, 60),
    "bureau/fgw": ("city", 0, 60),
    "area/dawa": ("city", 30, 60),
    "tenant/jtj": ("bureau/jtj", 10, 60),
    "tenant/fgw": ("bureau/fgw", 0, 60),
    "tenant/dawa": ("area/dawa", 0, 60),
}
LEAVES = {
    "leaf/k/jtj-egov": ("tenant/jtj", 25),
    "leaf/k/jtj-gis": ("tenant/jtj", 10),
    "leaf/k/fgw-egov": ("tenant/fgw", 20),
    "leaf/k/dawa-egov": ("tenant/dawa", 12),
}
# jtj uses 35 of 20, fgw 20 of 0, dawa 12 of 30: 85 are charged, 50 promised.


def nodes_of(bodies: Plain, leaves: Mapping[str, tuple[str, int]]) -> dict[str, Holding]:
    """Holdings with what follows from them: charges and promises up to the city."""
    parents = {"city": None} | {name: row[0] for name, row in bodies.items()}
    allotted, nested = dict.fromkeys(parents, 0), dict.fromkeys(parents, 0)
    for parent, value in leaves.values():
        allotted[parent] += value
    for name in reversed(list(bodies)):  # declared from the top
        parent, guarantee, _ = bodies[name]
        allotted[parent] += max(guarantee, allotted[name])
        nested[parent] += max(guarantee, nested[name])
    found = {
        name: Holding(
            parents[name],
            leaf=False,
            guarantee=bodies[name][1] if name in bodies else 0,
            nested=nested[name],
            limit=bodies[name][2] if name in bodies else 0,
            allotted=allotted[name],
        )
        for name in parents
    }
    return found | {
        name: Holding(parent, leaf=True, guarantee=0, nested=0, limit=0, allotted=value)
        for name, (parent, value) in leaves.items()
    }


def city(supply: int, reserve: int = 0, percent: int = 100) -> Situation:
    return Situation("k8s-egov", "cpu", supply, reserve, percent, nodes_of(BODIES, LEAVES))


def told(proposal: Proposal) -> list[tuple[str, str, int, int]]:
    """Kind, giver, what it gives, what remains."""
    return [(step.kind, step.changes[0].node, step.gives, step.remains) for step in proposal.steps]


def test_what_fits_needs_no_relief() -> None:
    proposal = propose(city(85), {})
    assert (proposal.short, proposal.steps, proposal.remains) == (0, (), 0)


def test_the_reserve_gives_first_and_no_more_than_it_takes() -> None:
    assert told(propose(city(90, reserve=10), {})) == [("reserve", "city", 5, 0)]


def test_with_overcommit_the_reserve_gives_what_it_takes_of_it() -> None:
    """85 need 68 that stand, at 125 %: of 70 that stand 10 were kept back."""
    proposal = propose(city(70, reserve=10, percent=125), {})
    assert told(proposal) == [("reserve", "city", 8, 0)]
    assert bound(70, 2, 125) == 85


def test_trials_give_before_what_is_borrowed() -> None:
    ranks = {"leaf/k/jtj-gis": Rank(trial=True)}
    assert told(propose(city(70), ranks)) == [
        ("trials", "leaf/k/jtj-gis", 10, 5),
        ("borrowed", "leaf/k/fgw-egov", 5, 0),
    ]


def test_what_a_guarantee_covers_is_not_borrowed() -> None:
    """jtj uses 35 and is guaranteed 20: its trial of 10 gives 10, and its other leaf the 5 that are left."""
    ranks = {"leaf/k/jtj-gis": Rank(trial=True), "leaf/k/fgw-egov": Rank(fixed=True)}
    assert told(propose(city(70), ranks)) == [
        ("trials", "leaf/k/jtj-gis", 10, 5),
        ("borrowed", "leaf/k/jtj-egov", 5, 0),
    ]


def test_the_less_important_gives_first_whoever_borrows_more() -> None:
    ranks = {"leaf/k/fgw-egov": Rank(importance=2), "leaf/k/jtj-egov": Rank(importance=1)}
    assert told(propose(city(60), ranks)) == [
        ("borrowed", "leaf/k/jtj-gis", 10, 15),
        ("borrowed", "leaf/k/jtj-egov", 5, 10),
        ("borrowed", "leaf/k/fgw-egov", 10, 0),
    ]


def test_guarantees_give_last_and_idle_ones_before_those_in_use() -> None:
    proposal = propose(city(30), {})
    assert told(proposal) == [
        ("borrowed", "leaf/k/fgw-egov", 20, 35),
        ("borrowed", "leaf/k/jtj-egov", 15, 20),
        ("guarantees", "area/dawa", 18, 2),
        ("guarantees", "leaf/k/dawa-egov", 2, 0),
    ]
    last = proposal.steps[-1]
    assert [(change.node, change.what, change.before, change.after) for change in last.changes] == [
        ("leaf/k/dawa-egov", "allotted", 12, 10),
        ("area/dawa", "guarantee", 12, 10),
    ]


def test_guarantees_that_do_not_stand_fall_and_what_runs_goes_on_as_borrowed() -> None:
    """At 400 % all charges fit; 50 are promised and 25 stand: what is idle falls first."""
    proposal = propose(city(25, percent=400), {})
    assert proposal.short == 25
    assert told(proposal) == [("guarantees", "area/dawa", 18, 7), ("guarantees", "area/dawa", 7, 0)]
    assert all(change.what == "guarantee" for step in proposal.steps for change in step.changes)


def test_the_order_is_the_citys_own() -> None:
    proposal = propose(city(80, reserve=10), {}, ("borrowed", "reserve"))
    assert told(proposal) == [("borrowed", "leaf/k/fgw-egov", 15, 0)]


def test_who_may_not_give_leaves_a_rest_that_is_said() -> None:
    fixed = dict.fromkeys(LEAVES, Rank(fixed=True))
    proposal = propose(city(60), fixed)
    assert (proposal.short, proposal.remains) == (25, 7)
    assert told(propose(city(60, reserve=0), fixed, ())) == []


@pytest.mark.parametrize("leaves", [True, False])
def test_the_same_figures_give_the_same_proposal(leaves: bool) -> None:  # noqa: FBT001 (two cases)
    first, second = city(40, 5), city(40, 5)
    going = Leaving("bureau/jtj", 10, 8, 100)
    assert (
        drain(first, going, {}) == drain(second, going, {})
        if leaves
        else propose(first, {}) == propose(second, {})
    )


def test_a_body_gives_itself_what_it_may_no_longer_have() -> None:
    """jtj uses 35 of 60; when its servers go it may have 30, and the city is as full as it was."""
    situation = city(100)
    nodes = {**situation.nodes, "bureau/jtj": situation.nodes["bureau/jtj"]._replace(limit=40)}
    going = Leaving("bureau/jtj", supply=10, guarantee=10, slack=50)
    proposal = drain(Situation("p", "cpu", 100, 0, 100, nodes), going, {"leaf/k/jtj-gis": Rank(trial=True)})
    assert (proposal.short, told(proposal)) == (5, [("trials", "leaf/k/jtj-gis", 5, 0)])


def test_when_servers_go_the_pool_drains_in_the_declared_order() -> None:
    """95 stand, 85 are charged; jtj takes 20 home and keeps within its limit."""
    going = Leaving("bureau/jtj", supply=20, guarantee=16, slack=50)
    proposal = drain(city(95, reserve=5), going, {})
    assert told(proposal) == [("reserve", "city", 5, 10), ("borrowed", "leaf/k/jtj-egov", 10, 0)]


def test_a_body_also_keeps_within_its_limit_over_all_pools() -> None:
    going = Leaving("bureau/jtj", supply=10, guarantee=10, slack=4)
    proposal = drain(city(200), going, {})
    assert (proposal.short, told(proposal)) == (6, [("borrowed", "leaf/k/jtj-egov", 6, 0)])


def replayed(situation: Situation, steps: tuple[Step, ...]) -> tuple[int, int]:
    """What is short of charges and of promises after the steps, computed anew from the leaves up."""
    figures = {(name, "guarantee"): node.guarantee for name, node in situation.nodes.items()}
    figures |= {(name, "allotted"): node.allotted for name, node in situation.nodes.items() if node.leaf}
    figures["city", "reserve"] = situation.reserve
    for step in steps:
        for change in step.changes:
            assert figures[change.node, change.what] == change.before, "a step must begin where it stood"
            assert 0 <= change.after < change.before
            figures[change.node, change.what] = change.after
    bodies = {
        name: (str(node.parent), figures[name, "guarantee"], node.limit)
        for name, node in situation.nodes.items()
        if not node.leaf and name != "city"
    }
    leaves = {
        name: (str(node.parent), figures[name, "allotted"])
        for name, node in situation.nodes.items()
        if node.leaf
    }
    after = nodes_of(bodies, leaves)["city"]
    reserve = figures["city", "reserve"]
    return (
        max(0, after.allotted - bound(situation.supply, reserve, situation.percent)),
        max(0, after.nested - max(0, situation.supply - reserve)),
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[Situation, dict[str, Rank]]:
    """A tree of up to four levels, whatever it promises and uses."""
    bodies: Plain = {}
    for number in range(draw(st.integers(1, 8))):
        parent = draw(st.sampled_from(["city", *bodies]))
        bodies[f"n{number}"] = (parent, draw(st.integers(0, 30)), 1000)
    leaves: dict[str, tuple[str, int]] = {}
    ranks: dict[str, Rank] = {}
    for number in range(draw(st.integers(0, 8))):
        leaf = f"leaf/{number}"
        leaves[leaf] = (draw(st.sampled_from(list(bodies))), draw(st.integers(0, 40)))
        ranks[leaf] = Rank(draw(st.integers(0, 2)), draw(st.booleans()), draw(st.integers(0, 9)) == 0)
    supply, reserve = draw(st.integers(0, 150)), draw(st.integers(0, 40))
    percent = draw(st.sampled_from([0, 50, 100, 125, 400]))
    return Situation("p", "cpu", supply, reserve, percent, nodes_of(bodies, leaves)), ranks


@given(situations())
def test_a_proposal_covers_what_is_short_or_says_what_remains(
    found: tuple[Situation, dict[str, Rank]],
) -> None:
    situation, ranks = found
    proposal = propose(situation, ranks)

    assert proposal.short == max(replayed(situation, ()))
    assert proposal.remains == max(replayed(situation, proposal.steps))
    if not any(rank.fixed for rank in ranks.values()):
        assert proposal.remains == 0


@given(situations())
def test_nobody_gives_before_his_turn_or_without_need(found: tuple[Situation, dict[str, Rank]]) -> None:
    situation, ranks = found
    proposal = propose(situation, ranks)

    turns = [ORDER.index(step.kind) for step in proposal.steps]
    assert turns == sorted(turns)
    assert not any(
        ranks[step.changes[0].node].fixed for step in proposal.steps if "leaf" in step.changes[0].node
    )
    for step in proposal.steps:
        if step.kind == "trials":
            assert ranks[step.changes[0].node].trial
    for last in range(len(proposal.steps)):
        assert max(replayed(situation, proposal.steps[:last])) > 0


@given(situations(), st.data())
def test_a_drain_covers_what_servers_leave_behind(
    found: tuple[Situation, dict[str, Rank]], data: st.DataObject
) -> None:
    situation, ranks = found
    body = data.draw(
        st.sampled_from([name for name, node in situation.nodes.items() if not node.leaf and node.parent])
    )
    node = situation.nodes[body]
    falls = data.draw(st.integers(0, node.guarantee))
    going = Leaving(body, data.draw(st.integers(0, situation.supply)), falls, data.draw(st.integers(0, 50)))
    proposal = drain(situation, going, ranks)

    without = {**situation.nodes, body: node._replace(guarantee=node.guarantee - falls)}
    after = Situation(
        "p", "cpu", situation.supply - going.supply, situation.reserve, situation.percent, without
    )
    assert max(replayed(after, proposal.steps)) <= proposal.remains
    assert proposal.short >= max(replayed(after, ()))
