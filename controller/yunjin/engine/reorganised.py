"""What a reorganisation means for the declared files and for people: edits, and a list of what moves.

Used by `reorganisation`. Calls the model, the registry of references and the kinds of edits; reads and writes
nothing. Promises that every field of the registry that follows is followed, that names change with their day,
and that the baseline says afterwards what the opening grants in the ledger say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yunjin.estate.bodies import Call, Follow, Found, Put, Row
from yunjin.ledger.references import FIELDS, Moves
from yunjin.ledger.reorganise import MERGE, SPLIT, TRANSFER
from yunjin.model.programme import ALL, AREAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yunjin.estate.bodies import Edit
    from yunjin.ledger.references import Field
    from yunjin.model.declared import DatedName
    from yunjin.model.estate import Estate

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A reorganisation as the files see it.

    Attributes:
        kind: rename, merge, split or transfer.
        terms: as they are kept; see `reorganise.carry`. `new` says that `into` is founded, `name` what it or
            the renamed body is called, `element` what is led by another one.
        day: first day on which it holds.
        basis: the decision.
    """

    kind: str
    terms: Mapping[str, Any]
    day: str
    basis: str

    @property
    def sources(self) -> list[str]:
        """Nodes from which something goes."""
        return list(self.terms["from"])

    @property
    def named(self) -> Mapping[str, str]:
        """What `into` is called from then on; empty where its name stays."""
        return self.terms.get("name") or {}

    @property
    def into(self) -> str:
        """The node that gets something, or is renamed."""
        return str(self.terms["into"])


def edits(estate: Estate, change: Change, result: Mapping[str, Any]) -> list[Edit]:
    """Everything to be written, in the order in which it is.

    Args:
        estate: as declared now.
        change: what was decided.
        result: what the ledger's part comes to.
    """
    kind, _, body = change.into.partition("/")
    found: list[Edit] = []
    if change.terms.get("new"):
        found.append(Found(kind, _founded(change, kind, body)))
    elif change.terms.get("name"):
        found += _renamed(estate, change, kind, body)
    if change.kind == MERGE:
        for source in change.sources:
            found += _absorbed(estate, source, change)
    if change.kind in (SPLIT, TRANSFER):
        found += [
            Put("tenant", node.partition("/")[2], ("owner",), change.into) for node in change.terms["tenants"]
        ]
    if change.kind == TRANSFER:
        found += _led(estate, change, body)
    return [*found, *_figures(estate, change, result)]


def _founded(change: Change, kind: str, body: str) -> Json:
    """A body as its file declares it."""
    basis = _basis(change)
    name = {**change.terms["name"], "from": change.day, "basis": basis}
    above = str(change.terms.get("parent") or "").partition("/")[2]
    item: Json = {"id": body, "names": [name]}
    item |= {"parent": above} if above else {}
    item |= {"origin": "decided"} if kind == "bureau" else {}
    item |= {"valid": {"from": change.day}}
    return item if kind == "bureau" else {**item, "basis": basis}


def _basis(change: Change) -> Json:
    return {"doc": change.basis, "verified": True, "valid_from": change.day}


def _renamed(estate: Estate, change: Change, kind: str, body: str) -> Iterator[Edit]:
    """The body, and the tenants below it that bear its name."""
    holder = estate.bureaus.get(body) or estate.areas[body]
    old = holder.names[-1]
    yield Call(kind, body, _name(change, old), change.day)
    for tenant in estate.tenants.values():
        last = tenant.names[-1]
        if tenant.owner == change.into and last.zh == old.zh:
            yield Call("tenant", tenant.id, _name(change, last), change.day)


def _name(change: Change, old: DatedName) -> Json:
    said: Json = {**change.terms["name"]}
    if old.kind:
        said.setdefault("kind", old.kind)
    return {**said, "basis": _basis(change)}


def _absorbed(estate: Estate, source: str, change: Change) -> Iterator[Edit]:
    kind, _, body = source.partition("/")
    _, _, heir = change.into.partition("/")
    yield Put(kind, body, ("valid", "until"), change.day)
    yield Put(kind, body, ("successor",), heir)
    for field in FIELDS:
        if field.moves is Moves.FOLLOWS:
            old, new = (source, change.into) if field.node else (body, heir)
            ended = _ended(estate, change) if field.kind in ("bureau", "area") else ()
            for item in naming(estate, field, old):
                if item not in ended:
                    yield Follow(field.kind, item, field.path, old, new)


def _ended(estate: Estate, change: Change) -> set[str]:
    """Bodies that are no more on the day: where they stood then is history."""
    lives = {key: bureau.valid for key, bureau in estate.bureaus.items()}
    lives |= {key: area.valid for key, area in estate.areas.items()}
    over = {key for key, valid in lives.items() if valid.end and valid.end.isoformat() <= change.day}
    return over | {node.partition("/")[2] for node in change.sources}


