"""The journal: durable before a write, in doubt after a death, closed later, shut to a lost lease."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from yunjin.errors import ConflictError, Text
from yunjin.model.change import ABSENT, Action, Change, Outcome, Receipt
from yunjin.model.resources import Key, ObjectClass
from yunjin.store import Fence, Holder, Run, Store

if TYPE_CHECKING:
    from pathlib import Path

    from clocks import Clock

ENDPOINT = "k8s-egov"


def _change(name: str) -> Change:
    return Change(
        action=Action.CREATE,
        key=Key(ENDPOINT, "jtj-egov", "NetworkPolicy", name),
        tenant="jtj",
        object_class=ObjectClass.NETWORK,
        rank=2,
        before=ABSENT,
        after=f"hash of {name}",
        differences=(),
        body={"kind": "NetworkPolicy"},
    )


DENY, BASE, FLOWS = (_change(name) for name in ("deny", "base", "flows"))


def _begin(store: Store, holder: Holder) -> Run:
    fence = store.leases.acquire(ENDPOINT, holder, 30)
    assert isinstance(fence, Fence)
    return store.journal.begin("plan-hash", "cloud-ops", holder.name, {ENDPOINT: fence.number})


def _states(store: Store, run: int) -> dict[str, str]:
    return {entry.key.name: entry.state for entry in store.journal.entries(run)}


def test_a_run_from_beginning_to_end(store: Store, clock: Clock) -> None:
    holder = Holder.mine()
    run = _begin(store, holder)
    run.before([DENY, BASE])
    began = clock()
    clock.advance(5)
    refused = Text("无权写入", "no right to write")
    run.after(
        [Receipt(DENY, Outcome.DONE), Receipt(BASE, Outcome.FAILED, refused), Receipt(FLOWS, Outcome.SKIPPED)]
    )
    run.finish()

    (record,) = store.journal.runs()
    assert (record.plan, record.actor, record.holder) == ("plan-hash", "cloud-ops", holder.name)
    assert (record.state, record.started, record.finished) == ("finished", began, clock())
    assert record.fences == {ENDPOINT: 1}
    assert record.counts == {"done": 1, "failed": 1, "skipped": 1}
    first, second, third = store.journal.entries(run.id)
    assert (first.key, first.before, first.after, first.fence) == (DENY.key, ABSENT, DENY.after, 1)
    assert (second.state, second.reason, second.at) == ("failed", refused, clock())
    assert (third.key, third.state, third.seq) == (FLOWS.key, "skipped", 3)
    assert store.journal.unfinished() == ()


def test_what_was_begun_and_not_ended_is_in_doubt(store: Store) -> None:
    run = _begin(store, Holder.mine())
    run.before([DENY, BASE])
    run.after([Receipt(DENY, Outcome.DONE)])
    store.sightings.update(ENDPOINT, [])  # a later write: the queued record is in before it

    ((record, entries),) = store.journal.unfinished()
    assert record.id == run.id
    assert [entry.key for entry in entries] == [BASE.key]


def test_a_later_run_closes_those_it_leaves_no_doubt_about(store: Store, clock: Clock) -> None:
    dead = _begin(store, Holder.mine())
    dead.before([DENY])
    clock.advance(60)
    unsure = _begin(store, Holder.mine())
    unsure.finish()
    assert [record.id for record, _ in store.journal.unfinished()] == [dead.id]

    clock.advance(60)
    later = _begin(store, Holder.mine())
    later.finish([dead.id, unsure.id])

    assert store.journal.unfinished() == ()
    assert [record.state for record in store.journal.runs()] == ["finished", "finished", "interrupted"]


def test_a_run_whose_lease_was_taken_can_begin_nothing_more(store: Store, clock: Clock) -> None:
    run = _begin(store, Holder.mine())
    run.before([DENY])
    clock.advance(31)
    _begin(store, Holder.mine())

    with pytest.raises(ConflictError, match=ENDPOINT):
        run.before([BASE])
    run.after([Receipt(DENY, Outcome.DONE), Receipt(BASE, Outcome.FAILED)])
    run.finish()
    assert _states(store, run.id) == {"deny": "done", "base": "failed"}


def test_a_run_whose_lease_was_given_back_can_begin_nothing_more(store: Store) -> None:
    holder = Holder.mine()
    run = _begin(store, holder)
    fence = store.leases.acquire(ENDPOINT, holder, 30)
    assert isinstance(fence, Fence)
    store.leases.release(fence)

    with pytest.raises(ConflictError):
        run.before([DENY])


def test_a_change_tried_again_has_one_entry(store: Store) -> None:
    run = _begin(store, Holder.mine())
    run.before([DENY])
    run.after([Receipt(DENY, Outcome.PENDING)])
    run.after([Receipt(DENY, Outcome.DONE)])
    run.finish()

    assert _states(store, run.id) == {"deny": "done"}


def _die_after_before(folder: Path, url: str | None) -> None:
    store = Store.open(folder, url=url)
    _begin(store, Holder.mine()).before([DENY, BASE])
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_before_returned_from_outlives_the_process(folder: Path, store: Store, url: str | None) -> None:
    child = multiprocessing.get_context("fork").Process(target=_die_after_before, args=(folder, url))
    child.start()
    child.join()

    ((_, entries),) = store.journal.unfinished()
    assert child.exitcode == -signal.SIGKILL
    assert [entry.key.name for entry in entries] == ["deny", "base"]


def test_how_each_object_was_left(store: Store) -> None:
    first = _begin(store, Holder.mine())
    first.before([DENY, BASE, FLOWS])
    first.after([Receipt(DENY, Outcome.DONE), Receipt(BASE, Outcome.ALREADY), Receipt(FLOWS, Outcome.FAILED)])
    first.finish()

    assert store.journal.settled(ENDPOINT) == {DENY.key: DENY.after, BASE.key: BASE.after}
    assert store.journal.settled("k8s-inet") == {}


def test_a_later_write_in_doubt_leaves_an_object_unknown(store: Store, clock: Clock) -> None:
    first = _begin(store, Holder.mine())
    first.before([DENY, BASE])
    first.after([Receipt(DENY, Outcome.DONE), Receipt(BASE, Outcome.DONE)])
    first.finish()
    clock.advance(31)
    second = _begin(store, Holder.mine())
    second.before([replace(DENY, after="something else"), BASE])

    assert store.journal.settled(ENDPOINT) == {BASE.key: BASE.after}


def _left(store: Store) -> dict[str, str]:
    return {key.name: after for key, after in store.journal.settled(ENDPOINT).items()}


def _ended(store: Store, change: Change, outcome: Outcome) -> None:
    run = _begin(store, Holder.mine())
    store.leases.release(store.leases.held()[0])
    run.after([Receipt(change, outcome)])
    run.finish()


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.ALREADY, Outcome.PENDING])
def test_the_last_change_says_how_an_object_was_left(store: Store, outcome: Outcome) -> None:
    _ended(store, DENY, Outcome.DONE)
    assert _left(store) == {"deny": DENY.after}
    _ended(store, replace(DENY, after="newer"), outcome)
    assert _left(store) == {"deny": "newer"}


@pytest.mark.parametrize("outcome", [Outcome.MOVED, Outcome.SKIPPED])
def test_what_was_not_written_changes_nothing(store: Store, outcome: Outcome) -> None:
    _ended(store, DENY, Outcome.DONE)
    _ended(store, replace(DENY, after="newer"), outcome)
    assert _left(store) == {"deny": DENY.after}
    _ended(store, BASE, outcome)
    assert _left(store) == {"deny": DENY.after}


def test_a_write_that_may_have_happened_leaves_nothing_certain(store: Store) -> None:
    _ended(store, DENY, Outcome.DONE)
    _ended(store, replace(DENY, after="newer"), Outcome.FAILED)
    assert _left(store) == {}
    _ended(store, replace(DENY, after="newest"), Outcome.DONE)
    assert _left(store) == {"deny": "newest"}


def test_a_failed_repair_leaves_what_was_known(store: Store) -> None:
    """Either it was written, or what stands is not Yunjin's doing: both times it was left so."""
    _ended(store, DENY, Outcome.DONE)
    _ended(store, DENY, Outcome.FAILED)
    assert _left(store) == {"deny": DENY.after}


def test_a_write_in_doubt_leaves_nothing_certain(store: Store) -> None:
    _ended(store, DENY, Outcome.DONE)
    run = _begin(store, Holder.mine())
    run.before([replace(DENY, after="newer"), BASE])
    assert _left(store) == {}
    run.after([Receipt(replace(DENY, after="newer"), Outcome.DONE)])
    run.finish()
    assert _left(store) == {"deny": "newer"}
