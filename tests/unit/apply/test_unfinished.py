"""Runs that never finished: closed by a later one, once nothing of theirs is in doubt."""

from __future__ import annotations

import threading
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from applying import ENDPOINT, outcomes
from yunjin.apply.doubt import left_behind
from yunjin.store import Fence, Holder, Store

if TYPE_CHECKING:
    from applying import Place
    from yunjin.model.change import Change, Receipt


def _die(place: Place, *changes: Change) -> None:
    """Another process journals these changes, as about to be written, and is gone."""

    def work() -> None:
        store = Store.open(place.store.folder)
        fence = store.leases.acquire(ENDPOINT, Holder.mine(), 3600)
        assert isinstance(fence, Fence)
        run = store.journal.begin("dead-plan", "cloud-ops", fence.holder.name, {ENDPOINT: fence.number})
        run.before(changes)

    child = get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 0


def _unfinished(place: Place) -> list[int]:
    return [record.id for record, _ in place.store.journal.unfinished()]


def test_the_same_plan_again_closes_the_run_that_died(place: Place) -> None:
    changes = place.changes(place.leaf())
    _die(place, *changes)
    assert _unfinished(place) == [1]

    place.apply(*changes)

    assert _unfinished(place) == []
    assert [record.state for record in place.store.journal.runs()] == ["finished", "interrupted"]


def test_a_newer_plan_that_finds_nothing_to_do_closes_it_too(place: Place) -> None:
    _die(place, *place.changes(place.leaf()))

    assert place.apply() == {}

    assert _unfinished(place) == []


def test_an_older_plan_about_other_objects_leaves_the_doubt(place: Place) -> None:
    older = place.plan(*place.changes(place.leaf(1)))
    _die(place, *place.changes(place.leaf(2)))

    place.carry_out(older)

    assert _unfinished(place) == [1]


def test_a_run_that_is_still_at_work_is_left_alone(place: Place) -> None:
    fence = place.store.leases.acquire(ENDPOINT, Holder.mine(), 60)
    assert isinstance(fence, Fence)
    place.store.journal.begin("other-plan", "controller", "elsewhere", {ENDPOINT: fence.number})

    assert left_behind(place.store, {ENDPOINT}) == ()
    assert place.apply() == {}
    assert _unfinished(place) == [1]

    place.store.leases.release(fence)
    assert [record.id for record, _ in left_behind(place.store, {ENDPOINT})] == [1]


def test_a_run_on_an_endpoint_that_is_not_connected_costs_nothing(place: Place) -> None:
    place.store.journal.begin("other-plan", "cloud-ops", "elsewhere", {"k8s-inet": 1})

    assert place.apply() == {}

    assert _unfinished(place) == [1]
    assert len(place.store.journal.runs()) == 1


def test_an_interrupt_lets_what_is_under_way_end_and_keeps_the_record(place: Place) -> None:
    changes = place.changes(place.leaf())

    def interrupt(receipt: Receipt) -> None:
        place.seen.append(receipt)
        if len(place.seen) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.carry_out(place.plan(*changes), progress=interrupt)

    assert len(place.seen) < len(changes)
    assert place.store.leases.held() == ()
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("yunjin-k8s")} == set()
    place.seen.clear()
    assert set(outcomes(place.apply(*changes)).values()) <= {"done", "already"}
    assert _unfinished(place) == []
