"""When a quota that was written counts, and what is used of it.

Called by `backend` and by the simulated backend. Calls `quantities`. Pure. Admission counts by `status.hard`,
which the cluster copies from `spec.hard` some time after the write: until it has, the old figures bind. A
shrink counts only when also no more is used than it leaves, since what runs is not ended by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.model.amounts import CPU, MEMORY, Amounts
from yunjin.model.resources import Holding
from yunjin.substrates.kubernetes import quantities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yunjin.model.change import Change
    from yunjin.model.resources import Body

_HARD: Final = "spec.hard."


def in_force(change: Change, quota: Body) -> bool:
    """Whether the quota as it stands is what the cluster enforces, with the figures of `change`."""
    status = quota.get("status") or {}
    enforced = _canonical(status.get("hard"))
    asked = _canonical(((change.body or {}).get("spec") or {}).get("hard"))
    if enforced != _canonical((quota.get("spec") or {}).get("hard")) or not asked.items() <= enforced.items():
        return False
    used = status.get("used") or {}
    return all(
        quantities.value(str(used.get(resource, "0"))) <= quantities.value(enforced[resource])
        for resource in _lowered(change)
        if resource in enforced
    )


def holding(quota: Body) -> Holding:
    """What a quota grants and what is used of it.

    What a pod may burst to (`limits.*`) counts by the quota's own ratio: a quota that carries the requests
    and not the limits would not do.
    """
    hard: Mapping[str, Any] = (quota.get("spec") or {}).get("hard") or {}
    status = quota.get("status") or {}
    counted = status.get("used")
    used = None if counted is None else _used(hard, counted)
    return Holding(quantities.amounts(hard), quantities.amounts(status.get("hard") or {}), used)


def _used(hard: Mapping[str, Any], counted: Mapping[str, Any]) -> Amounts:
    used = dict(quantities.amounts(counted))
    for dimension in (CPU, MEMORY):
        requests, limits = f"requests.{dimension}", f"limits.{dimension}"
        if limits not in counted or limits not in hard or requests not in hard:
            continue
        bursts, most = quantities.value(str(counted[limits])), quantities.value(str(hard[limits]))
        needed = bursts * quantities.value(str(hard[requests])) / most if most else bursts
        used[dimension] = max(used.get(dimension, 0), quantities.in_base_units(dimension, needed))
    return Amounts(used)


def _lowered(change: Change) -> Iterator[str]:
    for difference in change.differences:
        if change.binds_anew(difference):
            continue
        if difference.path.startswith(_HARD) and difference.wanted is not None:
            bounded = difference.observed is not None
            if not bounded or quantities.value(str(difference.wanted)) < quantities.value(
                str(difference.observed)
            ):
                yield difference.path.removeprefix(_HARD)


def _canonical(hard: Mapping[str, Any] | None) -> dict[str, str]:
    return {
        resource: quantities.canonical(str(text), binary=quantities.is_binary(resource))
        for resource, text in (hard or {}).items()
    }
