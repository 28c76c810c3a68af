"""Drift: every difference, who made it, and taking it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from planning import ENDPOINT, Member, carry_out, city, plan, provide
from yunjin.model.change import Action
from yunjin.model.resources import Key, ObjectClass
from yunjin.plan import DriftKind, drift, repair

if TYPE_CHECKING:
    from yunjin.substrates.simulated.backend import SimulatedBackend

JTJ = Member("jtj")
QUOTA = Key(ENDPOINT, "jtj-egov", "ResourceQuota", "yunjin")
DENY = Key(ENDPOINT, "jtj-egov", "NetworkPolicy", "yunjin-deny")
ADMIN = Key(ENDPOINT, "jtj-egov", "RoleBinding", "yunjin-admin")


def test_nothing_differs_where_all_stands(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    assert drift(plan(city(JTJ), backend)) == ()


def test_a_changed_field_names_both_values_who_and_since_when(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    before = datetime.now(UTC).replace(microsecond=0)
    backend.edit(QUOTA, {("spec", "hard", "requests.cpu"): "64"}, "kubectl-edit")
    (item,) = drift(plan(city(JTJ), backend))
    assert (item.key, item.tenant, item.object_class) == (QUOTA, "jtj", ObjectClass.QUOTA)
    assert (item.kind, item.path) == (DriftKind.CHANGED, "spec.hard.requests.cpu")
    assert (item.wanted, item.observed, item.manager) == ("4", "64", "kubectl-edit")
    assert item.since is not None
    assert before <= item.since <= datetime.now(UTC)


def test_a_field_or_an_object_may_be_missing(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.edit(QUOTA, {("spec", "hard", "pods"): None})
    backend.remove(DENY)
    gone, taken = drift(plan(city(JTJ), backend))
    assert (gone.key, gone.kind, gone.path, gone.wanted, gone.observed) == (
        DENY,
        DriftKind.MISSING,
        "",
        None,
        None,
    )
    assert (taken.key, taken.kind, taken.path, taken.wanted) == (
        QUOTA,
        DriftKind.MISSING,
        "spec.hard.pods",
        "40",
    )


def test_a_field_or_an_object_may_be_too_much(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.edit(QUOTA, {("spec", "hard", "cpu"): "64"}, "somebody")
    binding = backend.read([ADMIN])[ADMIN].body
    theirs = backend.create_foreign(
        {**binding, "metadata": {"name": "theirs", "namespace": "jtj-egov"}}, "kubectl-create"
    )
    field, foreign = drift(plan(city(JTJ), backend))
    assert (field.key, field.kind, field.path, field.observed) == (
        QUOTA,
        DriftKind.EXTRA,
        "spec.hard.cpu",
        "64",
    )
    assert (foreign.key, foreign.kind, foreign.path, foreign.manager) == (
        theirs,
        DriftKind.EXTRA,
        "",
        "kubectl-create",
    )


def test_what_is_to_be_removed_is_too_much(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    items = drift(plan(city(), backend))
    assert {item.kind for item in items} == {DriftKind.EXTRA}
    assert {item.key.kind for item in items} == {"Namespace", "RoleBinding"}


def test_a_figure_declared_since_is_nobody_else_s(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    items = drift(plan(city(replace(JTJ, cpu=6000)), backend))
    assert {item.manager for item in items} == {"yunjin"}


def test_repair_takes_back_fields_of_the_named_classes_alone(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    backend.edit(QUOTA, {("spec", "hard", "requests.cpu"): "64"})
    backend.edit(DENY, {("spec", "ingress"): [{}]})
    made = repair(plan(city(JTJ), backend), {ObjectClass.NETWORK})
    assert {change.key: change.force for change in made.changes} == {QUOTA: False, DENY: True}
    assert [change.key for change, _ in carry_out(made, backend)] == [QUOTA]
    assert [change.key for change in plan(city(JTJ), backend).changes] == [QUOTA]


def test_repair_forces_neither_creation_nor_removal(backend: SimulatedBackend) -> None:
    provide(city(JTJ), backend)
    made = repair(plan(city(Member("fgw")), backend), frozenset(ObjectClass))
    assert {change.action for change in made.changes} == {Action.CREATE, Action.DELETE}
    assert not any(change.force for change in made.changes)