def naming(estate: Estate, field: Field, body: str) -> list[str]:
    """Ids of the items whose field names a body, itself and not as one of a group."""
    items: Mapping[str, Any] = getattr(estate, _COLLECTIONS[field.kind])
    return [key for key, item in items.items() if body in values(item, field.path)]


def values(item: Any, path: Sequence[str]) -> tuple[str, ...]:
    """What stands in a field: ids, none where it is empty."""
    value = item
    for step in path:
        value = None if value is None else getattr(value, step)
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(part for part in value if part not in (ALL, AREAS))


def _led(estate: Estate, change: Change, body: str) -> Iterator[Edit]:
    element = estate.elements[str(change.terms["element"])]
    yield Put("element", element.id, ("lead",), body)
    yield Put("element", element.id, ("lead_basis",), _basis(change))
    if body in element.coop:
        yield Follow("element", element.id, ("coop",), body, None)


def _figures(estate: Estate, change: Change, result: Mapping[str, Any]) -> Iterator[Edit]:
    """The baseline rows of the bodies, as their opening grants stand."""
    bodies = [change.into, *change.sources]
    declared = {(row.node, row.pool): row for row in estate.baseline.values() if row.node in bodies}
    opening: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]] = result["opening"]
    for body in dict.fromkeys(bodies):
        for pool, figures in sorted(opening.get(body, {}).items()):
            row = declared.get((body, pool))
            same = row and dict(row.limit or {}) == _some(figures["limit"])
            if not same or (row and dict(row.guarantee or {}) != _some(figures["guarantee"])):
                before = next((s for s in change.sources if (s, pool) in declared), "")
                instead = before if change.kind == MERGE else ""
                yield Row(body, pool, _some(figures["limit"]), _some(figures["guarantee"]), instead)
    for body, pool in declared:
        if pool not in opening.get(body, {}):
            yield Row(body, pool, None, {})


def _some(figures: Mapping[str, int]) -> dict[str, int]:
    return {dimension: value for dimension, value in figures.items() if value}


_COLLECTIONS = {
    "bureau": "bureaus",
    "area": "areas",
    "element": "elements",
    "dataset": "datasets",
    "programme": "programmes",
    "tenant": "tenants",
    "baseline": "baseline",
}


@dataclass(frozen=True, slots=True)
class Move:
    """One line of what a reorganisation moves.

    Attributes:
        what: tenant, body, grant, lead and so on; a code that the command line has words for.
        subject: id of what moves.
        before: where it was, as an id; "" where it is new.
        after: where it is then; "" where it ends.
    """

    what: str
    subject: str
    before: str
    after: str


def moves(estate: Estate, change: Change, result: Mapping[str, Any], wanted: Iterable[Edit]) -> list[Move]:
    """What moves, in the order people ask for it: bodies, tenants, grants, then what names them."""
    found = [Move("founded", node, "", "") for node in result["added"]]
    found += [Move("ended", node, "", change.into) for node in result["ended"]]
    for node, before, after in result["nodes"]:
        found.append(Move("tenant" if node.startswith("tenant/") else "body", node, before, after))
    found += [Move("grant", given, before, after) for _, before, after, given in result["grants"]]
    for edit in wanted:
        found += _told(estate, edit)
    return found


def _told(estate: Estate, edit: Edit) -> Iterator[Move]:
    if isinstance(edit, Call):
        holders: Mapping[str, Any] = getattr(estate, _COLLECTIONS[edit.kind])
        old = str(holders[edit.id].names[-1].zh)
        yield Move("name", f"{edit.kind}/{edit.id}", old, str(edit.name["zh"]))
    elif isinstance(edit, Follow) and edit.kind != "tenant":
        what = {"element": edit.path[-1], "dataset": edit.path[-1], "programme": "member"}
        yield Move(what.get(edit.kind, edit.path[-1]), edit.id, edit.old, edit.new or "")
        if edit.path[-1] == "lead":
            yield from _tasks(estate, edit.id, edit.old, edit.new or "")
    elif isinstance(edit, Put) and tuple(edit.path) == ("lead",):
        before = estate.elements[edit.id].lead or ""
        yield Move("lead", edit.id, before, edit.value)
        yield from _tasks(estate, edit.id, before, edit.value)


def _tasks(estate: Estate, element: str, before: str, after: str) -> Iterator[Move]:
    for plan in estate.programmes.values():
        for task in estate.tasks(plan.id):
            if task.element == element:
                yield Move("task", f"{plan.id}/{task.id}", before, after)
