"""The export of the ledger on every database: equal ledgers, equal bytes; a difference shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from audits import planted
from clocks import Clock
from ledgers import DAY
from yunjin.ledger import export, grants, nodes, reservations
from yunjin.ledger.records import own_key
from yunjin.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledgers import Hand
    from yunjin.store.database import Database

LEAF = "leaf/k1/jtj-egov"


def exported(database: Database) -> str:
    return export.document(export.read(database.rows, database.dialect))


def work(hand: Hand) -> None:
    """A day at the ledger: grants, reservations in every state, a move, an opening."""
    hand.allot(LEAF, cpu=6, memory=60)
    hand.allot("leaf/k1/bus-egov", cpu=3)
    opened = own_key("opening", "leaf", LEAF)
    hand(reservations.reserve, leaf="leaf/k1/dawa-egov", target={"cpu": 2}, key=opened)
    hand(nodes.add_node, node="tenant/new", parent="bureau/jtj", pool=None, today=DAY)
    hand(
        grants.add_grant, number="G-1", node="tenant/new", limit={"k8s-egov": {"cpu": 2}, "*": {"cpu": 2}},
        guarantee={}, kind="grant", grantor="city", basis="市政府〔2026〕1号", valid_from=DAY,
        valid_to="2027-11-22", today=DAY,
    )  # fmt: skip


def given_up(hand: Hand) -> None:
    reserved = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1})
    hand(reservations.release, reservation=reserved["reservation"], enforced=None)


def test_the_same_work_on_a_file_and_on_this_database_gives_the_same_bytes(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = open_database(tmp_path / "other")
    try:
        here, there = planted(database, Clock()), planted(other, Clock())
        given_up(there)  # so that numbers which the databases draw differ
        for hand in (here, there):
            work(hand)
        assert exported(database) == exported(other)
    finally:
        other.close()


def test_what_was_given_up_leaves_no_trace_but_in_the_audit(database: Database, hand: Hand) -> None:
    work(hand)
    before = exported(database)
    given_up(hand)

    assert exported(database) == before
    given_up(hand)
    hand.allot(LEAF, cpu=7, memory=60)
    after = exported(database)
    assert after != before
    assert export.digest_of(json.loads(after)["ledger"]) == json.loads(after)["digest"]


@pytest.mark.parametrize(
    "change",
    [
        lambda hand: hand(reservations.reserve, leaf=LEAF, delta={"cpu": 1}),
        lambda hand: hand(nodes.add_node, node="tenant/x", parent="bureau/jtj", pool=None, today=DAY),
        lambda hand: hand(grants.end_grant, number="G-1", cause="到期", today=DAY),
    ],
)
def test_whatever_changes_the_ledger_changes_the_digest(
    database: Database, hand: Hand, change: Callable[[Hand], None]
) -> None:
    work(hand)
    before = export.digest_of(export.read(database.rows, database.dialect))
    change(hand)

    assert export.digest_of(export.read(database.rows, database.dialect)) != before


def test_the_document_is_json_a_row_a_line(database: Database, hand: Hand) -> None:
    work(hand)
    text = exported(database)
    said = json.loads(text)

    assert (said["format"], sorted(said)) == (1, ["digest", "format", "ledger"])
    assert said["digest"] == export.digest_of(said["ledger"])
    rows = [row for part in said["ledger"].values() for row in part]
    assert sum(line.startswith("    {") for line in text.splitlines()) == len(rows)
    assert {"leaf": LEAF, "target": {"cpu": 2}} in said["ledger"]["opened"]
    assert "市政府〔2026〕1号" in text
