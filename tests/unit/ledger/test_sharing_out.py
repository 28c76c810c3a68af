"""An area shares out its own node to towns and offices without the city, and never more than its own."""

from __future__ import annotations

from typing import Any

import pytest

from ledgers import K8S, Body, Hand, grant
from yunjin.errors import RefusalError, ShortageError
from yunjin.ledger import grants, nodes
from yunjin.ledger.checks import check

DAY = "2026-11-22"
TOWN, OFFICE = "area/tianjia", "area/tianjia-office"


@pytest.fixture(autouse=True)
def towns(hand: Hand) -> None:
    """A town below the area, an office below the town."""
    for node, parent in ((TOWN, "area/dawa"), (OFFICE, TOWN)):
        hand(nodes.add_node, node=node, parent=parent, pool=None, today=DAY)


def share(hand: Hand, node: str, by: str, cpu: int, guarantee: int = 0, **more: Any) -> None:
    firm = {K8S: {"cpu": guarantee}} if guarantee else {}
    said = grant(Body(node, "", {K8S: {"cpu": cpu}}, {"cpu": cpu}, firm), f"{by}/{node}/{cpu}")
    hand(grants.add_grant, **{**said, "kind": "grant", "grantor": by, "today": DAY, **more})


def test_an_area_gives_to_its_town_and_the_town_to_its_office(hand: Hand) -> None:
    share(hand, TOWN, "area/dawa", 30, 10)
    share(hand, OFFICE, TOWN, 20, 10)
    share(hand, OFFICE, "area/dawa", 5)
    assert hand.cell(TOWN, K8S) == (10, 10, 30, 10)
    assert hand.cell(OFFICE, K8S) == (10, 0, 25, 0)
    assert hand.cell("area/dawa", K8S) == (15, 15, 40, 15)  # tenant/dawa has the other 5
    assert check(hand.database) == ()


def test_the_city_is_asked_for_nothing_new(hand: Hand) -> None:
    before = hand.cell("city", K8S)
    share(hand, TOWN, "area/dawa", 30, 10)
    assert hand.cell("city", K8S) == before


def test_not_above_its_own_limit(hand: Hand) -> None:
    with pytest.raises(ShortageError) as refused:
        share(hand, TOWN, "area/dawa", 41)
    assert refused.value.facts["node"] == "area/dawa"


@pytest.mark.parametrize("start", [DAY, "2027-01-01"])
def test_not_more_guaranteed_than_is_guaranteed_to_itself(hand: Hand, start: str) -> None:
    with pytest.raises(RefusalError, match=r"is guaranteed 0\.015 cores of CPU; .* would guarantee 0\.016"):
        share(hand, TOWN, "area/dawa", 20, 11, valid_from=start)
    assert hand.cell("area/dawa", K8S) == (15, 5, 40, 5)
    share(hand, TOWN, "city", 20, 11, valid_from=start)


@pytest.mark.parametrize(
    ("node", "by"),
    [
        ("area/dawa", "area/dawa"),  # itself
        ("area/dawa", TOWN),  # above
        ("tenant/jtj", "area/dawa"),  # elsewhere
        (TOWN, "bureau/jtj"),
        (TOWN, OFFICE),
    ],
)
def test_only_below_itself(hand: Hand, node: str, by: str) -> None:
    with pytest.raises(RefusalError, match="does not stand above"):
        share(hand, node, by, 1)


def test_what_its_tenant_uses_is_not_there_twice(hand: Hand) -> None:
    hand.allot("leaf/k1/dawa-egov", cpu=38)
    hand(nodes.add_node, node="tenant/town", parent=TOWN, pool=None, today=DAY)
    hand(nodes.add_node, node="leaf/k1/town-egov", parent="tenant/town", pool=K8S, today=DAY)
    share(hand, TOWN, "area/dawa", 30)
    share(hand, "tenant/town", TOWN, 30)
    hand.allot("leaf/k1/town-egov", cpu=2)
    with pytest.raises(ShortageError) as refused:
        hand.allot("leaf/k1/town-egov", cpu=3)
    assert refused.value.facts["node"] == "area/dawa"
    assert refused.value.facts["missing"] == 1
