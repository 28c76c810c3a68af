"""Drift: what stands otherwise than Yunjin left it; told from changes that only wait to be applied.

Called by `yunjin drift` and the controller. Calls `split`, the spine, and the sightings (since when a
difference is known). Promises that nothing is taken from anybody unless the policy of its class or a person
says so, that other people's own objects are only ever reported, and that figures are adopted into the
baseline only where the rules allow them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from yunjin.engine.acceptance import accept
from yunjin.engine.choices import REPORT
from yunjin.engine.split import narrowed, split
from yunjin.errors import RefusalError, Text, UsageError
from yunjin.estate import rewrite
from yunjin.model.amounts import Amounts
from yunjin.model.change import Action, Severity
from yunjin.model.resources import Key, ObjectClass
from yunjin.plan import drift, repair
from yunjin.policy import Facts, run
from yunjin.store import Sighting
from yunjin.substrates.kubernetes.translate import observed_amounts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from yunjin.engine.spine import Judged, Spine
    from yunjin.engine.split import Split
    from yunjin.model.tenancy import Leaf
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
class Adoption:
    """A leaf's quota as it stands, ready to be declared.

    Attributes:
        row: as declared until now.
        observed: the figures that stand.
        revision: of the declared files; saved by `save` alone.
    """

    row: BaselineRow
    observed: Amounts
    revision: rewrite.Revision


def seen(spine: Spine, parted: Split) -> tuple[Seen, ...]:
    """Every difference with its policy and its age; the ages are kept for the next look."""
    items = drift(replace(parted.plan, changes=parted.drifted))
    first: dict[tuple[Key, str], datetime] = {}
    for endpoint, binding in parted.plan.bindings.items():
        if binding.observed_at is not None:
            mine = [_sighting(item) for item in items if item.key.endpoint == endpoint]
            first.update(spine.store.sightings.update(endpoint, mine))
    foreign = {extra.key for extra in parted.plan.extras}
    return tuple(
        Seen(
            item,
            first[item.key, item.path],
            REPORT if item.key in foreign else spine.drift_policies[item.object_class],
        )
        for item in items
    )


def _sighting(item: DriftItem) -> Sighting:
    value = blake2b(repr(item.observed).encode(), digest_size=8).hexdigest()
    return Sighting(item.key, item.path, value)


def put_right(spine: Spine, parted: Split, classes: Collection[ObjectClass]) -> Judged:
    """A judged plan that undoes the drift of these classes, taking back fields that others wrote."""
    changes = tuple(change for change in parted.drifted if change.object_class in classes)
    return spine.judge(repair(narrowed(parted.plan, changes), classes))


def adopt(spine: Spine, folder: Path, name: str, rules: Sequence[Rule]) -> Adoption:
    """Prepare to make a leaf's observed quota its declared one.

    Args:
        spine: of the files as they are now.
        folder: of the declared files.
        name: of the leaf, or `ENDPOINT/NAME`.
        rules: which the figures must keep.

    Raises:
        UsageError: no such leaf, or its quota is missing or does not differ in a figure the baseline has.
        RefusalError: a rule does not allow the figures; grant them first.
        YunjinError: as `Backend.read` does.
    """
    leaf = _declared(spine, name)
    spine.endpoints.backend(leaf.endpoint)
    drifted = split(spine.leaf_plan(leaf), spine.store.journal).drifted
    quota = next((change for change in drifted if change.object_class is ObjectClass.QUOTA), None)
    if quota is not None and quota.action is not Action.UPDATE:
        raise UsageError(
            Text(f"{name} 没有配额, 无可认可", f"{name} has no quota that could be adopted"),
            Text("用 yunjin drift repair 恢复", "restore it with yunjin drift repair"),
        )
    observed = leaf.allotted if quota is None else _figures(spine, leaf, quota.key)
    if observed == leaf.allotted:
        raise UsageError(
            Text(f"{name} 的配额与登记一致, 无可认可", f"the quota of {name} does not differ"),
            Text("用 yunjin drift 查看", "see yunjin drift"),
        )
    revision = rewrite.Revision(folder)
    revision.set_allotted(leaf.node, leaf.pool, observed)
    errors = [f for f in run(rules, Facts(revision.preview(), spine.as_of)) if f.severity is Severity.ERROR]
    if errors:
        raise RefusalError(errors[0].message, errors[0].remedy)
    return Adoption(spine.estate.baseline[f"{leaf.node} {leaf.pool}"], observed, revision)


def save(spine: Spine, adoption: Adoption, actor: str) -> None:
    """Write an adoption into the declared files, and remember what was accepted.

    Raises:
        YunjinError: as `Revision.save` and `accept` do.
    """
    estate = adoption.revision.save()
    leaf = next(leaf for leaf in estate.leaves(spine.as_of) if leaf.node == adoption.row.node)
    accept(spine, leaf, (ObjectClass.QUOTA,), actor, "adopt")


def _declared(spine: Spine, name: str) -> Leaf:
    found = [
        leaf
        for leaf in spine.estate.leaves(spine.as_of)
        if name in (leaf.name, f"{leaf.endpoint}/{leaf.name}")
    ]
    if not found:
        raise UsageError(
            Text(f"没有登记命名空间/项目 {name}", f"no namespace or project {name} is declared"),
            Text("用 yunjin drift 查看名称", "see yunjin drift for the names"),
        )
    if len(found) > 1:
        names = ", ".join(f"{leaf.endpoint}/{leaf.name}" for leaf in found)
        raise UsageError(
            Text(f"{name} 不止一个: {names}", f"{name} is ambiguous: {names}"),
            Text("写成 接入点/名称", "write ENDPOINT/NAME"),
        )
    return found[0]


def _figures(spine: Spine, leaf: Leaf, quota: Key) -> Amounts:
    """What the quota grants, without the zeros by which a quota forbids what was never declared."""
    live = spine.endpoints.backend(quota.endpoint).read([quota]).get(quota)
    if live is None:
        raise UsageError(
            Text(f"配额 {quota} 在此期间被删除", f"the quota {quota} was deleted meanwhile"),
            Text("用 yunjin drift 查看", "see yunjin drift"),
        )
    observed = observed_amounts(live)[0]
    return Amounts({name: value for name, value in observed.items() if value or name in leaf.allotted})
