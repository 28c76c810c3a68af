"""A plan read the other way round: how what stands differs from what is declared, and who did it.

Called by `yunjin.engine` and the command line. Calls nothing. Pure. Promises one item for every difference of
every object that is there or should be there, and for every object that should not be there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from yunjin.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from yunjin.model.change import Change, Plan
    from yunjin.model.resources import Key, ObjectClass


class DriftKind(StrEnum):
    """How something differs."""

    CHANGED = "changed"  # another value
    MISSING = "missing"  # an object or a field that should be there
    EXTRA = "extra"  # an object or a field that should not be there


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One difference.

    Attributes:
        path: of the field; empty for a whole object.
        manager: who wrote what stands; Yunjin's own name where only the declaration has changed since, empty
            where nobody is recorded.
        since: not later than this.
    """

    key: Key
    tenant: str
    object_class: ObjectClass
    kind: DriftKind
    path: str = ""
    wanted: Any = None
    observed: Any = None
    manager: str = ""
    since: datetime | None = None


def drift(plan: Plan) -> tuple[DriftItem, ...]:
    """Every difference, in the order of objects and fields."""
    items = [item for change in plan.changes for item in _of_change(change)]
    items += [
        DriftItem(
            extra.key,
            extra.tenant,
            extra.object_class,
            DriftKind.EXTRA,
            manager=extra.manager,
            since=extra.since,
        )
        for extra in plan.extras
    ]
    return tuple(sorted(items, key=attrgetter("key", "path")))


def repair(plan: Plan, classes: Collection[ObjectClass]) -> Plan:
    """The same plan, taking over the fields that others wrote in objects of these classes."""
    return replace(
        plan,
        changes=tuple(
            replace(change, force=True)
            if change.object_class in classes and change.action is Action.UPDATE
            else change
            for change in plan.changes
        ),
    )


def _of_change(change: Change) -> Iterator[DriftItem]:
    whole = DriftItem(change.key, change.tenant, change.object_class, DriftKind.MISSING)
    if change.action is Action.CREATE:
        yield whole
    elif change.action is Action.DELETE:
        yield replace(whole, kind=DriftKind.EXTRA)
    for difference in change.differences:
        if change.binds_anew(difference):
            continue
        kind = DriftKind.CHANGED
        if difference.observed is None:
            kind = DriftKind.MISSING
        elif difference.wanted is None:
            kind = DriftKind.EXTRA
        yield replace(
            whole,
            kind=kind,
            path=difference.path,
            wanted=difference.wanted,
            observed=difference.observed,
            manager=difference.manager,
            since=difference.since,
        )
