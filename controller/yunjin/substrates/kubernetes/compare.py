"""Wanted and live objects side by side: what differs, who wrote it, since when.

Called by `translate`. Calls `quantities` and `fields`. Pure. Promises that `stands` is true only where
`deviations` is empty, so that the cheap answer and the exact one never contradict each other.

Compared are the wanted fields and those that managedFields gives to Yunjin: a field Yunjin once applied and
no longer wants shows as a difference. Everything else belongs to others and is left alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from yunjin.model.amounts import written
from yunjin.substrates import fields
from yunjin.substrates.fields import MISSING, descend, moment
from yunjin.substrates.kubernetes import quantities
from yunjin.substrates.kubernetes.names import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from yunjin.model.resources import Body, Difference, Live, Wanted
    from yunjin.substrates.fields import Deviations, Path

# Maps that the API server replaces as a whole; every list of Yunjin's objects is compared as a whole too.
_ATOMIC: Final = frozenset(
    {
        ("roleRef",),
        ("spec", "podSelector"),
        ("spec", "matchConstraints"),
    }
)
_HARD: Final = ("spec", "hard")
# What makes a quota bound a part of its namespace only. Beside Yunjin's figures the API server takes none.
_SCOPES: Final = (("spec", "scopes"), ("spec", "scopeSelector"))
_UNCOMPARED: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_MARKS: Final = ("labels", "annotations")


def stands(wanted: Body, live: Body) -> bool:
    """A quick yes where the object plainly stands as wanted; a no means look closer."""
    have = live.get("metadata") or {}
    for field, value in wanted.items():
        if field == "metadata":
            for part in _MARKS:
                want = value.get(part)
                if want and not want.items() <= (have.get(part) or {}).items():
                    return False
        elif field not in _UNCOMPARED and live.get(field) != value and not _nearly(value, live.get(field)):
            return False
    return all(_covers(wanted, owned) for owned in owned_fields(live))


def leaves(wanted: Wanted) -> dict[Path, Any]:
    """Every wanted field with its value in canonical form."""
    body = wanted.body
    found: dict[Path, Any] = {}
    for part in _MARKS:
        descend((body.get("metadata") or {}).get(part) or {}, ("metadata", part), found)
    for field, value in body.items():
        if field not in _UNCOMPARED:
            descend(value, (field,), found, _ATOMIC)
    return {path: _canonical(wanted.key.kind, path, value) for path, value in found.items()}


def deviations(wanted: Wanted, live: Live) -> Deviations:
    """By path, what is wanted and what is there, both canonical; `MISSING` where a side has nothing."""
    kind, body = wanted.key.kind, live.body
    if wanted.loose and not owns(body):
        return _figures(wanted, live)
    want = leaves(wanted)
    found: Deviations = {}
    for path, value in want.items():
        observed = _canonical(kind, path, _at(body, path))
        if observed != value and not (observed is MISSING and value == []):
            found[path] = (value, observed)
    for path in _surplus(wanted.body, want, body):
        observed = _canonical(kind, path, _at(body, path))
        if observed is not MISSING:
            found[path] = (MISSING, observed)
    return found


def explain(live: Live, found: Mapping[Path, tuple[Any, Any]]) -> tuple[Difference, ...]:
    """Deviations as people read them, with the manager who wrote the observed field, in order of path."""
    return fields.explain(found, lambda path: _writer(live.body, path))


def owns(body: Body) -> bool:
    """Whether Yunjin ever applied a field of this object that nobody has taken since."""
    return any(True for _ in owned_fields(body))


def owned_fields(body: Body) -> Iterator[Mapping[str, Any]]:
    """The field sets that managedFields gives to Yunjin."""
    for entry in (body.get("metadata") or {}).get("managedFields") or ():
        if (
            entry.get("manager") == FIELD_MANAGER
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            yield entry.get("fieldsV1") or {}


def lowers(found: Mapping[Path, tuple[Any, Any]]) -> bool:
    """Whether a quota's deviations, put right, only give capacity back. What has no bound is unbounded."""
    bounds = {path: values for path, values in found.items() if path[:2] == _HARD}
    return bool(bounds) and all(
        wanted is not MISSING
        and (observed is MISSING or quantities.value(str(observed)) > quantities.value(str(wanted)))
        for wanted, observed in bounds.values()
    )


def aliases(body: Body) -> tuple[str, ...]:
    """Resources of a quota that bound the same dimension as one of Yunjin's, under Kubernetes' older name."""
    hard = _bounds(body)
    return tuple(alias for alias in quantities.ALIASES if alias in hard)


def narrowed(live: Live) -> tuple[Path, ...]:
    """Fields by which a quota bounds only some of what runs in its namespace; none where it bounds all."""
    if live.key.kind != "ResourceQuota":
        return ()
    return tuple(path for path in _SCOPES if _at(live.body, path) not in (MISSING, None, [], {}))


