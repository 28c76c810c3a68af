"""One writer an endpoint: who waits, who is named, who may follow the dead, who must stop."""

from __future__ import annotations

import dataclasses
import os
import threading
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from applying import ENDPOINT, QUICK, outcomes
from waiting import wait_until
from yunjin.apply.leases import LeaseHold
from yunjin.errors import ConflictError
from yunjin.store import Fence, Holder, Store
from yunjin.substrates.simulated.faults import Effect, Operation, Rule

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from applying import Place
    from yunjin.model.change import Receipt


def _dead_holder() -> Holder:
    """A process that was here and is gone."""
    context = get_context("fork")
    ours, theirs = context.Pipe()

    def introduce(connection: Connection) -> None:
        connection.send(str(Holder.mine()))

    child = context.Process(target=introduce, args=(theirs,))
    child.start()
    holder = Holder.parse(ours.recv())
    child.join()
    return holder


def test_leases_are_given_back(place: Place) -> None:
    place.apply(*place.changes(place.leaf()))

    assert place.store.leases.held() == ()
    assert place.backend.acquire("anybody", 1) is None


def test_who_finds_the_lease_taken_waits_and_names_the_holder(place: Place) -> None:
    place.store.leases.acquire(ENDPOINT, Holder.mine(), 60)

    with pytest.raises(ConflictError, match=f"pid {os.getpid()} holds {ENDPOINT}") as caught:
        place.apply(*place.changes(place.leaf()))

    assert caught.value.remedy is not None
    assert "--lock-timeout" in caught.value.remedy.en
    assert place.standing() == set()
    assert place.store.journal.runs() == ()


def test_a_lease_that_comes_free_in_time_is_taken(place: Place) -> None:
    fence = place.store.leases.acquire(ENDPOINT, Holder.mine(), 60)
    assert isinstance(fence, Fence)
    threading.Timer(0.3, place.store.leases.release, [fence]).start()

    receipts = place.apply(*place.changes(place.leaf()), settings=replace(QUICK, lock_timeout=30))

    assert set(outcomes(receipts).values()) == {"done"}


def test_the_endpoints_own_lease_keeps_out_a_second_state_database(place: Place) -> None:
    place.backend.acquire("another-city/world/1/2/3", 60)

    with pytest.raises(ConflictError, match="another-city"):
        place.apply(*place.changes(place.leaf()))
    assert place.store.leases.held() == ()


def test_the_own_lease_outlasts_the_waiting_for_the_endpoints(place: Place) -> None:
    place.backend.acquire("another-city/world/1/2/3", 3)

    receipts = place.apply(*place.changes(place.leaf()), settings=replace(QUICK, lease=2, lock_timeout=30))

    assert set(outcomes(receipts).values()) == {"done"}
    assert place.store.journal.runs()[0].fences == {ENDPOINT: 1}


def test_a_holder_that_names_itself_in_its_own_way_is_shown_as_it_is(place: Place) -> None:
    place.backend.acquire("some-operator", 60)

    with pytest.raises(ConflictError, match="some-operator holds"):
        place.apply(*place.changes(place.leaf()))


def test_a_dead_holder_keeps_nobody_waiting(place: Place) -> None:
    dead = _dead_holder()
    place.store.leases.acquire(ENDPOINT, dead, 3600)
    place.backend.acquire(str(dead), 3600)

    receipts = place.apply(*place.changes(place.leaf()))

    assert set(outcomes(receipts).values()) == {"done"}
    assert place.store.journal.runs()[0].fences == {ENDPOINT: 2}


def test_a_holder_elsewhere_is_not_called_dead(place: Place) -> None:
    place.backend.acquire(str(dataclasses.replace(_dead_holder(), world="another machine")), 3600)

    with pytest.raises(ConflictError):
        place.apply(*place.changes(place.leaf()))


def test_an_endpoint_whose_lease_cannot_be_asked_for_fails_with_the_reason(place: Place) -> None:
    forbidden = place.connect(Rule(operation=Operation.ACQUIRE, effect=Effect.REFUSED))

    receipts = place.apply(*place.changes(place.leaf()), backend=forbidden)
    forbidden.close()

    assert set(outcomes(receipts).values()) == {"failed"}
    assert receipts["RoleBinding/yunjin-admin"].reason is not None
    assert ENDPOINT in receipts["RoleBinding/yunjin-admin"].reason.en
    assert place.store.leases.held() == ()


def test_leases_are_kept_while_a_run_lasts_longer_than_one(place: Place) -> None:
    slow = place.connect(Rule(operation=Operation.WRITE, effect=Effect.LATENCY, seconds=0.4))
    quick = replace(QUICK, lease=2, workers=1)

    receipts = place.apply(*place.changes(place.leaf()), backend=slow, settings=quick)
    slow.close()

    assert set(outcomes(receipts).values()) == {"done"}


def test_a_lease_that_cannot_be_renewed_stops_the_writing(place: Place) -> None:
    slow = Rule(operation=Operation.WRITE, effect=Effect.LATENCY, seconds=0.5)
    cut_off = Rule(operation=Operation.ACQUIRE, effect=Effect.UNREACHABLE, nth=tuple(range(2, 500)))
    backend = place.connect(slow, cut_off)

    receipts = place.apply(
        *place.changes(place.leaf()), backend=backend, settings=replace(QUICK, lease=4, workers=1)
    )
    backend.close()

    ended = outcomes(receipts)
    assert ended["Namespace/t00001-egov"] == "done"
    assert {ended["RoleBinding/yunjin-admin"], ended["RoleBinding/yunjin-viewer"]} <= {"failed", "skipped"}
    lost = [receipt.reason for receipt in receipts.values() if receipt.outcome.value == "failed"]
    assert all(reason is not None and "lease was lost" in reason.en for reason in lost)


def test_an_endpoint_that_does_not_answer_costs_no_other_its_lease(place: Place) -> None:
    silent = Rule(operation=Operation.ACQUIRE, effect=Effect.LATENCY, nth=tuple(range(2, 500)), seconds=6)
    with (
        closing(place.connect(silent)) as hung,
        closing(place.connect(endpoint="k8s-inet")) as other,
        LeaseHold(place.store.leases, replace(QUICK, lease=4)) as hold,
    ):
        hold.take((ENDPOINT, "k8s-inet"), {ENDPOINT: hung, "k8s-inet": other})
        wait_until(lambda: not hold.held[ENDPOINT].in_force)
        assert hold.held["k8s-inet"].in_force


def test_a_lease_that_somebody_took_stops_the_writing(place: Place) -> None:
    """A process that stood still for longer than its lease finds another's number and writes nothing more."""
    namespace, *others = place.changes(place.leaf())
    with Store.open(place.store.folder) as second:

        def usurp(receipt: Receipt) -> None:
            if receipt.change == namespace:
                (fence,) = second.leases.held()
                second.leases.release(fence)
                second.leases.acquire(ENDPOINT, Holder.mine(), 60)

        receipts = place.carry_out(place.plan(namespace, *others), progress=usurp)

    ended = outcomes(receipts)
    assert ended.pop("Namespace/t00001-egov") == "done"
    assert len(ended) == len(others)
    assert set(ended.values()) <= {"failed", "skipped"}
    assert place.standing() == {"Namespace/t00001-egov"}
