"""Sets of fields as `metadata.managedFields` records them, format FieldsV1.

Called by `ownership`. Calls nothing. Pure. Promises the very text the API server writes for the kinds that
Yunjin manages: `{"f:spec": {"f:hard": {"f:pods": {}}}}`, lists and atomic maps as one field, `.` for a map
that is owned itself beside its items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from yunjin.model.resources import Body

Path = tuple[str, ...]

# Maps that the schema calls atomic: whoever writes a part owns the whole.
_ATOMIC: Final = frozenset({("roleRef",), ("spec", "podSelector"), ("spec", "matchConstraints")})
# What the server keeps by itself; no manager ever owns it.
_SERVER: Final = frozenset({("apiVersion",), ("kind",)})
_OWNABLE_METADATA: Final = ("annotations", "labels")


def values(body: Body, *, status: bool = False) -> dict[Path, Any]:
    """Every ownable field with its value; of the status instead, where `status` says so."""
    if status:
        return dict(_walk(body.get("status") or {}, ("status",)))
    found: dict[Path, Any] = {}
    for name, value in body.items():
        if name == "metadata":
            for part in _OWNABLE_METADATA:
                if part in value:
                    found.update(_walk(value[part], ("metadata", part)))
        elif name != "status" and (name,) not in _SERVER:
            found.update(_walk(value, (name,)))
    return found


def maps(body: Body, *, status: bool = False) -> frozenset[Path]:
    """Every open map that holds something: who makes one by a plain update owns it beside its items."""
    found = {path[:depth] for path in values(body, status=status) for depth in range(2, len(path))}
    return frozenset(found)


def atomic(path: Path) -> bool:
    """Whether the map at `path` is written as a whole."""
    return path in _ATOMIC


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """FieldsV1 of a set of fields, names in order."""
    members = set(paths)
    root: dict[str, Any] = {}
    for path in sorted(members):
        node = root
        for depth, name in enumerate(path, 1):
            node = node.setdefault(f"f:{name}", {})
            if depth < len(path) and path[:depth] in members:
                node.setdefault(".", {})
    return root


def decode(fields: Mapping[str, Any]) -> frozenset[Path]:
    """The set of fields behind a FieldsV1 text."""
    return frozenset(_members(fields, ()))


def covers(owned: Iterable[Path], path: Path) -> bool:
    """Whether a field or anything inside it is in a set."""
    return any(member[: len(path)] == path for member in owned)


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and path not in _ATOMIC:
        for name, inner in value.items():
            yield from _walk(inner, (*path, name))
    else:
        yield path, value


def _members(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for name, inner in fields.items():
        if name == ".":
            yield path
        elif inner:
            yield from _members(inner, (*path, name[2:]))
        else:
            yield (*path, name[2:])
