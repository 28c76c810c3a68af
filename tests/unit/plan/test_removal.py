"""What a plan takes away: in order, shown, never of the protected, never of others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from planning import DAY, ENDPOINT, OTHER, TRANSLATOR, Member, carry_out, city, keys, plan, provide
from yunjin.errors import RefusalError
from yunjin.model.change import ABSENT, Action, Hold
from yunjin.model.resources import Key, ObjectClass
from yunjin.substrates.kubernetes.names import FIELD_MANAGER

if TYPE_CHECKING:
    from yunjin.model.resources import Body
    from yunjin.model.tenants import Role
    from yunjin.substrates.simulated.backend import SimulatedBackend

FGW, JTJ = Member("fgw"), Member("jtj")
HOME = Key(ENDPOINT, "", "Namespace", "jtj-egov")
ADMIN = Key(ENDPOINT, "jtj-egov", "RoleBinding", "yunjin-admin")
VIEWER = Key(ENDPOINT, "jtj-egov", "RoleBinding", "yunjin-viewer")


def ours(backend: SimulatedBackend, kind: str, name: str) -> Key:
    """Let Yunjin have written, in an earlier version, one more object of a kind into jtj's namespace."""
    leaf = next(leaf for leaf in city(JTJ).leaves(DAY) if leaf.tenant == "jtj")
    model: Body = next(wanted.body for wanted in TRANSLATOR.wanted(leaf) if wanted.key.kind == kind)
    backend.apply_foreign({**model, "metadata": {**model["metadata"], "name": name}}, FIELD_MANAGER)
    return Key(ENDPOINT, "jtj-egov", kind, name)


def test_a_tenant_that_left_loses_rights_first_then_its_namespace(backend: SimulatedBackend) -> None:
    provide(city(FGW, JTJ), backend)
    made = plan(city(FGW), backend)
    assert keys(made.changes) == [ADMIN, VIEWER, HOME]
    assert all(change.destructive and change.tenant == "jtj" for change in made.changes)
    assert all((change.after, change.body) == (ABSENT, None) for change in made.changes)
    assert [change.confirm for change in made.changes] == [False, False, True]
    assert made.changes[1].rank < made.changes[2].rank
    assert carry_out(made, backend) == []
    assert plan(city(FGW), backend).changes == ()
    assert HOME not in backend.read([HOME])


def test_a_leaf_that_is_no_longer_granted_goes_though_its_tenant_stays(backend: SimulatedBackend) -> None:
    provide(city(FGW, JTJ), backend)
    made = plan(city(FGW, replace(JTJ, granted=False)), backend)
    assert keys(made.changes) == [ADMIN, VIEWER, HOME]


def test_capacity_is_freed_before_others_get_it(backend: SimulatedBackend) -> None:
    provide(city(FGW, JTJ), backend)
    made = plan(city(replace(FGW, cpu=8000)), backend)
    assert [change.key.kind for change in made.changes][-2:] == ["Namespace", "ResourceQuota"]


