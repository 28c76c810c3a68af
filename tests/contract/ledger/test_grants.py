"""Grants: what they may say, how they begin, are renewed and end, and what an end leaves behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledgers import CLOUD, DAY, K8S, Hand
from yunjin.errors import ConflictError, RefusalError, ShortageError, UsageError, YunjinError
from yunjin.ledger import grants, nodes, reservations, supply
from yunjin.model.amounts import MOST

EGOV = "leaf/k1/jtj-egov"
LATER = "2027-01-01"
END = "2027-06-01"


def add(hand: Hand, **other: Any) -> Any:
    """A grant of 5 in one pool to tenant/bus, whose bureau may have as much."""
    terms: dict[str, Any] = {
        "number": "G-1",
        "node": "tenant/bus",
        "limit": {CLOUD: {"cpu": 5}, "*": {"cpu": 5}},
        "guarantee": {},
        "kind": "grant",
        "grantor": "city",
        "basis": "盘政数〔2026〕12号",
        "valid_from": DAY,
        "valid_to": END,
    }
    return hand(grants.add_grant, **{**terms, "today": DAY, **other})


def end(hand: Hand, number: str = "G-1", today: str = DAY) -> Any:
    return hand(grants.end_grant, number=number, cause="withdrawn", today=today)


def start(hand: Hand, today: str = LATER) -> Any:
    return hand(grants.start_grant, number="G-1", today=today)


def renew(hand: Hand, until: str | None, today: str = DAY, **other: Any) -> Any:
    return hand(grants.renew_grant, number="G-1", valid_to=until, basis="续期", today=today, **other)


def versions(hand: Hand) -> list[tuple[Any, ...]]:
    """State, term and basis of each version of G-1, the oldest first."""
    return hand.rows("SELECT state, valid_from, valid_to, basis FROM grants WHERE number = 'G-1' ORDER BY id")


def figures(hand: Hand) -> list[tuple[Any, ...]]:
    """All that counts."""
    return hand.rows("SELECT * FROM quota_cells ORDER BY node, pool, dimension")


def test_a_grant_raises_the_limit_in_its_pool_and_over_all(hand: Hand) -> None:
    assert hand.cell("tenant/bus", "*")[2] == 40
    assert add(hand) == {"grant": "G-1", "state": "in_force", "counted": []}
    assert hand.cell("tenant/bus", CLOUD)[2] == 5
    assert hand.cell("tenant/bus", "*")[2] == 45


def test_a_grant_of_100_over_two_pools_is_100_together(hand: Hand) -> None:
    """tenant/new may take 10 wherever it likes, and no more than 10."""
    hand(nodes.add_node, node="tenant/new", parent="bureau/jtj", pool=None, today=DAY)
    for leaf, pool in (("leaf/k1/new", K8S), ("leaf/o1/new", CLOUD)):
        hand(nodes.add_node, node=leaf, parent="tenant/new", pool=pool, today=DAY)
    add(hand, node="tenant/new", limit={K8S: {"cpu": 10}, CLOUD: {"cpu": 10}, "*": {"cpu": 10}})

    hand.allot("leaf/k1/new", cpu=7)
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf="leaf/o1/new", delta={"cpu": 4})
    assert (caught.value.facts["node"], caught.value.facts["pool"]) == ("tenant/new", "*")
    hand.allot("leaf/o1/new", cpu=3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"limit": {CLOUD: {"cpu": -5}, "*": {"cpu": 5}}}, "不能为 -5"),
        ({"limit": {CLOUD: {"cpu": MOST + 1}, "*": {"cpu": MOST + 1}}}, "处理器"),
        ({"limit": {CLOUD: {"cpu": 1.5}, "*": {"cpu": 2}}}, "不能为 1.5"),
        ({"limit": {CLOUD: {"cores": 5}, "*": {"cores": 5}}}, "cores"),
        ({"limit": {"*": {"cpu": 5}}}, "资源池"),
        ({"limit": {CLOUD: {"cpu": 0}, "*": {"cpu": 0}}}, "数额"),
        ({"limit": {CLOUD: {"cpu": 5}, "*": {"cpu": 4}}}, "合计"),
        ({"guarantee": {CLOUD: {"cpu": 6}}}, "保底额度"),
        ({"guarantee": {CLOUD: {"cpu": -1}}}, "不能为 -1"),
        ({"guarantee": {K8S: {"cpu": 1}}}, "保底额度"),
        ({"guarantee": {"*": {"cpu": 1}}}, "资源池"),
        (
            {
                "limit": {K8S: {"cpu": 5}, CLOUD: {"cpu": 5}, "*": {"cpu": 5}},
                "guarantee": {K8S: {"cpu": 3}, CLOUD: {"cpu": 3}},
            },
            "保底额度之和",
        ),
        ({"valid_to": DAY}, "到期日"),
        ({"valid_from": LATER, "valid_to": "2026-12-01"}, "到期日"),
        ({"valid_from": "2026-01-01", "valid_to": "2026-11-01"}, "到期日"),
        ({"node": "city"}, "不给全市"),
        ({"node": EGOV}, "命名空间"),
        ({"node": "tenant/nobody"}, "tenant/nobody"),
        ({"number": "G-1\n"}, "编号"),
        ({"number": "N" * 101}, "编号"),
    ],
)
def test_a_grant_that_cannot_be_meant_changes_nothing(hand: Hand, wrong: dict[str, Any], said: str) -> None:
    before = figures(hand)
    with pytest.raises(UsageError) as caught:
        add(hand, **wrong)
    assert said in caught.value.message.zh
    assert figures(hand) == before
    assert versions(hand) == []


def test_a_node_that_has_ended_gets_nothing(hand: Hand) -> None:
    hand(nodes.add_node, node="tenant/new", parent="bureau/jtj", pool=None, today=DAY)
    hand(nodes.end_node, node="tenant/new", today=DAY)
    with pytest.raises(UsageError, match="has ended"):
        add(hand, node="tenant/new")


def test_only_who_stands_above_may_grant(hand: Hand) -> None:
    for grantor in ("area/dawa", "tenant/bus", "leaf/k1/bus-egov"):
        with pytest.raises(RefusalError, match="does not stand above"):
            add(hand, grantor=grantor)
    add(hand, grantor="bureau/jtj")


def test_a_limit_over_all_pools_is_not_raised_above_the_parents(hand: Hand) -> None:
    """tenant/bus may have 40 in all and its bureau 60."""
    with pytest.raises(ShortageError) as caught:
        add(hand, limit={CLOUD: {"cpu": 21}, "*": {"cpu": 21}})
    facts = caught.value.facts
    found = tuple(facts[name] for name in ("node", "pool", "limit", "taken", "asked", "missing"))
    assert found == ("bureau/jtj", "*", 60, 40, 21, 1)
    assert caught.value.message.zh.startswith("tenant/bus (各资源池合计) 的处理器配额上限将为 0.061 核")
    assert "高于上级 bureau/jtj" in caught.value.message.zh
    assert versions(hand) == []


def test_a_limit_in_one_pool_is_not_raised_above_the_parents_in_it(hand: Hand) -> None:
    with pytest.raises(ShortageError) as caught:
        add(hand, node="tenant/jtj", limit={K8S: {"cpu": 1}, "*": {"cpu": 1}})
    assert (caught.value.facts["pool"], caught.value.facts["missing"]) == (K8S, 1)


def test_guarantees_beyond_what_stands_are_refused_though_overcommit_would_lend(hand: Hand) -> None:
    """The city may lend 180 at 200 %; of the 90 that stand 35 are promised and 55 are left."""
    hand(
        supply.set_supply, pool=K8S, supply={"cpu": 100}, reserve={"cpu": 10}, percent={"cpu": 200},
        cause="bold", today=DAY,
    )  # fmt: skip
    hand(nodes.add_node, node="bureau/new", parent="city", pool=None, today=DAY)

    def promise(value: int) -> Any:
        by = {"cpu": value}
        return add(hand, node="bureau/new", limit={K8S: by, "*": by}, guarantee={K8S: by})

    with pytest.raises(ShortageError) as caught:
        promise(56)
    assert caught.value.facts["promise"] is True
    assert (caught.value.facts["limit"], caught.value.facts["missing"]) == (90, 1)
    promise(55)


def test_a_pool_in_deficit_takes_no_new_grant(hand: Hand) -> None:
    hand.allot("leaf/o1/jtj-egov", cpu=30)
    hand(supply.change_supply, pool=CLOUD, delta={"cpu": -36}, cause="hosts died", today=DAY)
    for valid_from in (DAY, LATER):
        with pytest.raises(RefusalError, match="takes no growth"):
            add(hand, guarantee={CLOUD: {"cpu": 1}}, valid_from=valid_from)


def test_a_number_is_given_once_and_never_again(hand: Hand) -> None:
    add(hand)
    with pytest.raises(ConflictError):
        add(hand)
    end(hand)
    with pytest.raises(ConflictError):
        add(hand)


def test_a_grant_without_a_number_gets_the_next_of_the_year(hand: Hand) -> None:
    assert [add(hand, number="", limit={CLOUD: {"cpu": 1}, "*": {"cpu": 1}})["grant"] for _ in range(2)] == [
        "G-2026-0001",
        "G-2026-0002",
    ]


def test_a_later_guarantee_is_held_from_its_approval_and_a_later_limit_is_not(hand: Hand) -> None:
    add(hand, guarantee={CLOUD: {"cpu": 3}}, valid_from=LATER)
    assert hand.cell("tenant/bus", CLOUD) == (0, 0, 0, 0)
    assert hand.cell("bureau/jtj", CLOUD)[3] == 3
    assert hand.cell("city", CLOUD)[1] == 3


def test_what_is_held_over_two_pools_comes_and_goes_whole(hand: Hand) -> None:
    both = {K8S: {"cpu": 2}, CLOUD: {"cpu": 3}}
    before = figures(hand)
    add(hand, node="area/dawa", limit={**both, "*": {"cpu": 5}}, guarantee=both, valid_from=LATER)
    end(hand)
    unused = [row for row in figures(hand) if any(row[3:])]
    assert unused == [row for row in before if any(row[3:])]
    assert hand.rows("SELECT id FROM quota_nodes WHERE id LIKE 'hold/%'") == []
    assert hand.rows("SELECT * FROM quota_deficits") == []


def test_a_grant_that_starts_gets_what_was_held(hand: Hand) -> None:
    add(hand, guarantee={CLOUD: {"cpu": 3}}, valid_from=LATER)
    assert start(hand, today="2026-12-31")["state"] == "future"  # not yet
    assert start(hand)["state"] == "in_force"
    assert hand.cell("tenant/bus", CLOUD) == (3, 0, 5, 0)
    assert hand.cell("bureau/jtj", CLOUD)[3] == 3
    assert [row[0] for row in versions(hand)] == ["future", "in_force"]
    assert start(hand)["state"] == "in_force"
    assert hand.cell("tenant/bus", CLOUD)[2] == 5


def test_a_start_that_no_longer_fits_is_refused_and_what_was_held_stays_held(hand: Hand) -> None:
    add(hand, guarantee={CLOUD: {"cpu": 3}}, valid_from=LATER)
    end(hand, "opening/bureau/jtj")
    before = figures(hand)
    with pytest.raises(ShortageError) as caught:
        start(hand)
    assert caught.value.facts["node"] == "bureau/jtj"
    assert figures(hand) == before
    assert [row[0] for row in versions(hand)] == ["future"]


def test_a_grant_does_not_start_while_its_pool_is_in_deficit(hand: Hand) -> None:
    add(hand, guarantee={CLOUD: {"cpu": 3}}, valid_from=LATER)
    hand.allot("leaf/o1/jtj-egov", cpu=25)
    hand(supply.change_supply, pool=CLOUD, delta={"cpu": -40}, cause="hosts died", today=DAY)
    with pytest.raises(RefusalError):
        start(hand)
    hand(supply.change_supply, pool=CLOUD, delta={"cpu": 40}, cause="hosts repaired", today=DAY)
    assert start(hand)["state"] == "in_force"


def test_a_renewed_grant_keeps_what_it_gave_and_the_earlier_term_stays_on_record(hand: Hand) -> None:
    add(hand)
    before = figures(hand)
    renew(hand, "2028-01-01")
    assert figures(hand) == before
    assert versions(hand) == [
        ("in_force", DAY, END, "盘政数〔2026〕12号"),
        ("in_force", DAY, "2028-01-01", "续期"),
    ]
    renew(hand, None)
    assert versions(hand)[-1][2] is None
    end(hand)
    assert hand.cell("tenant/bus", CLOUD)[2] == 0


def test_a_later_grant_can_be_renewed_and_keeps_what_is_held(hand: Hand) -> None:
    add(hand, guarantee={CLOUD: {"cpu": 3}}, valid_from=LATER)
    renew(hand, "2028-01-01")
    assert hand.cell("bureau/jtj", CLOUD)[3] == 3
    start(hand)
    assert hand.cell("tenant/bus", CLOUD) == (3, 0, 5, 0)


@pytest.mark.parametrize(
    ("until", "today", "error"),
    [
        (DAY, DAY, UsageError),
        ("2026-11-21", DAY, UsageError),
        ("2028-01-01", END, RefusalError),  # its last day has passed, swept or not
        ("2028-01-01", "2027-07-01", RefusalError),
    ],
)
def test_a_renewal_that_cannot_be_meant_is_refused(
    hand: Hand, until: str, today: str, error: type[YunjinError]
) -> None:
    add(hand)
    with pytest.raises(error):
        renew(hand, until, today)
    assert len(versions(hand)) == 1


def test_a_later_grant_is_not_renewed_to_an_end_before_its_start(hand: Hand) -> None:
    add(hand, valid_from=LATER)
    with pytest.raises(UsageError):
        renew(hand, "2026-12-31")


def test_who_renews_what_he_saw_and_it_has_changed_learns_so(hand: Hand) -> None:
    add(hand)
    (seen,) = (row[0] for row in hand.rows("SELECT id FROM grants WHERE number = 'G-1'"))
    renew(hand, "2028-01-01", version=seen)
    with pytest.raises(ConflictError, match="changed by somebody else"):
        renew(hand, "2029-01-01", version=seen)


@pytest.mark.parametrize("operation", [grants.end_grant, grants.start_grant, grants.renew_grant])
def test_a_grant_that_is_not_there_is_bad_input(hand: Hand, operation: Any) -> None:
    with pytest.raises(UsageError, match="there is no grant G-404"):
        hand(operation, number="G-404", cause="", basis="", valid_to=None, today=DAY)


def test_an_end_takes_nothing_away_and_says_what_is_used_beyond(hand: Hand) -> None:
    hand.allot(EGOV, cpu=35)
    end(hand, "opening/tenant/jtj")

    assert hand.allotted(EGOV) == 35
    assert hand.deficits() == [
        ("tenant/jtj", "*", "cpu", 35, "grant/opening/tenant/jtj"),
        ("tenant/jtj", K8S, "cpu", 35, "grant/opening/tenant/jtj"),
    ]


def test_growth_after_an_end_is_refused_and_names_the_grant(hand: Hand) -> None:
    hand.allot(EGOV, cpu=5)
    end(hand, "opening/tenant/jtj")
    with pytest.raises(ShortageError) as caught:
        hand(reservations.reserve, leaf=EGOV, delta={"cpu": 1})
    assert "核定配额 opening/tenant/jtj 已终止" in caught.value.message.zh
    assert "grant opening/tenant/jtj has ended" in caught.value.message.en
    assert caught.value.facts["cause"] == "grant/opening/tenant/jtj"


def test_a_later_grant_that_is_withdrawn_takes_nothing_of_what_there_is(hand: Hand) -> None:
    before = figures(hand)
    add(hand, valid_from=LATER)
    end(hand)

    assert (figures(hand), versions(hand)[-1][0]) == (before, "ended")


def test_an_end_over_two_pools_that_leaves_nothing_behind_opens_no_deficit(hand: Hand) -> None:
    end(hand, "opening/tenant/jtj")
    assert hand.rows("SELECT * FROM quota_deficits") == []
    assert hand.rows("SELECT * FROM clocks") == []


def test_what_an_end_leaves_in_use_is_to_be_reclaimed(hand: Hand) -> None:
    hand.allot(EGOV, cpu=5)
    end(hand, "opening/tenant/jtj")
    assert hand.rows("SELECT kind, subject, due, done FROM clocks") == [
        ("reclaim", "opening/tenant/jtj", DAY, None)
    ]


def test_a_grant_ends_once_and_keeps_its_last_day(hand: Hand) -> None:
    add(hand)
    end(hand, today="2027-07-01")  # swept a month late
    end(hand, today="2027-08-01")
    assert versions(hand)[-1][:3] == ("ended", DAY, END)
    assert len(versions(hand)) == 2


def test_a_grant_withdrawn_early_ends_that_day(hand: Hand) -> None:
    add(hand)
    end(hand)
    assert versions(hand)[-1][2] == DAY


def test_a_repeated_approval_is_one_grant(hand: Hand) -> None:
    first = add(hand, number="", key="letter-12")
    assert add(hand, number="", key="letter-12") == first
    assert hand.cell("tenant/bus", CLOUD)[2] == 5


def test_of_two_who_ask_for_a_number_at_once_one_gets_it(hand: Hand) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(add, hand, limit={CLOUD: {"cpu": 1}, "*": {"cpu": 1}}) for _ in range(8)]
    failures = [future.exception() for future in asked if future.exception()]
    assert len(failures) == 7
    assert all(isinstance(failure, ConflictError) for failure in failures)
    assert hand.cell("tenant/bus", CLOUD)[2] == 1


def test_numbers_of_the_ledgers_own_are_each_given_once(hand: Hand) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(add, hand, number="", limit={CLOUD: {"cpu": 1}, "*": {"cpu": 1}}) for _ in range(8)
        ]
    assert sorted(future.result()["grant"] for future in asked) == [f"G-2026-{n:04}" for n in range(1, 9)]
