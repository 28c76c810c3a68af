"""Every id that one declared item takes from another must be declared.

Called by `yunjin.estate.loader`; calls the model alone. An id that stands in an item with errors, or may
stand in a file that could not be read, counts as declared: its own error is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import DeclaredError, Text
from yunjin.estate.explain import shown, similar
from yunjin.estate.nodes import dotted
from yunjin.model.programme import ALL, AREAS
from yunjin.model.words import word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from yunjin.estate.diagnostics import Diagnostics
    from yunjin.estate.documents import Draft, Item
    from yunjin.estate.fields import Fields
    from yunjin.estate.nodes import Step
    from yunjin.model.centre import DataSet, Pool, Zone
    from yunjin.model.organisation import Area, Bureau
    from yunjin.model.programme import Element, Programme
    from yunjin.model.tenants import BaselineRow, Tenant

GROUP: Final = "group"
SUBSYSTEM: Final = "subsystem"
_BODY: Final = ("bureau", "area")


@dataclass(frozen=True, slots=True)
class Reference:
    """One id taken from elsewhere.

    Attributes:
        steps: where it stands in its item.
        kinds: what it may be the id of.
    """

    steps: tuple[Step, ...]
    target: str
    kinds: tuple[str, ...]


def check_references(draft: Draft, fields: Fields, diagnostics: Diagnostics) -> None:
    """Record every reference to something that nobody declares."""
    declared: dict[str, Iterable[str]] = {**draft.known, GROUP: (ALL, AREAS), SUBSYSTEM: _subsystems(draft)}
    unread = set(draft.unread)
    if unread & {"element"} or len(draft.items["element"]) < len(draft.known["element"]):
        unread.add(SUBSYSTEM)
    for kind, references in _REFERENCES.items():
        for item in draft.items[kind].values():
            for reference in references(item.model):
                if unread.isdisjoint(reference.kinds) and not any(
                    reference.target in declared[name] for name in reference.kinds
                ):
                    diagnostics.add(_dangling(item, reference, declared, fields))


def _dangling(
    item: Item, reference: Reference, declared: dict[str, Iterable[str]], fields: Fields
) -> DeclaredError:
    names = [_name(kind) for kind in reference.kinds]
    zh, en = "或".join(name.zh for name in names), " or ".join(name.en for name in names)
    target = shown(reference.target)
    candidates = tuple(name for kind in reference.kinds for name in declared[kind])
    return DeclaredError(
        fields.place(item, reference.steps),
        Text(f"没有申报 {target} 这个{zh}", f"no {en} {target} is declared"),
        field=dotted(reference.steps),
        expected=Text(f"已申报的{zh}的 id", f"the id of a declared {en}"),
        remedy=similar(reference.target, candidates)
        or Text("先申报它, 或改正 id", "declare it first, or mend the id"),
    )


def _name(kind: str) -> Text:
    return _NAMES.get(kind) or word("data-set" if kind == "dataset" else kind)


def _subsystems(draft: Draft) -> frozenset[str]:
    elements: Iterable[Any] = (item.model for item in draft.items["element"].values())
    return frozenset(part.id for element in elements for part in element.subsystems)


def _one(step: str, target: str | None, *kinds: str) -> Iterator[Reference]:
    if target is not None:
        yield Reference((step,), target, kinds)


def _each(steps: tuple[Step, ...], targets: Iterable[str], *kinds: str) -> Iterator[Reference]:
    for number, target in enumerate(targets):
        yield Reference((*steps, number), target, kinds)


def _node(steps: tuple[Step, ...], node: str | None) -> Iterator[Reference]:
    """What a node of the quota tree stands for: a body, a tenant, or a leaf's endpoint."""
    kind, _, rest = (node or "").partition("/")
    if kind in ("bureau", "area", "tenant"):
        yield Reference(steps, rest, (kind,))
    elif kind == "leaf":
        yield Reference(steps, rest.partition("/")[0], ("endpoint",))


def _of_bureau(bureau: Bureau) -> Iterator[Reference]:
    yield from _one("parent", bureau.parent, "bureau")
    yield from _one("successor", bureau.successor, "bureau")


def _of_area(area: Area) -> Iterator[Reference]:
    yield from _one("parent", area.parent, "area")
    yield from _one("successor", area.successor, "area")


def _of_element(element: Element) -> Iterator[Reference]:
    yield from _one("lead", element.lead, "bureau")
    yield from _each(("proposed_lead",), element.proposed_lead, "bureau")
    yield from _each(("coop",), element.coop, *_BODY, GROUP)
    for number, part in enumerate(element.subsystems):
        if part.overlaps is not None:
            yield Reference(("subsystems", number, "overlaps"), part.overlaps, ("element",))


def _of_zone(zone: Zone) -> Iterator[Reference]:
    for number, flow in enumerate(zone.flows):
        yield Reference(("flows", number, "from"), flow.origin, ("zone",))
        yield Reference(("flows", number, "to"), flow.target, ("zone",))


def _of_pool(pool: Pool) -> Iterator[Reference]:
    yield from _one("endpoint", pool.endpoint, "endpoint")
    yield from _one("zone", pool.zone, "zone")


def _of_dataset(dataset: DataSet) -> Iterator[Reference]:
    yield from _each(("steward",), dataset.steward, *_BODY)
    yield from _each(("users",), dataset.users, "element", *_BODY, GROUP)


def _of_tenant(tenant: Tenant) -> Iterator[Reference]:
    yield from _node(("owner",), tenant.owner)
    yield from _each(("platforms",), tenant.platforms, "element")
    for number, system in enumerate(tenant.systems):
        if system.element is not None:
            yield Reference(("systems", number, "element"), system.element, ("element",))
        for position, group in enumerate(system.groups):
            yield Reference(("systems", number, "groups", position, "pool"), group.pool, ("pool",))
    for number, part in enumerate(tenant.imported):
        yield from _node(("imported", number, "leaf"), part.leaf)


def _of_row(row: BaselineRow) -> Iterator[Reference]:
    yield from _node(("node",), row.node)
    yield from _one("pool", row.pool, "pool")
    yield from _one("tenant", row.tenant, "tenant")


def _of_programme(programme: Programme) -> Iterator[Reference]:
    yield from _one("follows", programme.follows, "programme")
    for number, entry in enumerate(programme.entries):
        yield from _each(("entries", number, "elements"), entry.elements, "element")
    if group := programme.leadership:
        yield from _each(("leadership", "members"), group.members, "bureau")
        for number, area in enumerate(group.areas):
            if area != AREAS:
                yield Reference(("leadership", "areas", number), area, ("area",))
    for number, task in enumerate(programme.tasks):
        yield Reference(("tasks", number, "element"), task.element, ("element",))
        yield from _each(("tasks", number, "data_in"), task.data_in, "dataset")
        yield from _each(("tasks", number, "data_out"), task.data_out, "dataset")
        for position, function in enumerate(task.functions):
            if function.subsystem is not None:
                steps = ("tasks", number, "functions", position, "subsystem")
                yield Reference(steps, function.subsystem, (SUBSYSTEM,))


_REFERENCES: Final[dict[str, Callable[[Any], Iterator[Reference]]]] = {
    "bureau": _of_bureau,
    "area": _of_area,
    "element": _of_element,
    "zone": _of_zone,
    "pool": _of_pool,
    "dataset": _of_dataset,
    "programme": _of_programme,
    "tenant": _of_tenant,
    "baseline": _of_row,
}
_NAMES: Final = {
    GROUP: Text("分组 (ALL, AREAS)", "group (ALL, AREAS)"),
    SUBSYSTEM: Text("子系统", "subsystem"),
}