def test_what_a_removal_compares_is_what_yunjin_owns(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    (*_, change) = plan(city(), backend).changes
    live = backend.read([HOME])[HOME]
    assert change.before == TRANSLATOR.fingerprint(change.wanted, live)
    backend.edit(HOME, {("metadata", "labels", "team"): "somebody"})
    assert change.before == TRANSLATOR.fingerprint(change.wanted, backend.read([HOME])[HOME])
    backend.edit(HOME, {("metadata", "labels", "yunjin/bureau"): "fgw"})
    assert change.before != TRANSLATOR.fingerprint(change.wanted, backend.read([HOME])[HOME])


def test_bindings_of_others_go_with_the_namespace_alone(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    foreign = backend.read([ADMIN])[ADMIN].body
    backend.create_foreign({**foreign, "metadata": {"name": "theirs", "namespace": "jtj-egov"}})
    assert keys(plan(city(), backend).changes) == [ADMIN, VIEWER, HOME]


def test_a_namespace_that_was_never_ours_stays(backend: SimulatedBackend) -> None:
    provide(city(), backend)
    labels = {"yunjin/endpoint": ENDPOINT, "yunjin/tenant": "jtj"}
    backend.create_foreign(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jtj-egov", "labels": labels}}
    )
    made = plan(city(), backend)
    assert (made.changes, made.held) == ((), ())


def test_the_other_endpoint_of_a_cluster_removes_nothing_of_ours(
    backend: SimulatedBackend, other: SimulatedBackend
) -> None:
    provide(city(FGW, JTJ), backend)
    away = replace(FGW, endpoint=OTHER, granted=False)
    assert plan(city(FGW, JTJ, away), backend, other).changes == ()


@pytest.mark.parametrize("by", ["file", "label"])
def test_a_protected_tenant_is_never_removed(backend: SimulatedBackend, by: str) -> None:
    safe = replace(JTJ, protected=True)
    provide(city(FGW, safe), backend)
    left = city(FGW, replace(safe, granted=False)) if by == "file" else city(FGW)
    made = plan(left, backend)
    assert made.changes == ()
    (held,) = made.held
    assert (held.leaf, held.tenant, held.hold) == ("jtj-egov", "jtj", Hold.PROTECTED)
    assert "jtj-egov" in held.reason.zh
    assert "jtj-egov" in held.reason.en


def test_a_file_protects_what_the_cluster_does_not_know_to_be_protected(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    made = plan(city(replace(JTJ, granted=False, protected=True)), backend)
    assert made.changes == ()
    assert [held.hold for held in made.held] == [Hold.PROTECTED]


def test_protection_is_lifted_by_declaring_and_applying_it(backend: SimulatedBackend) -> None:
    provide(city(replace(JTJ, protected=True)), backend)
    provide(city(JTJ), backend)
    assert keys(plan(city(), backend).changes) == [ADMIN, VIEWER, HOME]


def test_protection_put_on_after_the_plan_still_holds(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    made = plan(city(), backend)
    backend.edit(HOME, {("metadata", "labels", "yunjin/protected"): "true"})
    ((change, error),) = carry_out(made, backend)
    assert change.key == HOME
    assert isinstance(error, RefusalError)
    assert HOME in backend.read([HOME])


def test_a_quarantined_tenant_is_not_removed(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    made = plan(city(replace(JTJ, granted=False, quarantined=True)), backend)
    assert made.changes == ()
    assert [held.hold for held in made.held] == [Hold.QUARANTINED]


def test_a_removal_under_way_is_still_to_be_finished(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.freeze()
    carry_out(plan(city(), backend), backend)
    assert keys(plan(city(), backend).changes) == [HOME]
    backend.thaw()
    assert plan(city(), backend).changes == ()


@pytest.mark.parametrize("kind", ["NetworkPolicy", "ResourceQuota", "LimitRange"])
def test_what_a_leaf_no_longer_needs_goes_last(backend: SimulatedBackend, kind: str) -> None:
    provide(city(JTJ), backend)
    old = ours(backend, kind, "yunjin-old")
    grown = city(replace(JTJ, cpu=8000))
    made = plan(grown, backend)
    assert keys(made.changes)[-1] == old
    assert made.changes[-1].destructive
    assert not made.changes[-1].confirm
    assert made.extras == ()
    assert carry_out(made, backend) == []
    assert plan(grown, backend).changes == ()


def test_a_right_that_a_leaf_no_longer_needs_goes_first(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    old = ours(backend, "RoleBinding", "yunjin-old")
    assert keys(plan(city(replace(JTJ, cpu=8000)), backend).changes)[0] == old


def test_nothing_single_is_taken_from_a_protected_tenant(backend: SimulatedBackend) -> None:
    safe = replace(JTJ, protected=True)
    provide(city(safe), backend)
    ours(backend, "NetworkPolicy", "yunjin-old")
    ours(backend, "RoleBinding", "yunjin-old")
    made = plan(city(safe), backend)
    assert made.changes == ()
    assert [held.hold for held in made.held] == [Hold.PROTECTED]


def test_an_object_the_import_goes_without_is_not_made(backend: SimulatedBackend) -> None:
    provide(city(), backend)
    backend.create_foreign({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jtj-egov"}})
    lacks: tuple[Role, ...] = ("network-deny", "role-admin")
    made = plan(city(replace(JTJ, imported=True, without=lacks)), backend)
    assert {change.key.name for change in made.changes}.isdisjoint({"yunjin-deny", "yunjin-admin"})
    assert {change.object_class for change in made.changes} >= {ObjectClass.QUOTA, ObjectClass.ROLES}
    assert {change.action for change in made.changes} == {Action.CREATE}
