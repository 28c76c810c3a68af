"""When a quota that was written counts.

Called by `backend`. Calls `yunjin.substrates.kubernetes.quantities`. Pure. A growth counts once the cluster's
own count shows it; a shrink only when also no more is used than it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.substrates.kubernetes import quantities

if TYPE_CHECKING:
    from yunjin.model.change import Change
    from yunjin.model.resources import Body

_HARD: Final = "spec.hard."


def in_force(change: Change, body: Body) -> bool:
    """Whether the quota as it stands is what the cluster enforces, after `change`."""
    hard = (body.get("spec") or {}).get("hard") or {}
    status = body.get("status") or {}
    if (status.get("hard") or {}) != hard:
        return False
    used = status.get("used") or {}
    return all(
        quantities.value(used.get(resource, "0")) <= quantities.value(hard[resource])
        for resource in _lowered(change)
        if resource in hard
    )


def _lowered(change: Change) -> list[str]:
    return [
        difference.path.removeprefix(_HARD)
        for difference in change.differences
        if difference.path.startswith(_HARD)
        and difference.wanted is not None
        and (
            difference.observed is None
            or quantities.value(str(difference.wanted)) < quantities.value(str(difference.observed))
        )
    ]
