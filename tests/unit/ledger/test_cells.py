"""The arithmetic of one node."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yunjin.ledger.cells import ALL, Cell, Excess, Step, settle

POOL = "p"
CPU = (POOL, "cpu")
WHOLE = (ALL, "cpu")
amounts = st.integers(0, 50)
small = st.integers(-50, 50)


def one(cell: Cell, whole: Cell) -> dict[tuple[str, str], Cell]:
    return {CPU: cell, WHOLE: whole}


def step_of(figures: tuple[int, ...]) -> Step:
    allotted, nested, guarantee, limit, limit_all = ({"cpu": value} for value in figures)
    return Step(allotted, nested, guarantee, limit, limit_all)


def test_what_lies_within_the_guarantee_costs_the_parent_nothing() -> None:
    settled = settle(one(Cell(10, 0, 20, 3), Cell(limit=40, allotted=10)), POOL, Step(allotted={"cpu": 7}))

    assert settled.cells == {CPU: Cell(10, 0, 20, 10)}
    assert not settled.above
    assert settled.excesses == ()


def test_what_lies_above_the_guarantee_is_charged_and_counts_over_all_pools() -> None:
    settled = settle(one(Cell(10, 0, 20, 3), Cell(limit=40, allotted=12)), POOL, Step(allotted={"cpu": 9}))

    assert settled.cells == {CPU: Cell(10, 0, 20, 12), WHOLE: Cell(limit=40, allotted=14)}
    assert settled.above == Step(allotted={"cpu": 2})


def test_a_missing_row_is_nothing_at_all() -> None:
    settled = settle({}, POOL, Step(allotted={"cpu": 1}))

    assert settled.excesses == (Excess(POOL, "cpu", 0, 0, 1), Excess(ALL, "cpu", 0, 0, 1))
    assert [excess.missing for excess in settled.excesses] == [1, 1]


def test_a_rise_up_to_the_limit_fits_and_one_more_does_not() -> None:
    cells = one(Cell(limit=5, allotted=3), Cell(limit=9, allotted=3))

    assert settle(cells, POOL, Step(allotted={"cpu": 2})).excesses == ()
    assert settle(cells, POOL, Step(allotted={"cpu": 3})).excesses == (Excess(POOL, "cpu", 5, 3, 3),)


def test_the_row_over_all_pools_refuses_by_itself() -> None:
    cells = one(Cell(limit=50, allotted=3), Cell(limit=9, allotted=8))

    assert settle(cells, POOL, Step(allotted={"cpu": 2})).excesses == (Excess(ALL, "cpu", 9, 8, 2),)


def test_a_limit_may_fall_below_what_is_used_and_that_is_a_deficit() -> None:
    cells = one(Cell(limit=20, allotted=15), Cell(limit=20, allotted=15))
    settled = settle(cells, POOL, Step(limit={"cpu": -10}, limit_all={"cpu": -8}))

    assert settled.excesses == ()
    assert settled.deficits == {CPU: 5, WHOLE: 3}


def test_what_falls_is_never_refused_also_where_it_stays_above_the_limit() -> None:
    settled = settle(
        one(Cell(limit=5, allotted=15), Cell(limit=5, allotted=15)), POOL, Step(allotted={"cpu": -3})
    )

    assert settled.excesses == ()
    assert settled.deficits == {CPU: 7, WHOLE: 7}
    assert settled.above == Step(allotted={"cpu": -3})


def test_nested_guarantees_count_once() -> None:
    settled = settle(one(Cell(10, 6, 20, 6), Cell(limit=20, allotted=10)), POOL, Step(nested={"cpu": 4}))
    beyond = settle(one(Cell(10, 6, 20, 6), Cell(limit=20, allotted=10)), POOL, Step(nested={"cpu": 5}))

    assert not settled.above
    assert beyond.above == Step(nested={"cpu": 1})


def test_guarantees_pass_neither_the_limit_nor_what_stands_there() -> None:
    cells = one(Cell(0, 6, 20, 6), Cell(limit=20, allotted=6))
    step = Step(nested={"cpu": 4})

    assert settle(cells, POOL, step, {"cpu": 10}).excesses == ()
    assert settle(cells, POOL, step, {"cpu": 9}).excesses == (Excess(POOL, "cpu", 9, 6, 4, promise=True),)
    assert settle(cells, POOL, step, {}).excesses == (Excess(POOL, "cpu", 0, 6, 4, promise=True),)
    low = one(Cell(0, 6, 8, 6), Cell(limit=20, allotted=6))
    assert settle(low, POOL, step).excesses == (Excess(POOL, "cpu", 8, 6, 4, promise=True),)


def test_dimensions_are_settled_one_by_one() -> None:
    cells = {
        CPU: Cell(limit=5),
        WHOLE: Cell(limit=5),
        (POOL, "memory"): Cell(limit=1),
        (ALL, "memory"): Cell(limit=9),
    }
    settled = settle(cells, POOL, Step(allotted={"cpu": 5, "memory": 2}))

    assert [(excess.pool, excess.dimension) for excess in settled.excesses] == [(POOL, "memory")]


def test_the_figures_that_people_are_shown() -> None:
    cell = Cell(guarantee=10, nested=12, limit=15, allotted=18)

    assert (cell.charge, cell.promised, cell.borrowed, cell.deficit) == (18, 12, 8, 3)
    assert (Cell(guarantee=10).charge, Cell(guarantee=10).borrowed) == (10, 0)


def test_a_step_without_differences_is_none() -> None:
    assert not Step()
    assert Step(limit_all={"cpu": 1})


@given(
    st.tuples(amounts, amounts, amounts, amounts),
    st.tuples(amounts, amounts),
    st.tuples(small, small, small, small, small),
)
def test_a_step_and_its_reverse_leave_everything_as_it_was(
    row: tuple[int, int, int, int], whole: tuple[int, int], step: tuple[int, int, int, int, int]
) -> None:
    before = one(Cell(*row), Cell(0, 0, *whole))
    there = settle(before, POOL, step_of(step))
    between = {**before, **there.cells}
    back = settle(between, POOL, step_of(tuple(-value for value in step)))

    assert {**between, **back.cells} == before
    assert {d: -value for d, value in there.above.allotted.items()} == back.above.allotted
    assert {d: -value for d, value in there.above.nested.items()} == back.above.nested


@given(
    st.tuples(amounts, amounts, amounts, amounts),
    st.tuples(amounts, amounts),
    st.tuples(small, small, small, small, small),
    st.none() | amounts,
)
def test_what_is_let_through_raises_no_deficit_but_by_a_falling_limit(
    row: tuple[int, int, int, int],
    whole: tuple[int, int],
    step: tuple[int, int, int, int, int],
    stands: int | None,
) -> None:
    before = one(Cell(*row), Cell(0, 0, *whole))
    firm = None if stands is None else {"cpu": stands}
    settled = settle(before, POOL, step_of(step), firm)
    after = {**before, **settled.cells}
    if settled.excesses:
        return

    for key in (CPU, WHOLE):
        fall = max(0, before[key].limit - after[key].limit)
        assert after[key].deficit <= before[key].deficit + fall
        assert settled.deficits.get(key, before[key].deficit) == after[key].deficit
    if stands is not None:
        assert after[CPU].promised <= max(before[CPU].promised, stands)
