"""Drift and waiting are told apart by how Yunjin left each object, never by who owns a field by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from estates import city
from spines import ADMIN, CPU, DENY, LEAF, QUICK, QUOTA, home, key
from yunjin.engine.split import narrowed, overwrites
from yunjin.model.change import Action, Outcome
from yunjin.model.resources import ObjectClass
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from spines import City
    from yunjin.engine.split import Split
    from yunjin.model.change import Change, Plan


def _split(city: City) -> Split:
    with city.spine() as spine:
        return spine.split()


def _keys(changes: tuple[Change, ...]) -> set[str]:
    return {str(change.key).removeprefix("k8s/") for change in changes}


def test_what_was_never_applied_waits(declared: City) -> None:
    parted = _split(declared)
    assert parted.drifted == ()
    assert parted.waiting == parted.plan.changes
    assert len(parted.waiting) == 3 * 8 + 4


def test_what_was_applied_is_neither(town: City) -> None:
    parted = _split(town)
    assert (parted.drifted, parted.waiting) == ((), ())


def test_a_new_declaration_waits(town: City) -> None:
    town.allot(cpu=3)
    parted = _split(town)
    assert parted.drifted == ()
    assert _keys(parted.waiting) == {f"{LEAF}/ResourceQuota/yunjin"}


def test_somebody_elses_value_is_drift(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    parted = _split(town)
    assert _keys(parted.drifted) == {f"{LEAF}/ResourceQuota/yunjin"}
    assert parted.waiting == ()


def test_somebody_elses_value_is_drift_though_the_declaration_moved_too(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    town.allot(cpu=3)
    parted = _split(town)
    assert _keys(parted.drifted) == {f"{LEAF}/ResourceQuota/yunjin"}


def test_an_object_somebody_deleted_is_drift(town: City) -> None:
    town.people.remove(DENY)
    (missing,) = _split(town).drifted
    assert (missing.action, missing.key) == (Action.CREATE, DENY)


def test_a_field_somebody_took_out_is_drift(town: City) -> None:
    town.people.edit(QUOTA, {CPU: None})
    (change,) = _split(town).drifted
    assert not overwrites(change)
    assert [d.path for d in change.differences] == ["spec.hard.requests.cpu"]


def test_what_somebody_edited_and_put_back_is_no_drift_later(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.edit(QUOTA, {CPU: "4"})
    assert _split(town).drifted == ()
    town.allot(cpu=3)
    parted = _split(town)
    assert parted.drifted == ()
    assert [overwrites(change) for change in parted.waiting] == [True]


def test_a_namespace_somebody_deleted_is_drift_with_all_that_was_in_it(town: City) -> None:
    town.people.remove(home())
    parted = _split(town)
    assert len(parted.drifted) == 8
    assert parted.waiting == ()


def test_a_tenant_that_was_ended_and_is_declared_again_waits(town: City) -> None:
    before = city()["baseline"]
    town.end_grants("tenant/jtj")
    town.write(baseline=[row for row in before if row["node"] not in ("tenant/jtj", "leaf/k8s/jtj-egov")])
    ended = town.apply(replace(QUICK, allow_destroy=True, wait_quota=5))
    assert home() in {r.change.key for r in ended if r.outcome is Outcome.DONE}
    town.write(baseline=before)
    parted = _split(town)
    assert parted.drifted == ()
    assert len(parted.waiting) == 8


def test_a_write_that_may_have_happened_is_no_measure(town: City) -> None:
    """Declared 3, the answer lost for good, then declared 4 again: nobody else did anything."""
    town.allot(cpu=3)
    file = town.state / "simulated" / "k8s.db"
    lost = Faults((Rule(operation=Operation.WRITE, effect=Effect.TIMEOUT_AFTER, every=1),))
    with town.spine() as spine:
        judged = spine.plan()
        backend = SimulatedBackend.open("k8s", file, lost)
        spine.endpoints = replace(spine.endpoints, backends={"k8s": backend})
        receipts = spine.apply(judged, replace(QUICK, attempts=1), "cloud-ops", lambda _: None)
        backend.close()
    assert [receipt.outcome for receipt in receipts] == [Outcome.FAILED]
    assert town.cpu() == "3"
    town.allot(cpu=4)
    parted = _split(town)
    assert parted.drifted == ()
    assert _keys(parted.waiting) == {f"{LEAF}/ResourceQuota/yunjin"}


def test_a_repair_that_failed_is_still_drift(town: City) -> None:
    town.people.remove(DENY)
    file = town.state / "simulated" / "k8s.db"
    refused = Faults((Rule(operation=Operation.WRITE, effect=Effect.REFUSED, every=1),))
    with town.spine() as spine:
        judged = spine.plan()
        backend = SimulatedBackend.open("k8s", file, refused)
        spine.endpoints = replace(spine.endpoints, backends={"k8s": backend})
        spine.apply(judged, QUICK, "cloud-ops", lambda _: None)
        backend.close()
    assert _keys(_split(town).drifted) == {f"{LEAF}/NetworkPolicy/yunjin-deny"}


@pytest.fixture
def emptied(town: City) -> Plan:
    """What brings back a namespace that somebody deleted."""
    town.people.remove(home())
    return _split(town).plan


def _kept(plan: Plan, *classes: ObjectClass) -> set[str]:
    return _keys(narrowed(plan, [c for c in plan.changes if c.object_class in classes]).changes)


def test_nothing_is_written_into_a_namespace_that_is_left_out(emptied: Plan) -> None:
    assert _kept(emptied, ObjectClass.NETWORK, ObjectClass.LIMITS, ObjectClass.ROLES) == set()


def test_no_rights_without_the_quota(emptied: Plan) -> None:
    kept = _kept(emptied, ObjectClass.NAMESPACE, ObjectClass.NETWORK, ObjectClass.ROLES)
    assert kept == {
        f"Namespace/{LEAF}",
        *(f"{LEAF}/NetworkPolicy/yunjin-{each}" for each in ("base", "deny", "flows")),
    }
    assert _kept(emptied, ObjectClass.NAMESPACE, ObjectClass.QUOTA, ObjectClass.ROLES) == {
        f"Namespace/{LEAF}",
        f"{LEAF}/ResourceQuota/yunjin",
        f"{LEAF}/RoleBinding/yunjin-admin",
        f"{LEAF}/RoleBinding/yunjin-viewer",
    }


def test_rights_await_a_quota_that_is_left_as_it_stands(town: City) -> None:
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.remove(ADMIN)
    town.people.remove(key("RoleBinding", "yunjin-viewer", "fgw-egov"))
    plan = _split(town).plan
    found = narrowed(plan, [c for c in plan.changes if c.object_class is ObjectClass.ROLES]).changes
    # The plan itself lets a binding await a quota that is no change of it; left out is the other one's.
    assert {change.key: change.awaits for change in found} == {
        ADMIN: QUOTA,
        key("RoleBinding", "yunjin-viewer", "fgw-egov"): key("ResourceQuota", leaf="fgw-egov"),
    }
