"""An observed plan taken apart: what undoes other people's doing, and what only waits to be carried out.

Called by `spine`, `drift` and `controller`. Reads the journal: how each object was left. Promises that what
was declared anew is never taken for drift, that a change which writes over somebody else is known as such,
and that a plan of which a part is left out still grants no rights but under a quota in force.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yunjin.model.change import Action
from yunjin.model.resources import ObjectClass
from yunjin.substrates.kubernetes.names import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from yunjin.model.change import Change, Plan
    from yunjin.model.resources import Key
    from yunjin.store import Journal

_Leaf = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Split:
    """An observed plan, parted.

    Attributes:
        drifted: undo what somebody else did.
        waiting: carry out what was declared and not applied yet.
    """

    plan: Plan
    drifted: tuple[Change, ...]
    waiting: tuple[Change, ...]


def split(plan: Plan, journal: Journal) -> Split:
    """Tell drift from what waits, in a plan made from what stands now."""
    left: dict[Key, str] = {}
    for endpoint in {change.key.endpoint for change in plan.changes}:
        left.update(journal.settled(endpoint))
    # What lies in a namespace that nobody has made yet, or again, waits with it.
    unborn = {
        _leaf(change)
        for change in plan.changes
        if change.object_class is ObjectClass.NAMESPACE
        and change.action is Action.CREATE
        and not _is_drift(change, left)
    }
    drifted = tuple(c for c in plan.changes if _leaf(c) not in unborn and _is_drift(c, left))
    taken = frozenset(change.key for change in drifted)
    return Split(plan, drifted, tuple(change for change in plan.changes if change.key not in taken))


def overwrites(change: Change) -> bool:
    """Whether it would write a field that somebody else owns."""
    return change.action is Action.UPDATE and any(
        difference.manager not in ("", FIELD_MANAGER) for difference in change.differences
    )


def undoes(change: Change) -> bool:
    """Whether it would take back a value that Yunjin is not recorded to have written.

    Of drift that is somebody else's doing, also where nobody's name is kept: a cloud's services keep none.
    """
    return change.action is Action.UPDATE and any(
        difference.manager != FIELD_MANAGER and (difference.manager or difference.observed is not None)
        for difference in change.differences
    )


def narrowed(plan: Plan, kept: Collection[Change]) -> Plan:
    """The plan with `kept`, of its changes, alone, and without those of them that rely on one left out.

    Objects are not written into a namespace that is not there. Role bindings are not written where the
    quota is missing; where it stands, whatever it says, they await it.
    """
    keys = frozenset(change.key for change in kept)
    left_out = [change for change in plan.changes if change.key not in keys]
    absent = [change for change in left_out if change.action is Action.CREATE]
    homeless = {_leaf(change) for change in absent if change.object_class is ObjectClass.NAMESPACE}
    unbounded = {_leaf(change) for change in absent if change.object_class is ObjectClass.QUOTA}
    bounds = {_leaf(change): change.key for change in left_out if change.object_class is ObjectClass.QUOTA}
    changes = []
    for change in kept:
        leaf = _leaf(change)
        if leaf in homeless or (_grants(change) and leaf in unbounded):
            continue
        awaits = bounds.get(leaf) if _grants(change) else None
        changes.append(replace(change, awaits=awaits) if awaits else change)
    return replace(plan, changes=tuple(changes))


def _is_drift(change: Change, left: Mapping[Key, str]) -> bool:
    known = left.get(change.key)
    if change.action is Action.DELETE or known == change.before:
        return False
    if known == change.after:
        return True
    # It stands otherwise than it was left. An import was the decision to take over what others had written.
    return overwrites(change) and not change.force


def _grants(change: Change) -> bool:
    return change.object_class is ObjectClass.ROLES and change.action is not Action.DELETE


def _leaf(change: Change) -> _Leaf:
    return change.key.endpoint, change.leaf
