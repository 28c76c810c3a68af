"""A plan in figures.

Called by the command line and by reports. Calls nothing. Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunjin.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.change import Plan
    from yunjin.model.resources import ObjectClass


@dataclass(frozen=True, slots=True)
class Summary:
    """How much a plan does.

    Attributes:
        by_action: changes of each action, zeros included.
        by_class: changes of each class that has any.
        by_tenant: changes of each tenant that has any, with the empty name for what all share; in order.
        destructive: changes that lose work.
        unchanged: objects that stand as wanted.
        held, extras, unknown: leaves left alone, other people's objects, endpoints that did not answer.
    """

    changes: int
    by_action: Mapping[Action, int]
    by_class: Mapping[ObjectClass, int]
    by_tenant: Mapping[str, int]
    destructive: int
    unchanged: int
    held: int
    extras: int
    unknown: int


def summary(plan: Plan) -> Summary:
    """The figures of one plan."""
    actions = Counter(change.action for change in plan.changes)
    classes = Counter(change.object_class for change in plan.changes)
    tenants = Counter(change.tenant for change in plan.changes)
    return Summary(
        changes=len(plan.changes),
        by_action={action: actions[action] for action in Action},
        by_class=dict(sorted(classes.items())),
        by_tenant=dict(sorted(tenants.items())),
        destructive=sum(change.destructive for change in plan.changes),
        unchanged=plan.unchanged,
        held=len(plan.held),
        extras=len(plan.extras),
        unknown=len(plan.unknown),
    )
