"""Who owns which field, and what a write does about it: server-side apply and plain update of one object.

Called by `server`, `seeding` and `controllers`. Calls `fieldsets`. Pure: the time is given. Promises what the
API server does for the kinds that Yunjin manages: a conflict where another manager owns a field that would
change, and fields pruned that their last applier drops.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates.simulated import fieldsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yunjin.model.resources import Body
    from yunjin.substrates.simulated.fieldsets import Path

APPLY: Final = "Apply"
UPDATE: Final = "Update"
STATUS: Final = "status"


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, how, and to which part; each has an entry of its own in managedFields."""

    manager: str
    operation: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one author owns, and when that last changed."""

    api_version: str
    time: str
    fields: frozenset[Path]


Managers = dict[Author, Entry]


class FieldConflictError(Exception):
    """Another manager owns fields that an apply would change."""

    def __init__(self, owners: Mapping[str, Iterable[Path]]) -> None:
        self.owners = {
            manager: sorted(".".join(path) for path in fields) for manager, fields in owners.items()
        }
        super().__init__(
            "; ".join(f"{manager}: {', '.join(paths)}" for manager, paths in self.owners.items())
        )


def apply(live: Body, config: Body, author: Author, now: str, *, force: bool = False) -> Body:
    """`live` after a server-side apply of `config`; an empty `live` for an object that does not exist.

    Raises:
        FieldConflictError: unless `force`.
    """
    managers = read(live)
    before = fieldsets.values(live)
    previous = managers.get(author)
    applied = frozenset(fieldsets.values(config))
    managers[author] = Entry(config["apiVersion"], now, applied)
    dropped = [
        path
        for path in (previous.fields if previous else frozenset()) - applied
        if not any(fieldsets.covers(entry.fields, path) for entry in managers.values())
    ]
    result = _without(_merged(live, config), dropped)
    after = fieldsets.values(result)
    changed = _changed(before, after)
    conflicts = {
        a.manager: e.fields & changed for a, e in managers.items() if a != author and e.fields & changed
    }
    if conflicts and not force:
        raise FieldConflictError(conflicts)
    removed = (before.keys() - after.keys()) | (fieldsets.maps(live) - fieldsets.maps(result))
    _take(managers, author, changed | removed)
    return _recorded(result, managers)


def first(body: Body, config: Body, author: Author, now: str) -> Body:
    """A new object that nobody but `author` has written, by applying `config`."""
    return _recorded(body, {author: Entry(body["apiVersion"], now, frozenset(fieldsets.values(config)))})


def update(live: Body, result: Body, author: Author, now: str) -> Body:
    """`result` with the ownership that follows when `author` replaces `live` by it."""
    managers = read(live)
    part = author.part == STATUS
    before, after = fieldsets.values(live, status=part), fieldsets.values(result, status=part)
    changed, removed = _changed(before, after), frozenset(before.keys() - after.keys())
    if not changed and not removed:
        return _recorded(result, managers)
    maps_before, maps_after = fieldsets.maps(live, status=part), fieldsets.maps(result, status=part)
    removed |= maps_before - maps_after
    _take(managers, author, changed | removed)
    mine = managers.get(author)
    owned = ((mine.fields if mine else frozenset()) - removed) | changed | (maps_after - maps_before)
    if owned:
        managers[author] = Entry(result["apiVersion"], now, owned)
    return _recorded(result, managers)


def alike(one: Body, other: Body) -> bool:
    """Whether two states of an object differ in nothing but the times of their entries."""
    return _timeless(one) == _timeless(other)


def edited(live: Body, fields: Mapping[Path, Any]) -> Body:
    """`live` with some fields set, or taken out where the value is None."""
    result = copy.deepcopy(live)
    for path, value in fields.items():
        if value is not None:
            home = result
            for name in path[:-1]:
                home = home.setdefault(name, {})
            home[path[-1]] = value
    return _without(result, [path for path, value in fields.items() if value is None])


def read(body: Body) -> Managers:
    """Who owns what of an object."""
    return {
        Author(entry["manager"], entry["operation"], entry.get("subresource", "")): Entry(
            entry["apiVersion"], entry["time"], fieldsets.decode(entry["fieldsV1"])
        )
        for entry in body.get("metadata", {}).get("managedFields", ())
    }


def _recorded(body: Body, managers: Managers) -> Body:
    entries = []
    for author, entry in sorted(managers.items(), key=_order):
        written = {
            "manager": author.manager,
            "operation": author.operation,
            "apiVersion": entry.api_version,
            "time": entry.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.encode(entry.fields),
        }
        entries.append({**written, "subresource": author.part} if author.part else written)
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": {**metadata, "managedFields": entries} if entries else metadata}


def _timeless(body: Body) -> Body:
    metadata = body["metadata"]
    entries = [{**entry, "time": ""} for entry in metadata.get("managedFields", ())]
    return {**body, "metadata": {**metadata, "managedFields": entries}}


def _order(item: tuple[Author, Entry]) -> tuple[str, str, str, str]:
    author, entry = item
    return (author.operation, entry.time, author.manager, author.part)


def _take(managers: Managers, author: Author, fields: frozenset[Path]) -> None:
    """Fields that `author` changes belong to nobody else any more."""
    for other, entry in list(managers.items()):
        if other == author or not entry.fields & fields:
            continue
        left = entry.fields - fields
        if left:
            managers[other] = replace(entry, fields=left)
        else:
            del managers[other]


def _changed(before: Mapping[Path, Any], after: Mapping[Path, Any]) -> frozenset[Path]:
    missing = object()
    return frozenset(path for path, value in after.items() if before.get(path, missing) != value)


def _merged(live: Any, config: Any, path: Path = ()) -> Any:
    if not isinstance(live, dict) or not isinstance(config, dict) or fieldsets.atomic(path):
        return copy.deepcopy(config)
    merged = dict(live)
    for name, value in config.items():
        merged[name] = _merged(live[name], value, (*path, name)) if name in live else copy.deepcopy(value)
    return merged


def _without(body: Body, paths: Iterable[Path]) -> Body:
    """A copy without some fields and without the maps that this leaves empty."""
    result = copy.deepcopy(body)
    for path in paths:
        homes = [result]
        for name in path[:-1]:
            inner = homes[-1].get(name)
            if not isinstance(inner, dict):
                break
            homes.append(inner)
        else:
            homes[-1].pop(path[-1], None)
            for depth in range(len(path) - 1, 1, -1):
                if not homes[depth]:
                    del homes[depth - 1][path[depth - 1]]
    return result
