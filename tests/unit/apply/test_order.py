"""What is written, in which order, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from applying import ENDPOINT, QUICK, outcomes
from yunjin.errors import RefusalError
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Operation, Rule

if TYPE_CHECKING:
    from applying import Place
    from yunjin.model.change import Change
    from yunjin.model.resources import Key, Live

EIGHT = {
    "Namespace/t00001-egov",
    "ResourceQuota/yunjin",
    "LimitRange/yunjin",
    "NetworkPolicy/yunjin-deny",
    "NetworkPolicy/yunjin-base",
    "NetworkPolicy/yunjin-flows",
    "RoleBinding/yunjin-admin",
    "RoleBinding/yunjin-viewer",
}


def test_a_leaf_is_created_whole(place: Place) -> None:
    receipts = place.apply(*place.changes(place.leaf()))

    assert outcomes(receipts) == dict.fromkeys(EIGHT, "done")
    assert place.standing() >= EIGHT
    assert place.states() == dict.fromkeys(EIGHT, "done")


def test_no_write_begins_before_its_row_of_the_journal(place: Place) -> None:
    unheard: list[Key] = []

    class Suspicious(SimulatedBackend):
        """Looks into the journal before it does what it is told."""

        def write(self, change: Change, live: Live | None) -> None:
            (run,) = place.store.journal.runs()
            if change.key not in [entry.key for entry in place.store.journal.entries(run.id, "before")]:
                unheard.append(change.key)
            super().write(change, live)

    backend = Suspicious.open(ENDPOINT, place.folder / f"{ENDPOINT}.db")
    receipts = place.apply(*place.changes(place.leaf()), backend=backend)
    backend.close()

    assert set(outcomes(receipts).values()) == {"done"}
    assert unheard == []


def test_progress_sees_each_receipt_once_in_the_order_of_ranks(place: Place) -> None:
    place.apply(*place.changes([*place.shared(), *place.leaf()]))

    ranks = [receipt.change.rank for receipt in place.seen]
    assert ranks == sorted(ranks)
    assert len(ranks) == len(place.shared()) + len(EIGHT)


def test_a_second_run_of_the_same_plan_writes_nothing(place: Place) -> None:
    changes = place.changes(place.leaf())
    place.apply(*changes)
    versions = {key: live.version for key, live in place.backend.read([c.key for c in changes]).items()}

    receipts = place.apply(*changes)

    assert outcomes(receipts) == dict.fromkeys(EIGHT, "already")
    assert {key: live.version for key, live in place.backend.read(list(versions)).items()} == versions


def test_an_empty_plan_leaves_no_trace(place: Place) -> None:
    assert place.apply() == {}
    assert place.store.journal.runs() == ()
    assert place.store.leases.held() == ()


def test_what_somebody_changed_meanwhile_is_skipped_and_the_rest_goes_on(place: Place) -> None:
    place.apply(*place.changes(place.leaf()))
    deny, base = (w for w in place.leaf() if w.key.name in ("yunjin-deny", "yunjin-base"))
    for wanted in (deny, base):
        place.backend.edit(wanted.key, {("metadata", "labels", "yunjin/bureau"): "other"})
    changes = place.changes([deny, base])
    place.backend.edit(deny.key, {("metadata", "labels", "yunjin/bureau"): "a-third"})

    receipts = place.apply(*(replace(change, force=True) for change in changes))

    assert outcomes(receipts) == {"NetworkPolicy/yunjin-deny": "moved", "NetworkPolicy/yunjin-base": "done"}
    (live,) = place.backend.read([deny.key]).values()
    assert live.body["metadata"]["labels"]["yunjin/bureau"] == "a-third"


def test_what_somebody_created_meanwhile_is_not_taken_over(place: Place) -> None:
    namespace, quota, *_ = place.leaf()
    changes = place.changes([namespace, quota])
    place.backend.create_foreign(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.key.name}}
    )

    receipts = place.apply(*changes)

    assert outcomes(receipts) == {"Namespace/t00001-egov": "moved", "ResourceQuota/yunjin": "skipped"}
    assert place.states() == {"Namespace/t00001-egov": "moved", "ResourceQuota/yunjin": "skipped"}


def test_a_leaf_whose_change_did_not_settle_stops_there_and_the_others_go_on(place: Place) -> None:
    changes = place.changes([*place.leaf(1), *place.leaf(2)])
    refused = Rule(operation=Operation.WRITE, effect=Effect.REFUSED, kind="ResourceQuota", leaf="t00001-egov")

    with_faults = place.connect(refused)
    place.apply(*changes, backend=with_faults)
    with_faults.close()

    ended = {
        leaf: {r.change.key.kind: r for r in place.seen if r.change.leaf == leaf}
        for leaf in ("t00001-egov", "t00002-egov")
    }
    assert {receipt.outcome.value for receipt in ended["t00002-egov"].values()} == {"done"}
    first = ended["t00001-egov"]
    assert {kind: receipt.outcome.value for kind, receipt in first.items()} == {
        "Namespace": "done",
        "ResourceQuota": "failed",
        "LimitRange": "skipped",
        "NetworkPolicy": "skipped",
        "RoleBinding": "skipped",
    }
    assert first["RoleBinding"].reason is not None
    assert "ResourceQuota/yunjin" in first["RoleBinding"].reason.en


def test_leaves_wait_in_vain_for_a_shared_object_that_could_not_be_created(place: Place) -> None:
    changes = place.changes([*place.shared(), *place.leaf()])
    refused = Rule(operation=Operation.WRITE, effect=Effect.REFUSED, kind="ClusterRole", nth=(1,))

    with_faults = place.connect(refused)
    receipts = outcomes(place.apply(*changes, backend=with_faults))
    with_faults.close()

    assert {receipts[name] for name in EIGHT} == {"skipped"}
    assert not place.standing() & EIGHT


def test_a_shared_object_that_stands_in_an_older_form_carries_the_leaves(place: Place) -> None:
    place.apply(*place.changes(place.shared()))
    role = next(w for w in place.shared() if w.key.kind == "ClusterRole")
    place.backend.edit(role.key, {("metadata", "labels", "app.kubernetes.io/managed-by"): "other"})
    changes = place.changes([role, *place.leaf()])
    refused = Rule(operation=Operation.WRITE, effect=Effect.REFUSED, kind="ClusterRole")

    with_faults = place.connect(refused)
    receipts = outcomes(place.apply(*changes, backend=with_faults))
    with_faults.close()

    assert receipts[f"ClusterRole/{role.key.name}"] == "failed"
    assert {receipts[name] for name in EIGHT} == {"done"}


def _removal(place: Place) -> list[Change]:
    place.apply(*place.changes(place.leaf()))
    place.seen.clear()
    return [place.removal(wanted) for wanted in place.leaf()]


def test_removals_need_leave_and_without_it_nothing_is_written(place: Place) -> None:
    removals = _removal(place)
    runs = place.store.journal.runs()

    with pytest.raises(RefusalError, match="removes 8 objects"):
        place.apply(*place.changes(place.leaf(2)), *removals)

    assert place.standing() & {"Namespace/t00001-egov", "Namespace/t00002-egov"} == {"Namespace/t00001-egov"}
    assert place.store.journal.runs() == runs


def test_a_removal_ends_when_the_namespace_is_gone(place: Place) -> None:
    removals = _removal(place)

    receipts = place.apply(*removals, settings=replace(QUICK, allow_destroy=True))

    assert outcomes(receipts) == dict.fromkeys(EIGHT, "done")
    assert place.seen[-1].change.key.kind == "Namespace"
    assert not place.standing() & EIGHT


def test_a_removal_that_does_not_end_in_time_is_pending(place: Place) -> None:
    removals = _removal(place)
    place.backend.freeze()

    receipts = place.apply(*removals, settings=replace(QUICK, allow_destroy=True, wait_quota=0.05))

    assert receipts["Namespace/t00001-egov"].outcome.value == "pending"
    assert receipts["Namespace/t00001-egov"].reason is not None
    assert "not gone" in receipts["Namespace/t00001-egov"].reason.en


def test_an_endpoint_that_is_not_connected_fails_and_says_so(place: Place) -> None:
    change = place.changes(place.leaf())[0]
    elsewhere = replace(change, key=replace(change.key, endpoint="k8s-inet"))

    receipts = place.apply(change, elsewhere)

    assert [receipt.change.key.endpoint for receipt in place.seen if receipt.settled] == [ENDPOINT]
    assert receipts["Namespace/t00001-egov"].reason is not None
    assert "not connected" in receipts["Namespace/t00001-egov"].reason.en
