"""The records tell what the counters were at every moment, and what is valid on a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ledgers import DAY, K8S, Hand
from yunjin.ledger import grants, moves, nodes, reservations, supply
from yunjin.ledger.cells import Cell
from yunjin.ledger.checks import check
from yunjin.ledger.history import Standing, When, standing
from yunjin.ledger.reorganisations import Reorganisations

Figures = dict[tuple[str, str, str], tuple[int, int, int, int]]
JTJ = "tenant/jtj"


def figures(found: Standing) -> Figures:
    """Every row that is not zero: guarantee, nested guarantees, limit, allotted."""
    return {
        (node, *key): (cell.guarantee, cell.nested, cell.limit, cell.allotted)
        for node, cells in found.cells.items()
        for key, cell in cells.items()
        if cell != Cell()
    }


def limit_on(hand: Hand, day: str, node: str = JTJ, recorded_by: datetime | None = None) -> int:
    found = standing(hand.database, When(date.fromisoformat(day), recorded_by))
    return found.cell(node, K8S, "cpu").limit


def granted(begin: str, end: str | None, number: str = "G1", node: str = JTJ) -> dict[str, Any]:
    """A grant of 2, 1 of it guaranteed."""
    return {
        "number": number,
        "node": node,
        "limit": {K8S: {"cpu": 2}, "*": {"cpu": 2}},
        "guarantee": {K8S: {"cpu": 1}},
        "kind": "grant",
        "grantor": "city",
        "basis": "一号",
        "valid_from": begin,
        "valid_to": end,
        "today": DAY,
    }


def add_room(hand: Hand) -> None:
    """Let the bureau pass more on to its tenants."""
    hand(grants.add_grant, **granted(DAY, None, "room", "bureau/jtj"))


def test_a_day_sees_the_grants_whose_term_includes_it(hand: Hand) -> None:
    add_room(hand)
    hand(grants.add_grant, **granted("2026-12-01", "2026-12-31"))
    limits = {
        day: limit_on(hand, day) for day in (DAY, "2026-11-30", "2026-12-01", "2026-12-30", "2026-12-31")
    }
    assert limits == {DAY: 40, "2026-11-30": 40, "2026-12-01": 42, "2026-12-30": 42, "2026-12-31": 40}
    assert standing(hand.database).cell(JTJ, K8S, "cpu").limit == 40


def test_today_agrees_with_the_counters_even_with_a_later_guarantee_held(hand: Hand) -> None:
    add_room(hand)
    hand(grants.add_grant, **granted("2026-12-01", None))
    hand(reservations.reserve, leaf="leaf/k1/jtj-egov", target={"cpu": 30})
    now = standing(hand.database)
    assert "hold/G1" in now.nodes
    assert figures(standing(hand.database, When(date.fromisoformat(DAY)))) == figures(now)


def test_days_are_judged_by_what_was_on_record_at_a_moment(hand: Hand) -> None:
    add_room(hand)
    hand(grants.add_grant, **granted(DAY, "2026-12-01"))
    before = hand.clock()
    hand.clock.advance(60)  # type: ignore[attr-defined]  # a clock that tests move
    hand(grants.renew_grant, number="G1", valid_to="2027-01-01", basis="二号", today=DAY)
    assert limit_on(hand, "2026-12-15") == 42
    assert limit_on(hand, "2026-12-15", recorded_by=before) == 40
    assert limit_on(hand, "2026-11-25", recorded_by=before) == 42


def test_supply_is_that_of_the_day(hand: Hand) -> None:
    def supplied(cpu: int, today: str) -> None:
        amounts = {"cpu": cpu, "memory": 1000}
        hand(supply.set_supply, pool=K8S, supply=amounts, reserve={}, percent={}, cause="扩容", today=today)

    supplied(200, "2026-12-01")
    supplied(300, "2026-12-10")
    assert [limit_on(hand, day, "city") for day in (DAY, "2026-12-01", "2026-12-09", "2026-12-10")] == [
        90,
        200,
        200,
        300,
    ]


def test_a_dimension_that_is_gone_from_a_pool_is_gone_from_that_day_on(hand: Hand) -> None:
    hand.clock.advance(3 * 86_400)  # type: ignore[attr-defined]
    hand(
        supply.set_supply,
        pool=K8S,
        supply={"memory": 1000},
        reserve={},
        percent={},
        cause="下架",
        today="2026-11-25",
    )
    assert [limit_on(hand, day, "city") for day in ("2026-11-24", "2026-11-25")] == [90, 0]


def test_a_node_is_there_from_its_day_to_its_end(hand: Hand) -> None:
    hand(nodes.add_node, node="bureau/zjw", parent="city", pool=None, today="2026-12-01")
    hand(nodes.end_node, node="bureau/zjw", today="2026-12-20")
    there = [
        "bureau/zjw" in standing(hand.database, When(date.fromisoformat(day))).nodes
        for day in (DAY, "2026-12-01", "2026-12-19", "2026-12-20")
    ]
    assert there == [False, True, True, False]
    assert "bureau/zjw" not in standing(hand.database).nodes


def test_the_records_make_the_counters(hand: Hand) -> None:
    add_room(hand)
    hand(grants.add_grant, **granted("2026-12-01", None))
    hand.allot("leaf/k1/jtj-egov", cpu=30, memory=100)
    hand(reservations.reserve, leaf="leaf/k1/jtj-egov", target={"cpu": 20})
    less = {"pool": K8S, "supply": {"cpu": 60, "memory": 1000}, "reserve": {"cpu": 40}, "percent": {}}
    hand(supply.set_supply, **less, cause="故障", today=DAY)
    assert hand.deficits()
    assert check(hand.database) == ()
    past = When(recorded_by=hand.clock())
    assert figures(standing(hand.database, past)) == figures(standing(hand.database))


def test_a_later_day_is_what_was_expected_of_it_before_the_end_of_a_body_was_on_record(hand: Hand) -> None:
    before = hand.clock()
    hand.clock.advance(60)  # type: ignore[attr-defined]
    today = date.fromisoformat("2026-12-01")
    changes = Reorganisations(hand.database, hand.clock, "tests")
    terms = {
        "from": ["bureau/jtj"],
        "into": "area/dawa",
        "parent": None,
        "bodies": ["bureau/jtj", "area/dawa"],
    }
    number = changes.record("merge", today, "一号", terms, today)
    changes.carry_out(number, changes.rehearse("merge", today, "一号", terms, number), [], today)

    day = date.fromisoformat("2026-12-05")
    expected, known = standing(hand.database, When(day, before)), standing(hand.database, When(day))
    assert expected.path("leaf/k1/jtj-egov") == ["leaf/k1/jtj-egov", JTJ, "bureau/jtj", "city"]
    assert expected.cell("bureau/jtj", K8S, "cpu").limit == 40
    assert known.path("leaf/k1/jtj-egov") == ["leaf/k1/jtj-egov", JTJ, "area/dawa", "city"]
    assert "bureau/jtj" not in known.nodes
    assert "bureau/jtj" not in standing(hand.database, When(recorded_by=hand.clock())).nodes


def test_a_node_that_was_ended_by_hand_is_there_by_the_records_before(hand: Hand) -> None:
    hand(nodes.add_node, node="bureau/zjw", parent="city", pool=None, today=DAY)
    before = hand.clock()
    hand.clock.advance(60)  # type: ignore[attr-defined]
    hand(nodes.end_node, node="bureau/zjw", today="2026-12-01")
    day = date.fromisoformat("2026-12-05")
    assert "bureau/zjw" in standing(hand.database, When(day, before)).nodes
    assert "bureau/zjw" not in standing(hand.database, When(day, hand.clock())).nodes


def test_reservations_are_what_they_were_at_the_moment(hand: Hand) -> None:
    """One of each state, of which one is cut and one given up later."""
    clock: Any = hand.clock
    egov, gis, dawa = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis", "leaf/k1/dawa-egov"
    hand.allot(egov, cpu=6)
    grown = hand(reservations.reserve, leaf=egov, delta={"cpu": 4, "memory": 10})["reservation"]
    hand(moves.move, source=egov, target=dawa, amounts={"cpu": 9, "memory": 10})
    hand(reservations.reserve, leaf=gis, target={"cpu": 2})
    hand(reservations.commit, leaf=gis, target={"cpu": 2})
    then, now = hand.clock(), standing(hand.database).reservations
    assert [(one.state, one.deltas) for one in now] == [
        ("reserved", {"cpu": 4, "memory": 10}),
        ("reserved", {"cpu": -9, "memory": -10}),
        ("waiting", {"cpu": 9, "memory": 10}),
        ("committed", {"cpu": 2}),
    ]

    clock.advance(60)
    hand(reservations.release, reservation=grown)  # takes from the shrink, and from what follows it
    hand(reservations.confirm, leaf=gis, enforced={"cpu": 2}, used={})
    hand(reservations.commit, leaf=egov, target={"cpu": 0})
    middle, left = hand.clock(), standing(hand.database).reservations
    assert [(one.state, one.deltas) for one in left] == [("committed", {"cpu": -6}), ("waiting", {"cpu": 6})]

    clock.advance(60)
    hand(reservations.confirm, leaf=egov, enforced={"cpu": 0}, used={})
    assert [one.state for one in standing(hand.database).reservations] == ["reserved"]
    assert standing(hand.database, When(recorded_by=then)).reservations == now
    assert standing(hand.database, When(recorded_by=middle)).reservations == left
