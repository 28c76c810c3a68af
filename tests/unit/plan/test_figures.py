"""A plan in figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from planning import ENDPOINT, OTHER, Member, city, plan, plan_of, provide
from yunjin.model.change import Action
from yunjin.model.resources import Key, ObjectClass
from yunjin.plan import summary

if TYPE_CHECKING:
    from yunjin.substrates.simulated.backend import SimulatedBackend

FGW, JTJ, ZFJ = Member("fgw"), Member("jtj"), Member("zfj", protected=True)


def test_every_part_of_a_plan_is_counted(backend: SimulatedBackend) -> None:
    provide(city(FGW, JTJ, ZFJ), backend)
    binding = Key(ENDPOINT, "fgw-egov", "RoleBinding", "yunjin-admin")
    body = backend.read([binding])[binding].body
    backend.remove(binding)
    backend.create_foreign({**body, "metadata": {"name": "theirs", "namespace": "fgw-egov"}})
    figures = summary(plan(city(replace(FGW, cpu=8000), Member("cgj", endpoint=OTHER)), backend))
    assert figures.changes == 5
    assert figures.by_action == {Action.CREATE: 1, Action.UPDATE: 1, Action.DELETE: 3}
    assert figures.by_class == {ObjectClass.NAMESPACE: 1, ObjectClass.QUOTA: 1, ObjectClass.ROLES: 3}
    assert figures.by_tenant == {"fgw": 2, "jtj": 3}
    assert figures.destructive == 3
    assert (figures.held, figures.extras, figures.unknown) == (1, 1, 1)


def test_an_empty_plan_has_all_actions_at_zero() -> None:
    figures = summary(plan_of(city(), {}))
    assert figures.by_action == dict.fromkeys(Action, 0)
    assert (figures.changes, figures.by_class, figures.by_tenant, figures.unknown) == (0, {}, {}, 1)
