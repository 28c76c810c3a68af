"""What a plan says: of new, of changed, of unchanged, of foreign, of unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from planning import (
    DAY,
    ENDPOINT,
    NOON,
    OTHER,
    TRANSLATOR,
    Member,
    carry_out,
    city,
    keys,
    observed,
    plan,
    plan_of,
    provide,
)
from yunjin.errors import Text, UnreachableError
from yunjin.model.change import ABSENT, Action, Binding, Hold
from yunjin.model.resources import Key, LeafState, ObjectClass
from yunjin.observe import Observation, Unknown
from yunjin.plan import make_leaf_plan
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.model.tenants import Role

FGW, JTJ, ZFJ = Member("fgw"), Member("jtj"), Member("zfj")
QUOTA = Key(ENDPOINT, "jtj-egov", "ResourceQuota", "yunjin")
CPU = ("spec", "hard", "requests.cpu")
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "let-all-in", "namespace": "jtj-egov"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
}


def namespace(name: str, **labels: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def test_an_empty_endpoint_gets_everything(backend: SimulatedBackend) -> None:
    made = plan(city(FGW, JTJ), backend)
    shared = TRANSLATOR.shared(city().endpoints[ENDPOINT], {})
    assert {change.action for change in made.changes} == {Action.CREATE}
    assert len(made.changes) == len(shared) + 16
    assert made.leaves == 2
    assert made.unchanged == 0
    assert {change.tenant for change in made.changes} == {"", "fgw", "jtj"}
    assert all(change.before == ABSENT and change.body for change in made.changes)
    assert [change.key for change in made.changes if change.confirm] == [
        replace(QUOTA, namespace="fgw-egov"),
        QUOTA,
    ]


def test_what_stands_is_not_changed(backend: SimulatedBackend) -> None:
    estate = city(FGW, JTJ)
    provide(estate, backend)
    again = plan(estate, backend)
    assert again.changes == ()
    assert again.unchanged == len(TRANSLATOR.shared(estate.endpoints[ENDPOINT], {})) + 16
    assert again.bindings[ENDPOINT].observed_at == NOON
    assert again.estate == estate.digest
    assert again.as_of == DAY


def test_a_namespace_comes_before_its_quota_and_rights_come_last(backend: SimulatedBackend) -> None:
    ranks = {change.object_class: change.rank for change in plan(city(JTJ), backend).changes}
    order = sorted(ranks, key=lambda part: ranks[part])
    assert order[:3] == [ObjectClass.CLUSTER, ObjectClass.NAMESPACE, ObjectClass.QUOTA]
    assert order[-1] is ObjectClass.ROLES


def test_rights_await_a_quota_that_stands_already(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    admin = Key(ENDPOINT, "jtj-egov", "RoleBinding", "yunjin-admin")
    backend.remove(admin)
    (alone,) = plan(city(JTJ), backend).changes
    assert (alone.key, alone.awaits) == (admin, QUOTA)
    both = plan(city(replace(JTJ, cpu=6000)), backend).changes
    assert {change.key: change.awaits for change in both} == {QUOTA: None, admin: None}


def test_changes_come_in_the_order_of_writing(backend: SimulatedBackend) -> None:
    changes = plan(city(JTJ, FGW, ZFJ), backend).changes
    assert list(changes) == sorted(changes, key=lambda change: (change.rank, change.key))


def test_a_changed_figure_is_one_change_with_both_sides(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    (change,) = plan(city(replace(JTJ, cpu=6000)), backend).changes
    assert (change.action, change.key, change.tenant) == (Action.UPDATE, QUOTA, "jtj")
    found = {difference.path: (difference.observed, difference.wanted) for difference in change.differences}
    assert found == {"spec.hard.limits.cpu": ("8", "12"), "spec.hard.requests.cpu": ("4", "6")}
    assert {difference.manager for difference in change.differences} == {"yunjin"}
    live = backend.read([QUOTA])[QUOTA]
    assert change.before == TRANSLATOR.fingerprint(change.wanted, live)
    assert change.after == TRANSLATOR.target(change.wanted)
    assert change.confirm


def test_quotas_shrink_before_others_grow(backend: SimulatedBackend) -> None:
    provide(city(replace(FGW, cpu=2000), replace(JTJ, cpu=8000)), backend)
    shrink, grow = plan(city(replace(FGW, cpu=8000), replace(JTJ, cpu=2000)), backend).changes
    assert (shrink.tenant, grow.tenant) == ("jtj", "fgw")
    assert shrink.rank < grow.rank


def test_what_gives_and_takes_counts_as_growth(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.edit(QUOTA, {CPU: "3", ("spec", "hard", "pods"): "50"})
    (mixed,) = plan(city(JTJ), backend).changes
    backend.edit(QUOTA, {CPU: "4"})
    (shrink,) = plan(city(JTJ), backend).changes
    assert shrink.rank < mixed.rank


def test_a_field_of_another_is_drift_and_is_not_forced(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.edit(QUOTA, {CPU: "64"}, "kubectl-edit")
    made = plan(city(JTJ), backend)
    (change,) = made.changes
    (difference,) = change.differences
    assert (difference.path, difference.manager) == ("spec.hard.requests.cpu", "kubectl-edit")
    assert not change.force
    assert [refused.key for refused, _ in carry_out(made, backend)] == [QUOTA]
    assert backend.read([QUOTA])[QUOTA].body["spec"]["hard"]["requests.cpu"] == "64"


def test_an_object_of_another_is_shown_and_left(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    key = backend.create_foreign(POLICY, "kubectl-create")
    made = plan(city(JTJ), backend)
    assert made.changes == ()
    (extra,) = made.extras
    assert (extra.key, extra.object_class, extra.tenant) == (key, ObjectClass.NETWORK, "jtj")
    assert extra.manager == "kubectl-create"
    assert extra.since is not None


def test_a_copy_of_our_own_object_is_still_another_s(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    deny = Key(ENDPOINT, "jtj-egov", "NetworkPolicy", "yunjin-deny")
    ours = backend.read([deny])[deny].body
    copied = {**ours, "metadata": {**ours["metadata"], "name": "copied"}}
    key = backend.create_foreign(copied)
    made = plan(city(JTJ), backend)
    assert made.changes == ()
    assert [extra.key for extra in made.extras] == [key]


def test_namespaces_of_nobody_are_nobody_s_business(backend: SimulatedBackend) -> None:
    provide(city(), backend)
    backend.create_foreign(namespace("zfj-egov"))
    made = plan(city(JTJ), backend)
    assert all(change.leaf != "zfj-egov" for change in made.changes)
    assert made.held == ()


def test_a_namespace_of_another_under_a_declared_name_is_held(backend: SimulatedBackend) -> None:
    backend.create_foreign(namespace("jtj-egov", team="somebody"))
    made = plan(city(FGW, JTJ), backend)
    (held,) = made.held
    assert (held.endpoint, held.leaf, held.tenant, held.hold) == (ENDPOINT, "jtj-egov", "jtj", Hold.FOREIGN)
    assert "yunjin import" in held.reason.zh
    assert "yunjin import" in held.reason.en
    assert {change.tenant for change in made.changes} == {"", "fgw"}


def test_a_namespace_of_another_endpoint_is_held_even_for_an_import(backend: SimulatedBackend) -> None:
    backend.create_foreign(namespace("jtj-egov", **{"yunjin/endpoint": OTHER}))
    made = plan(city(replace(JTJ, imported=True)), backend)
    assert [held.hold for held in made.held] == [Hold.FOREIGN]


def test_an_imported_namespace_is_taken_over_with_its_first_change(backend: SimulatedBackend) -> None:
    backend.create_foreign(namespace("jtj-egov", team="somebody"))
    hard = {"requests.cpu": "4", "requests.memory": "8Gi", "requests.storage": "100Gi", "pods": "40"}
    backend.create_foreign(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "yunjin", "namespace": "jtj-egov"},
            "spec": {"hard": hard},
        }
    )
    lacks: tuple[Role, ...] = (
        "limits",
        "network-deny",
        "network-base",
        "network-flows",
        "role-admin",
        "role-viewer",
    )
    taken = replace(JTJ, imported=True, without=lacks)
    provide(city(), backend)
    assert plan(city(taken), backend).changes == ()
    (change,) = plan(city(replace(taken, cpu=6000)), backend).changes
    assert (change.key, change.force) == (QUOTA, True)
    provide(city(replace(taken, cpu=6000)), backend)
    backend.edit(QUOTA, {CPU: "64"})
    (later,) = plan(city(replace(taken, cpu=6000)), backend).changes
    assert not later.force


def test_a_namespace_that_somebody_is_removing_is_held(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.freeze()
    backend.remove(Key(ENDPOINT, "", "Namespace", "jtj-egov"))
    made = plan(city(JTJ), backend)
    assert [held.hold for held in made.held] == [Hold.ENDING]
    assert made.changes == ()
    backend.thaw()
    assert len(plan(city(JTJ), backend).changes) == 8


def test_a_tenant_in_quarantine_is_left_as_it_is(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.edit(QUOTA, {CPU: "64"})
    made = plan(city(replace(JTJ, quarantined=True)), backend)
    assert (made.changes, made.extras, made.held) == ((), (), ())
    assert made.leaves == 1


def test_objects_that_all_share_are_repaired_and_never_removed(backend: SimulatedBackend) -> None:
    provide(city(), backend)
    role = Key(ENDPOINT, "", "ClusterRole", "yunjin:tenant-viewer")
    backend.remove(role)
    made = plan(city(), backend)
    assert keys(made.changes) == [role]
    assert made.changes[0].tenant == ""


@pytest.mark.parametrize("state", ["missing", "unknown"])
def test_an_endpoint_that_did_not_answer_is_unknown_not_empty(state: str) -> None:
    error = UnreachableError(Text("连不上", "nobody answers"), Text("检查网络", "check the network"))
    observations = {ENDPOINT: Unknown(ENDPOINT, error)} if state == "unknown" else {}
    made = plan_of(city(JTJ), observations)
    assert made.unknown == (ENDPOINT,)
    assert (made.changes, made.leaves) == ((), 0)
    failure = made.bindings[ENDPOINT].failure
    if state == "unknown":
        assert failure is not None
        assert (failure.code, failure.message, failure.remedy) == ("unreachable", error.message, error.remedy)
    else:
        assert failure is None


def test_an_error_in_the_middle_leaves_nothing_of_the_endpoint(tmp_path: Path) -> None:
    rule = Rule(operation=Operation.STREAM, effect=Effect.UNREACHABLE, nth=(2,))
    broken = SimulatedBackend.open(ENDPOINT, tmp_path / "broken.db", Faults((rule,)))
    sound = SimulatedBackend.open(OTHER, tmp_path / "sound.db")
    estate = city(FGW, replace(JTJ, cpu=2000), replace(ZFJ, endpoint=OTHER))
    carry_out(plan(city(FGW, JTJ), SimulatedBackend.open(ENDPOINT, tmp_path / "broken.db")), broken)
    made = plan(estate, broken, sound)
    assert made.unknown == (ENDPOINT,)
    assert {change.key.endpoint for change in made.changes} == {OTHER}
    assert made.leaves == 1
    assert plan(estate, broken, sound).unknown == ()


def test_an_endpoint_that_answers_out_of_order_is_not_believed() -> None:
    def disordered() -> Iterator[LeafState]:
        yield LeafState("", {})
        yield LeafState("jtj-egov", {})
        yield LeafState("fgw-egov", {})

    made = plan_of(city(JTJ), {ENDPOINT: Observation(ENDPOINT, NOON, disordered())})
    assert made.unknown == (ENDPOINT,)
    assert made.changes == ()


def test_endpoints_of_one_cluster_do_not_see_each_other(
    backend: SimulatedBackend, other: SimulatedBackend
) -> None:
    estate = city(FGW, replace(JTJ, endpoint=OTHER))
    provide(estate, backend)
    made = plan(estate, backend, other)
    assert {change.tenant for change in made.changes} == {"jtj"}
    assert carry_out(made, backend, other) == []
    assert plan(estate, backend, other).changes == ()


def test_one_leaf_can_be_planned_alone(backend: SimulatedBackend) -> None:
    provide(city(FGW, JTJ), backend)
    backend.edit(QUOTA, {CPU: "64"})
    estate = city(FGW, JTJ)
    leaf = next(leaf for leaf in estate.leaves(DAY) if leaf.tenant == "jtj")
    live = backend.read([wanted.key for wanted in TRANSLATOR.wanted(leaf)])
    state = LeafState(leaf.name, {(key.kind, key.name): found for key, found in live.items()})
    observation = Observation(ENDPOINT, NOON, iter([state]))
    made = make_leaf_plan(
        estate, DAY, leaf, observation, TRANSLATOR, Binding("kubernetes", "simulated", None)
    )
    assert made.changes == plan(estate, backend).changes


def test_states_are_taken_once(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    observations = observed(backend)
    assert plan_of(city(JTJ), observations).changes == ()
    found = observations[ENDPOINT]
    assert isinstance(found, Observation)
    assert next(found.states, None) is None
