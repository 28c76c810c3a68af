"""A counter that is not what the records make it is found, whichever it is; a sound ledger shows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgers import DAY, K8S, Hand
from yunjin.ledger import books, grants, reservations, supply
from yunjin.ledger.checks import check, compare
from yunjin.store.operations import operation

if TYPE_CHECKING:
    from yunjin.ledger.books import Books
    from yunjin.ledger.cells import Cell
    from yunjin.store.connection import Connection

LEAF = "leaf/k1/jtj-egov"
FORGED = (
    "INSERT INTO audit (key, at, actor, operation, digest, request, result) VALUES ('forged', "
    "'2026-11-22T02:00:00.000000+00:00', 'nobody', 'reserve', '', '{}', "
    """'{"counted":[["leaf/k1/jtj-egov","k8s-egov",{"cpu":1}]]}')"""
)


@operation
def spoil(connection: Connection, sql: str, values: list[str]) -> int:
    """Change the database behind the ledger's back; how many rows."""
    return connection.execute(sql, values).rowcount


@pytest.fixture
def lived(hand: Hand) -> Hand:
    """A ledger with something in every table."""
    hand.allot(LEAF, cpu=20, memory=100)
    hand(reservations.reserve, leaf="leaf/k1/dawa-egov", target={"cpu": 30})
    later = {"number": "G1", "node": "area/dawa", "limit": {K8S: {"cpu": 2}, "*": {"cpu": 2}}}
    terms = {"guarantee": {K8S: {"cpu": 2}}, "kind": "grant", "grantor": "city", "basis": ""}
    hand(grants.add_grant, **later, **terms, valid_from="2026-12-01", valid_to=None, today=DAY)
    supplied = {"cpu": 60, "memory": 1000}
    hand(
        supply.set_supply, pool=K8S, supply=supplied, reserve={"cpu": 30}, percent={}, cause="故障", today=DAY
    )
    return hand


def test_a_sound_ledger_shows_nothing(lived: Hand) -> None:
    assert lived.deficits()
    assert check(lived.database) == ()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_planted_change_of_a_counter_is_found(lived: Hand, data: st.DataObject) -> None:
    found = books.read(lived.database, books.CHECKED)
    rows = [(node, *key) for node, cells in found.cells.items() for key in cells]
    node, pool, dimension = data.draw(st.sampled_from(sorted(rows)))
    figure = data.draw(st.sampled_from(("guarantee", "nested", "limit", "allotted")))
    by = data.draw(st.integers(-50, 50).filter(bool))
    cell = found.cells[node][(pool, dimension)]
    planted = replace(cell, **{figure: getattr(cell, figure) + by})
    spoiled = replace_cell(found, node, pool, dimension, planted)

    (difference,) = [each for each in compare(spoiled) if each.figure == figure]
    assert (difference.node, difference.pool, difference.dimension) == (node, pool, dimension)
    assert difference.counted - difference.computed == by


def replace_cell(found: Books, node: str, pool: str, dimension: str, cell: Cell) -> Books:
    cells = {**found.cells[node], (pool, dimension): cell}
    return replace(found, cells={**found.cells, node: cells})


def test_it_is_the_database_that_is_checked(lived: Hand) -> None:
    sql = "UPDATE quota_cells SET nested = nested + 1 WHERE node = ? AND pool = ? AND dimension = 'cpu'"
    assert lived.database.write(spoil, sql, ["tenant/jtj", K8S]) == 1
    (difference,) = check(lived.database)
    assert (difference.node, difference.figure, difference.counted) == ("tenant/jtj", "nested", 1)


@pytest.mark.parametrize(
    ("sql", "figures"),
    [
        ("DELETE FROM quota_cells WHERE node = 'bureau/jtj' AND pool = '*'", {"limit", "allotted"}),
        ("UPDATE reservation_amounts SET delta = delta + 1 WHERE dimension = 'memory'", {"allotted"}),
        ("UPDATE grant_amounts SET limit_ = limit_ + 1 WHERE grant_id = 1 AND pool = '*'", {"limit"}),
        (
            "UPDATE pool_supply SET supply = supply + 1 WHERE superseded IS NULL",
            {"limit", "deficit", "promise"},
        ),
        ("UPDATE quota_deficits SET amount = amount + 1", {"deficit", "promise"}),
        ("DELETE FROM quota_deficits", {"deficit", "promise"}),
        (FORGED, {"events"}),
        ("DELETE FROM quota_cells WHERE node = 'hold/G1'", {"guarantee", "limit"}),
    ],
)
def test_what_is_changed_beside_the_counters_is_found_too(lived: Hand, sql: str, figures: set[str]) -> None:
    assert lived.database.write(spoil, sql, [])
    assert {each.figure for each in check(lived.database)} >= figures
