"""Fields of nested bodies by their path, and what is made of those that differ: differences and hashes.

Called by `compare` and `translate` of each substrate, which know what they compare and how a value is
written. Calls nothing. Pure.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from yunjin.model.resources import Difference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

Path = tuple[str, ...]
Deviations = dict[Path, tuple[Any, Any]]
"""By path, what is wanted and what is there, both canonical; `MISSING` where a side has nothing."""

MISSING: Final[Any] = object()


def descend(value: Any, path: Path, found: dict[Path, Any], atomic: Collection[Path] = frozenset()) -> None:
    """Add every field below `path`. Lists and the maps named in `atomic` are one field each."""
    if type(value) is dict and path not in atomic:
        for name, inner in value.items():
            descend(inner, (*path, name), found, atomic)
    else:
        found[path] = value


def mapping(part: Any) -> Mapping[str, Any]:
    """A part of a body that should be a map; empty where it is none."""
    return part if type(part) is dict else {}


def explain(
    found: Mapping[Path, tuple[Any, Any]], writer: Callable[[Path], tuple[str, datetime | None]]
) -> tuple[Difference, ...]:
    """Deviations as people read them, in order of path.

    Args:
        found: as compared.
        writer: who wrote an observed field, and since when at the latest.
    """
    explained = []
    for path, (wanted, observed) in sorted(found.items()):
        manager, since = writer(path) if observed is not MISSING else ("", None)
        explained.append(
            Difference(
                ".".join(path),
                None if wanted is MISSING else wanted,
                None if observed is MISSING else observed,
                manager,
                since,
            )
        )
    return tuple(explained)


def fingerprint(fields: dict[Path, Any], found: Mapping[Path, tuple[Any, Any]]) -> str:
    """Hash of wanted fields, each that deviates as it was observed. Changes `fields`."""
    for path, (_, observed) in found.items():
        if observed is MISSING:
            del fields[path]
        else:
            fields[path] = observed
    return digest(fields)


def digest(fields: Mapping[Path, Any]) -> str:
    """Hash of fields and their values."""
    text = json.dumps(sorted(fields.items(), key=lambda item: item[0]), separators=(",", ":"), sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def moment(text: Any) -> datetime | None:
    """A time as a service writes it, in UTC where it names no zone; None where it says none."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
