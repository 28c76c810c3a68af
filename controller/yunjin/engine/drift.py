"""Drift: what stands otherwise than Yunjin left it; told from changes that only wait to be applied.

Called by `yunjin drift` and the controller. Calls the spine, the journal (how each object was left) and the sightings
(since when a difference is known). Promises that nothing is taken from anybody unless the policy of its class or a
person says so, and that figures are adopted into the baseline only where the rules allow them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from yunjin.engine.spine import contended
from yunjin.errors import RefusalError, Text, UsageError
from yunjin.estate import rewrite
from yunjin.model.change import Action, Severity
from yunjin.model.resources import Key, ObjectClass
from yunjin.plan import DriftKind, drift, repair
from yunjin.policy import Facts, run
from yunjin.store import Sighting
from yunjin.substrates.kubernetes.translate import observed_amounts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from yunjin.engine.spine import Judged, Spine
    from yunjin.model.amounts import Amounts
    from yunjin.model.change import Change, Plan
    from yunjin.model.tenants import BaselineRow
    from yunjin.plan import DriftItem
    from yunjin.policy import Rule


@dataclass(frozen=True, slots=True)
class Seen:
    """One difference, with when it was first seen and what the city wants done about such."""

    item: DriftItem
    first_seen: datetime
    policy: str

    @property
    def since(self) -> datetime:
        """Not later than this: as the backend dates the write, else as Yunjin first saw it."""
        return min(self.item.since or self.first_seen, self.first_seen)


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


def split(spine: Spine, plan: Plan) -> Split:
    """Tell drift from what waits, in a plan as `Spine.observed_plan` or `Spine.leaf_plan` makes it."""
    settled: dict[Key, str] = {}
    for endpoint in {change.key.endpoint for change in plan.changes}:
        settled.update(spine.store.journal.settled(endpoint))
    drifted = tuple(change for change in plan.changes if _is_drift(change, settled))
    waiting = tuple(change for change in plan.changes if not _is_drift(change, settled))
    return Split(plan, drifted, waiting)


def _is_drift(change: Change, settled: Mapping[Key, str]) -> bool:
    left_so = change.action is not Action.DELETE and settled.get(change.key) == change.after
    return left_so or contended(change)


def seen(spine: Spine, parted: Split) -> tuple[Seen, ...]:
    """Every difference with its policy and its age; the ages are kept for the next look."""
    items = drift(replace(parted.plan, changes=parted.drifted))
    first: dict[tuple[Key, str], datetime] = {}
    for endpoint, binding in parted.plan.bindings.items():
        if binding.observed_at is not None:
            mine = [_sighting(item) for item in items if item.key.endpoint == endpoint]
            first.update(spine.store.sightings.update(endpoint, mine))
    return tuple(
        Seen(item, first[item.key, item.path], spine.drift_policy(item.object_class)) for item in items
    )


def _sighting(item: DriftItem) -> Sighting:
    value = blake2b(repr(item.observed).encode(), digest_size=8).hexdigest()
    return Sighting(item.key, item.path, value)


def put_right(spine: Spine, parted: Split, classes: Collection[ObjectClass]) -> Judged:
    """A judged plan that undoes the drift of these classes, taking back fields that others wrote."""
    changes = tuple(change for change in parted.drifted if change.object_class in classes)
    return spine.judge(repair(replace(parted.plan, changes=changes), classes))


def adopt(
    spine: Spine, folder: Path, leaf: str, rules: Sequence[Rule]
) -> tuple[BaselineRow, Amounts, rewrite.Revision]:
    """Prepare to make a leaf's observed quota its declared one.

    Returns:
        The row as declared, the figures observed, and the revision to save once a person has agreed.

    Raises:
        UsageError: no such leaf, or its quota does not differ.
        RefusalError: a rule does not allow the figures; grant them first.
    """
    row = next((row for row in spine.estate.leaf_rows if row.node.rpartition("/")[2] == leaf), None)
    changes = [
        c
        for c in split(spine, spine.observed_plan()).drifted
        if c.leaf == leaf and c.object_class is ObjectClass.QUOTA
    ]
    if row is None or not changes or changes[0].action is not Action.UPDATE:
        raise UsageError(
            Text(f"{leaf} 的配额与登记一致, 无可认可", f"the quota of {leaf} does not differ"),
            Text("用 yunjin drift 查看", "see yunjin drift"),
        )
    key = changes[0].key
    live = spine.endpoints.backends[key.endpoint].read([key])[key]
    observed = observed_amounts(live)[0]
    revision = rewrite.Revision(folder)
    revision.set_allotted(row.node, row.pool, observed)
    errors = [f for f in run(rules, Facts(revision.preview(), spine.as_of)) if f.severity is Severity.ERROR]
    if errors:
        raise RefusalError(errors[0].message, errors[0].remedy)
    return row, observed, revision
