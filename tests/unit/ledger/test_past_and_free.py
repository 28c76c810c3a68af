"""Whatever happens, the past is what the counters were, and what is free can be reserved."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clocks import Clock
from ledger_events import LEAVES, STEPS, Events, Step
from ledgers import CLOUD, K8S, Hand
from yunjin.errors import RefusalError, ShortageError
from yunjin.ledger import reservations
from yunjin.ledger.cells import Cell
from yunjin.ledger.checks import check
from yunjin.ledger.history import Standing, When, standing
from yunjin.ledger.questions import Questions, headroom
from yunjin.store import Store

if TYPE_CHECKING:
    from datetime import datetime

Figures = dict[tuple[str, str, str], tuple[int, int, int, int]]


def figures(found: Standing) -> Figures:
    """Every row that is not zero: guarantee, nested guarantees, limit, allotted."""
    return {
        (node, *key): (cell.guarantee, cell.nested, cell.limit, cell.allotted)
        for node, cells in found.cells.items()
        for key, cell in cells.items()
        if cell != Cell()
    }


def pool_of(leaf: str) -> str:
    return K8S if leaf.startswith("leaf/k1/") else CLOUD


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=6, max_size=30))
def test_whatever_happens_the_past_is_what_the_counters_were(planted: Path, steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        (state / "state.db").write_bytes(planted.read_bytes())
        clock = Clock()
        with Store.open(state, now=clock) as store:
            events = Events(Hand(store.database, clock))
            seen: list[tuple[datetime, Standing]] = []
            for step in steps:
                clock.advance(60)
                events.do(step)
                seen.append((clock.time, standing(store.database)))
            for moment, then in seen:
                found = standing(store.database, When(recorded_by=moment))
                assert figures(found) == figures(then), moment
                assert found.reservations == then.reservations, moment
            assert check(store.database) == ()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=15), leaf=st.sampled_from(LEAVES))
def test_what_is_free_fits_and_a_unit_more_meets_that_limit(
    planted: Path, steps: list[Step], leaf: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        (state / "state.db").write_bytes(planted.read_bytes())
        with Store.open(state, now=Clock()) as store:
            hand = Hand(store.database, store.now)
            for step in steps:
                Events(hand).do(step)
            for dimension in ("cpu", "memory"):
                found = Questions(store.database).standing()
                free, bound = headroom(found, leaf, pool_of(leaf), dimension)
                with pytest.raises(RefusalError) as refused:
                    hand(reservations.reserve, leaf=leaf, delta={dimension: free + 1})
                assert isinstance(refused.value, ShortageError) != bound.short
                if not bound.short:
                    assert (refused.value.facts["node"], refused.value.facts["pool"]) == (
                        bound.node,
                        bound.pool,
                    )
                if free:
                    hand(reservations.reserve, leaf=leaf, delta={dimension: free})
