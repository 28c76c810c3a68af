"""Old plans and old rows of the journal go; nothing goes that somebody still asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

import states
from clocks import Clock
from yunjin.model.change import ABSENT, Action, Change, Outcome, Receipt
from yunjin.model.resources import Key, ObjectClass
from yunjin.store import Fence, Holder, Store, StoredPlan
from yunjin.store.retention import forget

if TYPE_CHECKING:
    from collections.abc import Collection

ENDPOINT = "k8s-egov"
A_DAY = 86_400


def change(name: str, after: str = "first") -> Change:
    key = Key(ENDPOINT, "jtj-egov", "NetworkPolicy", name)
    return Change(Action.UPDATE, key, "jtj", ObjectClass.NETWORK, 2, ABSENT, after, (), {})


def run(store: Store, *ends: tuple[Change, Outcome | None], closes: Collection[int] = ()) -> int:
    """A run in which each change ended so; None leaves it in doubt, as a process does that was killed."""
    fence = store.leases.acquire(ENDPOINT, Holder.mine(), 60)
    assert isinstance(fence, Fence)
    made = store.journal.begin("plan-hash", "controller", "somewhere", {ENDPOINT: fence.number})
    made.before([each for each, _ in ends])
    made.after([Receipt(each, end) for each, end in ends if end])
    if all(end for _, end in ends):
        made.finish(closes)
    store.leases.release(fence)
    return made.id


def plan(number: int) -> StoredPlan:
    return StoredPlan(f"{number:064}", date(2026, 11, 22), "estate", {}, "{}", "{}")


def left(store: Store) -> dict[int, list[str]]:
    """By run, the objects it still knows of."""
    runs = store.journal.runs(1000)
    return {each.id: [entry.key.name for entry in store.journal.entries(each.id)] for each in runs}


def test_what_a_later_run_has_overtaken_goes(store: Store, clock: Clock) -> None:
    deny, base = change("deny"), change("base")
    first = run(store, (deny, Outcome.DONE), (base, Outcome.DONE), (change("flows"), Outcome.SKIPPED))
    second = run(store, (replace(deny, after="second"), Outcome.DONE))
    failing = [run(store, (replace(deny, after="third"), Outcome.FAILED)) for _ in range(3)]
    doubtful = run(store, (base, None))
    clock.advance(A_DAY)
    today = run(store, (change("flows"), Outcome.MOVED))
    known = store.journal.settled(ENDPOINT), store.journal.unfinished()

    forget(store.database, clock())

    assert left(store) == {
        first: ["base"],  # how it stands
        second: ["deny"],
        failing[-1]: ["deny"],  # it may stand so by now
        doubtful: ["base"],
        today: ["flows"],
    }
    assert (store.journal.settled(ENDPOINT), store.journal.unfinished()) == known


def test_plans_go_but_for_the_newest(store: Store, clock: Clock) -> None:
    for number in range(3):
        store.plans.save(plan(number))
        clock.advance(A_DAY)

    forget(store.database, clock() - timedelta(days=2))
    assert [store.plans.get(plan(number).hash) is None for number in range(3)] == [True, False, False]

    clock.advance(10 * A_DAY)
    forget(store.database, clock())
    newest = store.plans.newest()
    assert newest is not None
    assert newest.hash == plan(2).hash
    assert store.plans.get(plan(1).hash) is None


ENDS = st.tuples(st.sampled_from(["one", "two", "three"]), st.sampled_from([None, *Outcome]))
RUNS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(["deny", "base"]), ENDS, min_size=1), st.booleans()),
    min_size=1,
    max_size=9,
)


@given(RUNS, st.integers(0, 9))
def test_nothing_goes_that_a_sweep_asks_for(
    runs: list[tuple[dict[str, tuple[str, Outcome | None]], bool]], old: int
) -> None:
    """Of the first `old` runs; a run may close those before it that never finished."""
    clock = Clock()
    before = clock() + timedelta(days=1)
    with TemporaryDirectory() as folder, Store.open(states.begin(Path(folder) / "state"), clock) as store:
        for number, (ends, closing) in enumerate(runs):
            clock.time = before if number >= old else clock()
            unfinished = [each.id for each, _ in store.journal.unfinished()] if closing else []
            run(store, *((change(name, *end[:1]), end[1]) for name, end in ends.items()), closes=unfinished)
        asked = (store.journal.settled, store.journal.interrupted, store.journal.unfinished)
        known = asked[0](ENDPOINT), asked[1](), asked[2]()
        everything = left(store)

        forget(store.database, before)

        assert (asked[0](ENDPOINT), asked[1](), asked[2]()) == known
        kept = left(store)
        recent = range(old + 1, len(runs) + 1)
        assert {number: kept[number] for number in recent} == {n: everything[n] for n in recent}
        stands = [
            entry.key
            for each in store.journal.runs(1000)
            for entry in store.journal.entries(each.id)
            if each.id <= old and each.state != "running" and entry.state in ("done", "already", "pending")
        ]
        assert len(stands) == len(set(stands))
