"""Drift: what stands otherwise than Yunjin left it; told from changes that only wait to be applied.

Called by `yunjin drift` and the controller. Calls `split`, the spine, and the sightings (since when a
difference is known). Promises that nothing is taken from anybody unless the policy of its class or a person
says so, that other people's own objects are only ever reported, and that figures are adopted only where the
ledger has room for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from yunjin.engine.acceptance import accept
from yunjin.engine.split import narrowed, split
from yunjin.errors import Text, UsageError
from yunjin.ledger import Ledger
from yunjin.model.amounts import Amounts
from yunjin.model.change import Action
from yunjin.model.policies import REPORT
from yunjin.model.resources import Key, ObjectClass
from yunjin.model.tenancy import leaf_node
from yunjin.plan import drift, repair
from yunjin.store import Sighting

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from yunjin.engine.spine import Judged, Spine
    from yunjin.engine.split import Split
    from yunjin.model.change import Extra
    from yunjin.model.tenancy import Leaf
    from yunjin.plan import DriftItem


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
    """A leaf's quota as it stands, ready to enter the ledger.

    Attributes:
        leaf: with what the ledger holds until now.
        observed: the figures that stand.
    """

    leaf: Leaf
    observed: Amounts


def seen(spine: Spine, parted: Split) -> tuple[Seen, ...]:
    """Every difference with its policy and its age; the ages are kept for the next look."""
    extras = _unlooked_for(spine, parted.plan.extras)
    items = drift(replace(parted.plan, changes=parted.drifted, extras=extras))
    first: dict[tuple[Key, str], datetime] = {}
    for endpoint, binding in parted.plan.bindings.items():
        if binding.observed_at is not None:
            mine = [_sighting(item) for item in items if item.key.endpoint == endpoint]
            first.update(spine.store.sightings.update(endpoint, mine))
    foreign = {extra.key for extra in extras}
    return tuple(
        Seen(
            item,
            first[item.key, item.path],
            REPORT if item.key in foreign else spine.drift_policies[item.object_class],
        )
        for item in items
    )


def _unlooked_for(spine: Spine, extras: tuple[Extra, ...]) -> tuple[Extra, ...]:
    """Other people's objects, without those of a class of which an imported leaf has none of Yunjin's.

    These were there when it was taken over as it stood, and stay its own until Yunjin's are declared.
    """
    holders = {leaf_node(extra.key.endpoint, extra.key.namespace) for extra in extras}
    translators = spine.endpoints.translators
    managed = {
        leaf.node: {wanted.object_class for wanted in translators[leaf.endpoint].wanted(leaf)}
        for leaf in (spine.leaves() if holders else ())
        if leaf.imported and leaf.node in holders
    }
    return tuple(
        extra
        for extra in extras
        if extra.object_class
        in managed.get(leaf_node(extra.key.endpoint, extra.key.namespace), (extra.object_class,))
    )


def _sighting(item: DriftItem) -> Sighting:
    value = blake2b(repr(item.observed).encode(), digest_size=8).hexdigest()
    return Sighting(item.key, item.path, value)


def put_right(spine: Spine, parted: Split, classes: Collection[ObjectClass]) -> Judged:
    """A judged plan that undoes the drift of these classes, taking back fields that others wrote."""
    changes = tuple(change for change in parted.drifted if change.object_class in classes)
    return spine.judge(repair(narrowed(parted.plan, changes), classes))


def adopt(spine: Spine, name: str) -> Adoption:
    """Prepare to make a leaf's observed quota the one the ledger holds.

    Args:
        spine: of the files as they are now.
        name: of the leaf, or `ENDPOINT/NAME`.

    Raises:
        UsageError: no such leaf, or its quota is missing or does not differ in a figure the ledger has.
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
    return Adoption(leaf, observed)


def save(spine: Spine, adoption: Adoption, actor: str) -> None:
    """Enter an adoption into the ledger, and remember what was accepted.

    Raises:
        ShortageError: a limit is in the way; it says whose.
        RefusalError: the pool takes no growth.
        YunjinError: as `accept` does.
    """
    spine.enter(actor)
    Ledger(spine.store.database, spine.store.now, actor).allot(adoption.leaf.node, adoption.observed)
    leaf = next(leaf for leaf in spine.leaves() if leaf.node == adoption.leaf.node)
    accept(spine, leaf, (ObjectClass.QUOTA,), actor, "adopt")


def _declared(spine: Spine, name: str) -> Leaf:
    found = [leaf for leaf in spine.leaves() if name in (leaf.name, f"{leaf.endpoint}/{leaf.name}")]
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
    observed = spine.endpoints.translators[quota.endpoint].holding(live).granted
    return Amounts({name: value for name, value in observed.items() if value or name in leaf.allotted})
