"""Wanted and live objects of a cloud side by side: what differs, and what half a write left behind.

Called by `translate`. Calls `names` and `quantities`. Pure. OpenStack records no owner of a field, so an
object of Yunjin's is compared whole: every field of `spec`, wanted or not. Of an imported object that is kept
as it stands (`loose`) in a project that bears no mark of Yunjin only the figures of a quota are compared, in
the ledger's dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates import fields
from yunjin.substrates.fields import MISSING
from yunjin.substrates.openstack import names, quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.resources import Body, Live, Wanted
    from yunjin.substrates.fields import Deviations, Path

# What a removal leaves in place to its last step: a second attempt must know the project again.
_OF_REMOVAL: Final = "tags"
_ENDING: Final = ("tags", names.ENDING)


def stands(wanted: Wanted, live: Live) -> bool:
    """A quick yes where the object plainly stands as wanted; a no means look closer."""
    return bool(live.body.get("spec") == wanted.body.get("spec"))


def leaves(wanted: Wanted) -> dict[Path, Any]:
    """Every wanted field with its value."""
    return _fields(wanted.body)


def deviations(wanted: Wanted, live: Live) -> Deviations:
    """By path, what is wanted and what is there."""
    if wanted.loose and names.ENDPOINT not in owner(live.body):
        return _figures(wanted, live.body)
    want, have = _fields(wanted.body), _fields(live.body)
    have.pop(_ENDING, None)
    if wanted.key.kind == "Project" and not wanted.body:
        have = {path: value for path, value in have.items() if path[0] == _OF_REMOVAL}
    return {
        path: (want.get(path, MISSING), have.get(path, MISSING))
        for path in want | have
        if want.get(path, MISSING) != have.get(path, MISSING)
    }


def unfinished(wanted: Wanted, before: Live | None, now: Live) -> bool:
    """Whether a write of several steps stopped half way: some fields as before, the others as wanted."""
    left = deviations(wanted, now)
    if not left:
        return False
    if before is None and not wanted.key.namespace:
        return False  # what lies in no leaf is made by one call, so what stands there is somebody else's
    if before is None and wanted.key.kind in names.ARISING:
        return True  # what is not as wanted is what the service made of it by itself
    earlier = deviations(wanted, before) if before else dict.fromkeys(leaves(wanted), (None, MISSING))
    reached = earlier.keys() - left.keys()
    return bool(reached) and all(
        path in earlier and earlier[path][1] == seen for path, (_, seen) in left.items()
    )


def lowers(found: Mapping[Path, tuple[Any, Any]]) -> bool:
    """Whether a quota's deviations, put right, only give capacity back. What has no bound is unbounded."""
    bounds = [values for path, values in found.items() if path in quantities.CAPACITY]
    return bool(bounds) and all(_falls(wanted, observed) for wanted, observed in bounds)


def owner(body: Body) -> Mapping[str, Any]:
    """The marks of the leaf's project; empty where it has none."""
    return fields.mapping(fields.mapping(body.get("metadata")).get("owner"))


def _falls(wanted: Any, observed: Any) -> bool:
    if type(wanted) is not int:
        return False
    return type(observed) is not int or observed <= quantities.UNLIMITED or observed > wanted


def _figures(wanted: Wanted, body: Body) -> Deviations:
    """Of an imported object that Yunjin never wrote to, only what both sides of a quota count.

    No bound is never what is wanted, whatever amount it was declared with.
    """
    want, have = wanted.body.get("spec"), fields.mapping(body.get("spec"))
    if wanted.key.kind != "Quota" or type(want) is not dict:
        return {}
    granted, observed = quantities.amounts(want), quantities.amounts(have)
    return {
        (service, figure): (want[service][figure], have[service][figure])
        for (service, figure), dimension in quantities.CAPACITY.items()
        if dimension in granted and dimension in observed
        if granted[dimension] != observed[dimension] or have[service][figure] <= quantities.UNLIMITED
    }


def _fields(body: Body) -> dict[Path, Any]:
    found: dict[Path, Any] = {}
    for name, value in fields.mapping(body.get("spec")).items():
        fields.descend(value, (name,), found)
    return found
