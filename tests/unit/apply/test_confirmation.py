"""Rights are granted only under a quota in force."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from applying import ENDPOINT, QUICK, outcomes
from estates import synthetic_estate
from waiting import wait_until
from yunjin.store import Holder
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from applying import Place
    from yunjin.model.change import Change, Receipt
    from yunjin.model.resources import Holding, Key

SHORT = replace(QUICK, wait_quota=0.05)
BINDINGS = {"RoleBinding/yunjin-admin", "RoleBinding/yunjin-viewer"}


def test_bindings_wait_until_the_quota_counts(place: Place) -> None:
    place.backend.freeze()
    changes = place.changes(place.leaf())
    work = threading.Thread(target=place.apply, args=changes)
    work.start()
    wait_until(lambda: any(receipt.change.key.kind == "Namespace" for receipt in place.seen))
    assert not place.standing() & BINDINGS

    place.backend.thaw()
    work.join()

    assert place.standing() >= BINDINGS
    assert {receipt.outcome.value for receipt in place.seen} == {"done"}


def test_a_quota_that_is_never_counted_leaves_its_leaf_pending(place: Place) -> None:
    place.backend.freeze()

    receipts = place.apply(*place.changes(place.leaf()), settings=SHORT)

    assert outcomes(receipts)["ResourceQuota/yunjin"] == "pending"
    assert _reason(receipts) == "not seen effective within 0.05 s"
    assert {outcomes(receipts)[name] for name in BINDINGS} == {"skipped"}
    assert not place.standing() & BINDINGS
    assert place.states()["ResourceQuota/yunjin"] == "pending"


def test_the_same_plan_again_waits_for_the_quota_that_stands_already(place: Place) -> None:
    place.backend.freeze()
    changes = place.changes(place.leaf())
    place.apply(*changes, settings=SHORT)

    assert outcomes(place.apply(*changes, settings=SHORT))["ResourceQuota/yunjin"] == "pending"
    assert not place.standing() & BINDINGS

    place.backend.thaw()
    again = outcomes(place.apply(*changes))
    assert again["ResourceQuota/yunjin"] == "already"
    assert {again[name] for name in BINDINGS} == {"done"}


def test_a_new_plan_that_holds_the_bindings_alone_waits_for_the_quota_they_await(place: Place) -> None:
    place.backend.freeze()
    place.apply(*place.changes([*place.shared(), *place.leaf()]), settings=SHORT)
    plan = place.planned(synthetic_estate(1))
    assert {change.key.kind for change in plan.plan.changes} == {"RoleBinding"}

    receipts = place.carry_out(plan, settings=SHORT)

    assert outcomes(receipts) == dict.fromkeys(BINDINGS, "skipped")
    reason = receipts["RoleBinding/yunjin-admin"].reason
    assert reason is not None
    assert "ResourceQuota/yunjin" in reason.en

    place.backend.thaw()
    assert outcomes(place.carry_out(plan)) == dict.fromkeys(BINDINGS, "done")


def test_what_grants_nothing_is_written_while_the_quota_comes_into_force(place: Place) -> None:
    place.backend.freeze()

    receipts = outcomes(place.apply(*place.changes(place.leaf()), settings=SHORT))

    assert {receipts[name] for name in ("LimitRange/yunjin", "NetworkPolicy/yunjin-deny")} == {"done"}


def test_leaves_that_wait_do_not_hold_up_the_others(place: Place) -> None:
    place.apply(*place.changes(place.leaf(1)))
    place.backend.consume("t00001-egov", {"requests.cpu": "4"})
    shrunk, others = _resized(place, 1, "1", rank=20), place.changes(place.leaf(2))
    place.seen.clear()
    patient = replace(QUICK, wait_quota=60)
    work = threading.Thread(target=place.apply, args=(shrunk, *others), kwargs={"settings": patient})
    work.start()
    wait_until(lambda: len(place.seen) == len(others))
    assert shrunk not in [receipt.change for receipt in place.seen]

    place.backend.consume("t00001-egov", {"requests.cpu": "1"})
    work.join()

    assert place.seen[-1].change == shrunk
    assert {receipt.outcome.value for receipt in place.seen} == {"done"}


def test_what_shrinks_is_in_force_before_another_grows(place: Place) -> None:
    place.apply(*place.changes([*place.leaf(1), *place.leaf(2)]))
    place.seen.clear()
    shrinks, grows = _resized(place, 1, "1", rank=15), _resized(place, 2, "7", rank=20)
    place.backend.freeze()
    given_up = place.apply(grows, shrinks, settings=SHORT)
    assert [receipt.change for receipt in place.seen] == [shrinks, grows]
    assert set(outcomes(given_up).values()) == {"pending"}

    work = threading.Thread(
        target=place.apply, args=(_resized(place, 1, "2", 15), _resized(place, 2, "6", 20))
    )
    work.start()
    wait_until(lambda: _cpu(place, 1) == "2")
    assert _cpu(place, 2) == "7"
    place.backend.thaw()
    work.join()

    assert (_cpu(place, 1), _cpu(place, 2)) == ("2", "6")


def _cpu(place: Place, number: int) -> str:
    quota = next(wanted.key for wanted in place.leaf(number) if wanted.key.kind == "ResourceQuota")
    return str(place.backend.read([quota])[quota].body["spec"]["hard"]["requests.cpu"])


def _resized(place: Place, number: int, cpu: str, rank: int) -> Change:
    place.allot(number, cpu=cpu)
    quota = next(wanted for wanted in place.leaf(number) if wanted.key.kind == "ResourceQuota")
    hard = {**quota.body["spec"]["hard"], "requests.cpu": cpu}
    return place.change(replace(quota, body={**quota.body, "spec": {"hard": hard}}, rank=rank))


def test_a_look_that_fails_is_repeated(place: Place) -> None:
    busy = Rule(operation=Operation.EFFECTIVE, effect=Effect.UNAVAILABLE, nth=(1, 2))
    with_faults = place.connect(busy)

    receipts = place.apply(*place.changes(place.leaf()), backend=with_faults)
    with_faults.close()

    assert {receipt.outcome.value for receipt in receipts.values()} == {"done"}


def test_an_endpoint_that_falls_silent_while_waiting_leaves_pending_what_was_written(place: Place) -> None:
    silent = Rule(operation=Operation.EFFECTIVE, effect=Effect.UNREACHABLE)
    with_faults = place.connect(silent)

    receipts = place.apply(*place.changes(place.leaf()), backend=with_faults)
    with_faults.close()

    assert outcomes(receipts)["ResourceQuota/yunjin"] == "pending"
    assert ENDPOINT in _reason(receipts)
    assert {outcomes(receipts)[name] for name in BINDINGS} == {"skipped"}


def test_a_silence_that_ends_is_forgiven(place: Place) -> None:
    """Three looks in vain, one that finds nothing in force yet, three in vain again: never four in a row."""
    place.backend.freeze()
    vain = Rule(operation=Operation.EFFECTIVE, effect=Effect.UNREACHABLE, nth=(1, 2, 3, 5, 6, 7))

    receipts = _apply_while(place, lambda look: place.backend.thaw() if look == 5 else None, vain)

    assert {receipt.outcome.value for receipt in receipts.values()} == {"done"}


def test_a_look_that_is_refused_is_not_repeated(place: Place) -> None:
    refused = Rule(operation=Operation.EFFECTIVE, effect=Effect.REFUSED, nth=(1,))

    receipts = _apply_while(place, lambda _: None, refused)

    assert outcomes(receipts)["ResourceQuota/yunjin"] == "pending"
    assert ENDPOINT in _reason(receipts)
    assert not place.standing() & BINDINGS


def test_a_lease_that_is_lost_while_waiting_leaves_pending_what_was_written(place: Place) -> None:
    def steal(look: int) -> None:
        if look == 1:
            (fence,) = place.store.leases.held()
            place.store.leases.release(fence)
            place.store.leases.acquire(ENDPOINT, Holder.mine(), 60)

    receipts = _apply_while(place, steal)

    assert outcomes(receipts)["ResourceQuota/yunjin"] == "pending"
    assert "lease was lost" in _reason(receipts)
    assert not place.standing() & BINDINGS


def test_a_stop_while_waiting_leaves_pending_what_was_written(place: Place) -> None:
    place.backend.freeze()
    stop = threading.Event()

    receipts = _apply_while(place, lambda _: stop.set(), stop=stop)

    assert outcomes(receipts)["ResourceQuota/yunjin"] == "pending"
    assert _reason(receipts) == "the run was interrupted"
    assert not place.standing() & BINDINGS


def _apply_while(
    place: Place, meanwhile: Callable[[int], None], *rules: Rule, stop: threading.Event | None = None
) -> dict[str, Receipt]:
    """Apply a leaf; `meanwhile` is told each time it is asked what is in force, for the how manieth time."""
    looks = 0

    class Watched(SimulatedBackend):
        def effective(self, changes: Iterable[Change]) -> Mapping[Key, Holding]:
            nonlocal looks
            looks += 1
            meanwhile(looks)
            return super().effective(changes)

    backend = Watched.open(ENDPOINT, place.folder / f"{ENDPOINT}.db", Faults(rules))
    patient = replace(QUICK, wait_quota=60, stop=stop)
    receipts = place.apply(*place.changes(place.leaf()), backend=backend, settings=patient)
    backend.close()
    return receipts


def _reason(receipts: dict[str, Receipt]) -> str:
    reason = receipts["ResourceQuota/yunjin"].reason
    assert reason is not None
    return reason.en
