"""A ledger that has lived: something of everything is in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from clocks import Clock
from ledgers import CLOUD, DAY, K8S, Body, Hand, grant, plant, small_tree
from yunjin.ledger import grants, moves, nodes, reservations, supply
from yunjin.store import Store
from yunjin.store.times import text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file, closed. Reservations: 1-3 in force, 4 committed, 5 reserved, 6 and 7 a move, 8 expired."""
    folder = tmp_path_factory.mktemp("lived") / "state"
    clock = Clock()
    with Store.open(folder, now=clock) as store:
        hand = Hand(store.database, clock)
        plant(hand, small_tree())
        hand.allot("leaf/k1/jtj-egov", cpu=25, memory=100)
        hand.allot("leaf/k1/dawa-egov", cpu=20)
        hand.allot("leaf/o1/dawa-egov", cpu=10)
        made = hand(reservations.reserve, leaf="leaf/k1/jtj-gis", delta={"cpu": 5})
        hand(reservations.commit, leaf="leaf/k1/jtj-gis", target=made["target"])
        soon = text(clock() + timedelta(hours=1))
        hand(reservations.reserve, leaf="leaf/o1/jtj-egov", delta={"cpu": 6}, expires=soon)
        source, target = "leaf/k1/jtj-egov", "leaf/k1/jtj-gis"
        hand(moves.move, source=source, target=target, amounts={"cpu": 3})
        hand(reservations.reserve, leaf="leaf/k1/bus-egov", delta={"cpu": 1}, expires=text(clock()))
        hand(reservations.expire, reservation=8)
        body = Body("area/dawa", "city", {CLOUD: {"cpu": 40}}, {"cpu": 40}, {CLOUD: {"cpu": 40}})
        later = {**grant(body, "G1"), "valid_from": "2026-12-01"}
        hand(grants.add_grant, **later, today=DAY)
        hand(nodes.add_node, node="tenant/old", parent="area/dawa", pool=None, today=DAY)
        hand(nodes.end_node, node="tenant/old", today=DAY)
        for pool, amount, percent in ((K8S, 45, 100), (CLOUD, 30, 200)):
            hand(
                supply.set_supply,
                pool=pool,
                supply={"cpu": amount, "memory": 1000},
                reserve={},
                percent={"cpu": percent},
                cause="a host died",
                today=DAY,
            )
        assert hand.deficits()
        assert hand.deficits(promise=True)
    return folder / "state.db"
