"""Nodes come, and end only when nothing hangs on them, waits for them or is to begin in them."""

from __future__ import annotations

from typing import Any

import pytest

from ledgers import CLOUD, DAY, K8S, Body, Hand, grant
from yunjin.errors import ConflictError, UsageError
from yunjin.ledger import grants, moves, nodes, reservations

EGOV = "leaf/k1/jtj-egov"
GIS = "leaf/k1/jtj-gis"


def add(hand: Hand, node: str, parent: str | None = "bureau/jtj", pool: str | None = None) -> Any:
    return hand(nodes.add_node, node=node, parent=parent, pool=pool, today=DAY)


def end(hand: Hand, node: str, today: str = DAY) -> Any:
    return hand(nodes.end_node, node=node, today=today)


def test_a_new_node_hangs_where_it_is_put_from_its_day_on(hand: Hand) -> None:
    add(hand, "tenant/new")
    assert hand.rows("SELECT parent, pool, ended FROM quota_nodes WHERE id = 'tenant/new'") == [
        ("bureau/jtj", None, None)
    ]
    assert hand.rows("SELECT parent, valid_from FROM quota_places WHERE node = 'tenant/new'") == [
        ("bureau/jtj", DAY)
    ]


@pytest.mark.parametrize(
    ("node", "parent", "pool"),
    [
        ("tenant/new", "bureau/nobody", None),  # vanished parent
        ("leaf/k1/deeper", EGOV, K8S),  # nothing hangs below a leaf
        ("city2", None, None),  # there is one root
        ("city", "bureau/jtj", None),
        ("hold/G-1", "bureau/jtj", None),  # the ledger's own
        ("", "bureau/jtj", None),
        ("tenant/a\nb", "bureau/jtj", None),
    ],
)
def test_a_node_that_cannot_be_meant_is_refused(
    hand: Hand, node: str, parent: str | None, pool: str | None
) -> None:
    before = hand.rows("SELECT id FROM quota_nodes")
    with pytest.raises(UsageError):
        add(hand, node, parent, pool)
    assert hand.rows("SELECT id FROM quota_nodes") == before


def test_an_id_is_never_given_twice_not_even_after_its_end(hand: Hand) -> None:
    with pytest.raises(ConflictError):
        add(hand, "tenant/jtj")
    add(hand, "tenant/new")
    end(hand, "tenant/new")
    with pytest.raises(ConflictError, match="tenant/new"):
        add(hand, "tenant/new")


def test_nothing_hangs_below_a_node_that_has_ended(hand: Hand) -> None:
    add(hand, "tenant/new")
    end(hand, "tenant/new")
    with pytest.raises(UsageError, match="has ended"):
        add(hand, "leaf/k1/new", "tenant/new", K8S)


def test_a_node_ends_once(hand: Hand) -> None:
    add(hand, "tenant/new")
    end(hand, "tenant/new")
    end(hand, "tenant/new", "2027-01-01")
    assert hand.rows("SELECT ended FROM quota_nodes WHERE id = 'tenant/new'") == [(DAY,)]


def test_neither_the_city_nor_nobody_ends(hand: Hand) -> None:
    for node in ("city", "tenant/nobody"):
        with pytest.raises(UsageError):
            end(hand, node)


def held(hand: Hand) -> str:
    hand.allot(EGOV, cpu=5)
    return EGOV


def reserved(hand: Hand) -> str:
    hand(reservations.reserve, leaf=EGOV, delta={"cpu": 5})
    return EGOV


def awaited(hand: Hand) -> str:
    """What a move will bring has not come yet."""
    hand.allot(EGOV, cpu=5)
    hand(moves.move, source=EGOV, target=GIS, amounts={"cpu": 5})
    return GIS


def above_others(hand: Hand) -> str:
    return "tenant/bus"


def granted(hand: Hand) -> str:
    """A grant of it holds, though nothing is used."""
    end(hand, "leaf/k1/bus-egov")
    return "tenant/bus"


def granted_later(hand: Hand) -> str:
    add(hand, "tenant/new")
    terms = grant(Body("tenant/new", "bureau/jtj", {CLOUD: {"cpu": 2}}, {"cpu": 2}, {}), "G-1")
    hand(grants.add_grant, **{**terms, "valid_from": "2027-01-01"}, today=DAY)
    return "tenant/new"


@pytest.mark.parametrize("prepare", [held, reserved, awaited, above_others, granted, granted_later])
def test_a_node_with_which_something_is_still_to_do_does_not_end(hand: Hand, prepare: Any) -> None:
    node = prepare(hand)
    with pytest.raises(ConflictError) as caught:
        end(hand, node)
    assert caught.value.remedy is not None
    assert hand.rows("SELECT ended FROM quota_nodes WHERE id = ?", node) == [(None,)]


def test_a_node_ends_when_its_quota_was_given_back(hand: Hand) -> None:
    end(hand, "leaf/k1/bus-egov")
    hand(grants.end_grant, number="opening/tenant/bus", cause="closed down", today=DAY)
    end(hand, "tenant/bus")
    assert hand.rows("SELECT ended FROM quota_nodes WHERE id = 'tenant/bus'") == [(DAY,)]