def _figures(wanted: Wanted, live: Live) -> Deviations:
    """Of an imported object Yunjin never wrote to, only what both sides of a quota count, and of what."""
    if wanted.key.kind != "ResourceQuota":
        return {}
    want = _bounds(wanted.body)
    granted = quantities.amounts(want)
    observed = quantities.amounts(_bounds(live.body))
    found: Deviations = {path: (MISSING, _at(live.body, path)) for path in narrowed(live)}
    for resource, text in want.items():
        dimension = quantities.dimension_of(resource)
        if dimension is not None and dimension in observed and granted[dimension] != observed[dimension]:
            binary = quantities.is_binary(resource)
            seen = quantities.canonical(written(dimension, observed[dimension]), binary=binary)
            found[(*_HARD, resource)] = (quantities.canonical(text, binary=binary), seen)
    return found


def newly_bound(wanted: Wanted, live: Live) -> Deviations:
    """What a quota does not bound, and will once Yunjin takes it over."""
    if wanted.key.kind != "ResourceQuota":
        return {}
    bounds = _bounds(live.body)
    known = quantities.amounts(bounds)
    return {
        (*_HARD, resource): (_canonical(wanted.key.kind, (*_HARD, resource), text), MISSING)
        for resource, text in _bounds(wanted.body).items()
        if resource not in bounds and quantities.dimension_of(resource) not in known
    }


def _bounds(body: Body) -> Mapping[str, Any]:
    hard = _at(body, _HARD)
    return hard if type(hard) is dict else {}


def _surplus(wanted: Body, want: Mapping[Path, Any], live: Body) -> Iterator[Path]:
    """Fields that Yunjin owns and no longer wants, and other names for a dimension that it bounds."""
    for owned in owned_fields(live):
        for path in _paths(owned, ()):
            # A list or an atomic map is one field: what is owned inside it belongs to it.
            if _at(wanted, path) is MISSING and not any(
                path[:depth] in want for depth in range(1, len(path))
            ):
                yield path
    for alias in aliases(live):
        if (*_HARD, quantities.ALIASES[alias]) in want and (*_HARD, alias) not in want:
            yield (*_HARD, alias)


def _nearly(wanted: Any, live: Any) -> bool:
    """Whether two maps are equal but for empty lists, which the API server does not keep."""
    if type(wanted) is not dict or type(live) is not dict:
        return False
    return all(live.get(name, []) == value for name, value in wanted.items())


def _covers(wanted: Any, fields: Mapping[str, Any]) -> bool:
    """Whether every owned field is among the wanted ones; all names of a map at once, as most are labels."""
    if type(wanted) is not dict or not fields.keys() <= _field_names(tuple(wanted)):
        return False
    return not any(fields.values()) or all(
        _covers(wanted[name[2:]], inner) for name, inner in fields.items() if inner
    )


@lru_cache(maxsize=4096)
def _field_names(names: tuple[str, ...]) -> frozenset[str]:
    """Names of a map as managedFields writes them, and the mark of the map itself."""
    return frozenset({".", *(f"f:{name}" for name in names)})


def _paths(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for name, inner in fields.items():
        if name == ".":
            continue
        if not name.startswith("f:"):
            yield path  # an item of a list: the list is one field here
            continue
        below = (*path, name[2:])
        if inner and below not in _ATOMIC:
            yield from _paths(inner, below)
        else:
            yield below


def _at(body: Any, path: Path) -> Any:
    for name in path:
        if type(body) is not dict or name not in body:
            return MISSING
        body = body[name]
    return body


def _canonical(kind: str, path: Path, value: Any) -> Any:
    if value is MISSING:
        return value
    if kind == "ResourceQuota" and path[:2] == _HARD and len(path) == len(_HARD) + 1:
        return quantities.canonical(str(value), binary=quantities.is_binary(path[2]))
    if kind == "LimitRange" and path == ("spec", "limits") and type(value) is list:
        return [_canonical_limit(item) for item in value]
    return value


def _canonical_limit(item: Any) -> Any:
    if type(item) is not dict:
        return item
    return {
        name: {
            r: quantities.canonical(str(text), binary=quantities.is_binary(r)) for r, text in inner.items()
        }
        if type(inner) is dict
        else inner
        for name, inner in item.items()
    }


def _writer(body: Body, path: Path) -> tuple[str, datetime | None]:
    """Who owns a field, the last to write it first; of several owners, not Yunjin itself."""
    best: tuple[bool, str, str] | None = None
    for entry in (body.get("metadata") or {}).get("managedFields") or ():
        if not _holds(entry.get("fieldsV1") or {}, path):
            continue
        manager = str(entry.get("manager") or "")
        candidate = (manager != FIELD_MANAGER, str(entry.get("time") or ""), manager)
        best = candidate if best is None else max(best, candidate)
    return (best[2], moment(best[1])) if best else ("", None)


def _holds(fields: Mapping[str, Any], path: Path) -> bool:
    for name in path:
        inner = fields.get(f"f:{name}", MISSING)
        if inner is MISSING:
            return False
        if not inner:
            return True
        fields = inner
    return True
