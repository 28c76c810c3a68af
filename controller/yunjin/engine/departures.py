"""Leaves that a plan would remove, and what in them would outlive that.

Called by `spine`. Asks the backends that can tell. Promises that a plan removes no leaf of which something
would be left without an owner, nor one of which that cannot be told: it holds them, with the reason.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from yunjin.errors import Text, YunjinError
from yunjin.model.change import Action, Held, Hold
from yunjin.model.resources import ObjectClass
from yunjin.substrates.contract import RemainderBackend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.change import Change, Plan
    from yunjin.substrates.contract import Backend


def held_back(plan: Plan, backends: Mapping[str, Backend]) -> Plan:
    """The plan without the removals that would leave something behind."""
    held = {}
    for change in plan.changes:
        if change.action is Action.DELETE and change.object_class is ObjectClass.NAMESPACE:
            reason = _reason(change, backends[change.key.endpoint])
            if reason is not None:
                place = change.key.endpoint, change.leaf
                held[place] = Held(*place, change.tenant, Hold.REMAINS, reason)
    if not held:
        return plan
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if (change.key.endpoint, change.leaf) not in held),
        held=tuple(sorted((*plan.held, *held.values()), key=attrgetter("endpoint", "leaf"))),
    )


def _reason(change: Change, backend: Backend) -> Text | None:
    if not isinstance(backend, RemainderBackend):
        return None
    leaf = change.leaf
    try:
        rest = backend.remainder(leaf)
    except YunjinError as error:
        return Text(
            f"{leaf} 中还有什么未能查明, 不予删除: {error.message.zh}",
            f"what {leaf} still holds cannot be told, and it is not removed: {error.message.en}",
        )
    if rest is None:
        return None
    return Text(
        f"{leaf} 中还有{rest.zh}, 项目删除后无人管理, 不予删除; 先删除或移交给其他项目",
        f"{leaf} still holds {rest.en} that would outlive it, and is not removed; "
        "delete them or hand them over to another project first",
    )
